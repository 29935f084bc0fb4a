"""What somebody wants to hear: of which jobs, and which kinds of event.

The rule: whether a job is meant is decided anew by each event that is not frequent, since it may have changed what the
decision rests on; the event that takes a job out of a room is the last that is told there.
"""

from collections.abc import Iterable
from typing import NamedTuple

from jobd.core.errors import BadValue
from jobd.core.events.catalogue import Entry, Event, leaves
from jobd.core.events.happening import Severity
from jobd.core.subscriptions import rooms
from jobd.core.subscriptions.rooms import Find, Room

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

    def holds(self, job_id: int, find: Find) -> bool:
        """Whether a job is meant."""
        return (self.rooms is None or any(room.holds(job_id, find) for room in self.rooms)) and all(
            room.holds(job_id, find) for room in self.within
        )


ALL = Interest()


class Listening:
    """Tell which entries of the log are wanted, one after the other."""

    def __init__(self, interest: Interest, find: Find) -> None:
        self._interest = interest
        self._everything = interest.everything
        self._find = find
        self._held: dict[int, bool] = {}

    def wants(self, entry: Entry) -> bool:
        """Whether an entry is wanted."""
        kind = type(entry.event)
        return (self._everything or self._holds(entry.job, kind)) and kind in self._interest.kinds

    def _holds(self, job_id: int, kind: type[Event]) -> bool:
        before = self._held.get(job_id)
        if before is not None and kind.frequent:
            return before
        if len(self._held) >= MOST_REMEMBERED:
            self._held.clear()
        now = self._held[job_id] = self._interest.holds(job_id, self._find)
        return now or bool(before)


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
