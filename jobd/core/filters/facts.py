"""What surely holds for every job that a filter lets through: for choosing the index along which to search.

The rule: facts may be too few, never wrong. They are taken from conditions joined by AND; of those joined by OR what
all of them say is kept, and of what stands behind NOT nothing.
"""

import operator
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

import msgspec

from jobd.core.filters.tree import All, Comparison, Either, Node, Words
from jobd.core.filters.words import fold
from jobd.core.model import State


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the jobs that are looked for; None = anything.

    Of a set one holds (empty: there is no such job). Ids are from the first to the last; times of creation, in
    microseconds since 1970, from `since` to just before `until`. All `words`, folded, are found in the search text.
    """

    names: frozenset[str] | None = None
    states: frozenset[State] | None = None
    groups: frozenset[str] | None = None
    first_id: int | None = None
    last_id: int | None = None
    since: int | None = None
    until: int | None = None
    words: tuple[str, ...] = ()


#: What the values of a field say, of which one holds.
_SETS: dict[str, Callable[[Iterable[Any]], Facts]] = {
    "name": lambda values: Facts(names=frozenset(values)),
    "state": lambda values: Facts(states=frozenset(map(State, values))),
    "group": lambda values: Facts(groups=frozenset(values)),
}
#: How facts are joined that both hold, and those of which one holds.
_BOTH: dict[str, Callable[[Any, Any], Any]] = {
    "names": operator.and_, "states": operator.and_, "groups": operator.and_,
    "first_id": max, "last_id": min, "since": max, "until": min,
}  # fmt: skip
_ONE: dict[str, Callable[[Any, Any], Any]] = {
    "names": operator.or_, "states": operator.or_, "groups": operator.or_,
    "first_id": min, "last_id": max, "since": min, "until": max,
}  # fmt: skip


def facts_of(node: Node) -> Facts:
    """Find out what surely holds."""
    if isinstance(node, All):
        return reduce(_all_hold, map(facts_of, node.terms))
    if isinstance(node, Either):
        return reduce(_one_holds, map(facts_of, node.terms))
    if isinstance(node, Words):
        return Facts(words=(fold(node.text),))
    return _of_comparison(node) if isinstance(node, Comparison) else Facts()


def _all_hold(first: Facts, second: Facts) -> Facts:
    found = {}
    for name, join in _BOTH.items():
        known = [fact for each in (first, second) if (fact := getattr(each, name)) is not None]
        found[name] = reduce(join, known) if known else None
    return Facts(words=tuple(dict.fromkeys(first.words + second.words)), **found)


def _one_holds(first: Facts, second: Facts) -> Facts:
    found = {}
    for name, join in _ONE.items():
        known = [fact for each in (first, second) if (fact := getattr(each, name)) is not None]
        found[name] = join(*known) if len(known) > 1 else None
    return Facts(words=tuple(word for word in first.words if word in second.words), **found)


def _of_comparison(test: Comparison) -> Facts:
    values: Any = test.values
    if test.field in _SETS and test.operator in ("=", "in"):
        return _SETS[test.field](values)
    if test.field == "state" and test.operator in ("!=", "not in"):
        return _SETS["state"](state for state in State if state not in values)
    if test.field == "created" and test.operator in ("<", ">="):
        return Facts(until=values[0]) if test.operator == "<" else Facts(since=values[0])
    return _of_ids(test.operator, values) if test.field == "id" else Facts()


def _of_ids(name: str, values: tuple[int, ...]) -> Facts:
    if name in ("=", "in", "between"):
        return Facts(first_id=min(values), last_id=max(values))
    bounds = {
        "<": Facts(last_id=values[0] - 1), "<=": Facts(last_id=values[0]),
        ">": Facts(first_id=values[0] + 1), ">=": Facts(first_id=values[0]),
    } if values else {}  # fmt: skip
    return bounds.get(name, Facts())
