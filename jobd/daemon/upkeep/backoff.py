"""Jobs that have failed and wait to be run again: one timer, for the one that is due first.

When a job is due stands in its record, so a daemon that comes later waits for the rest of the pause. A clock that was
set back makes no pause longer than it was meant to be, counted from when this daemon learned of it.
"""

import asyncio
import heapq
import logging
from typing import TYPE_CHECKING

from jobd.core import lifecycle, retries, telling
from jobd.core.errors import JobdError, NothingLeft
from jobd.core.events.catalogue import Event
from jobd.core.model import Job

if TYPE_CHECKING:
    from datetime import datetime

    from jobd.daemon.engine import Engine
    from jobd.daemon.storage.batch import Batch

logger = logging.getLogger(__name__)

#: Seconds until another try to record what could not be.
AGAIN = 1.0


class Backoff:
    """Put jobs back into the queue when they are due."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        #: For which moment of its record a job is waited for.
        self._awaited: dict[int, datetime] = {}
        #: When jobs are due, by the clock of the loop; one that is awaited no more is left out when its turn comes.
        self._turns: list[tuple[float, int]] = []
        self._timer: asyncio.TimerHandle | None = None
        engine.observers.append(self._told)

    def start(self) -> None:
        """Wait for the jobs that are there."""
        for job in list(self._engine.jobs.values()):
            self._attend(job)
        self._arm()

    def close(self) -> None:
        """Wait for nothing."""
        self._awaited.clear()
        self._turns.clear()
        self._arm()

    def _told(self, batch: "Batch") -> None:
        for job_id, job in batch.jobs.items():
            if job is not None and job.backs_off:
                self._attend(job)
            else:
                self._awaited.pop(job_id, None)
        self._arm()

    def _attend(self, job: Job) -> None:
        if not job.backs_off or self._awaited.get(job.id) == job.not_before:
            return
        assert job.not_before is not None
        assert job.retries is not None
        left = (job.not_before - self._engine.clock.now().wall).total_seconds()
        longest = retries.pause(job.retries, job.retried - 1)
        self._awaited[job.id] = job.not_before
        self._wait_for(job.id, max(0.0, min(left, longest)))

    def _wait_for(self, job_id: int, seconds: float) -> None:
        heapq.heappush(self._turns, (asyncio.get_running_loop().time() + seconds, job_id))

    def _arm(self) -> None:
        """Let the timer come for the first turn."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._turns:
            self._timer = asyncio.get_running_loop().call_at(self._turns[0][0], self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._turns and self._turns[0][0] <= now:
            _, job_id = heapq.heappop(self._turns)
            job = self._engine.jobs.get(job_id)
            if job is not None and self._awaited.get(job_id) == job.not_before:
                self._retry(job)
        self._arm()

    def _due(self, job: Job) -> list[Event]:
        """Say what follows when it is time; a job that goes on with what is left of its items still does."""
        if job.resumes:
            try:
                return telling.resumed(job, self._engine.items.known(job), self._engine.clock.now())
            except NothingLeft:
                logger.info("job %d has nothing left of its items; it is run as a whole", job.id)
        return lifecycle.due(job)

    def _retry(self, job: Job) -> None:
        try:
            self._engine.record(job, self._due(job))
        except JobdError as error:
            logger.warning("job %d: it is run again later: %s", job.id, error)
            self._wait_for(job.id, AGAIN)
        else:
            self._awaited.pop(job.id, None)
