"""Which lines of the log: the conditions that `events` has in all its forms, and how a long log is looked through."""

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from jobd.core.errors import NoLongerKept, NotYetHappened
from jobd.core.events.catalogue import Entry
from jobd.core.events.happening import Severity
from jobd.core.history.selection import Where, Who, Zone
from jobd.core.model import Id
from jobd.core.subscriptions import interest, rooms
from jobd.core.subscriptions.interest import Interest
from jobd.core.subscriptions.rooms import Sight

if TYPE_CHECKING:
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

#: Lines that are looked through for one answer, more would keep others waiting; and that are told at once.
MOST_LOOKED_AT = MOST_SHOWN = 10_000
#: Lines that are read at a time, and jobs that are kept at hand for many rooms to look at.
PIECE, JOBS_HELD = 1000, 100


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """Events of jobs in any of the rooms (all if none), of one job, name, group, user and filter, type and severity."""

    rooms: tuple[str, ...] = ()
    job: Id | None = None
    name: str | None = None
    group: str | None = None
    user: str | None = None
    types: tuple[str, ...] = ()
    severity: Severity | None = None
    where: Where = ""
    zone: Zone = ""

    @property
    def conditions(self) -> tuple[str, ...]:
        """The rooms that a job must be in."""
        said = {
            "job": self.job, "name": self.name, "group": self.group, "user": self.user, "filter": self.where or None,
        }  # fmt: skip
        return tuple(f"{word}:{about}" for word, about in said.items() if about is not None)

    @property
    def alone(self) -> bool:
        """Whether it means one job, and of that what is rare: such entries are found without all others."""
        named = self.rooms + self.conditions
        frequent = {kind.title() for kind in interest.FREQUENT}
        return len(named) == 1 and named[0].startswith("job:") and not frequent & {*self.types}

    @property
    def narrow(self) -> bool:
        """Whether the log must be looked through for it."""
        return any((self.rooms, self.conditions, self.types, self.severity)) and not self.alone

    def interest(self, archive: "Archive", caller: "Actor") -> Interest:
        """Understand it. Raises BadValue, FilterInvalid, and JobNotFound for a job that never was."""
        from jobd.daemon.system.peers import user_id

        by = Who(caller.uid, self.zone)
        known = rooms.Known(user_id, lambda text: archive.filter((text,), by=by))
        named = tuple(rooms.parse(text, known) for text in self.rooms)
        within = tuple(rooms.parse(text, known) for text in self.conditions)
        for room in named + within:
            if room.names is not None and archive.recall(room.names) is None:
                archive.job(room.names)
        return Interest(named or None, within, interest.kinds(self.types, self.severity))


class Part:
    """A part of the log: what is wanted of the lines after a number, up to another one.

    A filter is asked about each job as it is now, or was last. Of a single job what is frequent is left out unless it
    is named: what is rare is found without all the rest.
    """

    def __init__(self, archive: "Archive", which: Which, caller: "Actor", after: int, upto: int) -> None:
        wanted = which.interest(archive, caller)
        self._archive = archive
        self._narrow = which.narrow
        self._job = wanted.named[0].job if which.alone else None
        self._wanted = wanted._replace(kinds=wanted.kinds & interest.RARE) if which.alone else wanted
        self._after, self._upto = after, upto

    def first(self, limit: int) -> list[Entry]:
        """Find the first lines. Raises TryAgain if it takes too long."""
        with self._archive.reader.asking():
            return list(islice(self._read(self._after, min(self._upto, self._after + self._most(limit))), limit))

    def last(self, limit: int) -> list[Entry]:
        """Find the last lines, oldest first. Raises TryAgain if it takes too long."""
        with self._archive.reader.asking():
            return list(deque(self._read(max(self._after, self._upto - self._most(limit)), self._upto), limit))

    def _most(self, limit: int) -> int:
        """Say how many lines are looked through."""
        if self._job is not None:
            return self._upto
        return MOST_LOOKED_AT if self._narrow else limit

    def _read(self, after: int, upto: int) -> Iterator[Entry]:
        held: dict[int, bool] = {}
        # Each of many rooms looks at the same job.
        sight = Sight(lru_cache(JOBS_HELD)(self._archive.recall), self._archive.now())

        def wants(entry: Entry) -> bool:
            if type(entry.event) not in self._wanted.kinds:
                return False
            if entry.job not in held:
                self._archive.reader.hurry()
                held[entry.job] = self._wanted.holds(entry.job, sight)
            return held[entry.job]

        while after < upto and (entries := self._archive.entries(after, min(PIECE, upto - after), self._job)):
            after = entries[-1].seq
            yield from (entry for entry in entries if entry.seq <= upto and wants(entry))


def check(archive: "Archive", seq: int) -> None:
    """Refuse a number after which not everything can be told. Raises NotYetHappened, NoLongerKept."""
    newest, oldest = archive.last_seq(), archive.first_seq()
    if seq > newest:
        raise NotYetHappened(seq=seq, newest=newest)
    if 0 < seq < oldest - 1:
        raise NoLongerKept(seq=seq, oldest=oldest)
