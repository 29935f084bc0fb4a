"""Which waiting jobs start now: the higher priority first, then the older one, as long as there are free slots."""

import heapq

from jobd.core.model import Job, State

#: So many left places are not worth making the queue anew.
SPARE = 64


def order(job: Job) -> tuple[int, int]:
    """Sort key of the queue: a higher priority first, then a lower id."""
    return -job.priority, job.id


def occupies(job: Job) -> bool:
    """Whether a job takes up a slot: it runs, or is being started. Jobs that jobd did not start take none."""
    return job.spec is not None and job.open


def waits(job: Job) -> bool:
    """Whether a job stands in the queue."""
    return job.state is State.PENDING and not job.open and not job.backs_off


class Queue:
    """The jobs that wait, in order, and how many slots are taken; adding and taking cost the same however many wait."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._waiting: dict[int, tuple[int, int]] = {}
        self._occupied: set[int] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def occupied(self) -> int:
        """Slots in use."""
        return len(self._occupied)

    def consider(self, job_id: int, job: Job | None) -> None:
        """Take in a job as it now is; None = it is gone."""
        if job is not None and waits(job):
            key = order(job)
            if self._waiting.get(job_id) != key:
                self._waiting[job_id] = key
                heapq.heappush(self._heap, key)
                self._sweep()
        else:
            self._waiting.pop(job_id, None)
        if job is not None and occupies(job):
            self._occupied.add(job_id)
        else:
            self._occupied.discard(job_id)

    def take(self, slots: int) -> int | None:
        """Take the next job to start if there is a free slot."""
        while self._heap and len(self._occupied) < slots:
            key = heapq.heappop(self._heap)
            if self._waiting.get(key[1]) == key:
                del self._waiting[key[1]]
                return key[1]
        return None

    def _sweep(self) -> None:
        """Make the heap anew when most of it is places of jobs that wait no longer, or elsewhere."""
        if len(self._heap) > 2 * len(self._waiting) + SPARE:
            self._heap = list(self._waiting.values())
            heapq.heapify(self._heap)
