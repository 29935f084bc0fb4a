"""Earlier runs summed up: quantiles of what they took, one shape, the seconds for a unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.past import GRID, Run, sum_up
from jobd.core.progress_record import Sample
from jobd.core.usual import Quantiles, Usual
from tests.core.samples import USUAL


def curve(seconds: float, *points: tuple[float, float]) -> Run:
    """Make a run of some points of progress."""
    return Run(seconds, tuple(Sample(*point) for point in points))


def at(usual: Usual | None, fraction: float) -> Quantiles:
    """Give the shape at a fraction of the grid."""
    assert usual is not None
    return usual.shape[GRID.index(fraction)]


def test_quantiles() -> None:
    """Durations are interpolated between neighbours, whatever the order; nothing of nothing."""
    usual = sum_up([Run(3.0), Run(1.0), Run(2.0)])
    assert usual == Usual(3, 1.2, 2.0, 2.8, 2.9)
    assert sum_up([]) is None


def test_the_shape_of_an_even_run() -> None:
    """A run of even speed has come so far after the same share of its time; one that was not even has not."""
    even = sum_up([curve(50.0, *((float(second), second / 50) for second in range(1, 51)))])
    assert even is not None
    assert [share.p50 for share in even.shape] == pytest.approx(GRID)
    assert (even.shaped, even.runs) == (1, 1)
    slowing = sum_up([curve(100.0, (10.0, 0.5), (100.0, 1.0))])
    assert at(slowing, 0.5).p50 == pytest.approx(0.1)
    assert at(slowing, 0.8).p50 == pytest.approx(0.64)


def test_the_ends_of_the_shape() -> None:
    """Waiting before the first number shows, so does work after the last; what was never reached came at the end."""
    waited = sum_up([curve(100.0, (50.0, 0.0), (51.0, 0.1), (90.0, 1.0))])
    assert at(waited, 0.05).p50 == pytest.approx(0.505)
    assert at(waited, 1.0).p50 == pytest.approx(0.9)
    short = sum_up([curve(100.0, (50.0, 0.5))])
    assert at(short, 0.5).p50 == pytest.approx(0.5)
    assert at(short, 0.6) == (1.0, 1.0, 1.0)


def test_runs_that_said_nothing() -> None:
    """They count for the duration and not for the shape."""
    usual = sum_up([Run(100.0), curve(0.0, (0.0, 1.0)), curve(100.0, (100.0, 1.0))])
    assert usual is not None
    assert (usual.runs, usual.shaped, len(usual.shape)) == (3, 1, len(GRID))


def test_the_seconds_for_a_unit() -> None:
    """They are known if every run had a total."""
    usual = sum_up([Run(10.0, (), 100.0), Run(30.0, (), 300.0)])
    assert usual is not None
    assert usual.unit_seconds == (0.1, 0.1, 0.1)
    mixed = sum_up([Run(10.0, (), 100.0), Run(30.0)])
    assert mixed is not None
    assert mixed.unit_seconds is None


def test_an_old_record() -> None:
    """A record from before there were shapes is read, and is written as it was."""
    import msgspec

    old = b'{"runs":12,"p10":10.0,"p50":12.0,"p90":15.0,"p95":16.0}'
    assert msgspec.json.decode(old, type=Usual) == USUAL
    assert msgspec.json.encode(USUAL) == old


def test_it_is_small() -> None:
    """However many runs of however many points there were."""
    import msgspec

    run = curve(97.3, *((second * 1.01, second / 96.5) for second in range(96)))
    usual = sum_up([run._replace(seconds=97.3 + number) for number in range(50)])
    assert len(msgspec.json.encode(usual)) < 700


points = st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), max_size=40)
runs = st.lists(st.builds(lambda seconds, found: curve(seconds, *sorted(found)), st.floats(0, 1e6), points), max_size=9)


@given(runs)
def test_always_in_order(found: list[Run]) -> None:
    """Whatever was sampled, falling numbers too: shares are shares, quantiles are in order, and shapes never fall."""
    usual = sum_up(found)
    if usual is None:
        assert not found
        return
    assert usual.p10 <= usual.p50 <= usual.p90 <= usual.p95
    assert len(usual.shape) in (0, len(GRID))
    for share in usual.shape:
        assert 0 <= share.p10 <= share.p50 <= share.p90 <= 1
    middles = [share.p50 for share in usual.shape]
    assert middles == sorted(middles)
