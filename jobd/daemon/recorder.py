"""What the parts of the daemon see, turned into what is recorded.

The executor, the control, the meter and the reports tell outcomes here; the lifecycle says which events they are. An
outcome that cannot be recorded (the disk is full) is not lost: it still stands in the attempt's directory, and recovery
reads it there when the store works again.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from jobd.core import clocks, lifecycle
from jobd.core.errors import JobdError
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.model import Ending, Job, Leftover, Measure, Moment, State, Usage
from jobd.daemon.attempts import directory, output
from jobd.daemon.attempts.control import Control
from jobd.daemon.attempts.directory import Claim
from jobd.daemon.attempts.executor import Executor
from jobd.daemon.attempts.meter import Meter
from jobd.daemon.attempts.starting import Key
from jobd.daemon.begun import Begun
from jobd.daemon.guesses import Guesses
from jobd.daemon.report_file import Reading
from jobd.daemon.reported import Reported
from jobd.daemon.reports import Reports
from jobd.daemon.system import cgroups
from jobd.daemon.system.crash import crash_point

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

logger = logging.getLogger(__name__)

#: Seconds until a job that has ended is looked at again whose reports are still being read.
CATCHING_UP = 0.05


class Recorder:
    """Join the engine with the parts that touch processes and files."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        boot = engine.clock.now().boot
        self.executor = Executor(self, boot, engine.paths.log / "zygote.log")
        self.control = Control(self.executor.watched, self)
        self.reports = Reports(self.reported)
        self.guesses = Guesses(engine)
        self.meter = Meter(self, lambda: engine.config.jobs.sample_every)
        self.begun = Begun(self.gone, self.meter)
        #: Attempts that are over while something holds on to their directories; recovery looks at them again.
        self.leftovers: set[Key] = set()
        self._closed = False
        engine.concerns.append(self._shortage)

    def close(self) -> None:
        """Let go of everything; jobs run on."""
        self._closed = True
        self.reports.close()
        self.guesses.close()
        self.meter.close()
        self.control.close()
        self.executor.close()
        self.begun.close()

    def claimed(self, key: Key, claim: Claim) -> None:
        """A shim owns the attempt: the job runs."""
        job = self._open_job(key)
        if job is None:
            return
        crash_point("before_started")
        job = self._record(job, self._started(job, claim))
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
        if job is not None and not job.attempts[-1].shim_lost:
            self._record(job, [happened.Adopted(shim_lost=True)])

    def ended(self, key: Key, ending: Ending | None, lost_by: str = "shim") -> None:
        """Nothing of the attempt is left: take in its last reports and its end, together."""
        job = self._open_job(key)
        if self._closed or job is None:
            self._tidy(key)
            return
        self._follow_reports(job)
        if self.reports.is_far_behind(key):
            asyncio.get_running_loop().call_later(CATCHING_UP, self.ended, key, ending, lost_by)
            return
        job = self._surely_started(key, job)
        self.control.spare(key)
        now = self.engine.clock.now()
        ending = ending and _dated(ending, job, now)
        self.guesses.follow(job)
        events = self.guesses.finish(job) + self._last_trim(key, job) + self._last_reports(key, job, ending)
        usage = self.meter.finish(key) or self.engine.usage.get(job.id) or job.usage
        crash_point("before_terminal")
        end = lifecycle.exited(job, ending, usage) if ending else lifecycle.lost(job, lost_by, now, usage)
        if self._record(job, [*events, *end]) is not None:
            self.engine.usage.pop(job.id, None)

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

    def reported(self, key: Key, reading: Reading) -> None:
        """The job wrote into its report file. Raises what the store suffers from: then it is read again."""
        job = self._open_job(key)
        if job is not None:
            now = self.engine.clock.now()
            said = Reported(job, self.engine.items, now, clocks.worked(job, now))
            self.engine.record(job, said.read(reading.lines, reading.offset))

    def measured(self, key: Key, usage: Usage, *, due: bool) -> None:
        """The tree was measured; now and then it is saved."""
        job = self._open_job(key)
        if job is None:
            return
        self.engine.usage[job.id] = usage
        elapsed = clocks.elapsed(job, self.engine.clock.now())
        if due and elapsed is not None:
            point = Measure(round(elapsed, 3), usage.cpu_percent or 0.0, usage.rss_bytes or 0)
            self._record(job, [happened.Measured(usage=usage, measure=point)])

    def trimmed(self, key: Key, file: str, removed: int, limit: int) -> None:
        """The output was over its limit."""
        job = self._open_job(key)
        if job is not None:
            self._record(job, [happened.OutputTrimmed(file=file, removed_bytes=removed, limit=limit)])

    def gone(self, job_id: int, status: int | None = None, usage: Usage | None = None) -> None:
        """The process that a begun job told to watch has ended, or the machine was restarted."""
        job = self.engine.jobs.get(job_id)
        if job is not None and not job.done:
            self._record(job, lifecycle.gone(job, status, self.engine.clock.now(), usage))

    def follow(self, job: Job) -> None:
        """Read the reports of a running job, and measure it."""
        self._follow_reports(job)
        self.guesses.follow(job)
        watched = self.executor.watched.get(current(job))
        if watched is not None and job.spec is not None:
            self.meter.watch(watched.key, watched.tree, watched.path, job.spec.output_limit, job.usage)

    def cancel_now(self, job: Job) -> None:
        """Go on ending a job, with what is left of its grace."""
        asked = job.cancellation
        if asked is not None:
            passed = (self.engine.clock.now().boottime - asked.asked_boottime) / 1e9
            self.control.end(current(job), asked.signal, max(0.0, asked.grace - max(0.0, passed)))

    def let_go(self, key: Key) -> None:
        """Leave the processes of an abandoned attempt alone; its end is still waited for, to clean up."""
        self.control.spare(key)
        self.reports.drop(key)
        self.guesses.drop(key)
        self.meter.finish(key)

    def is_over(self, key: Key) -> bool:
        """Whether an attempt has durably ended."""
        job = self.engine.archive.reader.job(key[0])
        return job is not None and any(a.number == key[1] and (a.ending or job.done) for a in job.attempts)

    def clean_up(self, key: Key) -> None:
        """Keep the output of an attempt that is durably over, and remove the rest, now or later."""
        try:
            if directory.clean_up(self.engine.paths, *key):
                return
        except OSError as error:
            logger.warning("attempt %d.%d is cleaned up later: %s", *key, error)
        self.leftovers.add(key)

    def discard(self, key: Key) -> None:
        """Remove the directory of an attempt that never ran, now or later."""
        try:
            if directory.discard(output.attempt_directory(self.engine.paths, *key)):
                return
        except OSError as error:
            logger.warning("attempt %d.%d is removed later: %s", *key, error)
        self.leftovers.add(key)

    def _tidy(self, key: Key) -> None:
        """Clean up after an attempt that was durably over before its processes were: the job was abandoned."""
        self.let_go(key)
        if self.is_over(key):
            self.clean_up(key)

    def _follow_reports(self, job: Job) -> None:
        path = output.attempt_directory(self.engine.paths, *current(job)) / "report"
        try:
            self.reports.follow(current(job), path, job.attempts[-1].report_offset)
        except FileNotFoundError:
            return
        except OSError as error:
            logger.warning("job %d: its report file cannot be read: %s", job.id, error)

    def _last_trim(self, key: Key, job: Job) -> list[Event]:
        """Hold what the job wrote last to its limit, too."""
        limit = job.spec.output_limit if job.spec else 0
        lost = self.meter.trim(key, output.attempt_directory(self.engine.paths, *key), limit)
        return [happened.OutputTrimmed(file=file, removed_bytes=count, limit=limit) for file, count in lost.items()]

    def _last_reports(self, key: Key, job: Job, ending: Ending | None) -> list[Event]:
        """Read the reports to their end; nothing was said after the end of the job."""
        now = self.engine.clock.now()
        worked = clocks.worked(job, now)
        if worked is not None and ending is not None and ending.elapsed is not None:
            worked = min(worked, ending.elapsed)
        said = Reported(job, self.engine.items, now, worked)
        events: list[Event] = []
        try:
            for reading in self.reports.finish(key):
                events += said.read(reading.lines, reading.offset)
        except OSError as error:
            problem = "the report file cannot be read to its end"
            events.append(happened.ReportRejected(text=error.strerror or str(error), problem=problem))
        return events

    def _surely_started(self, key: Key, job: Job) -> Job:
        """Record the start first if that could not be done when it happened."""
        if job.attempts[-1].main is not None:
            return job
        claim = directory.look(output.attempt_directory(self.engine.paths, *key)).claim
        if claim is None or claim.by != "shim":
            return job
        return self._record(job, self._started(job, claim)) or job

    def _started(self, job: Job, claim: Claim) -> list[Event]:
        at, now = directory.wall(claim.t0), self.engine.clock.now()
        late = max(0.0, (now.wall - at).total_seconds())
        return lifecycle.started(job, claim.main, claim.witness, at, now.boottime - int(late * 1e9))

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

    def _shortage(self) -> str | None:
        short = self.executor.starting.short
        return f"starts: jobs wait for what is short: {short}" if short else None


def current(job: Job) -> Key:
    """Name the latest attempt of a job."""
    return job.id, job.attempts[-1].number


def _dated(ending: Ending, job: Job, now: Moment) -> Ending:
    """Complete an ending that no shim has seen: it is now."""
    if ending.ended_at is not None:
        return ending
    lasted = clocks.duration(job.attempts[-1], now)
    return replace(ending, ended_at=now.wall, elapsed=lasted, started_at=job.started_at)
