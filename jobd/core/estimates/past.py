"""What earlier runs of a name teach: how long they took, and how long to each fraction and from there to the end.

The rule: only what an estimate reads is kept, a hundred numbers for up to fifty runs. Durations become quantiles, and
the latest runs become one course: means and variances at each fraction of a grid. A run that waits before its first
number, that slows down, or that works on after its last number shows in it.

How wide bands have to be is tried out: each of the very latest runs is foretold by the others, and the errors have a
quantile. So does the jackknife+ (Barber, Candès, Ramdas and Tibshirani 2021, Predictive inference with the jackknife+);
here one quantile is taken at all fractions together, of errors as multiples of what was foretold of them.
"""

import math
from collections.abc import Iterable, Sequence
from operator import sub
from typing import NamedTuple

from msgspec.structs import replace

from jobd.core.estimates import outlook
from jobd.core.estimates.outlook import GRID, SMALLEST
from jobd.core.estimates.usual import Experience, Row
from jobd.core.work.progress_record import Sample

#: The quantiles of durations.
SHARES = (0.1, 0.5, 0.9, 0.95)
#: The latest runs that the course is taken from, the latest of these that are foretold by one another, and how many of
#: them it takes.
FOLLOWED, TRIED, FEWEST_TRIED = 20, 12, 3
#: The places of GRID where noise and bend are learnt, and those where runs are foretold. Some never come to the last.
INNER, TRIALS = range(3, 13), (3, 7, 10, 12)
#: The share of errors that a band holds, and as many runs it counts that bands are as wide as they should be.
BAND, EXPECTED = 0.8, 3.0
#: How much, as a sum of squares of logarithms of totals, it counts that time grows as fast as the total.
PROPORTIONAL = 0.8
#: What is left through what has passed, as a logarithm, at fractions that a run never reached.
NEVER_REACHED = math.log(SMALLEST)
#: Nothing is learnt of runs of fewer seconds.
SHORTEST = 1e-6
#: Digits kept of seconds, and of logarithms and variances.
SECONDS_DIGITS, DIGITS = 6, 4

#: Sums over runs: their number; what is left through what has passed and the size, as logarithms; products of the two.
_Sums = tuple[float, ...]


class Run(NamedTuple):
    """A completed run: its seconds (pauses left out), its points of progress, the total it counted up to (or None)."""

    seconds: float
    samples: tuple[Sample, ...] = ()
    total: float | None = None


def sum_up(runs: Sequence[Run]) -> Experience | None:
    """Sum up completed runs of a name, the latest first; None if there are none."""
    if not runs:
        return None
    durations = sorted(run.seconds for run in runs)
    p10, p50, p90, p95 = (round(quantile(durations, share), SECONDS_DIGITS) for share in SHARES)
    experience = Experience(len(runs), p10, p50, p90, p95)
    latest = [run for run in runs if run.seconds >= SHORTEST][:FOLLOWED]
    return _learnt(experience, latest) if latest else experience


def quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate between the two neighbours, as most statistics programs do (Hyndman and Fan, type 7)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _learnt(experience: Experience, runs: Sequence[Run]) -> Experience:
    """Take the course of runs."""
    total, slope, sizes = _sizes(runs)
    terms = [
        [_terms(share, size) for share in shares]
        for run, size in zip(runs, sizes, strict=True)
        if (shares := _shares(run))
    ]
    columns = [_added(_terms(0.0, size) for size in sizes), *list(map(_added, zip(*terms, strict=True)))[1:]]
    rows = list(map(_row, columns))
    rows[0] = rows[0]._replace(left=quantile(sorted(sizes), 0.5))
    noise, bend = _unevenness(rows) if terms else (0.0, 0.0)
    course = tuple(Row(*(round(number, DIGITS) for number in row)) for row in rows)
    experience = replace(
        experience, course=course, followed=len(terms), total=total, slope=slope, noise=noise, bend=bend
    )
    return replace(experience, spread=_spread(experience, terms[:TRIED]))


def _sizes(runs: Sequence[Run]) -> tuple[float | None, float, list[float]]:
    """Give the mean total, how the time grows with it, and what each run would have taken with that, as logarithms.

    The power of the total that the time grows with is drawn to 1 (ridge regression).
    """
    wholes, totals = [math.log(run.seconds) for run in runs], [math.log(run.total) for run in runs if run.total]
    if len(totals) < len(runs):
        return None, 1.0, wholes
    mean, middle = sum(totals) / len(totals), sum(wholes) / len(wholes)
    offs = [total - mean for total in totals]
    both = sum(off * (whole - middle) for off, whole in zip(offs, wholes, strict=True))
    slope = (PROPORTIONAL + both) / (PROPORTIONAL + sum(off**2 for off in offs))
    sizes = [whole - slope * off for off, whole in zip(offs, wholes, strict=True)]
    return round(mean, DIGITS), round(slope, DIGITS), sizes


def _unevenness(rows: Sequence[Row]) -> tuple[float, float]:
    """Say how noisy and how bent the rows are all together."""
    noise = bend = 0.0
    for fraction, row in [(GRID[place], rows[place]) for place in INNER]:
        weight = fraction * (1 - fraction) / len(INNER)
        noise += row.own * weight
        bend += (row.left - row.passed - math.log((1 - fraction) / fraction)) ** 2 * weight
    return round(noise, SECONDS_DIGITS), round(bend, SECONDS_DIGITS)


def _spread(experience: Experience, terms: Sequence[Sequence[_Sums]]) -> float:
    """Say how many times as wide bands should have been for the latest runs, each foretold by the others."""
    fewer, errors, unit = len(terms) - 1, list[float](), None if experience.total is None else 0.0
    sums = list(map(_added, zip(*terms, strict=True)))
    for one in terms if len(terms) >= FEWEST_TRIED else ():
        rows = {place: _row(tuple(map(sub, sums[place], one[place]))) for place in (0, *TRIALS)}
        others = replace(experience, runs=fewer, followed=fewer, total=unit, course=(rows[0],))
        for place in TRIALS:
            _, own, left, *_ = one[place]
            if own > NEVER_REACHED:
                view = outlook.compared(others, rows[place], GRID[place], math.exp(left - own), 1.0)
                errors.append(abs(left - view.logarithm) / view.half)
    if not errors:
        return 1.0
    wanted = quantile(sorted(errors), min(1.0, BAND * (1 + 1 / len(errors))))
    return round((len(terms) * wanted + EXPECTED) / (len(terms) + EXPECTED), DIGITS)


def _terms(share: float, size: float) -> _Sums:
    """Give what a run of a size adds to the sums where a share of it has passed."""
    left = math.log(max(1 - share, SMALLEST))
    own, size = left - math.log(max(share, SMALLEST)), left + size
    return 1.0, own, size, own * own, own * size, size * size


def _added(terms: Iterable[_Sums]) -> _Sums:
    return tuple(map(sum, zip(*terms, strict=True)))


def _row(sums: _Sums) -> Row:
    runs, own, size, own_own, own_size, size_size = sums
    left, more = size / runs, max(1.0, runs - 1)
    own_variance, size_variance = own_own - own * own / runs, size_size - size * size / runs
    both = own_size - own * size / runs
    return Row(left - own / runs, left, max(0.0, own_variance) / more, max(0.0, size_variance) / more, both / more)


def _shares(run: Run) -> list[float] | None:
    """Give the share of its time after which the run had come to each fraction of GRID; None if it said nothing."""
    if not run.samples:
        return None
    shares, (before, reached), points = [0.0], (0.0, 0.0), iter(run.samples)
    at, fraction = next(points)
    for wanted in GRID[1:]:
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
