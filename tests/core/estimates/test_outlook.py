"""A run compared with earlier ones: its own speed against their size, few runs, unlike runs, bands that are right."""

import math
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.estimates import outlook
from jobd.core.estimates.outlook import GRID, View, ahead, at_first, joined, row_at
from jobd.core.estimates.past import FEWEST_TRIED, Run, sum_up
from jobd.core.estimates.usual import Experience
from jobd.core.work.progress_record import Sample

#: Half after a fifth of the time.
SLOWING = ((0.2, 0.5), (1.0, 1.0))


def usual_of(*seconds: float, points: tuple[tuple[float, float], ...] = SLOWING, per_second: float = 0.0) -> Experience:
    """Sum up runs of one course that took so many seconds, of a total if so much was done each second."""
    usual = sum_up(
        [
            Run(each, tuple(Sample(share * each, done) for share, done in points), per_second * each or None)
            for each in seconds
        ]
    )
    assert usual is not None
    return usual


def left(usual: Experience, fraction: float, passed: float, total: float | None = None, *, late: bool = False) -> float:
    """Give the middle of what is left, in seconds."""
    return math.exp(ahead(usual, fraction, passed, total, late=late).logarithm)


def test_the_usual_course() -> None:
    """If half is usually done after a fifth of the time, a run at half has four fifths left; so has a slower run."""
    usual = usual_of(*[100.0] * 20)
    assert left(usual, 0.5, 20.0) == pytest.approx(80, rel=0.01)
    assert left(usual, 0.25, 10.0) == pytest.approx(90, rel=0.02)
    assert left(usual, 0.5, 40.0, late=True) == pytest.approx(160, rel=0.05)
    assert 80 < left(usual, 0.5, 22.0) < 88


