"""A filter as a predicate: what it says of a job, from its record alone."""

from collections.abc import Callable

from jobd.core.filters import fields, words
from jobd.core.filters.operators import OPERATORS
from jobd.core.filters.tree import All, Comparison, Node, Not, Words
from jobd.core.model import Job, Moment

Predicate = Callable[[Job, Moment], bool]


def predicate(node: Node) -> Predicate:
    """Make the predicate of a tree."""
    if isinstance(node, Words):
        return _words(node)
    if isinstance(node, Comparison):
        return _test(node)
    if isinstance(node, Not):
        inner = predicate(node.term)
        return lambda job, now: not inner(job, now)
    parts = [predicate(term) for term in node.terms]
    if isinstance(node, All):
        return lambda job, now: all(part(job, now) for part in parts)
    return lambda job, now: any(part(job, now) for part in parts)


def _words(node: Words) -> Predicate:
    folded = words.fold(node.text)
    return lambda job, _: folded in words.fold(words.search_text(job))


def _test(test: Comparison) -> Predicate:
    field, operator = fields.known(test.field), OPERATORS[test.operator]
    get, check = field.get, operator.check(*test.values)
    if operator.sees_unknown:
        return lambda job, now: check(get(job, now))

    def compared(job: Job, now: Moment) -> bool:
        value = get(job, now)
        return value is not None and check(value)

    return compared
