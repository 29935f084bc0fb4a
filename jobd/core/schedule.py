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


Place = tuple[int, int]


class Queue:
    """The jobs that wait, in order, and how many slots are taken; adding and taking cost the same however many wait.

    A job that runs lends its slot to one of its parts: it may wait for them, and would wait for ever if they needed a
    slot that is not there.
    """

    def __init__(self) -> None:
        self._heap: list[Place] = []
        self._waiting: dict[int, Place] = {}
        #: The jobs that take a slot, each with its parent.
        self._occupied: dict[int, int | None] = {}
        #: The places of parts, by their parents; some of those may wait no longer.
        self._parts: dict[int, list[Place]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def occupied(self) -> int:
        """Slots in use."""
        return len(self._occupied) - len(self._lending())

    def consider(self, job_id: int, job: Job | None) -> None:
        """Take in a job as it now is; None = it is gone."""
        if job is not None and waits(job):
            self._wait(job, order(job))
        else:
            self._waiting.pop(job_id, None)
        if job is not None and occupies(job):
            self._occupied[job_id] = job.parent
        else:
            self._occupied.pop(job_id, None)
        if job is None or job.done:
            self._parts.pop(job_id, None)

    def take(self, slots: int) -> int | None:
        """Take the next job to start if there is a free slot, or one that is lent."""
        lending = self._lending()
        if len(self._occupied) - len(lending) < slots:
            return self._next(self._heap)
        for parent in self._occupied.keys() - lending:
            found = self._next(self._parts.get(parent, []))
            if found is not None:
                return found
        return None

    def _lending(self) -> set[int]:
        """Name the jobs whose slot a part of theirs has."""
        return {parent for parent in self._occupied.values() if parent is not None and parent in self._occupied}

    def _wait(self, job: Job, place: Place) -> None:
        if self._waiting.get(job.id) == place:
            return
        self._waiting[job.id] = place
        heapq.heappush(self._heap, place)
        if job.parent is not None:
            heapq.heappush(self._parts.setdefault(job.parent, []), place)
        self._sweep()

    def _next(self, heap: list[Place]) -> int | None:
        while heap:
            place = heapq.heappop(heap)
            if self._waiting.get(place[1]) == place:
                del self._waiting[place[1]]
                return place[1]
        return None

    def _sweep(self) -> None:
        """Make the heap anew when most of it is places of jobs that wait no longer, or elsewhere."""
        if len(self._heap) > 2 * len(self._waiting) + SPARE:
            self._heap = list(self._waiting.values())
            heapq.heapify(self._heap)