def test_few_runs_are_trusted_less() -> None:
    """A run that nothing else is known of is half way to straight after one other run, and hardly after twenty."""
    one, many = (left(usual_of(*[100.0] * runs), 0.5, 20.0, late=True) for runs in (1, 20))
    assert 30 < one < many == pytest.approx(80, rel=0.05)
    widths = [ahead(usual_of(*[100.0] * runs), 0.5, 20.0, None).half for runs in (1, 2, 3, 5, 10, 20)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 5 * widths[-1]


def test_after_the_last_number() -> None:
    """What usually comes after 100 % is still to come; if nothing does, next to nothing is."""
    assert left(usual_of(*[100.0] * 20, points=((0.8, 1.0),)), 1.0, 80.0) == pytest.approx(20, rel=0.05)
    assert left(usual_of(*[100.0] * 20), 1.0, 100.0) < 0.2


def test_size_or_speed() -> None:
    """Where all runs took as long the size decides, where they differed in speed the own speed does."""
    alike, unlike = [100.0] * 12, [10.0 * 1.5**number for number in range(12)]
    halves = (0.15, 0.25, 0.2, 0.3, 0.1, 0.2) * 2
    by_size, by_speed = (
        sum_up(
            [Run(each, (Sample(half * each, 0.5), Sample(each, 1.0))) for each, half in zip(runs, halves, strict=True)]
        )
        for runs in (alike, unlike)
    )
    assert by_size is not None
    assert by_speed is not None
    assert 75 < left(by_size, 0.5, 30.0) < 90
    assert 105 < left(by_speed, 0.5, 30.0) < 130


def test_a_run_unlike_all_others() -> None:
    """One that is a hundred times slower goes by its own speed, whatever is usual."""
    usual = usual_of(*range(95, 105))
    assert left(usual, 0.5, 2000.0) == pytest.approx(8000, rel=0.2)
    assert ahead(usual, 0.5, 2000.0, None).half > ahead(usual, 0.5, 20.0, None).half


def test_the_total_tells_the_size() -> None:
    """A run of a larger total has more left, from the beginning."""
    usual = usual_of(10.0, 20.0, 50.0, 80.0, 100.0, per_second=10.0)
    assert math.exp(at_first(usual, 5000.0).logarithm) == pytest.approx(500, rel=0.01)
    assert math.exp(at_first(usual, None).logarithm) == pytest.approx(50, rel=0.01)
    assert left(usual, 0.5, 100.0, 5000.0) == pytest.approx(400, rel=0.05)
    assert at_first(usual, 5000.0).half < at_first(usual, None).half


def test_a_total_beyond_all_measure() -> None:
    """However large a total is said to be, what is left stays a number."""
    usual = usual_of(10.0, 20.0, 50.0, 80.0, 1e6, per_second=10.0)
    for total in (1e-300, 1e300):
        assert 0 < math.exp(at_first(usual, total).logarithm) < math.inf
        assert 0 < left(usual, 0.5, 100.0, total) < math.inf


def test_a_record_without_a_course() -> None:
    """Of quantiles alone a duration can be foretold, too."""
    view = at_first(Experience(20, 80.0, 100.0, 120.0, 130.0), None)
    assert math.exp(view.logarithm) == pytest.approx(100)
    assert 0.15 < view.half < 0.4


def test_between_the_rows() -> None:
    """Seconds are interpolated, and before the first row they begin at nothing."""
    usual = usual_of(100.0)
    for fraction, seconds in ((0.5, 20), (0.55, 28), (0.0025, 0.1), (1.0, 100)):
        assert math.exp(row_at(usual.course, fraction).passed) == pytest.approx(seconds, rel=0.001)
    assert row_at(usual.course, 0.6) == usual.course[GRID.index(0.6)]
    assert outlook.gained(usual, 0.5, 0.75) == pytest.approx(0.5, rel=0.001)


def test_the_best_mean_of_two() -> None:
    """The narrower view counts more, twice the same is the same, and a mean is never wider than either."""
    near, far = View(0.0, 0.01), View(1.0, 0.2)
    view = joined(near, far)
    assert view.logarithm == pytest.approx(0.01 / 0.21)
    assert view.variance == pytest.approx(0.01 * 0.2 / 0.21)
    assert joined(near, near, 0.01).variance == pytest.approx(0.01)
    assert joined(near, View(10.0, 0.2)).logarithm < 0.02


@pytest.mark.parametrize(
    ("runs", "unevenness"), [(1, 0.7), (2, 0.7), (3, 0.7), (5, 0.3), (5, 1.0), (10, 0.3), (10, 1.0)]
)
def test_bands_are_right(runs: int, unevenness: float) -> None:
    """Of work with many uneven steps on a machine that is now fast and now slow, a band of 80 % holds about as many."""
    chance = Random(runs)  # noqa: S311 -- no secret
    held = [inside for _ in range(120) for inside in _tried([_made(chance, unevenness) for _ in range(runs + 1)])]
    assert 0.73 < sum(held) / len(held) < (0.87 if runs >= FEWEST_TRIED else 0.93)


def _made(chance: Random, unevenness: float) -> Run:
    speed, points, elapsed = chance.lognormvariate(0, 0.4), list[Sample](), 0.0
    for step in range(30):
        elapsed += speed * chance.lognormvariate(0, unevenness)
        points.append(Sample(elapsed, (step + 1) / 30))
    return Run(elapsed, tuple(points))


def _tried(runs: list[Run]) -> Iterator[bool]:
    usual = sum_up(runs[1:])
    assert usual is not None
    for place in (2, 8, 14, 20, 26):
        at, fraction = runs[0].samples[place]
        view = ahead(usual, fraction, at, None)
        yield abs(math.log(runs[0].seconds - at) - view.logarithm) <= view.half


@given(st.integers(1, 20), st.floats(0.001, 1.0), st.floats(1e-3, 1e5), st.sampled_from([60.0, 3600.0]))
def test_time_has_no_unit(runs: int, fraction: float, passed: float, times: float) -> None:
    """If a run and all earlier ones take so many times as long, so is what is left."""
    durations = [90.0 + 7 * number % 20 for number in range(runs)]
    plain = ahead(usual_of(*durations), fraction, passed, None)
    scaled = ahead(usual_of(*(times * seconds for seconds in durations)), fraction, times * passed, None)
    assert scaled.logarithm - plain.logarithm == pytest.approx(math.log(times), abs=1e-3)
    assert scaled.half == pytest.approx(plain.half, rel=1e-3)


@given(st.integers(1, 20), st.floats(0.001, 1.0), st.lists(st.floats(1e-3, 1e5), min_size=2, max_size=9))
def test_slower_is_longer(runs: int, fraction: float, passed: list[float]) -> None:
    """The longer a run needed to come to a fraction, the later it ends, and never is nothing known of it."""
    usual = usual_of(*(90.0 + 7 * number % 20 for number in range(runs)))
    ends = [seconds + left(usual, fraction, seconds) for seconds in sorted(passed)]
    assert ends == sorted(ends)
    assert all(map(math.isfinite, ends))
