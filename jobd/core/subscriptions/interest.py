"""What somebody wants to hear: of which jobs, and which kinds of event.

The rule: whether a job is meant is decided by the job as each event found and left it, never by what it is now or who
listened before. So whoever comes back hears what he would have heard; the event that takes a job out of a room is the
last that is told there.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from jobd.core.errors import BadValue
from jobd.core.events.catalogue import Entry, Event, leaves
from jobd.core.events.happening import Severity
from jobd.core.model import Job, Moment
from jobd.core.subscriptions import replay, rooms
from jobd.core.subscriptions.replay import Versions
from jobd.core.subscriptions.rooms import Find, Room, Sight

#: Jobs whose decision is remembered.
MOST_REMEMBERED = 10_000
FREQUENT = frozenset(kind for kind in leaves() if kind.frequent)
RARE = frozenset(leaves()) - FREQUENT
EVERY = FREQUENT | RARE


class Interest(NamedTuple):
    """Jobs that are in any of the rooms (None: all) and in every one of `within`, and kinds of event."""

    rooms: tuple[Room, ...] | None = None
    within: tuple[Room, ...] = ()
    kinds: frozenset[type[Event]] = EVERY

    @property
    def named(self) -> tuple[Room, ...]:
        """All rooms it names."""
        return (self.rooms or ()) + self.within

    @property
    def everything(self) -> bool:
        """Whether all jobs are meant."""
        return not self.within and (self.rooms is None or any(room.everything for room in self.rooms))

    def holds(self, job_id: int, sight: Sight) -> bool:
        """Whether a job is meant."""
        return (self.rooms is None or any(room.holds(job_id, sight) for room in self.rooms)) and all(
            room.holds(job_id, sight) for room in self.within
        )


ALL = Interest()


class Line(Protocol):
    """A line of the log, and the job as it was before and after (None: there was none, or nobody knows)."""

    @property
    def entry(self) -> Entry:
        """What happened."""
        ...

    @property
    def versions(self) -> Versions:
        """The job before and after."""
        ...


class Listening:
    """Tell which lines of the log are wanted, whichever and how many of those before them were heard."""

    def __init__(self, interest: Interest, find: Find) -> None:
        self._interest = interest
        self._everything = interest.everything
        self._numbers_say_all = all(room.everything or room.job is not None for room in interest.named)
        self._moves = any(room.moves for room in interest.named)
        self._find = find
        #: What was found of jobs that live, for their records are in memory anyway: each as it was, and the answer.
        self._held: dict[int, tuple[Job, bool]] = {}
        #: Jobs that live as the last line left them, where frequent events may move them into a room.
        self._left: dict[int, Job] = {}

    def wants(self, line: Line) -> bool:
        """Whether a line is wanted."""
        return type(line.entry.event) in self._interest.kinds and (self._everything or self._holds(line))

    def _holds(self, line: Line) -> bool:
        entry = line.entry
        at = Moment(entry.at, 0, "")
        if self._numbers_say_all:
            return self._interest.holds(entry.job, Sight(self._find, at))
        before, after = self._versions(line) if self._moves else line.versions
        if entry.event.frequent and not self._moves:
            meant = self._meant(before, at)
            if after is not None:
                self._held[after.id] = after, meant
            return meant
        left = self._meant(before, at)
        wanted = self._meant(after, at) or left
        if after is None or after.done:
            self._held.pop(entry.job, None)
        return wanted

    def _versions(self, line: Line) -> Versions:
        """Give the job before and after with all that was heard of it here, which those who look back do not know."""
        entry, (before, after) = line.entry, line.versions
        left = self._left.pop(entry.job, None)
        if left is not None and left is not before:
            before, after = left, replay.after(left, entry)
        if after is not None and not after.done:
            if len(self._left) >= MOST_REMEMBERED:
                self._left.clear()
            self._left[entry.job] = after
        return before, after

    def _meant(self, job: Job | None, at: Moment) -> bool:
        if job is None:
            return False
        known = self._held.get(job.id)
        if known is not None and known[0] is job and not self._moves:
            return known[1]
        if len(self._held) >= MOST_REMEMBERED:
            self._held.clear()
        meant = self._interest.holds(job.id, Sight(lambda other: job if other == job.id else self._find(other), at))
        self._held[job.id] = job, meant
        return meant


def kinds(types: Iterable[str] = (), severity: Severity | None = None) -> frozenset[type[Event]]:
    """Choose kinds of event by name (all without any), those at least so severe. Raises BadValue."""
    named = frozenset(types)
    if not named and severity is None:
        return EVERY
    by_name = {kind.title(): kind for kind in leaves()}
    unknown = sorted(named - by_name.keys())
    if unknown:
        raise BadValue(field="type", problem=f"no event is called {unknown[0]!r}; all of them: man 7 jobd-events")
    order = list(Severity)
    least = order.index(severity) if severity else 0
    return frozenset(
        kind for name, kind in by_name.items() if (not named or name in named) and order.index(kind.severity) >= least
    )


def jobs(ids: Iterable[int]) -> Interest:
    """Make the interest in some jobs."""
    return Interest(tuple(rooms.job(job_id) for job_id in ids))
