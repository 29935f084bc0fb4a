"""What is searched for: which jobs, in which order, from where on.

The rule: jobs that have not ended are judged by `matches`, all others may be judged by `sql`, and both say the same of
a job that has ended, so no clock is asked in SQL. `facts` only help to look at fewer jobs: what they say is true of
every job that matches.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from jobd.core.errors import BadValue
from jobd.core.model import Job, Moment, State

#: Jobs on a page if nothing is said, and at the most.
PAGE, LARGEST_PAGE = 50, 1000


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

    def narrowed(self, other: "Range") -> "Range":
        """Give what is in both."""
        low = self.low if other.low is None or (self.low is not None and self.low > other.low) else other.low
        high = self.high if other.high is None or (self.high is not None and self.high < other.high) else other.high
        return Range(low, high)


class Facts(NamedTuple):
    """What is true of every job that matches; None or nothing = anything may be.

    Values of `ranges` are those of `value`. `words` are parts of the folded text of a job (`filters.search_text`).
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


class Search(NamedTuple):
    """A question: which jobs, in which order, how many at most, on which page (empty: the first).

    `question` is what makes up the pages, in words: a page belongs to one question.
    """

    where: Condition
    sort: Sort = NEWEST
    limit: int = PAGE
    page: str = ""
    question: str = ""


class Explained(msgspec.Struct, frozen=True, gc=False):
    """How a search was done: SQLite's plan, rows of settled jobs that were looked at, jobs found, seconds."""

    plan: tuple[str, ...]
    looked: int
    found: int
    seconds: float


class Slow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The questions that took longer than `storage.slow_query`: how many, and the slowest, in seconds."""

    count: int = 0
    slowest: float = 0.0
    method: str = ""
    at: datetime | None = None


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
