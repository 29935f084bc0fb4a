"""The queue: who starts next, however jobs come, go, change and come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.model import Job, State
from jobd.core.schedule import SPARE, Queue, occupies, order, waits
from tests.core.samples import job_in


def waiting(job_id: int, priority: int = 0) -> Job:
    """Make a job that stands in the queue."""
    return replace(job_in(State.PENDING, job_id=job_id), attempts=(), priority=priority)


def taken(queue: Queue, slots: int = 10) -> list[int]:
    """Take all jobs that may start, as jobs that then run."""
    found = []
    while (job_id := queue.take(slots)) is not None:
        found.append(job_id)
        queue.consider(job_id, job_in(State.RUNNING, job_id=job_id))
    return found


def test_priority_then_age() -> None:
    """The higher priority first, then the older job."""
    queue = Queue()
    for job_id, priority in ((1, 0), (2, 5), (3, -5), (4, 5), (5, 0)):
        queue.consider(job_id, waiting(job_id, priority))
    assert len(queue) == 5
    assert taken(queue) == [2, 4, 1, 5, 3]
    assert (len(queue), queue.occupied) == (0, 5)


def test_slots() -> None:
    """No more jobs start than there are free slots, and the next one when a slot is free again."""
    queue = Queue()
    for job_id in (1, 2, 3):
        queue.consider(job_id, waiting(job_id))
    assert taken(queue, slots=2) == [1, 2]
    assert queue.take(0) is None
    queue.consider(1, job_in(State.COMPLETED, job_id=1))
    assert taken(queue, slots=2) == [3]


def part(job_id: int, parent: int, priority: int = 0) -> Job:
    """Make a part of a job, which waits."""
    return replace(waiting(job_id, priority), parent=parent)


def running(job_id: int, parent: int | None = None) -> Job:
    """Make a job that runs."""
    return replace(job_in(State.RUNNING, job_id=job_id), parent=parent)


def test_a_job_lends_its_slot_to_a_part() -> None:
    """To one at a time, so that nobody waits for ever for his own parts, however deep; others stay in their turn."""
    queue = Queue()
    queue.consider(1, running(1))
    for job in (waiting(2, 9), part(3, 1), part(4, 1, 1), part(5, 4)):
        queue.consider(job.id, job)
    assert queue.take(1) == 4
    queue.consider(4, running(4, 1))
    assert (queue.occupied, queue.take(1)) == (1, 5)
    queue.consider(5, running(5, 4))
    assert (queue.occupied, queue.take(1)) == (1, None)
    queue.consider(5, job_in(State.COMPLETED, job_id=5))
    assert queue.take(1) is None
    queue.consider(4, job_in(State.COMPLETED, job_id=4))
    assert queue.take(1) == 3
    queue.consider(3, running(3, 1))
    queue.consider(3, job_in(State.FAILED, job_id=3))
    assert queue.take(1) is None
    queue.consider(1, job_in(State.COMPLETED, job_id=1))
    assert queue.take(1) == 2


def test_free_slots_go_by_the_queue() -> None:
    """What is lent is not needed as long as a slot is free; a part whose parent has ended waits like all others."""
    queue = Queue()
    queue.consider(1, running(1))
    for job in (waiting(2), part(3, 1), part(4, 9)):
        queue.consider(job.id, job)
    assert queue.take(2) == 2
    queue.consider(2, running(2))
    assert queue.take(2) == 3
    queue.consider(3, running(3, 1))
    assert (queue.occupied, queue.take(2)) == (2, None)
    queue.consider(1, job_in(State.COMPLETED, job_id=1))
    assert (queue.occupied, queue.take(2)) == (2, None)


@pytest.mark.parametrize("state", State)
def test_who_takes_a_slot(state: State) -> None:
    """A job takes a slot from the decision to start it to its very end, but not if jobd did not start it."""
    job = job_in(state)
    assert occupies(job) == (not job.done)
    assert not occupies(replace(job, spec=None))
    assert not waits(job)
    assert waits(waiting(1))
    assert not occupies(waiting(1))


def test_a_job_that_changes_changes_its_place() -> None:
    """Another priority counts at once; one that is canceled or removed is not started."""
    queue = Queue()
    for job_id in (1, 2, 3, 4, 5):
        queue.consider(job_id, waiting(job_id))
    queue.consider(3, waiting(3, 1))
    queue.consider(1, waiting(1, -1))
    queue.consider(2, job_in(State.CANCELED, job_id=2))
    queue.consider(4, None)
    assert taken(queue) == [3, 5, 1]


def test_the_queue_does_not_grow_with_what_has_left_it() -> None:
    """Jobs that are canceled and come back again and again, while no slot is free, leave nothing behind."""
    queue = Queue()
    for _ in range(10 * SPARE):
        queue.consider(1, waiting(1))
        queue.consider(1, None)
    queue.consider(1, waiting(1))
    assert len(queue) == 1
    assert len(vars(queue)["_heap"]) <= SPARE + 2
    assert taken(queue) == [1]


changes = st.tuples(st.integers(1, 6), st.sampled_from(["wait", "run", "end", "gone", "take"]), st.integers(-1, 1))


@given(st.lists(changes, max_size=60), st.integers(0, 4))
def test_like_a_sorted_list(history: list[tuple[int, str, int]], slots: int) -> None:
    """Whatever happens, the next is the one that a plain sorted list would name."""
    queue, jobs = Queue(), dict[int, Job]()
    for job_id, change, priority in history:
        if change == "take":
            running = sum(occupies(job) for job in jobs.values())
            first = min((job for job in jobs.values() if waits(job)), key=order, default=None)
            expected = first.id if first and running < slots else None
            assert queue.take(slots) == expected
            if expected is not None:
                jobs[expected] = job_in(State.RUNNING, job_id=expected)
                queue.consider(expected, jobs[expected])
            continue
        if change == "gone":
            jobs.pop(job_id, None)
        else:
            state = State.RUNNING if change == "run" else State.FAILED
            jobs[job_id] = waiting(job_id, priority) if change == "wait" else job_in(state, job_id=job_id)
        queue.consider(job_id, jobs.get(job_id))
        assert len(queue) == sum(waits(job) for job in jobs.values())
        assert queue.occupied == sum(occupies(job) for job in jobs.values())
