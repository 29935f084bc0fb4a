"""Which waiting jobs start now: the higher priority first, then the older one, as long as there are free slots."""

from collections.abc import Iterable

from jobd.core.model import Job, State


def order(job: Job) -> tuple[int, int]:
    """Sort key of the queue: a higher priority first, then a lower id."""
    return -job.priority, job.id


def occupies(job: Job) -> bool:
    """Whether a job takes up a slot: it runs, or is being started. Jobs that jobd did not start take none."""
    return job.spec is not None and job.open


def waits(job: Job) -> bool:
    """Whether a job stands in the queue."""
    return job.state is State.PENDING and not job.open


def pick(jobs: Iterable[Job], slots: int) -> list[Job]:
    """Choose the jobs to start, in order."""
    occupied, waiting = 0, []
    for job in jobs:
        if occupies(job):
            occupied += 1
        elif waits(job):
            waiting.append(job)
    free = slots - occupied
    return sorted(waiting, key=order)[:free] if free > 0 else []
