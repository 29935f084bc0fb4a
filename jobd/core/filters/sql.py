"""A filter as a condition of SQL over the rows of the table `jobs`, for jobs that have ended.

The rule: it says of a row what the predicate says of its job. A comparison with NULL is NULL, which WHERE, AND and OR
take for false; NOT would not, so it gets a false in its place. NOT stands before single conditions only (not all is the
same as one not), since SQLite's parser does not take deep nesting. A leading + keeps SQLite from choosing an index by a
condition: which one to walk along is decided by whoever knows how many jobs there are, with the help of `facts.py`.
"""

from collections.abc import Iterator

from jobd.core.filters import fields, words
from jobd.core.filters.costs import arranged
from jobd.core.filters.kinds import Value
from jobd.core.filters.operators import OPERATORS
from jobd.core.filters.tree import All, Comparison, Either, Node, Not, Words


def condition(node: Node) -> tuple[str, tuple[Value, ...]]:
    """Give the condition, in parentheses where it needs them, and its parameters."""
    node = arranged(node)
    return _text(node, affirmed=True), tuple(_parameters(node))


def _text(node: Node, *, affirmed: bool) -> str:
    if isinstance(node, Not):
        return _text(node.term, affirmed=not affirmed)
    if isinstance(node, All | Either):
        together = isinstance(node, All) is affirmed
        joint, nothing = (" AND ", "1") if together else (" OR ", "0")
        return f"({joint.join(_text(term, affirmed=affirmed) for term in node.terms) or nothing})"
    text = "jobd_search(record, ?)" if isinstance(node, Words) else _comparison(node)
    return text if affirmed else f"NOT ifnull({text}, 0)"


def _comparison(node: Comparison) -> str:
    marks = ", ".join("?" * len(node.values))
    return OPERATORS[node.operator].sql.format(x=f"+{fields.known(node.field).sql}", marks=marks)


def _parameters(node: Node) -> Iterator[Value]:
    if isinstance(node, Words):
        yield words.fold(node.text)
    elif isinstance(node, Comparison):
        operator = OPERATORS[node.operator]
        yield from fields.known(node.field).parameters
        yield from map(operator.bind, node.values)
    else:
        for term in (node.term,) if isinstance(node, Not) else node.terms:
            yield from _parameters(term)
