"""What surely holds for every job that a filter lets through: for choosing the index along which to search.

The rule: facts may be too few, never wrong. They are taken from conditions joined by AND; of those joined by OR what
all of them say is kept, and of what stands behind NOT nothing.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

from jobd.core.filters.tree import All, Comparison, Either, Node, Words
from jobd.core.filters.words import fold
from jobd.core.history.searching import Facts, Field, Range
from jobd.core.model import LARGEST, State

#: What the values of a field say, of which one holds.
_SETS: dict[str, Callable[[Iterable[Any]], Facts]] = {
    "name": lambda values: Facts(names=frozenset(values)),
    "state": lambda values: Facts(states=frozenset(map(State, values))),
    "group": lambda values: Facts(groups=frozenset(values)),
}
#: The fields of which a range is a fact: those of numbers that jobs can be sorted by.
_RANGES = {field.value: field for field in Field if field is not Field.NAME}
#: Those whose values are whole, so that less than a value is at most the one before it.
_WHOLE = {Field.ID, Field.CREATED, Field.STARTED, Field.ENDED, Field.MEMORY}
#: Operators after which the values, or what the pattern has between its signs, are parts of the text.
_PARTS = ("finds", "^=", "$=", "*=")
_SIGNS = re.compile(r"\[[^]]*\]|[*?]")


def facts_of(node: Node) -> Facts:
    """Find out what surely holds."""
    if isinstance(node, All):
        return reduce(_both, map(facts_of, node.terms), Facts())
    if isinstance(node, Either):
        return reduce(_either, map(facts_of, node.terms))
    if isinstance(node, Words):
        return Facts(words=(fold(node.text),))
    return _of_comparison(node) if isinstance(node, Comparison) else Facts()


def _both(one: Facts, other: Facts) -> Facts:
    names, states, groups = (_known(operator.and_, *pair) for pair in zip(one[:3], other[:3], strict=True))
    fields = {**one.ranges, **other.ranges}
    ranges = {field: one.ranges.get(field, Range()).narrowed(other.ranges.get(field, Range())) for field in fields}
    return Facts(names, states, groups, tuple(dict.fromkeys(one.words + other.words)), ranges)


def _either(one: Facts, other: Facts) -> Facts:
    names, states, groups = (_all_known(operator.or_, *pair) for pair in zip(one[:3], other[:3], strict=True))
    fields = one.ranges.keys() & other.ranges.keys()
    ranges = _told({field: _widened(one.ranges[field], other.ranges[field]) for field in fields})
    return Facts(names, states, groups, tuple(word for word in one.words if word in other.words), ranges)


def _known(join: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    known = [each for each in (one, other) if each is not None]
    return reduce(join, known) if known else None


def _all_known(join: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    return None if one is None or other is None else join(one, other)


def _widened(one: Range, other: Range) -> Range:
    return Range(_all_known(min, one.low, other.low), _all_known(max, one.high, other.high))


def _told(ranges: Mapping[Field, Range]) -> dict[Field, Range]:
    return {field: span for field, span in ranges.items() if span != Range()}


def _of_comparison(test: Comparison) -> Facts:
    values: Any = test.values
    if test.field in _SETS and test.operator in ("=", "in"):
        return _SETS[test.field](values)
    if test.field == "state" and test.operator in ("!=", "not in"):
        return _SETS["state"](state for state in State if state not in values)
    if test.field == "name":
        return Facts(words=_words(test))
    field = _RANGES.get(test.field)
    return Facts(ranges=_told({field: _range(field, test.operator, values)})) if field else Facts()


def _range(field: Field, name: str, values: tuple[float, ...]) -> Range:
    if name in ("=", "in", "between"):
        return Range(min(values), max(values))
    step = 1 if field in _WHOLE else 0
    return {
        "<": lambda value: Range(None, value - step), "<=": lambda value: Range(None, value),
        ">": lambda value: Range(min(value + step, LARGEST), None), ">=": lambda value: Range(value, None),
    }.get(name, lambda *_: Range())(*values)  # fmt: skip


def _words(test: Comparison) -> tuple[str, ...]:
    """List what the name of a job surely has in it; a name is a part of the text in which words are found."""
    if test.operator == "like":
        return tuple(fold(part) for part in _SIGNS.split(str(test.values[0])) if part)
    return tuple(fold(str(value)) for value in test.values) if test.operator in _PARTS else ()
