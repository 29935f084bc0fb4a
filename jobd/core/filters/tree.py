"""A filter as a tree: conditions joined by AND, OR and NOT, and the text that is read as the same tree.

Nothing in it depends on the clock or on who asks any more: times are moments, users are numbers, presets are what they
stand for.
"""

from typing import Any

import msgspec

from jobd.core.filters import fields
from jobd.core.filters.kinds import TEXT, Value
from jobd.core.filters.operators import LISTS, OPERATORS
from jobd.core.filters.quoting import quote, write_pattern, write_regex, write_value


class Comparison(msgspec.Struct, frozen=True, gc=False):
    """A field compared with values, by the name of an operator."""

    field: str
    operator: str
    values: tuple[Value, ...] = ()


class Words(msgspec.Struct, frozen=True, gc=False):
    """A text that is looked for in all that is said of a job."""

    text: str


class Not(msgspec.Struct, frozen=True, gc=False):
    """What is not so."""

    term: "Node"


class All(msgspec.Struct, frozen=True, gc=False):
    """Two or more conditions that all hold; without any, everything is meant."""

    terms: "tuple[Node, ...]"


class Either(msgspec.Struct, frozen=True, gc=False):
    """Two or more conditions of which one holds."""

    terms: "tuple[Node, ...]"


Node = Comparison | Words | Not | All | Either


def all_of(*terms: Node) -> Node:
    """Join conditions by AND."""
    flat = [part for term in terms for part in (term.terms if isinstance(term, All) else (term,))]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def either(*terms: Node) -> Node:
    """Join conditions by OR."""
    flat = [part for term in terms for part in (term.terms if isinstance(term, Either) else (term,))]
    return Either(tuple(flat)) if len(flat) > 1 else flat[0]


def negated(term: Node) -> Node:
    """Put NOT before a condition; twice is never."""
    return term.term if isinstance(term, Not) else Not(term)


def write(node: Node) -> str:
    """Write the text that is read as this tree."""
    if isinstance(node, Words):
        return _write_words(node.text)
    if isinstance(node, Comparison):
        return _write_comparison(node)
    if isinstance(node, Not):
        return f"NOT {_inside(node.term)}"
    return (" AND " if isinstance(node, All) else " OR ").join(map(_inside, node.terms))


def _inside(node: Node) -> str:
    return f"({write(node)})" if isinstance(node, All | Either) else write(node)


def _write_words(text: str) -> str:
    plain = text.isascii() and text.isalnum() and text.lower() not in ("and", "or", "not")
    return text if plain else quote(text)


def _write_comparison(test: Comparison) -> str:
    symbol = OPERATORS[test.operator].symbol
    values = [_write_value(test, value) for value in test.values]
    written = f"({', '.join(values)})" if symbol in LISTS else " AND ".join(values)
    return " ".join(filter(None, (_write_field(test.field), symbol, written)))


def _write_field(name: str) -> str:
    if not name.startswith(fields.LABEL):
        return name
    label = name.removeprefix(fields.LABEL)
    plain = label.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalnum() else fields.LABEL + quote(label)


def _write_value(test: Comparison, value: Any) -> str:
    kind = fields.known(test.field).kind
    if kind is not TEXT:
        return kind.write(value)
    if test.operator in ("like", "unlike"):
        return write_pattern(value)
    if test.operator in ("~", "!~"):
        return write_regex(value)
    return write_value(value, literally=OPERATORS[test.operator].symbol in ("=", "!=", *LISTS))
