"""Rooms: a word that says of which jobs somebody wants to hear, such as `job:12` or `name:backup*`.

A row of the table says what comes after the colon, which jobs are meant, how that is read, and whether a job is one of
them at some time. A job is looked at only where its number does not say enough.
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Protocol

from jobd.core.errors import BadValue
from jobd.core.model import LARGEST, Job, Moment
from jobd.core.text import glob

#: Finds a job by its id, as it is or was; None = nobody knows it.
Find = Callable[[int], Job | None]


class Condition(Protocol):
    """A filter, as it was read. Two that say the same are equal: those who want the same are told together."""

    @property
    def moves(self) -> bool:
        """Whether it may mean a job now and not later, without an event that is not frequent."""
        ...

    def matches(self, job: Job, now: Moment) -> bool:
        """Whether a job is meant."""
        ...


class Sight(NamedTuple):
    """How jobs are seen: each is found by its id, at a time."""

    find: Find
    at: Moment


class Known(NamedTuple):
    """What rooms are understood with: the number of a user by name, and what a filter means."""

    user: Callable[[str], int | None]
    condition: Callable[[str], Condition]


class Kind(NamedTuple):
    """A kind of room: `read` says by ValueError what is wrong with what it is about."""

    about: str
    meaning: str
    read: Callable[[str, Known], Any]
    holds: Callable[[Any, int, Sight], bool]


class Room(NamedTuple):
    """A room as it was named, and what it is about."""

    text: str
    kind: Kind
    about: Any

    def holds(self, job_id: int, sight: Sight) -> bool:
        """Whether a job is in it."""
        return self.kind.holds(self.about, job_id, sight)

    @property
    def moves(self) -> bool:
        """Whether a job may come into it, or leave it, without an event that is not frequent."""
        return self.kind is KINDS["filter"] and bool(self.about.moves)

    @property
    def job(self) -> int | None:
        """The one job it means."""
        return self.about if self.kind is KINDS["job"] else None

    @property
    def names(self) -> int | None:
        """The job that it names by its id, be it one of several."""
        return self.about if self.kind in (KINDS["job"], KINDS["tree"]) else None

    @property
    def everything(self) -> bool:
        """Whether it means all jobs."""
        return self.kind is KINDS["all"]


def _nothing(text: str, _: Known) -> None:
    if text:
        raise ValueError("takes nothing after it")


def _id(text: str, _: Known) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LARGEST:
        raise ValueError("takes the id of a job")
    return int(text)


def _word(text: str, _: Known) -> str:
    if not text:
        raise ValueError("takes a name")
    return text


def _pattern(text: str, known: Known) -> str:
    return glob(_word(text, known))


def _user(text: str, known: Known) -> int:
    uid = int(text) if text.isdecimal() else known.user(text)
    if uid is None:
        raise ValueError(f"takes the name or the number of a user; there is no {text!r}")
    return uid


def _filter(text: str, known: Known) -> Condition:
    return known.condition(_word(text, known))


def _job(holds: Callable[[Any, Job], bool]) -> Callable[[Any, int, Sight], bool]:
    """Make a rule of one that looks at the job; a job that nobody knows is in no such room."""

    def rule(about: Any, job_id: int, sight: Sight) -> bool:
        job = sight.find(job_id)
        return job is not None and holds(about, job)

    return rule


def _means(about: Condition, job_id: int, sight: Sight) -> bool:
    job = sight.find(job_id)
    return job is not None and about.matches(job, sight.at)


def _below(root: int, job_id: int, sight: Sight) -> bool:
    """Whether a job is `root` or below it; a parent has a smaller id than its children."""
    at: int | None = job_id
    while at is not None and at > root:
        job = sight.find(at)
        parent = job.parent if job else None
        at = parent if parent is not None and parent < at else None
    return at == root


KINDS: Mapping[str, Kind] = {
    "all": Kind("", "every job", _nothing, lambda _about, _job_id, _sight: True),
    "job": Kind("ID", "one job", _id, lambda about, job_id, _: job_id == about),
    "group": Kind("GROUP", "the jobs of a group", _word, _job(lambda about, job: job.group == about)),
    "name": Kind(
        "NAME", "the jobs of a name; * and ? match any", _pattern, _job(lambda about, job: fnmatchcase(job.name, about))
    ),
    "user": Kind(
        "USER", "the jobs of a user, by name or number", _user, _job(lambda about, job: job.origin.uid == about)
    ),
    "filter": Kind("FILTER", "the jobs that a filter means, see jobd-filter(7)", _filter, _means),
    "tree": Kind("ID", "a job and all below it: those that it asked for, and theirs", _id, _below),
}
#: How each kind is written, and what it means.
WRITTEN = {f"{word}:{kind.about}" if kind.about else word: kind.meaning for word, kind in KINDS.items()}


def parse(text: str, known: Known) -> Room:
    """Read the name of a room. Raises BadValue, FilterInvalid."""
    word, _, rest = text.partition(":")
    kind = KINDS.get(word)
    if kind is None:
        raise BadValue(field="room", problem=f"{text[:50]!r} is none; it is one of {', '.join(WRITTEN)}")
    try:
        return Room(text, kind, kind.read(rest, known))
    except ValueError as error:
        raise BadValue(field="room", problem=f"{text[:50]!r}: {word} {error}") from None


def job(job_id: int) -> Room:
    """Name the room of one job."""
    return Room(f"job:{job_id}", KINDS["job"], job_id)
