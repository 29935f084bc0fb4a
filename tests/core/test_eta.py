"""Estimates: right for steady work, honest about what nobody knows, and never absurd."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core import lifecycle
from jobd.core.eta import estimate
from jobd.core.events import Event
from jobd.core.model import Job, Progress, State, Usual
from jobd.core.progress import NOTHING, Report, advance
from tests.core.samples import entry, job_in, moment

AT = datetime(2026, 3, 1, tzinfo=UTC)
USUAL = Usual(20, 80.0, 100.0, 120.0, 130.0)


def steady(until: float, *, seconds: float = 100.0, total: float = 1000, every: float = 1.0) -> Progress:
    """Let a job of even speed report until some second of its run."""
    shown, second = NOTHING, every
    while second <= until:
        shown = advance(shown, Report(done=total * second / seconds, total=total), 1, second, AT)
        second += every
    return shown


@pytest.mark.parametrize("every", [0.01, 0.25, 1.0, 5.0])
@pytest.mark.parametrize("elapsed", [10.0, 25.0, 50.0, 75.0, 99.0])
def test_steady_work(elapsed: float, every: float) -> None:
    """From a tenth of the work on a steady job's end is known within a fifth, however often it reports."""
    eta = estimate(steady(elapsed, every=every), elapsed, None)
    assert eta is not None
    assert eta.seconds == pytest.approx(100 - elapsed, rel=0.2, abs=0.5)
    assert eta.low <= 100 - elapsed <= eta.high
    assert eta.basis == "rate"


def test_steady_work_in_percent() -> None:
    """Percent are as good as a count."""
    shown = NOTHING
    for percent in range(1, 31):
        shown = advance(shown, Report(fraction=percent / 100), 1, percent * 2.0, AT)
    eta = estimate(shown, 60.0, None)
    assert eta is not None
    assert eta.seconds == pytest.approx(140, rel=0.05)


def test_a_single_report() -> None:
    """One report is enough for a first estimate."""
    eta = estimate(advance(NOTHING, Report(done=3, total=10), 1, 30.0, AT), 30.0, None)
    assert eta is not None
    assert eta.seconds == pytest.approx(70)


def test_a_job_that_stands_still() -> None:
    """A job that says the same again has an estimate, a longer one."""
    shown = advance(NOTHING, Report(done=3, total=10), 1, 30.0, AT)
    eta = estimate(advance(shown, Report(done=3, total=10), 1, 60.0, AT), 60.0, None)
    assert eta is not None
    assert eta.seconds > 100


def test_a_checkpoint() -> None:
    """What was done before the attempt does not count as its speed."""
    shown = NOTHING
    for second in range(1, 11):
        shown = advance(shown, Report(done=3000.0 + second, total=10_000), 1, float(second), AT)
    eta = estimate(shown, 10.0, None)
    assert eta is not None
    assert eta.seconds == pytest.approx(6990, rel=0.05)


def test_a_job_that_slows_down() -> None:
    """The recent speed counts as much as that of the whole run."""
    shown, done = NOTHING, 0.0
    for second in range(1, 201):
        done += 4.0 if second <= 100 else 1.0
        shown = advance(shown, Report(done=done, total=1000), 1, float(second), AT)
    eta = estimate(shown, 200.0, None)
    assert eta is not None
    assert 1.05 * 500 / 2.5 < eta.seconds < 500 / 1.0


