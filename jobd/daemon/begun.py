"""Processes that jobd did not start but was asked to watch: told once, when one has ended."""

import asyncio
import os
from collections.abc import Callable

from jobd.core.model import Job
from jobd.daemon import processes


class Begun:
    """Watch the processes of begun jobs."""

    def __init__(self, vanished: Callable[[int], None]) -> None:
        self._vanished = vanished
        self._watched: dict[int, int] = {}

    def watch(self, job: Job) -> None:
        """Begin to watch, if the job names a process; one that has ended already is told at once."""
        if job.watched is None or job.done or job.id in self._watched:
            return
        descriptor = processes.open_pidfd(job.watched)
        if descriptor is None:
            self._vanished(job.id)
            return
        self._watched[job.id] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._ended, job.id)

    def forget(self, job_id: int) -> None:
        """Watch no longer."""
        descriptor = self._watched.pop(job_id, None)
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Watch nothing."""
        for job_id in list(self._watched):
            self.forget(job_id)

    def _ended(self, job_id: int) -> None:
        self.forget(job_id)
        self._vanished(job_id)
