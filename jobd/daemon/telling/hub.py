"""Telling everybody who follows the log what became durable.

The rule: a follower is a cursor, never a queue. One that does not keep up, or stands still, costs nothing; it goes on
where it was, from the latest entries in memory or, behind them, from the file: never a gap, never twice.
"""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from jobd.core.errors import NoLongerKept
from jobd.core.events.catalogue import Entry, ItemsChanged
from jobd.core.model import Job
from jobd.core.subscriptions.replay import Replay, Versions

#: Entries kept in memory, some 3 MiB: enough for a follower that stalls for a second under load.
RING = 4096
#: Items of which those entries may tell, and all pieces read from the file: a hundred thousand take some 20 MiB.
ITEMS = 25_000
#: Entries a follower gets at a time; reading so many from the file takes about a millisecond.
MOST_AT_ONCE = 256
#: Pieces of so many entries that are kept after they were read from the file: many go on from the same place.
PAGES = 8
#: The share of the daemon's time that telling may take, and the seconds of it that are not worth a rest.
SHARE, QUICK = 0.25, 0.0005

logger = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode


class Log(Protocol):
    """Where older entries are read."""

    def entries(self, after: int, limit: int, job: int | None = None) -> list[Entry]:
        """Read on after a number."""
        ...

    def before(self, entry: Entry) -> Job | None:
        """Give a job as it was before an entry; None = there was none, or nobody knows."""
        ...

    def first_seq(self) -> int:
        """Give the number of the first entry; 0 if there is none."""
        ...

    def last_seq(self) -> int:
        """Give the number of the last entry."""
        ...


class Channel(Protocol):
    """Those who hear the same."""

    def news(self) -> None:
        """Tell what is new."""


class Line:
    """An entry, put into JSON once however many are told; `items` is the number of those it tells of."""

    __slots__ = ("_json", "_versions", "entry", "items")

    def __init__(self, entry: Entry, versions: Versions | Replay = (None, None)) -> None:
        self.entry = entry
        self.items = len(entry.event.changes) if isinstance(entry.event, ItemsChanged) else 0
        self._json: bytes | None = None
        self._versions = versions

    @property
    def versions(self) -> Versions:
        """The job before and after; None: there was none, or nobody knows."""
        if isinstance(self._versions, Replay):
            self._versions = self._versions.versions(self.entry)
        return self._versions

    @property
    def json(self) -> bytes:
        """The entry as it is told."""
        if self._json is None:
            self._json = _encode(self.entry)
        return self._json


class Hub:
    """The end of the log, and those who follow it."""

    def __init__(self, log: Log, *, ring: int = RING) -> None:
        self.log = log
        self._size = ring
        #: The jobs before and after entries that are not yet durable, by their numbers.
        self.versions: dict[int, Versions] = {}
        #: The lines from `_first` to `_last` by their numbers, and the items of which they tell.
        self._ring: dict[int, Line] = {}
        self._items = 0
        self._last = log.last_seq()
        self._first = self._last + 1
        #: Pieces of the file, and the items of which each tells.
        self._pages: dict[int, tuple[list[Line], int]] = {}
        self._news: asyncio.Future[None] | None = None
        #: Those who are told in common; they are told together, and then not before it was worth their time.
        self.channels: set[Channel] = set()
        self._telling: asyncio.TimerHandle | None = None
        self._rest_until = 0.0

    @property
    def seq(self) -> int:
        """The number of the last entry that everybody may know of."""
        return self._last

    def publish(self, entries: list[Entry]) -> None:
        """Take in entries that have become durable, in order, and wake everybody who waits, once."""
        if not entries:
            return
        if entries[0].seq != self._last + 1:
            self._ring.clear()
            self._first, self._items = entries[0].seq, 0
        self._last = entries[-1].seq
        replay = Replay(entries, self._before)
        for entry in entries:
            line = self._ring[entry.seq] = Line(entry, self.versions.pop(entry.seq, replay))
            self._items += line.items
        while len(self._ring) > self._size or self._items > ITEMS:
            self._items -= self._ring.pop(self._first).items
            self._first += 1
        if self._news is not None:
            self._news.set_result(None)
            self._news = None
        if self.channels and self._telling is None:
            self._telling = asyncio.get_running_loop().call_at(self._rest_until, self.tell)

    async def follow(self, after: int) -> AsyncGenerator[list[Entry], None]:
        """Yield all entries after a number, some at a time, for ever; a number not reached yet means from now on."""
        cursor = _Cursor(self, min(after, self._last))
        while True:
            if cursor.after < self._last:
                yield cursor.advance()
                await asyncio.sleep(0)
            else:
                await self.news()

    def since(self, after: int, limit: int = MOST_AT_ONCE) -> list[Line]:
        """Give the next lines after a number, at most MOST_AT_ONCE. Raises NoLongerKept."""
        if after >= self._first - 1:
            numbers = range(after + 1, min(self._last, after + limit) + 1)
            return [self._ring[number] for number in numbers]
        page = self._page(after)
        first, end = (bisect_right(page, number, key=_seq) for number in (after, self._last))
        lines = page[first : min(end, first + limit)]
        if after and (not lines or lines[0].entry.seq != after + 1):
            raise NoLongerKept(seq=after, oldest=self.log.first_seq() or self._first)
        return lines or self.since(self._first - 1, limit)

    def news(self) -> asyncio.Future[None]:
        """Give the moment at which something is new."""
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._news)

    def _page(self, after: int) -> list[Line]:
        """Read the piece of the file in which a number is followed by the next."""
        number = after // MOST_AT_ONCE
        page, _ = self._pages.get(number, ([], 0))
        if not page or page[-1].entry.seq <= after:
            first = number * MOST_AT_ONCE
            entries = self.log.entries(first, MOST_AT_ONCE)
            replay = Replay(entries, self._before)
            page = [Line(entry, replay) for entry in entries]
            if page and page[0].entry.seq == first + 1:
                self._pages[number] = page, sum(line.items for line in page)
            while len(self._pages) > PAGES or sum(items for _, items in self._pages.values()) > ITEMS:
                del self._pages[next(iter(self._pages))]
        return page

    def _before(self, entry: Entry) -> Job | None:
        return self.log.before(entry)

    def tell(self) -> None:
        """Tell all channels what is new, then rest: what comes meanwhile is told together."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        clock = asyncio.get_running_loop().time
        began = clock()
        for channel in tuple(self.channels):
            try:
                channel.news()
            except Exception:
                logger.exception("some who follow the log could not be told")
        took = clock() - began
        self._rest_until = began + took / SHARE if took > QUICK else 0.0


def _seq(line: Line) -> int:
    return line.entry.seq


class _Cursor:
    """Where a follower stands."""

    def __init__(self, hub: Hub, after: int) -> None:
        self._hub = hub
        self.after = after

    def advance(self) -> list[Entry]:
        """Take the next entries; nothing of them is held here."""
        entries = [line.entry for line in self._hub.since(self.after)]
        self.after = entries[-1].seq
        return entries
