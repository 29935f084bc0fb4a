"""Processes that jobd did not start but was asked to watch: told once, when one has ended."""

import asyncio
import os
from collections.abc import Callable

from jobd.core.model import Job, Process
from jobd.daemon.system import processes

#: Seconds between looks where no descriptor tells of an end.
LOOK = 1.0


class Begun:
    """Watch the processes of begun jobs."""

    def __init__(self, vanished: Callable[[int], None]) -> None:
        self._vanished = vanished
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
            return
        self._watched[job.id] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._ended, job.id)

    def forget(self, job_id: int) -> None:
        """Watch no longer."""
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

    def _look(self, job_id: int, process: Process) -> None:
        self._timers.pop(job_id, None)
        if processes.alive(process):
            self._timers[job_id] = asyncio.get_running_loop().call_later(LOOK, self._look, job_id, process)
        else:
            self._vanished(job_id)

    def _ended(self, job_id: int) -> None:
        self.forget(job_id)
        self._vanished(job_id)
