"""What is searched for: which jobs, in which order, from where on.

The rule: jobs that have not ended are judged by `matches`, all others may be judged by `sql`, and both say the same of
a job that has ended, so no clock is asked in SQL. `facts` only help to look at fewer jobs: what they say is true of
every job that matches.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from fnmatch import translate
from functools import cached_property
from typing import NamedTuple, Protocol

import msgspec

from jobd.core.errors import BadValue
from jobd.core.model import Job, Moment, State

#: Jobs on a page if nothing is said, and at the most.
PAGE, LARGEST_PAGE = 50, 1000

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")


class Field(StrEnum):
    """What jobs can be sorted by; each has an index."""

    ID = "id"
    CREATED = "created"  #: the same order as that of the ids
    STARTED = "started"
    ENDED = "ended"
    DURATION = "duration"
    WAIT = "wait"
    CPU = "cpu"
    MEMORY = "memory"
    NAME = "name"


class Sort(NamedTuple):
    """An order. Jobs of which the field is not known come last in any; those of equal fields are in order of ids."""

    field: Field = Field.ID
    descending: bool = True


NEWEST = Sort()

#: What a job is sorted by: a text, microseconds since 1970, seconds, or bytes.
Value = int | float | str | None


class Range(NamedTuple):
    """From a value to another, both included; None = no limit."""

    low: float | None = None
    high: float | None = None


class Facts(NamedTuple):
    """What is true of every job that matches; None or nothing = anything may be.

    Values of `ranges` are those of `value`. `words` are parts of the folded text of a job (`wording.search_text`).
    """

    names: frozenset[str] | None = None
    states: frozenset[State] | None = None
    groups: frozenset[str] | None = None
    words: tuple[str, ...] = ()
    ranges: Mapping[Field, Range] = {}


class Ended(Protocol):
    """Says which jobs that have ended are meant."""

    def sql(self) -> tuple[str, tuple[object, ...]]:
        """Say it in SQL, of their rows: an expression and its parameters."""

    @property
    def facts(self) -> Facts:
        """What is true of every job that is meant."""


class Condition(Ended, Protocol):
    """Says which jobs are meant."""

    def matches(self, job: Job, now: Moment) -> bool:
        """Say whether a job is meant, at a moment."""


class Which(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """The condition that flags can say: states, a name (with * and ?), a group, from when until when created."""

    states: tuple[State, ...] = ()
    name: str | None = None
    group: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, job: Job, now: Moment) -> bool:
        """Say whether a job is meant."""
        return (
            (not self.states or job.state in self.states)
            and (self.name is None or self._pattern.match(job.name) is not None)
            and self.group in (None, job.group)
            and (self.since is None or job.created_at >= self.since)
            and (self.until is None or job.created_at < self.until)
        )

    def sql(self) -> tuple[str, tuple[object, ...]]:
        """Say it in SQL."""
        marks = ", ".join("?" * len(self.states))
        name = None if self.name is None else self.name.replace("[", "[[]")
        since, until = (None if time is None else microseconds(time) for time in (self.since, self.until))
        terms = (
            (f"state IN ({marks})", self.states),
            ("name GLOB ?", (name,)),
            ("grp = ?", (self.group,)),
            ("created_at >= ?", (since,)),
            ("created_at < ?", (until,)),
        )
        said = [(text, values) for text, values in terms if values and values != (None,)]
        return " AND ".join(text for text, _ in said) or "1", tuple(value for _, values in said for value in values)

    @property
    def facts(self) -> Facts:
        """What helps to find them."""
        exact, *parts = re.split(r"[*?]", "*" if self.name is None else self.name)
        since, until = (None if time is None else microseconds(time) for time in (self.since, self.until))
        return Facts(
            names=None if parts else frozenset({exact}),
            states=frozenset(self.states) or None,
            groups=None if self.group is None else frozenset({self.group}),
            words=tuple(part.casefold() for part in (exact, *parts) if parts and part),
            ranges={Field.CREATED: Range(since, until)} if (since, until) != (None, None) else {},
        )

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(translate(("*" if self.name is None else self.name).replace("[", "[[]")))


EVERYTHING = Which()


class Search(NamedTuple):
    """A question: which jobs, in which order, how many at most, on which page (empty: the first).

    `question` is what makes up the pages, in words: a page belongs to one question.
    """

    where: Condition = EVERYTHING
    sort: Sort = NEWEST
    limit: int = PAGE
    page: str = ""
    question: str = ""


class Explained(msgspec.Struct, frozen=True):
    """How a search was done: SQLite's plan, rows of settled jobs that were looked at, jobs found, seconds."""

    plan: tuple[str, ...]
    looked: int
    found: int
    seconds: float


def parse_sort(text: str) -> Sort:
    """Read an order: `duration` is the shortest first, `-duration` the longest. Raises BadValue."""
    name = text.removeprefix("-")
    if name not in list(Field):
        raise BadValue(field="sort", problem=f"{text[:50]!r} is no order; there are {', '.join(Field)}, with - falling")
    return Sort(Field(name), text.startswith("-"))


def page_size(limit: int) -> int:
    """Say how many jobs a page has if so many are wanted. Raises BadValue for a negative number."""
    if limit < 0:
        raise BadValue(field="limit", problem=f"{limit} is negative")
    return min(limit, LARGEST_PAGE)


def microseconds(wall: datetime) -> int:
    """Count the microseconds since 1970."""
    since = wall - _EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
