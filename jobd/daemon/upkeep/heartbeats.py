"""Listen for jobs that promised to be heard of: one timer, for the job that could be stale first.

A report only moves a job's deadline; it is looked at again when the timer comes. Output is looked at then, too: that it
grew is as good as a report. What was before this daemon is not held against a job: silence counts from its start at
the earliest, by a clock that a suspended machine stops. A job that waits for a rate limit counts as heard of when that
ends.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from jobd.core import clocks, staleness
from jobd.core.errors import JobdError
from jobd.core.events.catalogue import Event
from jobd.core.model import Job, State
from jobd.core.promises import Silence
from jobd.daemon.attempts import output

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine
    from jobd.daemon.storage.batch import Batch

logger = logging.getLogger(__name__)

#: Seconds between looks at the output of a stale job, at most, and until another try to record what could not be.
LOOK = 1.0


class Heartbeats:
    """Note when jobs fall silent, and when they are heard of again."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self._silences: dict[int, Silence] = {}
        #: Bytes of output when it was last looked at.
        self._sizes: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        engine.observers.append(self._told)

    def start(self) -> None:
        """Listen for the jobs that are there; from now on, whatever was before."""
        for job in list(self.engine.jobs.values()):
            self._attend(job)

    def close(self) -> None:
        """Listen no longer."""
        self._silences.clear()
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Look at all jobs that are listened for, and set the timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for job_id in list(self._silences):
            job = self.engine.jobs.get(job_id)
            if job is None:
                self._forget(job_id)
            else:
                self._examine(job)
                self._arm(self.engine.jobs[job_id])

    def _told(self, batch: "Batch") -> None:
        """Take in what has become durable."""
        for job in batch.jobs.values():
            if job is not None and job.heartbeat is not None:
                self._attend(job)
        if self._silences:
            for job_id in {entry.job for entry in batch.entries if isinstance(entry.event, staleness.SIGNS)}:
                self._heard(job_id, time.monotonic())

    def _attend(self, job: Job) -> None:
        """Listen as the state of the job wants it."""
        if staleness.limit(job) is None:
            self._forget(job.id)
            return
        now, silence = time.monotonic(), self._silences.get(job.id)
        if silence is None:
            silence = Silence(self._spoken(job, now))
            self._sizes[job.id] = self._output(job)[0]
        self._silences[job.id] = silence.go_on(now) if job.state is State.RUNNING else silence.stop(now)
        self._arm(job)

    def _spoken(self, job: Job, at: float) -> float:
        """Say from when on the silence of a job counts that was heard of: in a rate limit from its end."""
        left = clocks.limit_left(job, self.engine.clock.now())
        return time.monotonic() + left if left else at

    def _forget(self, job_id: int) -> None:
        self._silences.pop(job_id, None)
        self._sizes.pop(job_id, None)

    def _heard(self, job_id: int, at: float) -> None:
        job, silence = self.engine.jobs.get(job_id), self._silences.get(job_id)
        if job is not None and silence is not None:
            self._silences[job_id] = silence.broken(self._spoken(job, at))
            if self._record(job, staleness.heard(job)):
                self._arm(self.engine.jobs[job_id])

    def _examine(self, job: Job) -> None:
        """Say of a job whose time may have come whether it is stale; of a stale one whether it writes again."""
        longest, now, silence = staleness.limit(job), time.monotonic(), self._silences[job.id]
        if longest is None or silence.standing is not None:
            return
        if staleness.stale(job) or silence.lasted(now) >= longest:
            self._listen_to_output(job, silence, now)
            job, seconds = self.engine.jobs[job.id], self._silences[job.id].lasted(now)
            self._record(job, staleness.silent(job, seconds, self.engine.clock.now()))

    def _listen_to_output(self, job: Job, silence: Silence, now: float) -> None:
        """Hear of the job when it last wrote, if its output has grown since the last look."""
        size, written = self._output(job)
        if size != self._sizes.get(job.id):
            self._sizes[job.id] = size
            self._heard(job.id, min(now, max(silence.heard, now - max(0.0, time.time() - written))))

    def _output(self, job: Job) -> tuple[int, float]:
        if job.spec is None or not job.attempts:
            return 0, 0.0
        return output.growth(output.attempt_directory(self.engine.paths, job.id, job.attempts[-1].number))

    def _arm(self, job: Job) -> None:
        """Let the timer come in time for this job."""
        due = self._due(job)
        if due is None or (self._timer is not None and self._timer.when() <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due, self.look)

    def _due(self, job: Job) -> float | None:
        """Say when to look at a job: when it may be stale; one that is, now and then if it writes output."""
        longest, silence = staleness.limit(job), self._silences.get(job.id)
        if longest is None or silence is None or silence.standing is not None:
            return None
        now = time.monotonic()
        if staleness.stale(job):
            return now + min(LOOK, longest / 2) if job.spec is not None else None
        due = silence.heard + longest
        return due if due > now else now + LOOK

    def _record(self, job: Job, events: list[Event]) -> bool:
        """Record; False if there was nothing, or if it cannot be: then it is looked at again."""
        try:
            self.engine.record(job, events)
        except JobdError as error:
            logger.warning("job %d: its heartbeat is not recorded now: %s", job.id, error)
            return False
        return bool(events)
