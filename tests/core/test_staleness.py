"""The rules of the heartbeat: when a job is stale, what follows, and what takes it back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core import showing, staleness
from jobd.core.events import catalogue as happened
from jobd.core.model import Job, State
from jobd.core.promises import Heartbeat, OnStale
from tests.core.samples import AT, EVENTS, after, entry, job_in, moment

PROMISE = Heartbeat(beat_every=10.0, stale_after=40.0)
MEASURED = (State.RUNNING, State.PAUSING, State.PAUSED)


def promised(state: State = State.RUNNING, **changes: OnStale) -> Job:
    """Make a job that has promised to be heard of."""
    return replace(job_in(state), heartbeat=replace(PROMISE, **changes))


def shown(job: Job) -> tuple[bool, object]:
    """Say whether the job is stale, and what the world sees of it."""
    return staleness.stale(job), showing.view(job, moment(90), None, None).stale_since


def test_a_running_job_becomes_stale_once() -> None:
    """At its limit, not before; it is marked for all to see, in the state it is in, until it is heard of."""
    job = promised()
    assert staleness.silent(job, 39.9, moment(50)) == []
    events = staleness.silent(job, 40.04, moment(50))
    assert events == [happened.Stale(silent=40.04)]
    silent = after(job, events)
    assert (silent.state, shown(silent)) == (State.RUNNING, (True, entry(events[0]).at))
    assert staleness.silent(silent, 400.0, moment(500)) == []
    again = after(silent, staleness.heard(silent))
    assert (again.state, shown(again)) == (State.RUNNING, (False, None))
    assert staleness.heard(again) == []
    assert staleness.silent(again, 41.0, moment(600)) != []


def test_it_may_be_canceled_for_it() -> None:
    """With the signal and the grace that it was submitted with, and a reason; only if jobd runs it."""
    job = promised(on_stale=OnStale.CANCEL)
    events = staleness.silent(job, 41.0, moment(50))
    canceled = after(job, events)
    assert [event.title() for event in events] == ["stale", "cancel_asked"]
    assert canceled.state is State.CANCELING
    assert canceled.cancellation
    assert job.spec
    assert (canceled.cancellation.reason, canceled.cancellation.grace) == ("stale", job.spec.grace)
    assert staleness.heard(canceled) == []
    begun = replace(job, spec=None)
    assert [event.title() for event in staleness.silent(begun, 41.0, moment(50))] == ["stale"]


@pytest.mark.parametrize("state", State)
def test_only_a_running_job_must_be_heard_of(state: State) -> None:
    """One that stands still is waited for, no other one is listened to; nor is one that has promised nothing."""
    job = promised(state)
    assert staleness.limit(job) == (40.0 if state in MEASURED else None)
    assert bool(staleness.silent(job, 1e9, moment(50))) == (state is State.RUNNING)
    assert staleness.silent(job_in(state), 1e9, moment(50)) == []
    assert staleness.limit(job_in(state)) is None


@given(st.sampled_from(State), st.floats(0, 100), st.booleans(), st.sampled_from(OnStale))
def test_what_follows_can_be_recorded(state: State, seconds: float, marked: bool, then: OnStale) -> None:  # noqa: FBT001
    """Whatever the state: the table allows what the rules say."""
    job = promised(state, on_stale=then)
    if marked:
        attempt = replace(job.attempts[-1], stale_since=AT)
        job = replace(job, attempts=(attempt,))
    after(job, staleness.silent(job, seconds, moment(50)))
    assert not staleness.stale(after(job, staleness.heard(job))) or state not in MEASURED


def test_the_mark_goes_with_its_attempt() -> None:
    """A job that has ended is not stale any more, nor is its next attempt, which has promised the same."""
    silent = after(promised(), [EVENTS[happened.Stale]])
    for event in (happened.Completed, happened.Failed):
        ended = after(silent, [EVENTS[event]])
        assert shown(ended) == (False, None)
        retried = after(ended, [happened.Retried(), EVENTS[happened.Opened], EVENTS[happened.Started]])
        assert (shown(retried), retried.heartbeat) == ((False, None), PROMISE)
