"""Processes that jobd did not start but was asked to watch: measured, and told of once, when one has ended."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from jobd.core.model import Job, Process, Usage
from jobd.daemon.attempts.meter import Meter
from jobd.daemon.system import processes, strangers
from jobd.daemon.system.trees import Tree

#: Seconds between looks where no descriptor tells of an end.
LOOK = 1.0
#: A begun job has one attempt.
ATTEMPT = 1


class Begun:
    """Watch the processes of begun jobs.

    `gone` is told the job, the wait status if the kernel tells it, and the last measurement.
    """

    def __init__(self, gone: Callable[[int, int | None, Usage | None], None], meter: Meter) -> None:
        self._gone = gone
        self._meter = meter
        self._watched: dict[int, int] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def watch(self, job: Job) -> None:
        """Begin to watch, if the job names a process; one that has ended already is told at once."""
        if job.watched is None or job.done or job.id in self._watched or job.id in self._timers:
            return
        try:
            descriptor = processes.open_pidfd(job.watched)
        except OSError:
            descriptor = None
        if descriptor is None:
            self._look(job.id, job.watched)
            if job.id in self._timers:
                self._measure(job, job.watched)
            return
        self._watched[job.id] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._ended, job.id, job.watched)
        self._measure(job, job.watched)

    def forget(self, job_id: int) -> None:
        """Watch and measure no longer."""
        self._meter.finish((job_id, ATTEMPT))
        timer = self._timers.pop(job_id, None)
        if timer is not None:
            timer.cancel()
        descriptor = self._watched.pop(job_id, None)
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Watch nothing."""
        for job_id in [*self._watched, *self._timers]:
            self.forget(job_id)

    def _measure(self, job: Job, process: Process) -> None:
        self._meter.watch((job.id, ATTEMPT), Tree(main=process), Path(), 0, job.usage)

    def _look(self, job_id: int, process: Process) -> None:
        self._timers.pop(job_id, None)
        if processes.alive(process):
            self._timers[job_id] = asyncio.get_running_loop().call_later(LOOK, self._look, job_id, process)
        else:
            self._tell(job_id, None)

    def _ended(self, job_id: int, process: Process) -> None:
        self._tell(job_id, strangers.status(self._watched[job_id], process))

    def _tell(self, job_id: int, status: int | None) -> None:
        usage = self._meter.finish((job_id, ATTEMPT))
        self.forget(job_id)
        self._gone(job_id, status, usage)
