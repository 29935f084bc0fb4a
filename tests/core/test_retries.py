"""Jobs that are run again by themselves: how often, when, and what becomes of their record meanwhile."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core import lifecycle, retries, schedule, showing, staleness
from jobd.core.errors import BadValue
from jobd.core.events import catalogue as happened
from jobd.core.model import Ending, Job, State
from jobd.core.promises import Heartbeat, OnStale
from jobd.core.retries import LONGEST_PAUSE, MOST_RETRIES, Retries
from tests.core.samples import AT, EVENTS, after, entry, job_in, moment

TWICE = Retries(most=2, delay=20.0)


def running(wanted: Retries | None = TWICE, **fields: object) -> Job:
    """Make a job that runs, and is run again if it fails."""
    return replace(job_in(State.RUNNING), retries=wanted, **fields)


def failed(job: Job, status: int = 256, seconds: float = 12.5) -> Job:
    """Let it fail."""
    ending = Ending(status=status, elapsed=seconds, ended_at=AT + timedelta(seconds=seconds))
    return after(job, lifecycle.exited(job, ending, None))


def again(job: Job) -> Job:
    """Let it be run again."""
    return after(job, [*lifecycle.due(job), EVENTS[happened.Opened], EVENTS[happened.Started]])


def test_pauses_double_up_to_an_hour() -> None:
    """From the first on, never longer than an hour unless the first is; always a number."""
    assert [retries.pause(TWICE, times) for times in range(9)] == [20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert [retries.pause(Retries(most=9, delay=7200.0), times) for times in (0, 5)] == [7200, 7200]
    assert [retries.pause(Retries(most=9, delay=0.0), times) for times in (0, 5)] == [0, 0]
    assert retries.pause(Retries(most=MOST_RETRIES), MOST_RETRIES) == LONGEST_PAUSE


@given(st.floats(0, 30 * 86400), st.integers(0, MOST_RETRIES))
def test_whatever_the_first_pause_is(delay: float, times: int) -> None:
    """Pauses never fall, and at most double."""
    wanted = Retries(most=MOST_RETRIES, delay=delay)
    this, following = retries.pause(wanted, times), retries.pause(wanted, times + 1)
    assert this <= following <= max(2 * this, this)


def test_a_job_that_fails_is_run_again() -> None:
    """As often as it may be; then it has failed. Each attempt is remembered with its reason."""
    job = running()
    for times, pause in ((1, 20), (2, 40)):
        job = failed(job)
        assert (job.state, job.reason, job.retried, job.backs_off) == (State.PENDING, "backoff", times, True)
        assert job.not_before == AT + timedelta(seconds=12.5 + pause)
        assert (job.attempts[-1].state, job.attempts[-1].reason) == (State.FAILED, "exit:1")
        assert not schedule.waits(job)
        job = again(job)
        assert (job.state, job.reason, job.not_before) == (State.RUNNING, None, None)
    job = failed(job)
    assert (job.state, job.reason, job.retried, job.not_before) == (State.FAILED, "exit:1", 2, None)
    assert [attempt.reason for attempt in job.attempts] == ["exit:1"] * 3
    asked = after(job, lifecycle.retry(job))
    assert (asked.state, asked.retried, asked.reason, schedule.waits(asked)) == (State.PENDING, 0, None, True)


#: How an attempt ends, and whether another one follows.
ENDINGS = [
    (Ending(status=256), True),
    (Ending(status=9), True),
    (Ending(status=9, out_of_memory=True), True),
    (Ending(status=None), True),
    (Ending(status=127 << 8, start_errno=2, start_step="exec"), False),
    (Ending(status=0), False),
]


@pytest.mark.parametrize(("ending", "follows"), ENDINGS)
def test_what_it_failed_by(ending: Ending, follows: bool) -> None:  # noqa: FBT001 -- a case of a table
    """Anything but a command that cannot be started; one that has not failed is not run again."""
    job = after(running(), lifecycle.exited(running(), ending, None))
    assert (job.backs_off, job.state is State.PENDING) == (follows, follows)


@pytest.mark.parametrize("detail", ["shim", "reboot"])
def test_a_job_that_was_lost(detail: str) -> None:
    """It is run again; after a reboot nobody knows when it ended, so the pause begins when that is noticed."""
    job = after(running(), lifecycle.lost(running(), detail, moment(60)))
    assert (job.backs_off, job.attempts[-1].reason) == (True, "lost")
    assert job.not_before == (moment(60).wall if detail == "shim" else entry(happened.Retried()).at) + timedelta(
        seconds=20
    )


def test_nobody_runs_again_what_somebody_canceled() -> None:
    """Running or waiting for its next attempt, it is canceled for good."""
    job = after(running(), lifecycle.cancel(running(), moment(1), 10.0, 15, "enough", 1000))
    assert (failed(job, 15).state, failed(job, 15).reason) == (State.CANCELED, "enough")
    resting = failed(running())
    gone = after(resting, lifecycle.cancel(resting, moment(20), 10.0, 15, "enough", 1000))
    assert (gone.state, gone.reason, gone.not_before) == (State.CANCELED, "enough", None)
    assert lifecycle.due(gone) == []


def test_somebody_may_not_want_to_wait() -> None:
    """A retry in the pause ends it; that does not count as another try of its own."""
    resting = failed(running())
    job = after(resting, lifecycle.retry(resting))
    assert (schedule.waits(job), job.retried, job.reason) == (True, 1, None)
    assert lifecycle.due(job) == []


def test_what_is_shown_meanwhile() -> None:
    """It waits; what it said in its last attempt can be seen until the next one, what it used cannot."""
    job = replace(running(), usage=EVENTS[happened.Failed].usage)  # type: ignore[attr-defined]
    job = after(job, [EVENTS[happened.Progressed], EVENTS[happened.Measured]])
    resting = failed(job)
    view = showing.view(resting, moment(15), None, None)
    assert (view.state, view.reason, view.retried, view.done) == (State.PENDING, "backoff", 1, False)
    assert (view.progress.fraction, view.progress.eta, view.elapsed, view.exit_code) == (0.3, None, None, None)
    assert (view.usage.cpu_seconds, view.usage.series, view.started_at, view.ended_at) == (None, (), None, None)
    assert view.not_before == resting.not_before
    assert after(resting, lifecycle.due(resting)).progress.fraction is None


def stale(job: Job) -> Job:
    """Let it be silent for too long, and end by that."""
    silent = after(job, staleness.silent(job, 50.0, moment(50)))
    assert silent.state is State.CANCELING
    return failed(silent, 15)


def test_a_stale_job_may_be_run_again() -> None:
    """As often as a failed one; the last time it has failed, as stale. A cancel meanwhile goes before that."""
    promise = Heartbeat(stale_after=40.0, on_stale=OnStale.RETRY)
    job = running(heartbeat=promise)
    for _ in range(2):
        job = stale(job)
        assert (job.backs_off, job.attempts[-1].reason) == (True, "stale")
        job = again(job)
    job = stale(job)
    assert (job.state, job.reason) == (State.FAILED, "stale")
    silent = after(running(heartbeat=promise), staleness.silent(running(heartbeat=promise), 50.0, moment(50)))
    canceled = after(silent, lifecycle.cancel(silent, moment(51), 10.0, 15, "enough", 1000))
    assert (failed(canceled, 15).state, failed(canceled, 15).reason) == (State.CANCELED, "enough")
    assert failed(silent, 0).state is State.COMPLETED


def test_what_makes_no_sense() -> None:
    """To be run again when stale needs a number of times."""
    assert retries.settle(None, on_stale=False) is None
    assert retries.settle(TWICE, on_stale=True) == TWICE
    with pytest.raises(BadValue, match="--retries N"):
        retries.settle(None, on_stale=True)