def test_the_band_narrows_to_nothing() -> None:
    """The more is done the narrower the band; at the end no second is left."""
    widths = []
    for elapsed in (20.0, 50.0, 80.0, 100.0):
        eta = estimate(steady(elapsed), elapsed, None)
        assert eta is not None
        widths.append(eta.high - eta.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0
    full = estimate(steady(100.0), 170.0, USUAL)
    assert full is not None
    assert (full.seconds, full.low, full.high, full.basis) == (0, 0, 0, "rate")


def test_silence() -> None:
    """Between reports the estimate counts down; one that has been outlived is no estimate any more."""
    shown = steady(50.0)
    later = estimate(shown, 60.0, None)
    assert later is not None
    assert later.seconds == pytest.approx(40, rel=0.05)
    late = estimate(shown, 110.0, None)
    assert late is not None
    assert late.seconds == 0
    assert late.high > 0
    assert estimate(shown, 200.0, None) is None


def test_nothing_known() -> None:
    """Without history or numbers, with hardly any work done, or without an end to it there is no estimate."""
    assert estimate(NOTHING, 10.0, None) is None
    assert estimate(advance(NOTHING, Report(message="hello"), 1, 5.0, AT), 10.0, None) is None
    assert estimate(advance(NOTHING, Report(done=1, total=1000), 1, 5.0, AT), 5.0, None) is None
    assert estimate(advance(NOTHING, Report(done=500), 1, 5.0, AT), 5.0, None) is None
    assert estimate(advance(NOTHING, Report(done=0, total=10), 1, 5.0, AT), 5.0, None) is None


def test_history_alone() -> None:
    """A job that says nothing is judged by earlier runs: first by all of them, later by those that took longer."""
    eta = estimate(NOTHING, 0.0, USUAL)
    assert eta is not None
    assert (eta.seconds, eta.low, eta.high, eta.basis) == (100.0, 80.0, 120.0, "history")
    eta = estimate(NOTHING, 100.0, USUAL)
    assert eta is not None
    assert 0 < eta.low < eta.seconds < eta.high <= 30
    assert estimate(NOTHING, 130.0, USUAL) is not None
    assert estimate(NOTHING, 130.1, USUAL) is None


def test_history_of_one_run() -> None:
    """A single earlier run is the estimate, until it is outlived."""
    once = Usual(1, 60.0, 60.0, 60.0, 60.0)
    eta = estimate(NOTHING, 20.0, once)
    assert eta is not None
    assert (eta.seconds, eta.low, eta.high) == (40.0, 40.0, 40.0)
    assert estimate(NOTHING, 61.0, once) is None


def test_the_basis_moves_from_history_to_rate() -> None:
    """At first history counts most, from half of the work on only what the job itself shows."""
    bases = {}
    for elapsed in (0.1, 10.0, 60.0, 120.0):
        eta = estimate(steady(elapsed, seconds=200.0), elapsed, USUAL)
        assert eta is not None
        bases[elapsed] = eta.basis
    assert bases == {0.1: "history", 10.0: "rate+history", 60.0: "rate+history", 120.0: "rate"}
    early = estimate(steady(10.0, seconds=200.0), 10.0, USUAL)
    later = estimate(steady(80.0, seconds=200.0), 80.0, USUAL)
    assert early is not None
    assert later is not None
    assert abs(early.seconds - 90) < abs(early.seconds - 190)
    assert abs(later.seconds - 120) < abs(later.seconds - 20)


def test_pauses_do_not_run_it_away() -> None:
    """A job that stands still for an hour has as much left as before."""
    job = job_in(State.RUNNING)
    for second in range(1, 31):
        job = after(job, lifecycle.report(job, Report(done=float(second), total=100), moment(second)))
    assert seconds_left(job, 30) == pytest.approx(70, abs=0.5)
    job = after(job, lifecycle.pause(job))
    job = after(job, lifecycle.paused(job, moment(30)))
    assert seconds_left(job, 3630) == pytest.approx(70, abs=0.5)
    job = after(job, lifecycle.resume(job, moment(3630)))
    assert seconds_left(job, 3631) == pytest.approx(69, abs=0.5)


def after(job: Job, events: list[Event]) -> Job:
    """Fold events into a job that lives on."""
    for event in events:
        changed = lifecycle.fold(job, entry(event))
        assert changed is not None
        job = changed
    return job


def seconds_left(job: Job, second: float) -> float:
    """Estimate at some second after the start, by the clock on the wall."""
    elapsed = lifecycle.elapsed(job, moment(second))
    assert elapsed is not None
    eta = estimate(job.progress, elapsed, None)
    assert eta is not None
    return eta.seconds


quantiles = st.lists(st.floats(0, 1e6), min_size=4, max_size=4).map(lambda ends: Usual(9, *sorted(ends)))
steps = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 30)), max_size=15)


@given(steps, st.integers(1, 30), st.none() | quantiles, st.floats(0, 1e5))
def test_always_sane(history: list[tuple[float, int]], total: int, usual: Usual | None, wait: float) -> None:
    """Whatever was reported and however long ago: nothing negative, nothing infinite, the median within the band."""
    shown, elapsed = NOTHING, 0.0
    for step, done in history:
        elapsed += step
        shown = advance(shown, Report(done=float(min(done, total)), total=float(total)), 1, elapsed, AT)
    eta = estimate(shown, elapsed + wait, usual)
    if eta is not None:
        assert 0 <= eta.low <= eta.seconds <= eta.high < float("inf")
        assert eta.basis in ("rate", "history", "rate+history")
        assert usual is not None or eta.basis == "rate"
    if usual is not None and elapsed + wait > usual.p95:
        assert eta is None or eta.basis == "rate"
