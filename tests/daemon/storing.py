"""A real store on a real file for tests, and what it said."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jobd.core.events.catalogue import Entry
from jobd.core.model import Job
from jobd.daemon.storage.batch import Batch
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.store import Store

if TYPE_CHECKING:
    from jobd.core.errors import JobdError
    from jobd.daemon.storage.opening import Opened


class Kept:
    """A running store, what it found when it was opened, and what it told: batches that are durable, failures."""

    def __init__(self, path: Path, durability: str) -> None:
        self.batches: list[Batch] = []
        self.failures: list[JobdError] = []
        #: Who else is told of what became durable.
        self.tell: Callable[[Batch], object] = lambda batch: batch
        self.store = Store(path, durability=durability, on_committed=self._committed, on_failed=self.failures.append)
        self.opened: Opened = self.store.open()

    def _committed(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.tell(batch)

    def save(self, change: tuple[Job | None, list[Entry]]) -> None:
        """Save what a Maker made."""
        job, entries = change
        self.store.save(entries[0].job, job, entries)

    async def commit(self, *changes: tuple[Job | None, list[Entry]]) -> None:
        """Save changes and wait until they are durable."""
        for change in changes:
            self.save(change)
        await self.store.committed()


@contextlib.asynccontextmanager
async def kept(path: Path, durability: str = "full") -> AsyncIterator[Kept]:
    """Run a store on a file, and close it."""
    running = Kept(path, durability)
    running.store.start(asyncio.get_running_loop())
    try:
        yield running
    finally:
        await running.store.close()


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Read a file."""
    reader = Reader(path)
    try:
        yield reader
    finally:
        reader.close()


def write(path: Path, *changes: tuple[Job | None, list[Entry]]) -> None:
    """Make or open a database, save changes in one transaction, and close it."""

    async def run() -> None:
        async with kept(path) as running:
            await running.commit(*changes)

    asyncio.run(run())


def ask(path: Path, text: str, *values: object) -> list[tuple[object, ...]]:
    """Ask the file itself, by SQL."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(text, values).fetchall()
        connection.commit()
        return rows
