"""jobd events: the log of everything that happened, and what happens next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core.events import Actor, Entry
from jobd.core.model import Count, Id
from jobd.wire import Read, Stream

if TYPE_CHECKING:
    from jobd.daemon.archive import Archive
    from jobd.daemon.engine import Engine


class Events(Read[tuple[Entry, ...]], frozen=True):
    """Read the log after a sequence number, oldest first; without one the latest entries."""

    method: ClassVar = "events"

    since_seq: Count | None = None
    job: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100

    def answer(self, archive: Archive, caller: Actor) -> tuple[Entry, ...]:
        """Ask the archive."""
        after = self.since_seq
        if after is None:
            after = 0 if self.job is not None else max(0, archive.last_seq() - self.limit)
        return tuple(archive.entries(after, self.limit, self.job))


class Follow(Stream[Entry], frozen=True):
    """Tell the log from a sequence number on (without one: from now on), as it grows; nothing is missed or repeated."""

    method: ClassVar = "events.follow"

    since_seq: Count | None = None
    job: Id | None = None

    async def answer(self, engine: Engine, caller: Actor) -> AsyncIterator[Entry]:
        """Follow the hub."""
        after = engine.hub.seq if self.since_seq is None else self.since_seq
        async for entries in engine.hub.follow(after):
            for entry in entries:
                if self.job is None or entry.job == self.job:
                    yield entry
