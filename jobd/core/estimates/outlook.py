"""What is left at a fraction, as earlier runs of the name tell: two views of it, joined as they proved to be right.

- **own**: this run stays as slow or fast as it is. What is left through what has passed was much the same in all runs.
- **size**: all runs are alike. What is left was much the same in all of them, or grew with the total of the run.

Both are logarithms of seconds. How much they erred in earlier runs are two variances and a covariance, and of all means
of the two the one with the least variance is taken (Bates and Granger 1969, The combination of forecasts). It says the
same as the regression of what was left on what had passed. So history decides where it is narrow, the job's own speed
where that has proved to be steady; and if they are too far apart for all that, this run is unlike the others.

Few runs tell little of variances, so what is expected of any work counts as some runs more (as with the inverse Wishart
distribution in Gelman et al., Bayesian Data Analysis, 3.6), and quantiles are those of Student's t. Expected is work of
many uneven steps: a variance of `noise / fraction` of the logarithm of what has passed, of `noise / (1 - fraction)` of
what is left. How noisy the runs of a name are is learnt at all fractions together. So is how far their course is from
straight, its `bend`: the larger that is against noise and the number of runs, the more of it is believed (empirical
Bayes; Efron and Morris 1973).
"""

import math
from bisect import bisect_left
from typing import NamedTuple

from jobd.core.estimates.usual import Experience, Row

