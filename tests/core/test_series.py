"""A series stays short and keeps the shape of all that was."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.model import Measure
from jobd.core.series import LONGEST, extend, thin
from jobd.core.work.progress_record import Sample


def test_thin_halves_a_full_series() -> None:
    """Up to its limit a series is left alone; beyond it every second point goes, never the first or the latest."""
    full = tuple(range(LONGEST))
    assert thin(full) == full
    over = (*full, LONGEST)
    thinned = thin(over)
    assert len(thinned) == LONGEST // 2 + 1
    assert (thinned[0], thinned[-1]) == (0, LONGEST)


def test_even_points_in_the_long_run() -> None:
    """After very many points those that are left lie evenly, none much further from the next than the mean."""
    points: tuple[Sample, ...] = ()
    for second in range(20_000):
        points = extend(points, Sample(float(second), second / 20_000))
        assert len(points) <= LONGEST
    gaps = [then.elapsed - before.elapsed for before, then in pairwise(points)]
    assert len(points) > LONGEST / 3
    assert max(gaps) < 5 * sum(gaps) / len(gaps)


@given(st.lists(st.floats(0, 1e6), max_size=60), st.integers(2, 12))
def test_bounded_and_in_order(times: list[float], longest: int) -> None:
    """A series never outgrows its limit nor goes back in time; first and latest point are there."""
    points: tuple[Measure, ...] = ()
    for number, time in enumerate(times):
        points = extend(points, Measure(time, 0.0, number), longest)
    assert len(points) <= longest
    assert [point.elapsed for point in points] == sorted(point.elapsed for point in points)
    if times:
        assert points[0].elapsed == times[0]
        assert points[-1].elapsed == max(times)


def test_the_latest_point_is_always_shown() -> None:
    """A point close to the one before takes its place instead of being dropped."""
    points: tuple[Sample, ...] = ()
    for time in (0.0, 100.0, 100.1, 100.2):
        points = extend(points, Sample(time, time / 200))
    assert points[-1] == Sample(100.2, 0.501)
    assert points[0] == Sample(0.0, 0.0)
