"""The language in which jobs are chosen: one grammar for lists, history, events, statistics, cancel, wait and tail.

`parse` makes a Filter of a text. A filter says of a job whether it is meant (`matches`), and the same as SQL of the
rows of ended jobs (`sql`), for a connection that has the FUNCTIONS. Its `facts` are for choosing an index; one of words
holds the `folded_text` of records. The language is told in jobd-filter(7), which is made from the tables of this room.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from jobd.core.errors import FilterInvalid
from jobd.core.filters.complaints import Complaint
from jobd.core.filters.facts import facts_of
from jobd.core.filters.fields import FIELDS, Field, Told, listing
from jobd.core.filters.flags import terms
from jobd.core.filters.functions import FUNCTIONS, Function, folded_text
from jobd.core.filters.kinds import Asker, Value
from jobd.core.filters.matching import Predicate, predicate
from jobd.core.filters.moving import moves
from jobd.core.filters.parsing import Parser
from jobd.core.filters.presets import BUILT_IN, Preset
from jobd.core.filters.scope import MOST, Scope, check_size
from jobd.core.filters.sql import condition
from jobd.core.filters.tree import Node, all_of, write
from jobd.core.filters.words import search_text
from jobd.core.history.searching import Facts
from jobd.core.model import Job, Moment, State

__all__ = [
    "BUILT_IN", "EVERYTHING", "FIELDS", "FUNCTIONS", "Asker", "Field", "Filter", "Function", "Preset", "Told",
    "by_flags", "folded_text", "listing", "parse", "search_text",
]  # fmt: skip


class Filter:
    """Which jobs are meant. Its text (`str`) depends on no clock and no preset any more, and is read as the same."""

    def __init__(self, tree: Node) -> None:
        self.tree = tree

    def matches(self, job: Job, now: Moment) -> bool:
        """Say whether a job is meant, by its record as it is now."""
        return self._predicate(job, now)

    def sql(self) -> tuple[str, tuple[Value, ...]]:
        """Give a condition for WHERE over the table `jobs`, and its parameters, that says the same of ended jobs."""
        return condition(self.tree)

    @cached_property
    def facts(self) -> Facts:
        """What surely holds of every job that is meant."""
        return facts_of(self.tree)

    @cached_property
    def _predicate(self) -> Predicate:
        return predicate(self.tree)

    @cached_property
    def moves(self) -> bool:
        """Whether it may mean a job now and not later, without an event that is not frequent."""
        return moves(self.tree)

    def also(self, other: "Filter") -> "Filter":
        """Give the filter of the jobs that both mean."""
        return Filter(all_of(self.tree, other.tree))

    def __str__(self) -> str:
        return write(self.tree)

    def __repr__(self) -> str:
        return f"Filter({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and self.tree == other.tree

    def __hash__(self) -> int:
        return hash(self.tree)


EVERYTHING = Filter(all_of())


def by_flags(
    *,
    states: Iterable[State] = (),
    name: str | None = None,
    group: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    by_end: bool = False,
) -> Filter:
    """Make the filter that flags say: states, a name (with * and ?), a group, from when until when created or ended."""
    return Filter(all_of(*terms(tuple(states), name, group, "ended" if by_end else "created", since, until)))


def parse_all(texts: Sequence[str], by: Asker, presets: Callable[[], Mapping[str, str]] = dict) -> Filter:
    """Read filters, of which a job must mean all. Raises FilterInvalid, also if together they are too large."""
    found, saved = EVERYTHING, presets() if texts else {}
    for text in texts:
        found = found.also(parse(text, by, saved))
    try:
        check_size(found.tree, 0)
    except Complaint as wrong:
        together = " and ".join(texts)[: MOST["characters"]]
        raise FilterInvalid(problem=f"{wrong.problem}, all filters together", text=together, start=0, end=1) from None
    return found


def parse(text: str, by: Asker, presets: Mapping[str, str] | None = None) -> Filter:
    """Read a filter as who asks means it; `presets` are the saved ones. Raises FilterInvalid, which names the place."""
    try:
        tree = Parser(text, Scope(by, presets or {})).whole()
        check_size(tree, len(text))
    except Complaint as wrong:
        cut = text[: MOST["characters"]].encode("utf-8", "replace").decode()
        start, end = (min(at, len(cut)) for at in (wrong.start, wrong.end))
        raise FilterInvalid(problem=wrong.problem, text=cut, start=start, end=end, advice=wrong.advice) from None
    return Filter(tree)
