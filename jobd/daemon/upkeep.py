"""The slow clock: what must be looked at now and then, however quiet the jobs are."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from jobd.daemon import safekeeping

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine
    from jobd.daemon.recovery import Recovery

logger = logging.getLogger(__name__)

#: Seconds between looks.
TICK = 10.0
#: Seconds between tries to write while the disk is full.
PROBE = 5.0


class Chore(NamedTuple):
    """Something to do every so many seconds."""

    every: float
    work: Callable[[], Awaitable[None]]


class Upkeep:
    """Do the chores, each at its own pace, none before the first tick."""

    def __init__(self, engine: "Engine", recovery: "Recovery", extra: list[Chore]) -> None:
        self.engine = engine
        self.recovery = recovery
        self._chores = [
            Chore(TICK, self._sweep),
            Chore(600.0, self._trim_requests),
            Chore(600.0, self._backup),
            *extra,
        ]
        self._due = {id(chore): time.monotonic() + chore.every for chore in self._chores}
        self._tasks: list[asyncio.Task[None]] = []
        self._mending: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._tasks.append(asyncio.get_running_loop().create_task(self._run()))

    def close(self) -> None:
        """Stop."""
        for task in [*self._tasks, *([self._mending] if self._mending else [])]:
            task.cancel()

    def mend(self) -> None:
        """Wait until the store works again, then bring records and reality together."""
        if self._mending is None or self._mending.done():
            self._mending = asyncio.get_running_loop().create_task(self._mend())

    async def _mend(self) -> None:
        while self.engine.store.fault is not None and not await self.engine.store.probe():
            await asyncio.sleep(PROBE)
        logger.warning("the database can be written again")
        self.recovery.run()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            for chore in self._chores:
                if now >= self._due[id(chore)]:
                    self._due[id(chore)] = now + chore.every
                    await self._do(chore)

    async def _do(self, chore: Chore) -> None:
        try:
            await chore.work()
        except Exception:
            logger.exception("upkeep: %s failed", getattr(chore.work, "__name__", "a chore"))

    async def _sweep(self) -> None:
        if self.engine.store.fault is None:
            self.recovery.sweep()

    async def _trim_requests(self) -> None:
        if self.engine.store.fault is None:
            await self.engine.store.trim_requests()

    async def _backup(self) -> None:
        storage = self.engine.config.storage
        database = self.engine.store.path
        if storage.backup_keep and safekeeping.backup_is_due(database, storage.backup_every):
            made = await asyncio.to_thread(safekeeping.rotate, database, storage.backup_keep)
            logger.info("backed up to %s", made)
