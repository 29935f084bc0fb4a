"""What follows from what was recorded: once an event is durable, its consequence here is carried out.

Jobs are started in the order of the queue; the intent is durable before anything is touched. An attempt that never ran
is tried again after a pause that doubles.
"""

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from jobd.core import lifecycle
from jobd.core.errors import JobdError
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.model import Attempt, Job, State
from jobd.core.work import items
from jobd.daemon.attempts import directory, output, variables
from jobd.daemon.recorder import current
from jobd.daemon.system import cgroups
from jobd.daemon.system.crash import crash_point

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine
    from jobd.daemon.recorder import Recorder

logger = logging.getLogger(__name__)

#: Seconds between an attempt that never ran and the next one, doubled each time, up to the longest.
REST, LONGEST_REST = 0.01, 1.0

#: Limits by name: soft, hard.
Limits = dict[str, tuple[int, int]]


class Orders:
    """Carry out consequences. `limits` are those of jobs whose submitter names none."""

    def __init__(self, engine: "Engine", recorder: "Recorder", limits: Limits) -> None:
        self.engine = engine
        self.recorder = recorder
        self._limits = limits
        self._scheduled = False
        self._closed = False
        #: When jobs may be tried again, by job and the number of the attempt that never ran.
        self._due: dict[tuple[int, int], float] = {}
        #: Control groups made for attempts that are not durable yet.
        self._groups: dict[int, str] = {}
        engine.wake = self.wake
        engine.consequences.update(
            {
                happened.Opened: self._launch,
                happened.Withdrawn: self._withdrawn,
                happened.Started: self._started,
                happened.PauseAsked: lambda job, _: recorder.control.pause(current(job)),
                happened.Resumed: lambda job, _: recorder.control.resume(current(job)),
                happened.CancelAsked: self._cancel,
                happened.Begun: lambda job, _: recorder.begun.watch(job),
                happened.Completed: self._finished,
                happened.Failed: self._finished,
                happened.AttemptFailed: self._finished,
                happened.Canceled: self._finished,
                happened.Removed: self._removed,
            }
        )

    def close(self) -> None:
        """Start nothing more."""
        self._closed = True

    def wake(self) -> None:
        """Start what can be started, once in this turn of the loop."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start_jobs)

    def forget_groups(self) -> None:
        """Remove the groups of attempts whose opening could not be made durable."""
        for group in self._groups.values():
            cgroups.remove(group)
        self._groups.clear()

    def _start_jobs(self) -> None:
        self._scheduled = False
        crash_point("before_intent")
        resting = []
        while not self._closed and (job_id := self.engine.queue.take(self.engine.config.jobs.slots)) is not None:
            job = self.engine.jobs[job_id]
            if self._rests(job):
                resting.append(job)
            elif not self._open(job):
                resting.append(job)
                break
        for job in resting:
            self.engine.queue.consider(job.id, job)

    def _rests(self, job: Job) -> bool:
        """Whether a job must wait after an attempt that never ran."""
        if not job.withdrawn:
            return False
        loop = asyncio.get_running_loop()
        key = job.id, job.numbered
        if key not in self._due:
            pause = min(REST * 2**job.withdrawn, LONGEST_REST)
            self._due[key] = loop.time() + pause
            loop.call_later(pause, self.wake)
        if loop.time() < self._due[key]:
            return True
        del self._due[key]
        return False

    def _open(self, job: Job) -> bool:
        """Record the decision to start a job; False if that cannot be recorded."""
        cookie = f"{job.id}.{job.numbered + 1}.{os.urandom(8).hex()}"
        group = cgroups.create(cookie)
        try:
            self.engine.record(job, lifecycle.open_attempt(job, self.engine.clock.now(), cookie, group))
        except JobdError as error:
            logger.warning("job %d: not started: %s", job.id, error)
            cgroups.remove(group or "")
            return False
        if group is not None:
            self._groups[job.id] = group
        return True

    def _launch(self, job: Job, event: Event) -> None:
        assert isinstance(event, happened.Opened)
        self._groups.pop(job.id, None)
        attempt = job.attempts[-1] if job.open else None
        if attempt is None or attempt.number != event.number or attempt.main is not None or self._closed:
            return
        key = current(job)
        if job.state is State.CANCELING:
            self.recorder.never_ran(key, "canceled before the start")
            return
        path = output.attempt_directory(self.engine.paths, *key)
        try:
            spec = self._spec_file(job, attempt)
            if job.resumes:
                variables.put_items(path, [item.key for item in items.left(self.engine.items.known(job).values())])
        except (JobdError, OSError) as error:
            self.recorder.never_ran(key, str(error))
            return
        self.recorder.executor.start(key, path, spec)

    def _spec_file(self, job: Job, attempt: Attempt) -> directory.SpecFile:
        assert job.spec is not None
        surroundings = self.engine.archive.surroundings(job.spec.surroundings)
        return directory.spec_file(
            job, attempt, surroundings, variables.of(self.engine.paths, job, attempt), self._limits
        )

    def _withdrawn(self, job: Job, event: Event) -> None:
        assert isinstance(event, happened.Withdrawn)
        self.recorder.discard((job.id, event.number))

    def _started(self, job: Job, event: Event) -> None:
        crash_point("after_started")

    def _cancel(self, job: Job, event: Event) -> None:
        crash_point("cancel_committed")
        if not job.open:
            return
        path = output.attempt_directory(self.engine.paths, *current(job))
        self.recorder.executor.starting.withdraw(path, "canceled before the start")
        self.recorder.cancel_now(job)

    def _finished(self, job: Job, event: Event) -> None:
        crash_point("after_terminal")
        self.recorder.begun.forget(job.id)
        self.engine.archive.learning.outdate(job.name)
        self._due.pop((job.id, job.numbered), None)
        abandoned = isinstance(event, happened.Canceled) and event.abandoned
        for attempt in job.attempts if job.spec is not None else ():
            key = job.id, attempt.number
            if attempt.ending is None:
                continue
            if abandoned and key in self.recorder.executor.watched:
                self.recorder.let_go(key)
            elif output.attempt_directory(self.engine.paths, *key).exists():
                self.recorder.clean_up(key)
        crash_point("after_cleanup")

    def _removed(self, job: Job, event: Event) -> None:
        output.delete(self.engine.paths, job.id, list(range(1, job.numbered + 1)))
        for attempt in job.attempts:
            if output.attempt_directory(self.engine.paths, job.id, attempt.number).exists():
                self.recorder.discard((job.id, attempt.number))
