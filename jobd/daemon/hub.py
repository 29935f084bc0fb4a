"""Telling everybody who follows the log what became durable.

The rule: a follower is a cursor, never a queue. One that does not keep up, or stands still, costs nothing; it goes on
where it was, from the latest entries in memory or, behind them, from the file: never a gap, never twice.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Protocol

from jobd.core.events import Entry

#: Entries kept in memory: enough for a follower that stalls for a second or two under load.
RING = 8192
#: Entries a follower gets at a time; reading so many from the file takes about a millisecond.
MOST_AT_ONCE = 256


class Log(Protocol):
    """Where older entries are read."""

    def entries(self, after: int, limit: int, job: int | None = None) -> list[Entry]:
        """Read on after a number."""
        ...

    def last_seq(self) -> int:
        """Give the number of the last entry."""
        ...


class Hub:
    """The end of the log, and those who follow it."""

    def __init__(self, log: Log, *, ring: int = RING) -> None:
        self._log = log
        self._size = ring
        #: The entries from `_first` to `_last`, each at the place of its number.
        self._ring: dict[int, Entry] = {}
        self._last = log.last_seq()
        self._first = self._last + 1
        self._news: asyncio.Future[None] | None = None
        #: How many follow at present.
        self.watchers = 0

    @property
    def seq(self) -> int:
        """The number of the last entry that everybody may know of."""
        return self._last

    def publish(self, entries: list[Entry]) -> None:
        """Take in entries that have become durable, in order, and wake everybody who waits, once."""
        if not entries:
            return
        if entries[0].seq != self._last + 1:
            self._first = entries[0].seq
        self._last = entries[-1].seq
        self._first = max(self._first, self._last - self._size + 1)
        for entry in entries[-self._size :]:
            self._ring[entry.seq % self._size] = entry
        if self._news is not None:
            self._news.set_result(None)
            self._news = None

    async def follow(self, after: int) -> AsyncGenerator[list[Entry], None]:
        """Yield all entries after a number, some at a time, for ever; a number not reached yet means from now on."""
        cursor = _Cursor(self, min(after, self._last))
        self.watchers += 1
        try:
            while True:
                if cursor.after < self._last:
                    yield cursor.advance()
                    await asyncio.sleep(0)
                else:
                    await self._wait()
        finally:
            self.watchers -= 1

    def since(self, after: int) -> list[Entry]:
        """Give the next entries after a number."""
        if after < self._first - 1:
            return self._log.entries(after, MOST_AT_ONCE)
        numbers = range(after + 1, min(self._last, after + MOST_AT_ONCE) + 1)
        return [self._ring[number % self._size] for number in numbers]

    def _wait(self) -> asyncio.Future[None]:
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._news)


class _Cursor:
    """Where a follower stands."""

    def __init__(self, hub: Hub, after: int) -> None:
        self._hub = hub
        self.after = after

    def advance(self) -> list[Entry]:
        """Take the next entries; nothing of them is held here."""
        entries = self._hub.since(self.after)
        self.after = entries[-1].seq
        return entries
