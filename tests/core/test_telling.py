"""What follows from what is said: reports, items, and rate limits that stop the clock of the work."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core import clocks, lifecycle, showing, telling
from jobd.core.errors import JobFinished, JobNotFinished, NothingLeft
from jobd.core.estimates.usual import Experience
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.model import Ending, Job, State
from jobd.core.work import progress
from jobd.core.work.items import Item, ItemReport, ItemState
from jobd.core.work.progress import Report
from jobd.core.work.progress_record import Mark, Sample
from jobd.core.work.rate_limit import LONGEST_LIMIT
from tests.core.samples import AT, EVENTS, after, job_in, moment


def say(job: Job, second: float, **said: object) -> Job:
    """Let a job report something, so many seconds after its start."""
    return after(job, telling.report(job, Report(**said), moment(second)))  # type: ignore[arg-type]


def kinds(events: list[Event]) -> list[str]:
    """Name events."""
    return [event.title() for event in events]


def test_a_rate_limit_stops_the_clock_of_the_work_alone() -> None:
    """The time of the job goes on; what it has worked stands still until the limit ends by itself."""
    job = say(job_in(State.RUNNING), 10, rate_limited=30.0, message="429")
    assert [clocks.worked(job, moment(second)) for second in (10, 25, 40, 50)] == [10, 10, 10, 20]
    assert [clocks.elapsed(job, moment(second)) for second in (10, 25, 40, 50)] == [10, 25, 40, 50]
    assert [clocks.limit_left(job, moment(second)) for second in (10, 25, 40, 50)] == [30, 15, 0, 0]
    assert job.progress.message == "429"


def test_the_next_number_lifts_it() -> None:
    """As do a stage and an item; words and beats do not. What was waited for is counted once."""
    limited = say(job_in(State.RUNNING), 10, rate_limited=30.0)
    for said in ({"done": 1.0}, {"fraction": 0.5}, {"stage": "two"}, {"restart": True}):
        job = say(limited, 15, **said)
        assert (clocks.limit_left(job, moment(15)), clocks.worked(job, moment(20))) == (0, 15), said
    for said in ({}, {"message": "still waiting"}, {"total": 10.0}, {"unit": "files"}):
        assert clocks.limit_left(say(limited, 15, **said), moment(15)) == 25, said
    said, known = [ItemReport(item="a", state=ItemState.COMPLETED)], dict[str, Item]()
    events, _ = telling.items_changed(limited, said, known, moment(15), clocks.worked(limited, moment(15)))
    assert kinds(events) == ["rate_limit_lifted", "items_changed"]
    assert clocks.worked(after(limited, events), moment(20)) == 15


def test_one_limit_after_another() -> None:
    """Each counts for as long as it lasted, and the one that is on ends with the next; 0 ends it."""
    job = say(job_in(State.RUNNING), 10, rate_limited=30.0)
    job = say(job, 20, rate_limited=60.0)
    assert (clocks.limit_left(job, moment(30)), clocks.worked(job, moment(30))) == (50, 10)
    job = say(job, 30, rate_limited=0.0)
    assert (clocks.limit_left(job, moment(31)), clocks.worked(job, moment(31))) == (0, 11)
    assert kinds(telling.report(job, Report(rate_limited=0.0), moment(32))) == ["progressed"]
    job = say(job, 40, rate_limited=5.0)
    job = say(job, 100, rate_limited=5.0)
    assert clocks.worked(job, moment(200)) == 170


def test_counting_down_says_nothing_new() -> None:
    """A job may say every second how long it still waits: that makes no event of its own."""
    job = say(job_in(State.RUNNING), 10, rate_limited=30.0)
    for second in range(11, 40):
        events = telling.report(job, Report(rate_limited=40.3 - second), moment(second))
        assert kinds(events) == ["progressed"]
        job = after(job, events)
    assert kinds(telling.report(job, Report(rate_limited=30.0), moment(39))) == ["progressed", "rate_limited"]


def test_work_and_a_limit_in_one_report() -> None:
    """The number comes first: it lifts the limit before, and the new one begins after it."""
    job = say(job_in(State.RUNNING), 10, rate_limited=30.0)
    events = telling.report(job, Report(done=3.0, total=10.0, rate_limited=30.0), moment(20))
    assert kinds(events) == ["rate_limit_lifted", "progressed", "rate_limited"]
    job = after(job, events)
    assert (job.progress.updated_elapsed, clocks.limit_left(job, moment(20))) == (10, 30)
    assert events[1] == happened.Progressed(report=Report(done=3.0, total=10.0), elapsed=10.0)


def test_a_pause_stops_the_limit_too() -> None:
    """What is left of a limit is left after the pause, and no second is taken off twice."""
    job = say(job_in(State.RUNNING), 10, rate_limited=30.0)
    job = after(job, lifecycle.pause(job))
    job = after(job, [happened.Paused(boottime=moment(20).boottime)])
    assert (clocks.limit_left(job, moment(100)), clocks.worked(job, moment(100))) == (20, 10)
    job = after(job, lifecycle.resume(job, moment(100)))
    assert (clocks.limit_left(job, moment(110)), clocks.worked(job, moment(130))) == (10, 20)


@pytest.mark.parametrize("state", State)
def test_only_what_runs_can_be_limited(state: State) -> None:
    """A job that waits to be started, or has ended, has no clock to stop."""
    job = job_in(state)
    if job.done:
        with pytest.raises(JobFinished):
            telling.report(job, Report(rate_limited=5.0), moment(1))
        return
    limited = say(job, 1, rate_limited=5.0)
    assert clocks.limit_left(limited, moment(1)) == (0 if state is State.PENDING else 5)


STATES = st.lists(st.sampled_from(ItemState), max_size=8)


@given(STATES)
def test_only_what_is_left(states: list[ItemState]) -> None:
    """What is completed or was skipped stays; all else waits, as its next attempt; how far the job is starts there."""
    job, known = job_in(State.RUNNING), dict[str, Item]()
    said = [ItemReport(item=f"item {place}", state=state, error="why") for place, state in enumerate(states)]
    events, _ = telling.items_changed(job, said, known, moment(5), 5.0)
    failed = after(job, [*events, EVENTS[happened.Failed]])
    done = {key for key, item in known.items() if item.state in (ItemState.COMPLETED, ItemState.SKIPPED)}
    if len(done) == len(known):
        with pytest.raises(NothingLeft, match="no item that failed"):
            telling.resumed(failed, known, moment(9))
        return
    events = telling.resumed(failed, known, moment(9))
    again = after(failed, events)
    assert again.resumes
    tally = again.progress.items
    assert tally
    assert (tally.pending, tally.completed + tally.skipped, tally.total) == (
        len(known) - len(done), len(done), len(known),
    )  # fmt: skip
    assert again.progress.fraction == tally.fraction
    assert (again.progress.reports, again.progress.rate, again.warned) == (0, None, failed.warned)
    changed = [change.item for event in events[1:] for change in event.changes]  # type: ignore[attr-defined]
    assert {item.key for item in changed} == known.keys() - done
    assert all(item.state is ItemState.PENDING and item.error is None for item in changed)
    whole = after(
        again, [EVENTS[happened.Opened], EVENTS[happened.Started], EVENTS[happened.Failed], happened.Retried()]
    )
    assert (whole.resumes, whole.progress.items) == (False, None)


def test_who_can_go_on_with_what_is_left() -> None:
    """Whoever could be run again, and has told of items."""
    for state in (State.RUNNING, State.PENDING):
        with pytest.raises(JobNotFinished):
            telling.resumed(job_in(state), {}, moment(1))
    with pytest.raises(NothingLeft):
        telling.resumed(job_in(State.FAILED), {}, moment(1))


def test_the_mark_goes_with_its_attempt() -> None:
    """A job that has ended waits for nothing; what it worked is told for good. Its next attempt begins anew."""
    job = say(job_in(State.RUNNING), 2, rate_limited=5.0)
    ended = after(job, lifecycle.exited(job, Ending(status=0, elapsed=12.5, ended_at=AT), None))
    assert (clocks.limit_left(ended, moment(3)), clocks.worked(ended, moment(99))) == (0, 7.5)
    again = after(ended, [happened.Retried(), EVENTS[happened.Opened], EVENTS[happened.Started]])
    assert (clocks.limit_left(again, moment(3)), again.attempts[-1].limited_seconds) == (0, 0)


def test_rate_and_samples_leave_it_out() -> None:
    """Ten units in ten seconds of work are one a second, however long the job was shut out between them."""
    job = say(job_in(State.RUNNING), 0, done=0.0, total=100.0)
    job = say(job, 10, done=10.0)
    job = say(job, 10, rate_limited=1000.0)
    job = say(job, 1010, rate_limited=1000.0)
    job = say(job, 2020, done=20.0)
    assert job.progress.rate == pytest.approx(1.0)
    assert job.progress.samples == (Sample(0, 0.0), Sample(10, 0.1), Sample(20, 0.2))
    assert job.progress.rated == Mark(20, 20)


def test_what_is_shown() -> None:
    """When the limit ends, to the second; what is left of it is added to what is left of the work."""
    job = say(job_in(State.RUNNING), 10, done=10.0, total=100.0)
    plain = showing.progress(job, moment(10)).eta
    job = say(job, 10, rate_limited=30.0)
    first, later, over = (showing.progress(job, moment(second)) for second in (10, 25.25, 41))
    assert first.rate_limited_until == later.rate_limited_until == moment(40).wall.replace(microsecond=0)
    assert over.rate_limited_until is None
    assert plain
    assert first.eta
    assert later.eta
    assert first.eta == replace(plain, seconds=plain.seconds + 30, low=plain.low + 30, high=plain.high + 30)
    assert later.eta.seconds == pytest.approx(first.eta.seconds - 15.25)


def test_what_is_over_the_usual_stays_so() -> None:
    """Where no number is known of what is left, a limit makes none."""
    job = say(job_in(State.RUNNING), 10, rate_limited=30.0)
    shown = showing.progress(job, moment(20), Experience(5, 1.0, 1.0, 1.0, 1.0))
    assert shown.eta
    assert (shown.eta.high, shown.eta.over) == (0, 9)


REPORTS = st.builds(
    Report,
    done=st.none() | st.integers(0, 9).map(float),
    message=st.sampled_from([None, "m"]),
    rate_limited=st.none() | st.sampled_from([0.0, 5.0, 5.5, 40.0, float(LONGEST_LIMIT)]),
)


@given(st.lists(st.tuples(st.integers(0, 30), REPORTS), max_size=12), st.lists(REPORTS, min_size=1, max_size=4))
def test_whatever_is_said(history: list[tuple[int, Report]], burst: list[Report]) -> None:
    """The work never runs backwards, nor faster than time; a burst gathered leads where it leads one by one."""
    job, second, worked = job_in(State.RUNNING), 0, 0.0
    for step, said in history:
        second += step
        passed = clocks.worked(job, moment(second))
        assert passed is not None
        assert worked <= passed <= worked + step
        job = after(job, telling.report(job, said, moment(second)))
        worked = passed
        assert clocks.worked(job, moment(second)) == worked
    gathered = after(job, telling.report(job, reduce(progress.gather, burst), moment(second)))
    for said in burst:
        job = after(job, telling.report(job, said, moment(second)))
    assert clocks.limit_left(job, moment(second)) == pytest.approx(clocks.limit_left(gathered, moment(second)), abs=1)
    assert clocks.worked(job, moment(second)) == clocks.worked(gathered, moment(second)) == worked
