"""How fast a job is: what is left at its own speed, where no earlier run tells what is usual.

The rule: nothing here knows a second from an hour; if all times of a job are twice as long, so is what is left.

1. **Speeds.** Three means of the speed stand side by side: since the beginning, since the first number (a checkpoint or
   a slow start is none of its own), and one that fades (an exponentially weighted mean, Brown 1956, in logarithmic
   time: its memory is a share of the run and not a number of seconds). A long memory is right for bursts, a short one
   for work that becomes slower.
2. **Trial.** At each point until now each mean would have foretold the time from there to here. The squares of the
   logarithms of foretold through real time, averaged, weigh the means against each other (Bates and Granger 1969, The
   combination of forecasts), and say how far the result is to be trusted.
3. **Silence.** Gaps are uneven, so between two numbers what is left counts down at half speed. When the next number is
   overdue it is taken as if it came now: a stall makes what is left longer, slowly, and up to a limit.
"""

import math
from typing import NamedTuple

from jobd.core.work.progress_record import Progress

#: Powers of the age by which means fade: 0 never; 1 has half of its weight in the last 29 % of the time.
POWERS = (0, 1)
#: The square of the logarithmic error of a mean that was never tried, and how many trials that is worth.
UNTRIED, UNTRIED_WORTH = 0.09, 1.0
#: Below this fraction a speed says nothing yet.
FIRST_FRACTION = 0.001
COUNTDOWN = 0.5
#: How many steps an overdue number is taken to have made, and how many times longer a silence makes what is left.
OVERDUE_STEPS, LONGEST_STALL = 2, 4.0
#: The seconds of a sample are rounded so.
ROUNDING = 0.001
#: No more points than this are looked at.
POINTS = 16

Point = tuple[float, float]


class Pace(NamedTuple):
    """Seconds left, the fraction behind, the means' error (a variance), and the seconds between two points."""

    seconds: float
    behind: float
    error: float
    gap: float


class _Mean:
    """One mean of the speed, gained through passed, and how well it foretold."""

    __slots__ = ("gained", "passed", "power", "squares", "trials")

    def __init__(self, power: int, gained: float = 0.0, passed: float = 0.0) -> None:
        self.power, self.gained, self.passed = power, gained, passed
        self.squares, self.trials = 0.0, 0


def measure(progress: Progress, elapsed: float) -> Pace | None:
    """Say what is left `elapsed` seconds into the attempt; None if the job said too little, or nothing for too long."""
    fraction, updated, began = progress.fraction, progress.updated_elapsed, progress.began_elapsed
    if fraction is None or fraction < FIRST_FRACTION or updated is None or updated <= began:
        return None
    latest, samples = updated - ROUNDING, progress.samples[:: 1 + max(0, len(progress.samples) - 1) // POINTS]
    points = [(at, share) for at, share in samples if began < at < latest]
    points.append((updated, fraction))
    said = _combined(points, began)
    if said is None or elapsed <= updated or fraction >= 1:
        return said
    silence = elapsed - updated
    if silence > updated - began + said.seconds:
        return None
    left = max(0.0, said.seconds - COUNTDOWN * silence)
    if silence > said.gap:
        step = max(0.0, fraction - points[0][1]) / (len(points) - 1) if len(points) > 1 else fraction
        overdue = _combined([*points, (elapsed, min(1.0, fraction + OVERDUE_STEPS * step))], began)
        left = max(left, min(overdue.seconds, LONGEST_STALL * said.seconds) if overdue else 0.0)
    return said._replace(seconds=left)


def _combined(points: list[Point], began: float) -> Pace | None:
    """Join the means at the last point, each weighed by one through its error; None if nothing has moved."""
    now, behind = points[-1]
    weights = logarithms = used = 0.0
    for mean in _tried(points, began):
        if mean.gained > 0 and mean.passed > 0:
            weight = (mean.trials + UNTRIED_WORTH) / (mean.squares + UNTRIED * UNTRIED_WORTH)
            weights += weight
            logarithms += weight * _ratio(mean.passed, mean.gained)
            used += 1
    if not weights:
        return None
    seconds = (1 - behind) * math.exp(logarithms / weights)
    return Pace(seconds, behind, used / weights, (now - began) / len(points))


def _tried(points: list[Point], began: float) -> list[_Mean]:
    """Run the means over the points; at each they foretell the time to the last one. Falling starts them anew."""
    (before, reached), (now, behind) = points[0], points[-1]
    means = [_Mean(0, reached, before - began), *(_Mean(power) for power in POWERS)]
    for at, share in points[1:]:
        if at <= before:
            continue
        if share < reached:
            means, before, reached = [_Mean(mean.power) for mean in means], at, share
            continue
        fading = (before - began) / (at - began)
        real, missing, gained, passed = now - before, behind - reached, share - reached, at - before
        for mean in means:
            if mean.gained > 0 and mean.passed > 0 and missing > 0:
                mean.squares += (_ratio(missing, mean.gained) - _ratio(real, mean.passed)) ** 2
                mean.trials += 1
            fade = fading**mean.power
            mean.gained = mean.gained * fade + gained
            mean.passed = mean.passed * fade + passed
        before, reached = at, share
    return means


def _ratio(over: float, under: float) -> float:
    """Give the logarithm of one number over another; that of the smallest is none that can be divided by."""
    return math.log(over) - math.log(under)
