"""Which lines of the log: the conditions that `events` has in all its forms, and how a long log is looked through."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from jobd.core import interest, rooms
from jobd.core.errors import NoLongerKept, NotYetHappened
from jobd.core.events import Entry
from jobd.core.happening import Severity
from jobd.core.interest import Interest, Listening
from jobd.core.model import Id
from jobd.core.selection import Where

if TYPE_CHECKING:
    from jobd.core.model import Job
    from jobd.daemon.archive import Archive

#: Lines that are looked through for one answer: more would keep others waiting.
MOST_LOOKED_AT = 10_000
#: Lines that are read at a time.
PIECE = 1000


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

    @property
    def narrow(self) -> bool:
        """Whether it says more than a job, whose entries are found without all others."""
        return any((self.rooms, self.name, self.group, self.user, self.types, self.severity, self.where))

    def interest(self, archive: "Archive") -> Interest:
        """Understand it. Raises BadValue, FilterInvalid, and JobNotFound for a job that never was."""
        from jobd.daemon.system.peers import user_id

        def condition(text: str) -> "Callable[[Job], bool]":
            where = archive.filter((text,))
            return lambda job: where.matches(job, archive.now())

        known = rooms.Known(user_id, condition)
        named = tuple(rooms.parse(text, known) for text in self.rooms)
        said = {
            "job": self.job,
            "name": self.name,
            "group": self.group,
            "user": self.user,
            "filter": self.where or None,
        }
        within = tuple(rooms.parse(f"{word}:{about}", known) for word, about in said.items() if about is not None)
        for room in (*named, *within):
            if room.names is not None and archive.recall(room.names) is None:
                archive.job(room.names)
        return Interest(named or None, within, interest.kinds(self.types, self.severity))


class Part:
    """A part of the log: what is wanted of the lines after a number, up to another one.

    Of a single job what is frequent is left out unless it is named: what is rare is found without all the rest.
    """

    def __init__(self, archive: "Archive", which: Which, after: int, upto: int) -> None:
        wanted = which.interest(archive)
        self._archive = archive
        self._job = wanted.named[0].job if len(wanted.named) == 1 else None
        if self._job is not None and not which.types:
            wanted = wanted._replace(kinds=wanted.kinds & interest.RARE)
        if wanted.kinds & interest.FREQUENT:
            self._job = None
        self._wanted = wanted
        self._after, self._upto = after, upto

    def first(self, limit: int) -> list[Entry]:
        """Find the first lines."""
        found: list[Entry] = []
        for entry in self._read(self._after, min(self._upto, self._after + self._most(limit))):
            found.append(entry)
            if len(found) == limit:
                break
        return found

    def last(self, limit: int) -> list[Entry]:
        """Find the last lines, oldest first."""
        return list(deque(self._read(max(self._after, self._upto - self._most(limit)), self._upto), limit))

    def _most(self, limit: int) -> int:
        """Say how many lines are looked through."""
        if self._job is not None:
            return self._upto
        return limit if self._wanted == interest.ALL else MOST_LOOKED_AT

    def _read(self, after: int, upto: int) -> Iterator[Entry]:
        listening = Listening(self._wanted, self._archive.recall)
        while after < upto and (entries := self._archive.entries(after, min(PIECE, upto - after), self._job)):
            after = entries[-1].seq
            yield from (entry for entry in entries if entry.seq <= upto and listening.wants(entry))


def check(archive: "Archive", seq: int) -> None:
    """Refuse a number after which not everything can be told. Raises NotYetHappened, NoLongerKept."""
    newest, oldest = archive.last_seq(), archive.first_seq()
    if seq > newest:
        raise NotYetHappened(seq=seq, newest=newest)
    if 0 < seq < oldest - 1:
        raise NoLongerKept(seq=seq, oldest=oldest)
