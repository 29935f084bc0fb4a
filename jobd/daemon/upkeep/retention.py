"""Retention: what is too old, or too much, is removed bit by bit while everything goes on.

The rule: a job goes through the gate like any other change, with its output, and stays in the statistics. Each goes in
a transaction of its own, and then as much time is left to others as that took. Nothing is removed at the word of a
clock that has jumped.
"""

import asyncio
import heapq
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jobd.config import Retention as Settings
from jobd.core import lifecycle
from jobd.core.errors import JobdError, JobNotFound
from jobd.core.history import retention
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.retention import Limits, ends, jobs_due, last_event_due
from jobd.daemon.storage.store import PAUSE
from jobd.daemon.system.clock import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Container

    from jobd.daemon.engine import Engine

logger = logging.getLogger(__name__)

#: Events removed in one transaction, which takes some milliseconds, and jobs planned to be removed at a time.
EVENTS_CHUNK, MOST_PLANNED = 500, 5000
#: Files of output of which it is asked at a time when their jobs ended.
FILES_CHUNK = 500
#: Seconds for which nothing is removed after the wall clock has jumped.
DOUBT = 86400.0

#: Files of output under log/: <job>.<attempt>, and .stdout and .stderr of them.
_OUTPUT = re.compile(r"([1-9]\d{0,17})\.\d+(?:\.stdout|\.stderr)?")


#: Says when jobs ended, in seconds since 1970.
Ends = Callable[[Iterable[int]], Mapping[int, float]]


class Output(NamedTuple):
    """A file of output: when its job ended, in seconds since 1970, its bytes, its path."""

    ended: float
    bytes: int
    path: str


class Retention:
    """Removes what the settings do not keep."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self._before: tuple[datetime, float] | None = None
        self._doubt = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is being removed."""
        return self._task is None or self._task.done()

    async def look(self) -> None:
        """Begin to remove what is due, unless that goes on already."""
        if self.idle:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self.remove()
        except JobdError as error:
            logger.warning("retention: %s", error)
        except Exception:
            logger.exception("retention failed")

    async def remove(self) -> None:
        """Remove what is due, if the clock can be believed. Raises what the store suffers from."""
        moment, settings = self.engine.clock.now(), self.engine.config.retention
        if self.engine.store.fault is not None or not self._believes(moment.wall, moment.boottime / 1e9):
            return
        now = to_microseconds(moment.wall)
        jobs = await self._remove_jobs(settings, now)
        events = await self._remove_events(settings, now)
        spared = set(self.engine.jobs)
        files = await asyncio.to_thread(self._remove_output, settings, now / 1e6, spared)
        if jobs or events or files:
            logger.info("retention: removed %d jobs, %d events, %d files of output", jobs, events, files)

    def _believes(self, wall: datetime, seconds: float) -> bool:
        before, self._before = self._before, (wall, seconds)
        if not retention.believable(before, (wall, seconds)):
            logger.warning("the clock has jumped to %s: nothing is removed for a day", wall)
            self._doubt = seconds + DOUBT
        return seconds >= self._doubt

    async def _remove_jobs(self, settings: Settings, now: int) -> int:
        limits = Limits(settings.jobs_age, settings.jobs_count, retention.parse(settings.names))
        removed, left = 0, True
        while left and any(limits):
            left = False
            for job_id in await asyncio.to_thread(self._due, limits, now):
                begun = time.monotonic()
                if self._remove(job_id):
                    await self.engine.committed()
                    removed, left = removed + 1, True
                await asyncio.sleep(time.monotonic() - begun)
        return removed

    def _due(self, limits: Limits, now: int) -> list[int]:
        with closing(Reader(self.engine.store.path)) as reader:
            return jobs_due(reader, limits, now, MOST_PLANNED)

    def _remove(self, job_id: int) -> bool:
        """Remove a job, unless it is run again, gone, or was abandoned and lives."""
        try:
            job = self.engine.job(job_id)
        except JobNotFound:
            return False
        if not job.done or self.engine.alive(job):
            return False
        self.engine.record(job, lifecycle.remove(job, "retention"))
        return True

    async def _remove_events(self, settings: Settings, now: int) -> int:
        reader, removed = self.engine.archive.reader, 0
        last = last_event_due(reader, settings.events_age, settings.events_count, now)
        while done := await self.engine.store.trim_events(last, EVENTS_CHUNK):
            removed += done
            await asyncio.sleep(PAUSE)
        return removed

    def _remove_output(self, settings: Settings, now: float, spared: "Container[int]") -> int:
        with closing(Reader(self.engine.store.path)) as reader:
            return remove_output(self.engine.paths.log, settings, now, spared, lambda jobs: ends(reader, jobs))


def remove_output(folder: Path, settings: Settings, now: float, spared: "Container[int]", ended: Ends) -> int:
    """Delete output that is too old, and the oldest of what is too much, but not that of some jobs; count the files."""
    removed, left = 0, bool(settings.output_age or settings.output_size)
    while left:
        total = sum(file.bytes for file in _outputs(folder, spared, ended)) if settings.output_size else 0
        left = False
        for file in heapq.nsmallest(MOST_PLANNED, _outputs(folder, spared, ended)):
            old = settings.output_age and file.ended < now - settings.output_age
            if not old and not (settings.output_size and total > settings.output_size):
                return removed
            Path(file.path).unlink(missing_ok=True)
            total -= file.bytes
            removed, left = removed + 1, True
    return removed


def _outputs(folder: Path, spared: "Container[int]", ended: Ends) -> Iterator[Output]:
    """List the files; one of a job that nobody knows is as old as what was last written to it."""
    with os.scandir(folder) as entries:
        files = ((int(match[1]), entry) for entry in entries if (match := _OUTPUT.fullmatch(entry.name)))
        while some := list(islice((file for file in files if file[0] not in spared), FILES_CHUNK)):
            known = ended({job_id for job_id, _ in some})
            for job_id, entry in some:
                status = entry.stat(follow_symlinks=False)
                used = min(status.st_size, status.st_blocks * 512)
                yield Output(known.get(job_id, status.st_mtime), used, entry.path)
