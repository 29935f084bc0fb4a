"""The operators: one row each says how it is written, what it fits, what it is in SQL and what it is in Python.

The rule: a comparison with a value that is not known is false, whatever the operator, and NOT of it is true. Only
`is null` and `is set` see whether there is one. In SQL such a comparison is NULL, which NOT alone turns into false.
"""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from jobd.core.filters import kinds, patterns, words
from jobd.core.filters.kinds import Kind

#: Signs after which there is a list, and those after which there is nothing.
LISTS, NULLS = ("in", "not in"), ("is null", "is set")

#: Says of a value whether it is meant.
Check = Callable[[Any], bool]

_TEXTS = (kinds.TEXT,)
_AMOUNTS = (kinds.INTEGER, kinds.NUMBER, kinds.SHARE, kinds.PERCENT, kinds.DURATION, kinds.SIZE, kinds.TIME)
_NUMBERED = (kinds.SIGNAL, kinds.USER)
_SINGLE = (*_TEXTS, kinds.STATE, *_AMOUNTS, *_NUMBERED)
_ALL = (*_SINGLE, kinds.FLAG)


class Operator(NamedTuple):
    """An operator: its sign, the kinds it fits, SQL with {x} for the field, what it makes of the values, and help.

    `name` tells those of the same sign apart. `bind` makes of a value what SQL compares with.
    """

    name: str
    symbol: str
    kinds: tuple[Kind, ...]
    sql: str
    check: Callable[..., Check]
    help: str
    bind: Callable[[Any], Any] = lambda value: value

    @property
    def sees_unknown(self) -> bool:
        """Whether it is asked, too, where there is no value."""
        return self.name in NULLS


def _compare(function: Callable[[Any, Any], bool]) -> Callable[[Any], Check]:
    return lambda value: lambda found: function(found, value)


def _contradict(check: Callable[..., Check]) -> Callable[..., Check]:
    def contradicted(*values: Any) -> Check:
        affirmed = check(*values)
        return lambda found: not affirmed(found)

    return contradicted


def _one_of(*values: Any) -> Check:
    return frozenset(values).__contains__


def _between(low: Any, high: Any) -> Check:
    return lambda found: bool(low <= found <= high)


def _finds(word: str) -> Check:
    return lambda found: words.contains(found, word)


_ROWS = (
    Operator("=", "=", _ALL, "{x} = ?", _compare(operator.eq), "Equal; in a text * is any characters, ? is one."),
    Operator("!=", "!=", _ALL, "{x} <> ?", _compare(operator.ne), "Not equal; not like a text with * or ?."),
    Operator("like", "=", _TEXTS, "{x} GLOB ?", patterns.wildcards, "Like the text, with * and ?."),
    Operator("unlike", "!=", _TEXTS, "{x} NOT GLOB ?", _contradict(patterns.wildcards), "Not like the text."),
    Operator("<", "<", _AMOUNTS, "{x} < ?", _compare(operator.lt), "Less; before."),
    Operator("<=", "<=", _AMOUNTS, "{x} <= ?", _compare(operator.le), "Not more; not after."),
    Operator(">", ">", _AMOUNTS, "{x} > ?", _compare(operator.gt), "More; after."),
    Operator(">=", ">=", _AMOUNTS, "{x} >= ?", _compare(operator.ge), "Not less; not before."),
    Operator(
        "finds", ":", (*_ALL, kinds.LABELS), "jobd_contains({x}, ?)", _finds,
        "Has: in a text, whatever the case of the letters; of labels, one with that name; else the same as =.",
    ),
    Operator(
        "^=", "^=", _TEXTS, "{x} GLOB ?", lambda value: lambda found: found.startswith(value),
        "Begins with.", lambda value: f"{patterns.literally(value)}*",
    ),
    Operator(
        "$=", "$=", _TEXTS, "{x} GLOB ?", lambda value: lambda found: found.endswith(value),
        "Ends with.", lambda value: f"*{patterns.literally(value)}",
    ),
    Operator(
        "*=", "*=", _TEXTS, "instr({x}, ?) > 0", lambda value: lambda found: value in found,
        "Contains, in the same case of the letters.",
    ),
    Operator("~", "~", _TEXTS, "{x} REGEXP ?", patterns.regular, "A regular expression (RE2) is found in it."),
    Operator("!~", "!~", _TEXTS, "NOT {x} REGEXP ?", _contradict(patterns.regular), "It is not found in it."),
    Operator("in", "in", _SINGLE, "{x} IN ({marks})", _one_of, "One of those in the list: in (a, b)."),
    Operator("not in", "not in", _SINGLE, "{x} NOT IN ({marks})", _contradict(_one_of), "None of them."),
    Operator("between", "between", _AMOUNTS, "{x} BETWEEN ? AND ?", _between, "From one to the other, both included."),
    Operator(
        "not between", "not between", _AMOUNTS, "{x} NOT BETWEEN ? AND ?", _contradict(_between),
        "Less than the first or more than the second.",
    ),
    Operator("is null", "is null", (*_ALL, kinds.LABELS), "{x} IS NULL", lambda: lambda found: found is None,
             "Not known, or there is none."),
    Operator("is set", "is set", (*_ALL, kinds.LABELS), "{x} IS NOT NULL", lambda: lambda found: found is not None,
             "Known; also written is not null."),
)  # fmt: skip

#: All operators, by name.
OPERATORS: dict[str, Operator] = {row.name: row for row in _ROWS}


def symbols(kind: Kind) -> tuple[str, ...]:
    """List the signs that fit a kind of value."""
    return tuple(dict.fromkeys(row.symbol for row in _ROWS if kind in row.kinds))
