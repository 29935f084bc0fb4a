"""When a job will end: from its own speed and from earlier runs of the same name.

Two views of the seconds that are left are taken, each as a median and a variance of its logarithm:

- **pace**: what is left at the job's own speed, after `pace` has straightened its progress by the usual shape. A run
  that is slower than usual so far stays slower. Its variance is how much earlier runs differed in the share of time
  that was over at this fraction (empirical quantiles of the error an estimate would have made then), how badly the
  job's own speeds foretold so far, and, for work in few large steps, the length of a step.
- **history**: how long earlier runs took, given that this one has already lasted so long (quantiles of a log-logistic
  distribution cut off at the time that has passed, in closed form). If the time for a unit of the total varied clearly
  less than the time as a whole, it is taken times the total of this run.

They are joined by precision, that is by one through variance (the least variance of a weighted mean; Bates and
Granger 1969): history decides at first, the job's own pace later, whichever has proved to be narrower. If they are
further apart than both variances explain, this run is unlike the others and history counts less (as between studies
that disagree: DerSimonian and Laird 1986, but only one side is doubted). Quantiles of few runs lie too close together:
their distance is widened by WIDENED / runs (close to Student's t up to fifty runs), and a spread expected of any work
counts as much as some runs more. The band goes from the 10th to the 90th percentile.

Pauses do not count, since the time passed leaves them out. When it is past the usual 95th percentile, history has no
number any more: `over` says by how much. A pace that has been silent for longer than the whole run should have taken is
none either.
"""

import math
from bisect import bisect_left
from typing import NamedTuple

import msgspec

from jobd.core import pace
from jobd.core.past import GRID
from jobd.core.progress_record import Progress
from jobd.core.usual import Quantiles, Usual

#: Standard deviations from the median to the 10th and 90th percentile of a normal and of a logistic distribution.
NORMAL_TENTH, LOGISTIC_TENTH = 1.2816, math.log(9)
#: The quantiles of n runs are taken (1 + WIDENED / n) times as far apart as they are.
WIDENED = 4.0
#: Spread (deviation of the logarithm) expected of the durations of any name, and how many runs that is worth.
ANY_DURATIONS, ANY_DURATIONS_WORTH = 0.4, 2.0
#: The same of what is left by the pace: with earlier runs; without, at the end and more of it at the beginning.
ANY_SHAPE, ANY_SHAPE_WORTH = 0.1, 4.0
ALONE_END, ALONE_BEGINNING = 0.45, 0.25
#: How much the job's own errors count against what is expected of any job.
OWN_ERRORS = 0.5
#: The deviation that one step of the progress may add, as a share of its length.
STEP_ERROR = 0.5
#: How much of the distance from earlier runs that nothing explains counts against them.
DOUBT = 2.0
#: The time for a unit is preferred if it varied less than this share of how much the whole time did.
UNIT_GAIN = 0.8
#: When it is so likely against one that a run had ended by now, earlier runs say nothing of this one.
OUTLIVED = 1000.0
#: No deviation of a logarithm is larger, and no median smaller as a share of the time passed.
WIDEST, SMALLEST = 3.0, 1e-4


