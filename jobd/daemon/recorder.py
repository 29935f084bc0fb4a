"""What the parts of the daemon see, turned into what is recorded; and what follows from what was recorded, turned into orders.

One side: the executor, the control and the reports tell outcomes here; the lifecycle says which events they are. The other side: once
an event is durable, its consequence below is carried out. An outcome that cannot be recorded (the disk is full) is not lost: it
still stands in the attempt's directory, and recovery reads it there when the store works again.
"""

import asyncio
import logging
import os
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from jobd.core import events as happened
from jobd.core import lifecycle
from jobd.core.errors import JobdError
from jobd.core.events import Event
from jobd.core.model import Attempt, Ending, Job, Leftover, Measure, State, Usage
from jobd.daemon import cgroups, directory, output
from jobd.daemon.begun import Begun
from jobd.daemon.control import Control
from jobd.daemon.crash import crash_point
from jobd.daemon.directory import Claim
from jobd.daemon.executor import Executor, Key
from jobd.daemon.meter import Meter
from jobd.daemon.reports import Gathered, Reports

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

logger = logging.getLogger(__name__)


class Recorder:
    """Join the engine with the parts that touch processes and files."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        boot = engine.clock.now().boot
        self.executor = Executor(self, boot, engine.paths.log / "zygote.log")
        self.control = Control(self.executor.watched, self)
        self.reports = Reports(self.reported)
        self.meter = Meter(self, lambda: engine.config.jobs.sample_every)
        self.begun = Begun(self.vanished)
        self._scheduled = False
        engine.wake = self.wake
        engine.consequences.update(
            {
                happened.Opened: self._launch,
                happened.Withdrawn: self._withdrawn,
                happened.Started: lambda _job, _event: crash_point("after_started"),
                happened.PauseAsked: lambda job, _: self.control.pause(_key(job)),
                happened.Resumed: lambda job, _: self.control.resume(_key(job)),
                happened.CancelAsked: self._cancel,
                happened.Begun: lambda job, _: self.begun.watch(job),
                happened.Completed: self._finished,
                happened.Failed: self._finished,
                happened.Canceled: self._finished,
                happened.Removed: self._removed,
            }
        )

    def close(self) -> None:
        """Let go of everything; jobs run on."""
        self.reports.close()
        self.meter.close()
        self.control.close()
        self.executor.close()
        self.begun.close()

    # ---- outcomes: seen -> recorded

    def claimed(self, key: Key, claim: Claim) -> None:
        """A shim owns the attempt: the job runs."""
        job = self._open_job(key)
        if job is None:
            return
        at = directory.wall(claim.t0)
        now = self.engine.clock.now()
        crash_point("before_started")
        late = (now.wall - at).total_seconds()
        boottime = now.boottime - max(0, int(late * 1e9))
        job = self._record(job, lifecycle.started(job, claim.main, claim.witness, at, boottime))
        if job is not None:
            self.follow(job)
            if job.state is State.CANCELING:
                self.cancel_now(job)

    def never_ran(self, key: Key, why: str) -> None:
        """The attempt did not run and never will."""
        job = self._open_job(key)
        if job is not None:
            cgroups.remove(job.attempts[-1].cgroup or "")
            self._record(job, lifecycle.withdrawn(job, why))

    def draining(self, key: Key, status: int | None) -> bool:
        """Only leftovers of the attempt live; say whether it waits for them."""
        job = self._open_job(key)
        if job is None or job.spec is None:
            return False
        self._record(job, lifecycle.draining(job, status))
        if job.spec.leftover is Leftover.KILL and not self.control.is_ending(key):
            self.control.end(key, job.spec.signal, job.spec.grace)
        return job.state is State.CANCELING or job.spec.leftover is not Leftover.LEAVE

    def orphaned(self, key: Key) -> None:
        """The shim was killed; the job runs on."""
        job = self._open_job(key)
        if job is not None:
            self._record(job, [happened.Adopted(shim_lost=True)])

    def ended(self, key: Key, ending: Ending | None) -> None:
        """Nothing of the attempt is left: take in its last reports and its end, together."""
        job = self._open_job(key)
        if job is None:
            return
        now = self.engine.clock.now()
        events = [event for gathered in self.reports.finish(key) for event in self._reported(job, gathered)]
        usage = self.meter.finish(key) or job.usage
        if ending is None:
            events += lifecycle.lost(job, "shim", now)
        else:
            events += lifecycle.exited(job, _dated(ending, job, now.wall, lifecycle.elapsed(job, now)), usage)
        crash_point("before_terminal")
        self._record(job, events)

    def frozen(self, key: Key) -> None:
        """Every process of the job is stopped."""
        job = self._open_job(key)
        if job is not None:
            self._record(job, lifecycle.paused(job, self.engine.clock.now()))

    def stalled(self, key: Key, processes: tuple[str, ...]) -> None:
        """Processes of the job do not end."""
        job = self._open_job(key)
        if job is not None and job.state is State.CANCELING:
            self._record(job, [happened.CancelStalled(processes=processes)])

    def reported(self, key: Key, gathered: Gathered) -> None:
        """The job wrote into its report file. Raises what the store suffers from: then it is read again."""
        job = self._open_job(key)
        if job is not None:
            self.engine.record(job, self._reported(job, gathered))

    def measured(self, key: Key, usage: Usage, *, due: bool) -> None:
        """The tree was measured; now and then it is saved."""
        self.engine.usage[key[0]] = usage
        job = self._open_job(key)
        elapsed = lifecycle.elapsed(job, self.engine.clock.now()) if job is not None else None
        if due and job is not None and elapsed is not None:
            point = Measure(round(elapsed, 3), usage.cpu_percent or 0.0, usage.rss_bytes or 0)
            self._record(job, [happened.Measured(usage=usage, measure=point)])

    def trimmed(self, key: Key, file: str, removed: int, limit: int) -> None:
        """The output was over its limit."""
        job = self._open_job(key)
        if job is not None:
            self._record(job, [happened.OutputTrimmed(file=file, removed_bytes=removed, limit=limit)])

    def vanished(self, job_id: int) -> None:
        """The process that a begun job told to watch has ended without a word."""
        job = self.engine.jobs.get(job_id)
        if job is not None and not job.done:
            self._record(job, lifecycle.lost(job, "process", self.engine.clock.now()))

    # ---- orders

    def follow(self, job: Job) -> None:
        """Read the reports of a running job and measure it."""
        key = _key(job)
        path = output.attempt_directory(self.engine.paths, *key)
        attempt = job.attempts[-1]
        try:
            self.reports.follow(key, path / "report", attempt.report_offset)
        except OSError as error:
            logger.warning("job %d: its report file cannot be read: %s", job.id, error)
        watched = self.executor.watched.get(key)
        if watched is not None and job.spec is not None:
            self.meter.watch(key, watched.tree, path, job.spec.output_limit)

    def cancel_now(self, job: Job) -> None:
        """Go on ending a job, with what is left of its grace."""
        asked = job.cancellation
        if asked is not None:
            passed = (self.engine.clock.now().boottime - asked.asked_boottime) / 1e9
            self.control.end(_key(job), asked.signal, max(0.0, asked.grace - max(0.0, passed)))

    def wake(self) -> None:
        """Start what can be started, once in this turn of the loop."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start_jobs)

    def _start_jobs(self) -> None:
        self._scheduled = False
        crash_point("before_intent")
        while (job_id := self.engine.queue.take(self.engine.config.jobs.slots)) is not None:
            job = self.engine.jobs[job_id]
            cookie = f"{job.id}.{job.numbered + 1}.{os.urandom(8).hex()}"
            events = lifecycle.open_attempt(job, self.engine.clock.now(), cookie, cgroups.create(cookie))
            if self._record(job, events) is None:
                self.engine.queue.consider(job_id, job)
                return

    def _launch(self, job: Job, _: Event) -> None:
        attempt = job.attempts[-1] if job.open else None
        if attempt is None or attempt.main is not None or job.spec is None:
            return
        key = _key(job)
        if job.state is State.CANCELING:
            self.never_ran(key, "canceled before the start")
            return
        path = output.attempt_directory(self.engine.paths, *key)
        surroundings = self.engine.archive.surroundings(job.spec.surroundings)
        spec = directory.spec_file(job, attempt, surroundings, self._variables(job, attempt))
        self.executor.start(key, path, spec, job.withdrawn)

    def _variables(self, job: Job, attempt: Attempt) -> dict[str, str]:
        paths = self.engine.paths
        report = output.attempt_directory(paths, job.id, attempt.number) / "report"
        return {
            "JOBD_JOB_ID": str(job.id),
            "JOBD_JOB_NAME": job.name,
            "JOBD_GROUP": job.group,
            "JOBD_ATTEMPT": str(attempt.number),
            "JOBD_COOKIE": attempt.cookie,
            "JOBD_FD": str(directory.REPORT_FD),
            "JOBD_REPORT": str(report),
            "JOBD_SOCKET": str(paths.socket),
            "JOBD_DIR": str(paths.state),
        }

    def _withdrawn(self, job: Job, event: Event) -> None:
        assert isinstance(event, happened.Withdrawn)
        directory.discard(output.attempt_directory(self.engine.paths, job.id, event.number))

    def _cancel(self, job: Job, _: Event) -> None:
        crash_point("cancel_committed")
        if job.open:
            self.cancel_now(job)

    def _finished(self, job: Job, event: Event) -> None:
        crash_point("after_terminal")
        self.begun.forget(job.id)
        self.engine.archive.forget_usual(job.name)
        abandoned = isinstance(event, happened.Canceled) and event.abandoned
        if job.spec is not None and job.done and job.attempts and not abandoned:
            directory.clean_up(self.engine.paths, job.id, job.attempts[-1].number)
        crash_point("after_cleanup")

    def _removed(self, job: Job, _: Event) -> None:
        output.delete(self.engine.paths, job.id, [attempt.number for attempt in job.attempts])

    def _reported(self, job: Job, gathered: Gathered) -> list[Event]:
        elapsed = lifecycle.elapsed(job, self.engine.clock.now())
        events: list[Event] = []
        if gathered.example is not None:
            details = gathered.example.details
            rejected = happened.ReportRejected(
                text=details["text"], problem=details["problem"], count=gathered.rejected, offset=gathered.offset
            )
            events.append(rejected)
        if gathered.taken or not events:
            events.append(
                happened.Progressed(
                    report=gathered.report, count=gathered.taken, elapsed=elapsed, offset=gathered.offset
                )
            )
        return events

    def _open_job(self, key: Key) -> Job | None:
        """Find the job if this attempt is its open one."""
        job = self.engine.jobs.get(key[0])
        if job is None or not job.open or job.attempts[-1].number != key[1]:
            return None
        return job

    def _record(self, job: Job, events: list[Event]) -> Job | None:
        try:
            return self.engine.record(job, events)
        except JobdError as error:
            logger.warning("job %d: not recorded: %s", job.id, error)
            return None


def _key(job: Job) -> Key:
    return job.id, job.attempts[-1].number


def _dated(ending: Ending, job: Job, at: datetime, elapsed: float | None) -> Ending:
    if ending.ended_at is not None:
        return ending
    return replace(ending, ended_at=at, elapsed=elapsed, started_at=job.started_at)