#: Fractions at which the course of runs is kept, dense where courses bend: at both ends.
GRID = (0.0, 0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
#: No time is taken to be a smaller share of the run, and no end to be closer.
SMALLEST, EDGE = 1e-3, 0.01
#: Variances expected of any work: noise, bend, sizes, and how much more that is where no total tells the size.
NOISE, BEND, SIZE, UNTOLD_SIZE = 0.02, 0.01, 0.2, 0.1
#: As so many runs they count against what was learnt of all fractions together; so does the whole, at one fraction;
#: and what was learnt at all fractions together counts as so many times as many runs.
FEW, MANY, TOGETHER = 2.0, 8.0, 4.0
#: If views are further apart than so many deviations, this run is unlike the others.
UNLIKE = 3.0
#: The logarithm of how many times as long as others a run may be thought to take.
FURTHEST = 20.0
#: Deviations from the middle to the 90th and to the 95th percentile of a normal distribution; no deviation is larger.
TENTH, TWENTIETH, WIDEST = 1.2816, 1.6449, 3.0


class View(NamedTuple):
    """The logarithm of the seconds left, the variance of its error, and from how many freedoms that is known."""

    logarithm: float
    variance: float
    freedoms: float = math.inf

    @property
    def half(self) -> float:
        """Half the width from the 10th to the 90th percentile (of Student's t, expanded in 1 / freedoms)."""
        return TENTH * (1 + (TENTH**2 + 1) / (4 * self.freedoms)) * min(WIDEST, math.sqrt(self.variance))


def at_first(experience: Experience, total: float | None) -> View:
    """Say how long a run takes of which nothing else is known."""
    known = experience.course and (experience.total is None or total)
    whole = experience.course[0] if known else _told_by_quantiles(experience)
    variance = _size(experience, whole) * (1 + 1 / experience.runs)
    return View(whole.left + larger(experience, total), variance, FEW + experience.runs - 1)


def ahead(experience: Experience, fraction: float, passed: float, total: float | None, *, late: bool = False) -> View:
    """Say what is left of a run that has come to a fraction in some seconds, the total it counts up to told or not.

    `experience` has to know of runs that were followed. A run that is `late` is not of their size.
    """
    return compared(experience, row_at(experience.course, fraction), fraction, passed, total, late=late)


def compared(
    experience: Experience, row: Row, fraction: float, passed: float, total: float | None, *, late: bool = False
) -> View:
    """Do so with the row of the fraction."""
    runs, more = experience.followed, experience.followed - 1
    noise = _drawn(NOISE, FEW, experience.noise, TOGETHER * more)
    before, after = noise / max(fraction, EDGE), noise / max(1 - fraction, EDGE)
    own = _drawn(before + after, MANY, row.own, more)
    bend = _drawn(BEND, FEW, max(0.0, experience.bend - noise / runs), TOGETHER)
    doubt = own * max(fraction * (1 - fraction), EDGE) / bend
    even = math.log(max(1 - fraction, SMALLEST) / max(fraction, SMALLEST))
    bent = (row.left - row.passed - even) * runs / (runs + doubt)
    once_more = 1 + 1 / (runs + doubt)
    view = View(math.log(passed) + even + bent, own * once_more, MANY + more)
    if not late:
        size = _drawn(_size(experience, experience.course[0]) + after, MANY, row.size, more) * (1 + 1 / runs)
        both = _drawn(after, MANY, row.both, more) * once_more
        view = joined(view, View(row.left + larger(experience, total), size, MANY + more), both)
    return view._replace(variance=view.variance * experience.spread**2)


def gained(experience: Experience, fraction: float, following: float) -> float:
    """Say which share of what is left at a fraction is usually over at a following one."""
    return -math.expm1(row_at(experience.course, following).left - row_at(experience.course, fraction).left)


def joined(own: View, theirs: View, both: float = 0.0) -> View:
    """Take the mean of two views that has the least variance; `both` is the covariance of their errors.

    If they are too far apart for what they should be, theirs is as far off as that.
    """
    apart = own.variance + theirs.variance - 2 * both
    excess = max(0.0, (own.logarithm - theirs.logarithm) ** 2 - UNLIKE**2 * apart)
    size, apart = theirs.variance + excess, apart + excess
    weight = min(1.0, max(0.0, (size - both) / apart)) if apart > 0 else 1.0
    other = 1 - weight
    variance = weight**2 * own.variance + other**2 * size + 2 * weight * other * both
    return View(weight * own.logarithm + other * theirs.logarithm, variance, min(own.freedoms, theirs.freedoms))


def larger(experience: Experience, total: float | None) -> float:
    """Give the logarithm of how many times as long a run takes as earlier ones, as far as its total tells."""
    if experience.total is None or not total:
        return 0.0
    return min(FURTHEST, max(-FURTHEST, experience.slope * (math.log(total) - experience.total)))


def longest(experience: Experience, total: float | None) -> float:
    """Say what 95 % of the runs stay below, in seconds; of those of this total if it tells."""
    if experience.total is None or not total:
        return experience.p95
    whole = experience.course[0]
    return math.exp(whole.left + larger(experience, total) + TWENTIETH * math.sqrt(whole.size))


def row_at(course: tuple[Row, ...], fraction: float) -> Row:
    """Interpolate between the rows around a fraction above 0: seconds, not their logarithms, and variances."""
    place = bisect_left(GRID, fraction)
    low, high = course[place - 1], course[place]
    part = (fraction - GRID[place - 1]) / (GRID[place] - GRID[place - 1])
    left = _between(low.left, high.left, part)
    if place == 1:
        return high._replace(passed=high.passed + math.log(part), left=left)
    variances = (a + part * (b - a) for a, b in zip(low[2:], high[2:], strict=True))
    return Row(_between(low.passed, high.passed, part), left, *variances)


def _between(low: float, high: float, part: float) -> float:
    return math.log((1 - part) * math.exp(low) + part * math.exp(high))


def _drawn(expected: float, worth: float, seen: float, weight: float) -> float:
    """Draw what was seen to what is expected of any work."""
    return (worth * expected + weight * seen) / (worth + weight)


def _size(experience: Experience, whole: Row) -> float:
    expected = SIZE if experience.total is not None else SIZE + UNTOLD_SIZE
    return _drawn(expected, FEW, whole.size, experience.runs - 1)


def _told_by_quantiles(experience: Experience) -> Row:
    """Say how long runs took whatever their total, or if all were too short for a course."""
    tiny = (experience.p50 or 1.0) * 1e-9
    p10, p50, p90 = (math.log(max(seconds, tiny)) for seconds in (experience.p10, experience.p50, experience.p90))
    return Row(0.0, p50, 0.0, ((p90 - p10) / (2 * TENTH)) ** 2, 0.0)
