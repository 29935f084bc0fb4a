"""What earlier runs of a name teach: how long they took, and how far they were at which share of that time.

The rule: only what an estimate reads is kept, some sixty numbers for up to fifty runs. Durations become quantiles, runs
become one shape: at each fraction of GRID the quantiles (10 %, 50 %, 90 %) of the share of its time after which a run
had come so far. A run that waits before its first number, that slows down, or that works on after its last number shows
in it. Where all runs counted up to a total, the seconds for one unit are kept, too.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from jobd.core.progress_record import Sample
from jobd.core.usual import Quantiles, Usual

#: Fractions at which the shape of a run is kept, dense where shapes bend: at both ends.
GRID = (0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
SHARES = (0.1, 0.5, 0.9, 0.95)
#: Digits kept of a share of time.
DIGITS = 4


class Run(NamedTuple):
    """A completed run: its seconds (pauses left out), its points of progress, the total it counted up to (or None)."""

    seconds: float
    samples: tuple[Sample, ...] = ()
    total: float | None = None


def sum_up(runs: Sequence[Run]) -> Usual | None:
    """Sum up completed runs of a name; None if there are none."""
    if not runs:
        return None
    durations = sorted(run.seconds for run in runs)
    p10, p50, p90, p95 = (round(quantile(durations, share), 6) for share in SHARES)
    curves = [curve for run in runs if (curve := _curve(run)) is not None]
    columns = [sorted(column) for column in zip(*curves, strict=True)]
    shape = tuple(_quantiles(column, DIGITS) for column in columns)
    return Usual(len(durations), p10, p50, p90, p95, shape=shape, shaped=len(curves), unit_seconds=_pace(runs))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate between the two neighbours, as most statistics programs do (Hyndman and Fan, type 7)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _quantiles(ordered: Sequence[float], digits: int) -> Quantiles:
    return Quantiles(*(round(quantile(ordered, share), digits) for share in SHARES[:3]))


def _curve(run: Run) -> list[float] | None:
    """Give the share of its time after which the run had come to each fraction of GRID; None if it said nothing."""
    if not run.samples or run.seconds <= 0:
        return None
    shares, (before, reached), points = list[float](), (0.0, 0.0), iter(run.samples)
    at, fraction = next(points)
    for wanted in GRID:
        while fraction < wanted:
            if fraction >= reached:
                before, reached = at, fraction
            following = next(points, None)
            if following is None:
                return shares + [1.0] * (len(GRID) - len(shares))
            at, fraction = following
        part = (wanted - reached) / (fraction - reached) if fraction > reached else 1.0
        shares.append(min(1.0, (before + part * (at - before)) / run.seconds))
    return shares


def _pace(runs: Sequence[Run]) -> Quantiles | None:
    """Give the seconds for one unit of the total, if every run had a total."""
    paces = [run.seconds / run.total for run in runs if run.total]
    return _quantiles(sorted(paces), 12) if len(paces) == len(runs) else None
