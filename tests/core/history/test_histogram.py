"""Durations as counts: quantiles are exact where runs are known, and off by 2 % at the most where they are counted."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.estimates.past import quantile
from jobd.core.history import histogram
from jobd.core.history.histogram import ERROR, LEAST, MOST

SHARES = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)
durations = st.lists(st.floats(LEAST, MOST), min_size=1, max_size=60)


@given(seconds=st.floats(LEAST, MOST))
def test_a_bucket_is_near(seconds: float) -> None:
    """What it stands for is within the error of all that it holds."""
    assert abs(histogram.middle(histogram.bucket(seconds)) / seconds - 1) <= ERROR * (1 + 1e-9)


def test_there_are_few_buckets() -> None:
    """However short or long a run was."""
    numbers = [histogram.bucket(seconds) for seconds in (-1.0, 0.0, 1e-9, LEAST, MOST, 1e300)]
    assert numbers[0] == numbers[3]
    assert numbers[4] == numbers[5]
    assert max(numbers) - min(numbers) < 700


@given(some=durations, others=durations)
def test_joining_is_counting_together(some: list[float], others: list[float]) -> None:
    """It does not matter when what was removed."""
    together = histogram.count([*some, *others])
    assert histogram.joined(histogram.count(some), histogram.count(others)) == together


@given(some=durations)
def test_exact_ones_are_exact(some: list[float]) -> None:
    """Without counts the quantiles are those that everybody else finds."""
    ordered = sorted(some)
    assert histogram.quantiles(ordered, {}, SHARES) == pytest.approx([quantile(ordered, share) for share in SHARES])


@given(exact=durations, counted=durations)
def test_counted_ones_are_near(exact: list[float], counted: list[float]) -> None:
    """Of both together no quantile is off by more than the error."""
    found = histogram.quantiles(sorted(exact), histogram.count(counted), SHARES)
    whole = sorted([*exact, *counted])
    for share, seconds in zip(SHARES, found, strict=True):
        assert math.isclose(seconds, quantile(whole, share), rel_tol=ERROR * (1 + 1e-9))


def test_nothing() -> None:
    """Of nothing there is no quantile."""
    assert histogram.quantiles([], {}, SHARES) == []
