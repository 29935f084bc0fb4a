"""The slow clock: what must be looked at now and then, however quiet the jobs are."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from jobd.daemon.storage import safekeeping
from jobd.daemon.system import cgroups
from jobd.daemon.upkeep.retention import Retention

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine
    from jobd.daemon.recovery import Recovery

logger = logging.getLogger(__name__)

#: Seconds between looks at what may have changed without a word, and at what grows slowly.
TICK = 10.0
RARELY = 600.0
#: Seconds after which it is looked for the first time: a daemon may live no longer than a short job.
SOON = 120.0
#: Seconds after which an empty group of processes is nobody's.
GROUP_AGE = 3600.0
#: Seconds between tries to write while the disk is full: at first, and after some tries.
PROBE, LONGEST_PROBE = 0.1, 5.0


class Chore(NamedTuple):
    """Something to do every so many seconds."""

    every: Callable[[], float]
    work: Callable[[], Awaitable[None]]


class Upkeep:
    """Do the chores, each at its own pace, none at once."""

    def __init__(self, engine: "Engine", recovery: "Recovery", extra: list[Chore]) -> None:
        self.engine = engine
        self.recovery = recovery
        self._retention = Retention(engine)
        self._chores = [
            Chore(lambda: TICK, self._sweep),
            Chore(lambda: RARELY, self._trim_requests),
            Chore(lambda: RARELY, self._backup),
            Chore(lambda: RARELY, self._sweep_groups),
            Chore(lambda: RARELY, self._retention.look),
            *extra,
        ]
        self._task: asyncio.Task[None] | None = None
        self._mending: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        """Stop."""
        self._retention.close()
        for task in (self._task, self._mending):
            if task is not None:
                task.cancel()

    def mend(self) -> None:
        """Wait until the store works again, then bring records and reality together."""
        if self._mending is None or self._mending.done():
            self._mending = asyncio.get_running_loop().create_task(self._mend())

    async def _mend(self) -> None:
        pause = PROBE
        while self.engine.store.fault is not None and not await self.engine.store.probe():
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PROBE)
        logger.warning("the database can be written again")
        try:
            self.recovery.run()
        except Exception:
            logger.exception("what happened meanwhile could not be looked at")

    async def _run(self) -> None:
        due = {chore: time.monotonic() + min(chore.every(), SOON) for chore in self._chores}
        while True:
            await asyncio.sleep(max(0.0, min(due.values()) - time.monotonic()))
            for chore in self._chores:
                if time.monotonic() >= due[chore]:
                    await self._do(chore)
                    due[chore] = time.monotonic() + chore.every()

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

    async def _sweep_groups(self) -> None:
        keep = {attempt.cgroup for job in self.engine.jobs.values() if job.open for attempt in job.attempts[-1:]}
        await asyncio.to_thread(cgroups.sweep, keep, GROUP_AGE)

    async def _backup(self) -> None:
        storage = self.engine.config.storage
        database = self.engine.store.path
        if storage.backup_keep and safekeeping.backup_is_due(database, storage.backup_every):
            made = await asyncio.to_thread(safekeeping.rotate, database, storage.backup_keep)
            logger.info("backed up to %s", made)