class Eta(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds left: the median, the 80 % band, and what it rests on (rate, history, rate+history).

    `over` are the seconds past the 95th percentile of earlier runs; without a rate nothing else is known then, and the
    seconds left are 0.
    """

    seconds: float
    low: float
    high: float
    basis: str
    over: float = 0.0


class _View(NamedTuple):
    """The seconds left as a logarithm, and the variance of that."""

    logarithm: float
    variance: float


def estimate(progress: Progress, elapsed: float, usual: Usual | None) -> Eta | None:
    """Say how many seconds are left, `elapsed` seconds into the attempt (pauses left out); None if nothing is known."""
    over = round(max(0.0, elapsed - usual.p95), 3) if usual is not None else 0.0
    speed = pace.measure(progress, elapsed, usual)
    if speed is not None and speed.behind >= 1:
        return Eta(seconds=0.0, low=0.0, high=0.0, basis="rate", over=over)
    live = _live(speed, progress.fraction or 0.0, elapsed, usual) if speed is not None else None
    past = _past(progress, elapsed, usual) if usual is not None and not over else None
    if live is not None and past is not None:
        past = _doubted(past, live)
    views = [view for view in (live, past) if view is not None]
    if not views:
        return Eta(seconds=0.0, low=0.0, high=0.0, basis="history", over=over) if over else None
    precision = sum(1 / view.variance for view in views)
    middle = sum(view.logarithm / view.variance for view in views) / precision
    half = NORMAL_TENTH * min(WIDEST, precision**-0.5)
    low, seconds, high = (round(math.exp(middle + way * half), 3) for way in (-1, 0, 1))
    basis = "+".join(name for name, view in (("rate", live), ("history", past)) if view is not None)
    return Eta(seconds=seconds, low=low, high=high, basis=basis, over=over)


def _live(speed: pace.Pace, fraction: float, elapsed: float, usual: Usual | None) -> _View:
    """Take the view of the job's own pace."""
    seconds = max(speed.seconds, SMALLEST * elapsed)
    if usual is None or len(usual.shape) != len(GRID):
        expected = (ALONE_END + ALONE_BEGINNING * (1 - speed.behind)) ** 2
        variance = _mixed(speed.error, expected)
    else:
        here = usual.shape[bisect_left(GRID, fraction)]
        spread = (_odds(here.p10) - _odds(here.p90)) / (2 * NORMAL_TENTH)
        variance = _shrunk(spread, usual.shaped, _mixed(speed.error, ANY_SHAPE**2), ANY_SHAPE_WORTH)
    step = min(1.0, STEP_ERROR * speed.gap / seconds)
    return _View(math.log(seconds), variance + step**2)


def _doubted(past: _View, live: _View) -> _View:
    """Trust earlier runs less if this one is further from them than both views explain."""
    excess = (past.logarithm - live.logarithm) ** 2 - past.variance - live.variance
    return past._replace(variance=past.variance + max(0.0, DOUBT * excess))


def _mixed(own: float, expected: float) -> float:
    return OWN_ERRORS * own + (1 - OWN_ERRORS) * expected


def _odds(share: float) -> float:
    """Give the logarithm of what is left through what has passed, at a share of the time."""
    share = min(max(share, 1e-3), 1 - 1e-3)
    return math.log((1 - share) / share)


def _shrunk(spread: float, runs: int, expected: float, worth: float) -> float:
    """Give the variance for a spread seen in some runs, drawn to what is expected of any."""
    seen = spread * (1 + WIDENED / max(runs, 1))
    return (runs * seen**2 + worth * expected) / (runs + worth)


def _past(progress: Progress, elapsed: float, usual: Usual) -> _View | None:
    """Take the view of earlier durations, leaving out the part of them that has passed."""
    durations = _durations(progress, usual)
    if durations.p50 <= 0:
        return None
    spread = _width(durations) / (2 * NORMAL_TENTH)
    deviation = _shrunk(spread, usual.runs, ANY_DURATIONS**2, ANY_DURATIONS_WORTH) ** 0.5
    scale = min(deviation, WIDEST) * NORMAL_TENTH / LOGISTIC_TENTH
    if elapsed and math.log(elapsed / durations.p50) > scale * math.log(OUTLIVED):
        return None
    passed = (elapsed / durations.p50) ** (1 / scale) if elapsed else 0.0
    ends = (durations.p50 * (passed + odds * (1 + passed)) ** scale for odds in (1 / 9, 1.0, 9.0))
    low, middle, high = (max(end - elapsed, SMALLEST * durations.p50) for end in ends)
    return _View(math.log(middle), (math.log(high / low) / (2 * NORMAL_TENTH)) ** 2)


def _durations(progress: Progress, usual: Usual) -> Quantiles:
    """Say how long runs take: as earlier ones did, or as long for a unit as these, whichever is told more exactly."""
    plain, unit = Quantiles(usual.p10, usual.p50, usual.p90), usual.unit_seconds
    if (
        unit is None
        or progress.weighted
        or progress.done is None
        or not progress.total
        or _width(unit) >= UNIT_GAIN * _width(plain)
    ):
        return plain
    return Quantiles(*(seconds * progress.total for seconds in unit))


def _width(quantiles: Quantiles) -> float:
    """Give the distance of the outer quantiles, as logarithms."""
    tiny = quantiles.p50 * math.exp(-2 * WIDEST * NORMAL_TENTH) or 1.0
    return math.log(max(quantiles.p90, tiny) / max(quantiles.p10, tiny))
