"""What running jobs use, measured at a steady pace as long as any runs; and their output, kept under its limit."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from jobd.core.model import Usage
from jobd.daemon.attempts import output
from jobd.daemon.attempts.starting import Key
from jobd.daemon.system.trees import Tree
from jobd.daemon.system.usage import Sampler

logger = logging.getLogger(__name__)

#: A measurement is saved after this many seconds, and later after this share of the time the job has run: a long job
#: is saved seldom.
FIRST_SAVE = 5.0
SAVE_SHARE = 0.05


class Measured(Protocol):
    """Who hears of it; keys are (job, attempt)."""

    def measured(self, key: Key, usage: Usage, *, due: bool) -> None:
        """A tree was measured; `due` = it should be saved, too."""

    def trimmed(self, key: Key, file: str, removed: int, limit: int) -> None:
        """Output over its limit has lost so many bytes of its middle; told each time they have doubled."""


class _Metered:
    __slots__ = ("begun", "due", "latest", "limit", "path", "removed", "told")

    def __init__(self, path: Path, limit: int, now: float) -> None:
        self.path = path
        self.limit = limit
        self.begun = now
        self.due = now + FIRST_SAVE
        self.latest: Usage | None = None
        #: Bytes that each file has lost, and how many were told.
        self.removed: dict[str, int] = {}
        self.told: dict[str, int] = {}

    def trim(self) -> dict[str, int]:
        """Trim output over the limit; give the bytes that files have lost, each time they have doubled."""
        doubled = {}
        for file, removed in (output.trim(self.path, self.limit) if self.limit else {}).items():
            total = self.removed[file] = self.removed.get(file, 0) + removed
            if total >= 2 * self.told.get(file, 0):
                doubled[file] = self.told[file] = total
        return doubled


class Meter:
    """Measure the trees of running attempts."""

    def __init__(self, told: Measured, every: Callable[[], float]) -> None:
        self._told = told
        self._every = every
        self._sampler: Sampler[Key] = Sampler()
        self._metered: dict[Key, _Metered] = {}
        self._pool = ThreadPoolExecutor(1, "meter")
        self._task: asyncio.Task[None] | None = None

    def watch(self, key: Key, tree: Tree, path: Path, limit: int, usage: Usage | None = None) -> None:
        """Measure a tree from now on, its totals beginning at `usage`.

        `limit` is that of its output in bytes, 0 = none.
        """
        if key in self._metered:
            return
        self._metered[key] = _Metered(path, limit, time.monotonic())
        self._sampler.watch(key, tree, usage)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def trim(self, key: Key, path: Path, limit: int) -> dict[str, int]:
        """Trim what an attempt has written since the last look, even if there was none; give what is to be told."""
        return (self._metered.get(key) or _Metered(path, limit, 0.0)).trim()

    def finish(self, key: Key) -> Usage | None:
        """Measure no longer; give the last measurement."""
        metered = self._metered.pop(key, None)
        self._sampler.forget(key)
        return metered.latest if metered else None

    def close(self) -> None:
        """Measure nothing."""
        if self._task is not None:
            self._task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        while self._metered:
            await asyncio.sleep(self._every())
            try:
                await self._round()
            except OSError as error:
                logger.warning("usage cannot be measured now: %s", error)
        self._task = None

    async def _round(self) -> None:
        loop = asyncio.get_running_loop()
        taken = await loop.run_in_executor(self._pool, self._sampler.sample, time.monotonic())
        for key, usage in taken.items():
            self._take(key, usage)
        for key, metered in list(self._metered.items()):
            for file, removed in metered.trim().items():
                self._told.trimmed(key, file, removed, metered.limit)

    def _take(self, key: Key, usage: Usage) -> None:
        metered = self._metered.get(key)
        if metered is None:
            return
        now = time.monotonic()
        metered.latest = usage
        due = now >= metered.due
        if due:
            metered.due = now + max(FIRST_SAVE, SAVE_SHARE * (now - metered.begun))
        self._told.measured(key, usage, due=due)
