"""Durations kept as counts: buckets that grow by a constant factor, so that any quantile is off by 2 % at the most.

The rule of DDSketch (Masson, Rim and Lee, VLDB 2019): bucket b holds what is above GAMMA^(b-1) and not above GAMMA^b,
and stands for the value whose relative distance to both ends is the same. Two histograms are joined by adding the
counts. There are never more than 700 buckets: from LEAST, below which all is one bucket, to thirty years.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from jobd.core.estimates.past import quantile

#: The largest relative error.
ERROR = 0.02
GAMMA = (1 + ERROR) / (1 - ERROR)
#: Seconds below which durations are not told apart, and above which they are not either.
LEAST, MOST = 0.001, 30 * 366 * 86400.0

#: How often each bucket was met.
Counts = Mapping[int, int]

_SCALE = math.log(GAMMA)


def bucket(seconds: float) -> int:
    """Say to which bucket a duration belongs."""
    return math.ceil(math.log(min(max(seconds, LEAST), MOST)) / _SCALE)


def middle(number: int) -> float:
    """Give the duration that a bucket stands for."""
    return 2 * GAMMA**number / (GAMMA + 1)


def count(durations: Iterable[float]) -> dict[int, int]:
    """Count durations by bucket."""
    counts: dict[int, int] = {}
    for seconds in durations:
        number = bucket(seconds)
        counts[number] = counts.get(number, 0) + 1
    return counts


def joined(one: Counts, other: Counts) -> dict[int, int]:
    """Add up two histograms."""
    return {number: one.get(number, 0) + other.get(number, 0) for number in one.keys() | other.keys()}


def quantiles(exact: Sequence[float], counts: Counts, shares: Sequence[float]) -> list[float]:
    """Give quantiles of durations of which some are known (in order), and others only counted; empty without any.

    Between two neighbours is interpolated (Hyndman and Fan, type 7), so without counts they are exact.
    """
    if not counts:
        return [quantile(exact, share) for share in shares] if exact else []
    points = sorted([*((seconds, 1) for seconds in exact), *((middle(b), times) for b, times in counts.items())])
    ends = list(accumulate(times for _, times in points))
    return [_at(points, ends, share * (ends[-1] - 1)) for share in shares]


def _at(points: Sequence[tuple[float, int]], ends: Sequence[int], place: float) -> float:

    whole = math.floor(place)
    low = points[bisect_right(ends, whole)][0]
    high = points[bisect_right(ends, min(whole + 1, ends[-1] - 1))][0]
    return low + (place - whole) * (high - low)
