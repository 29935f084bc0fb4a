"""Estimates: right for steady work, honest about what nobody knows, and never absurd."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core import clocks, lifecycle, telling
from jobd.core.estimates.eta import Eta, estimate
from jobd.core.estimates.outlook import GRID
from jobd.core.estimates.past import FOLLOWED, Run, sum_up
from jobd.core.estimates.usual import Experience
from jobd.core.model import Job, State
from jobd.core.work.progress import NOTHING, SAMPLES_KEPT, Report, advance
from jobd.core.work.progress_record import Progress, Sample
from tests.core.samples import after, job_in, moment

AT = datetime(2026, 3, 1, tzinfo=UTC)
USUAL = Experience(20, 80.0, 100.0, 120.0, 130.0)


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
    assert eta.seconds == pytest.approx(100 - elapsed, rel=0.2, abs=2.0)
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
    assert 1.02 * 500 / 2.5 < eta.seconds < 500 / 1.0


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
    """Between reports it counts down; overdue reports make it longer; one that was long outlived is none."""
    shown = steady(50.0, every=10.0)
    assert left(shown, 54.0) == pytest.approx(48, rel=0.01)
    assert left(shown, 60.0) == pytest.approx(45, rel=0.01)
    assert left(shown, 90.0) > 40
    assert left(shown, 90.0) < left(shown, 149.0) < 4 * 50
    assert estimate(shown, 151.0, None) is None


def test_nothing_known() -> None:
    """Without history or numbers, with hardly any work done, or without an end to it there is no estimate."""
    assert estimate(NOTHING, 10.0, None) is None
    assert estimate(advance(NOTHING, Report(message="hello"), 1, 5.0, AT), 10.0, None) is None
    assert estimate(advance(NOTHING, Report(done=1, total=10_000), 1, 5.0, AT), 5.0, None) is None
    assert estimate(advance(NOTHING, Report(done=500), 1, 5.0, AT), 5.0, None) is None
    assert estimate(advance(NOTHING, Report(done=0, total=10), 1, 5.0, AT), 5.0, None) is None


def test_history_alone() -> None:
    """A job that says nothing is judged by earlier runs: first by all of them, later by those that took longer."""
    first = seen(NOTHING, 0.0, USUAL)
    assert (first.seconds, first.basis, first.over) == (100.0, "history", 0.0)
    assert 65 < first.low < 80
    assert 120 < first.high < 150
    later = seen(NOTHING, 100.0, USUAL)
    assert 0 < later.low < later.seconds < 30 < later.high < 80
    assert seen(NOTHING, 130.0, USUAL).seconds > 0


def test_past_what_is_usual() -> None:
    """Past the 95th percentile no number runs away: it says by how much, and goes by the rate if it can."""
    assert seen(NOTHING, 310.0, USUAL) == Eta(seconds=0, low=0, high=0, basis="history", over=180)
    slow = seen(steady(200.0, seconds=400.0), 200.0, USUAL)
    assert (slow.basis, slow.over) == ("rate", 70)
    assert slow.seconds == pytest.approx(200, rel=0.05)


def test_more_runs_narrow_the_band() -> None:
    """Of few runs nobody knows how much they vary."""
    widths = [seen(NOTHING, 0.0, Experience(runs, 60.0, 60.0, 60.0, 60.0)).high for runs in (1, 5, 50)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 90
    assert widths[-1] < 70


def test_from_history_to_the_rate() -> None:
    """At first history counts most, at the end what the job itself shows, sooner if it contradicts history."""
    assert seen(steady(0.1, seconds=200.0), 0.1, USUAL).basis == "history"
    assert abs(left(steady(2.0, seconds=130.0), 2.0, USUAL) - 98) < abs(
        left(steady(2.0, seconds=130.0), 2.0, USUAL) - 128
    )
    assert left(steady(120.0, seconds=130.0), 120.0, USUAL) == pytest.approx(10, rel=0.2)
    assert left(steady(50.0, seconds=500.0), 50.0, USUAL) > 0.7 * 450


def test_slower_than_usual_stays_slower() -> None:
    """A run that needed twice the usual time for the usual shape is thought to need twice for the rest."""
    usual = shaped((20.0, 0.5), (100.0, 1.0))
    slow = advance(advance(NOTHING, Report(fraction=0.25), 1, 20.0, AT), Report(fraction=0.5), 1, 40.0, AT)
    assert left(slow, 40.0, usual) == pytest.approx(160, rel=0.25)
    assert left(slow, 40.0, usual) > 2 * left(slow, 40.0, None)


def test_the_total_tells_the_size() -> None:
    """Where the time grew with the total, a run that is larger is known to be at once."""
    usual = sum_up([Run(size * 1.0, (), size * 10.0) for size in (20, 50, 100, 150, 300)])
    assert left(NOTHING, 0.0, usual) == pytest.approx(100)
    large = advance(NOTHING, Report(done=0, total=10_000), 1, 1.0, AT)
    assert left(large, 1.0, usual) == pytest.approx(1000, rel=0.05)
    assert (seen(large, 400.0, usual).basis, seen(large, 400.0, usual).over) == ("history", 0)
    assert seen(large, 1200.0, usual).over == pytest.approx(200, abs=1)


def test_the_total_comes_late() -> None:
    """A job that counts first and says later how far is known from then on, with history or without."""
    shown = advance(NOTHING, Report(done=50), 1, 40.0, AT)
    shown = advance(shown, Report(total=100), 1, 50.0, AT)
    assert left(shown, 50.0) == pytest.approx(35, rel=0.2)
    assert 28 < left(shown, 50.0, sum_up([even(100.0)] * 5)) < 50


def test_a_checkpoint_with_history() -> None:
    """A run that goes on where another attempt ended has as much left as others had from there."""
    usual = shaped(*((float(second), second / 100) for second in range(5, 101, 5)))
    shown = NOTHING
    for second in range(1, 11):
        shown = advance(shown, Report(fraction=0.6 + second / 100), 1, float(second), AT)
        assert left(shown, float(second), usual) == pytest.approx(40 - second, rel=0.1)


def test_between_two_numbers_with_history() -> None:
    """It counts down to the next number; when that is overdue the end moves away, slowly, until nothing is known."""
    usual = shaped(*((float(second), second / 100) for second in range(10, 101, 10)))
    shown = NOTHING
    for second in (10.0, 20.0, 30.0, 40.0):
        shown = advance(shown, Report(fraction=second / 100), 1, second, AT)
    assert left(shown, 45.0, usual) == pytest.approx(left(shown, 40.0, usual) - 5, rel=0.02)
    overdue = [left(shown, second, usual) for second in (50.0, 60.0, 80.0, 100.0)]
    assert overdue == sorted(overdue)
    assert overdue[-1] < 4 * overdue[0]
    assert seen(shown, 300.0, usual) == Eta(seconds=0, low=0, high=0, basis="history", over=200)


def test_complete() -> None:
    """All done is no second left, unless earlier runs worked on after that."""
    full = advance(NOTHING, Report(done=10, total=10), 1, 80.0, AT)
    assert seen(full, 80.0, USUAL) == Eta(seconds=0, low=0, high=0, basis="rate")
    assert seen(full, 80.0, shaped((100.0, 1.0))).high < 1
    assert left(full, 80.0, shaped((80.0, 1.0))) == pytest.approx(20, rel=0.2)


def test_pauses_do_not_run_it_away() -> None:
    """A job that stands still for an hour has as much left as before."""
    job = job_in(State.RUNNING)
    for second in range(1, 31):
        job = after(job, telling.report(job, Report(done=float(second), total=100), moment(second)))
    assert seconds_left(job, 30) == pytest.approx(70, abs=0.5)
    job = after(job, lifecycle.pause(job))
    job = after(job, lifecycle.paused(job, moment(30)))
    assert seconds_left(job, 3630) == pytest.approx(70, abs=0.5)
    job = after(job, lifecycle.resume(job, moment(3630)))
    assert seconds_left(job, 3631) == pytest.approx(69, abs=0.5)


def shaped(*points: tuple[float, float]) -> Experience:
    """Sum up twenty runs of 100 seconds that were all alike."""
    usual = sum_up([Run(100.0, tuple(Sample(*point) for point in points))] * 20)
    assert usual is not None
    return usual


def even(seconds: float) -> Run:
    """Make a run of even speed."""
    return Run(seconds, tuple(Sample(seconds * percent / 100, percent / 100) for percent in range(5, 101, 5)))


def seen(progress: Progress, elapsed: float, usual: Experience | None) -> Eta:
    """Give an estimate that is there."""
    eta = estimate(progress, elapsed, usual)
    assert eta is not None
    return eta


def left(progress: Progress, elapsed: float, usual: Experience | None = None) -> float:
    """Give the seconds of an estimate that is there."""
    return seen(progress, elapsed, usual).seconds


def seconds_left(job: Job, second: float) -> float:
    """Estimate at some second after the start, by the clock on the wall."""
    elapsed = clocks.elapsed(job, moment(second))
    assert elapsed is not None
    return left(job.progress, elapsed)


steps = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 30)), max_size=15)
durations = st.floats(0, 1e6) | st.floats(0.001, 100)


@st.composite
def usuals(draw: st.DrawFn) -> Experience | None:
    """Sum up runs of all kinds: of no duration, without samples, with numbers that fall, of a total or not."""
    point = st.builds(Sample, st.floats(0, 1e6), st.floats(0, 1))
    samples = st.lists(point, max_size=12).map(lambda found: tuple(sorted(found)))
    return sum_up(draw(st.lists(st.builds(Run, durations, samples, st.none() | st.floats(0.1, 1e6)), max_size=8)))


def progress_of(found: list[tuple[float, int]], total: int) -> tuple[Progress, float]:
    """Let a job report, whatever it is; give the second of its last report, too."""
    shown, elapsed = NOTHING, 0.0
    for step, done in found:
        elapsed += step
        shown = advance(shown, Report(done=float(min(done, total)), total=float(total)), 1, elapsed, AT)
    return shown, elapsed


@given(steps, st.integers(1, 30), usuals(), st.floats(0, 1e9))
def test_always_sane(found: list[tuple[float, int]], total: int, usual: Experience | None, wait: float) -> None:
    """Whatever was reported and however long ago: nothing negative, nothing infinite, the median within the band."""
    shown, elapsed = progress_of(found, total)
    eta = estimate(shown, elapsed + wait, usual)
    if eta is None:
        return
    assert 0 <= eta.low <= eta.seconds <= eta.high < float("inf")
    assert eta.basis in ("rate", "history", "rate+history")
    assert usual is not None or eta.basis == "rate"
    if usual is None or usual.total is None:
        assert eta.over == (round(max(0.0, elapsed + wait - usual.p95), 3) if usual else 0)
    if shown.fraction == 1 and (usual is None or not usual.followed):
        assert "rate" not in eta.basis or eta.high == 0


@given(steps, st.integers(1, 30), st.floats(0, 1e9))
def test_nothing_runs_away(found: list[tuple[float, int]], total: int, wait: float) -> None:
    """However long it waits for the next report, what is left is never more than four times what it was."""
    shown, elapsed = progress_of(found, total)
    before, after_it = estimate(shown, elapsed, None), estimate(shown, elapsed + wait, None)
    if before is not None and after_it is not None:
        assert after_it.seconds <= 4 * before.seconds + 0.01


@given(st.integers(10, 60), st.floats(0.01, 0.9), st.integers(0, 6))
def test_a_burst_moves_little(numbers: int, burst: float, runs: int) -> None:
    """However much is done at once, what is left is not less than half of what it is by the mean speed, and no more."""
    usual = sum_up([even(2.0 * numbers * share) for share in (0.9, 1.1, 1.0, 0.8, 1.3, 1.2)[:runs]])
    shown = NOTHING
    for number in range(1, numbers + 1):
        shown = advance(shown, Report(fraction=0.5 * number / numbers), 1, float(number), AT)
    before, at, fraction = left(shown, float(numbers), usual), numbers + 0.01, 0.5 + 0.5 * burst
    after_it = left(advance(shown, Report(fraction=fraction), 1, at, AT), at, usual)
    assert at * (1 / fraction - 1) / 2 <= after_it <= before + 0.001


@given(steps, st.integers(1, 30), usuals(), st.floats(0, 1e4))
def test_told_twice_the_same(found: list[tuple[float, int]], total: int, usual: Experience | None, wait: float) -> None:
    """The same is said of the same, and a record that was written and read tells the same."""
    shown, elapsed = progress_of(found, total)
    written = msgspec.json.decode(msgspec.json.encode(usual), type=Experience | None)
    assert written == usual
    assert estimate(shown, elapsed + wait, usual) == estimate(shown, elapsed + wait, written)


def test_time_and_room_are_bounded() -> None:
    """However many reports and runs there were, no more points are kept, and no more of them are looked at."""
    shown = steady(99.0, every=0.01)
    assert len(shown.samples) <= SAMPLES_KEPT
    runs = [Run(100.0, shown.samples, 1000.0)] * 500
    usual = sum_up(runs)
    assert usual is not None
    assert (usual.followed, len(usual.course)) == (FOLLOWED, len(GRID))
    assert seen(shown, 99.0, usual).seconds == pytest.approx(1, rel=0.2)


@given(st.floats(1, 1e5), st.integers(1, 99), st.integers(1, 40))
def test_a_faster_job_ends_sooner(seconds: float, percent: int, runs: int) -> None:
    """The sooner a job has come so far, the sooner it is thought to end, with earlier runs or without."""
    for usual in (None, Experience(runs, 0.8 * seconds, seconds, 1.2 * seconds, 1e9)):
        ends = []
        for share in (0.5, 0.8, 1.0, 1.3, 2.0):
            at = seconds * share * percent / 100
            shown = advance(NOTHING, Report(fraction=percent / 100), 1, at, AT)
            ends.append(at + left(shown, at, usual))
        assert ends == sorted(ends)


@given(st.lists(st.floats(1, 100), min_size=1, max_size=20), st.integers(20, 60), st.sampled_from([10.0, 60.0, 3600.0]))
def test_time_has_no_unit(found: list[float], total: int, times: float) -> None:
    """If a job and all earlier ones take so many times as long, so is what is left, and the band."""
    etas = []
    for factor in (1.0, times):
        shown = NOTHING
        for number in range(len(found)):
            at = sum(found[: number + 1]) * factor
            shown = advance(shown, Report(done=number + 1.0, total=float(total)), 1, at, AT)
        usual = Experience(9, 800 * factor, 1000 * factor, 1500 * factor, 1e12)
        etas.append(seen(shown, sum(found) * 1.1 * factor, usual))
    plain, scaled = etas
    for one, other in ((plain.seconds, scaled.seconds), (plain.low, scaled.low), (plain.high, scaled.high)):
        assert other == pytest.approx(one * times, rel=0.02, abs=0.01 * max(1.0, times))


@pytest.mark.parametrize("name", ["download", "sort"])
def test_recorded_runs(name: str) -> None:
    """With five earlier runs of a real program the end is known better than by the others, and bands are honest."""
    from tests.bench.eta import lives, score
    from tests.bench.traces import families

    errors, covered = score(lives(families("tuning")[name][:6]), 5)
    assert errors["jobd"] < min(errors["tqdm"], errors["share"], errors["median"])
    assert 0.65 < covered < 0.95
