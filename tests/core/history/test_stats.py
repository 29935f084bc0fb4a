"""The statistics of runs: what counts, quantiles of both kinds of durations, a trend that no bad week moves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.history import histogram, stats
from jobd.core.history.stats import Sums, Week

amounts = st.builds(
    Sums, *[st.integers(0, 1000)] * 4, *[st.integers(0, 10**6).map(float)] * 3, st.integers(0, 1000),
    st.none() | st.integers(0, 10**12),
)  # fmt: skip


@given(one=amounts, other=amounts, third=amounts)
def test_sums_can_be_made_in_any_order(one: Sums, other: Sums, third: Sums) -> None:
    """Whatever was removed first."""
    assert one.plus(other) == other.plus(one)
    assert one.plus(other).plus(third) == one.plus(other.plus(third))
    assert one.plus(Sums()) == one


def test_a_name() -> None:
    """Canceled runs count as runs only, and failed ones do not say how long it takes."""
    sums = Sums(10, 6, 2, 2, 600.0, 12.5, 30.0, 6, 4096)
    found = stats.make(
        "encode", sums, {5: Week([10.0, 20.0, 30.0], {}), 6: Week((), histogram.count([40.0, 50.0]))}, 5.0
    )
    assert (found.key, found.runs, found.success, found.wait, found.per_day) == ("encode", 10, 0.75, 5.0, 2.0)
    assert (found.seconds, found.cpu_seconds, found.peak_rss_bytes) == (600.0, 12.5, 4096)
    assert found.p50 == 30.0
    assert found.p99 == pytest.approx(49.6, rel=histogram.ERROR)
    assert found.trend is None


def test_nothing_is_known_of_nothing() -> None:
    """Where there were no runs, or none that completed."""
    found = stats.make("x", Sums(), {}, None)
    assert (found.success, found.p50, found.p99, found.wait, found.per_day, found.trend) == (None,) * 6


@given(start=st.floats(0.01, 1e6), growth=st.floats(-0.5, 1.0), odd=st.integers(0, 9))
def test_a_trend(start: float, growth: float, odd: int) -> None:
    """What grows by the same share each week is found, even if one week was out of the ordinary."""
    weeks = {week: Week([start * (1 + growth) ** week], {}) for week in range(10)}
    assert stats.trend(weeks) == pytest.approx(growth, abs=1e-6)
    weeks[odd] = Week([start * 1e6], {})
    moved = stats.trend(weeks)
    assert moved is not None
    assert abs(math.log1p(moved) - math.log1p(growth)) < 0.5


def test_a_trend_takes_weeks() -> None:
    """Two weeks make none, nor does one without completed runs."""
    assert stats.trend({1: Week([1.0], {}), 2: Week([2.0], {}), 3: Week([], {})}) is None
    assert stats.trend({}) is None
