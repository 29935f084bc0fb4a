"""When a job will end: from its own speed and from earlier runs of the same name.

What is left is known as a logarithm of seconds with a variance: the estimate is its middle, and the band goes from the
10th to the 90th percentile. It comes from `outlook`, which compares the run with earlier ones that said how far they
were; where there are none, from the job's own `pace`. Before the job says how far it is only earlier durations tell,
without those that it has outlived (the rest of a log-logistic distribution, in closed form).

Between two numbers a run is thought to go on as usual up to where the next number would be, and to wait there: a stall
makes what is left longer, slowly. If it is silent for longer than the whole run should have taken, nothing is known.
Pauses do not count, since the time passed leaves them out. When it is past the 95th percentile that is usual for its
size, `over` says by how much, and earlier durations have no number any more.
"""

import math

import msgspec

from jobd.core.estimates import outlook, pace
from jobd.core.estimates.outlook import SMALLEST, TENTH, View
from jobd.core.estimates.usual import Experience
from jobd.core.work.progress_record import Progress, Sample

#: From the middle to the 10th percentile of a logistic distribution.
LOGISTIC_TENTH = math.log(9)
#: When it is so likely against one that a run had ended by now, earlier runs say nothing of this one.
OUTLIVED = 1000.0
#: Below this fraction a number says nothing yet.
FIRST_FRACTION = 0.001
#: A first number of at least so much that comes so many times earlier than usual goes on where another attempt ended.
CHECKPOINT, EARLIER = 0.05, 5.0
#: The next number is never taken for the last: so much of what is left is the longest step.
LONGEST_STEP = 0.999
#: The deviation that a step adds, as a share of its length, and the most that it may add.
STEP_ERROR, MOST_STEP_ERROR = 0.7, 2.0
#: Without earlier runs the logarithm of what is left varies so much, and by so much of how wrong the pace was so far.
ALONE, OWN_ERRORS = 0.15, 0.5
#: No estimate is shorter.
MICROSECOND = 1e-6
#: All is done.
NOTHING_LEFT = View(-math.inf, 0.0)


class Eta(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Seconds left: the median, the 80 % band, and what it rests on (rate, history, rate+history).

    `over` are the seconds past the 95th percentile of earlier runs (longer for a larger total, if that is how they
    were); without a rate nothing else is known then, and the seconds left are 0.
    """

    seconds: float
    low: float
    high: float
    basis: str
    over: float = 0.0


def estimate(progress: Progress, elapsed: float, experience: Experience | None) -> Eta | None:
    """Say how many seconds are left, `elapsed` seconds into the attempt (pauses left out); None if nothing is known."""
    total = progress.total if progress.done is not None and not progress.weighted else None
    longest = outlook.longest(experience, total) if experience is not None else math.inf
    over = round(max(0.0, elapsed - longest), 3)
    rate, history = _views(progress, elapsed, experience, total, late=elapsed > longest)
    view = rate or history
    if view is None:
        return Eta(seconds=0.0, low=0.0, high=0.0, basis="history", over=over) if over else None
    low, seconds, high = (round(math.exp(view.logarithm + way * view.half), 3) for way in (-1, 0, 1))
    basis = "+".join(name for name, heard in (("rate", rate), ("history", history)) if heard is not None)
    return Eta(seconds=seconds, low=low, high=high, basis=basis, over=over)


def _views(
    progress: Progress, elapsed: float, experience: Experience | None, total: float | None, *, late: bool
) -> tuple[View | None, View | None]:
    """Take the view of what the job says, with what earlier runs tell of that, and the view of earlier durations."""
    if experience is None:
        return _alone(progress, elapsed), None
    history = None if late else _outliving(outlook.at_first(experience, total), elapsed)
    if experience.followed:
        return _compared(progress, elapsed, experience, total, late=late), history
    rate = _alone(progress, elapsed)
    if rate is NOTHING_LEFT or rate is None or history is None:
        return rate, None if rate is NOTHING_LEFT else history
    return outlook.joined(rate, history), history


def _alone(progress: Progress, elapsed: float) -> View | None:
    """Go by the job's own pace."""
    speed = pace.measure(progress, elapsed)
    if speed is None:
        return None
    if speed.behind >= 1:
        return NOTHING_LEFT
    seconds = max(speed.seconds, SMALLEST * elapsed, MICROSECOND)
    return View(math.log(seconds), ALONE + OWN_ERRORS * speed.error + _uneven(speed.gap, seconds))


def _compared(
    progress: Progress, elapsed: float, experience: Experience, total: float | None, *, late: bool
) -> View | None:
    """Compare the job with earlier runs that came as far."""
    fraction, said = progress.fraction or 0.0, progress.updated_elapsed or 0.0
    if fraction < FIRST_FRACTION or said <= 0:
        return None
    first = progress.samples[0] if progress.samples else Sample(said, fraction)
    before, silence = _before(first, experience, total), max(0.0, elapsed - said)
    view = outlook.ahead(experience, fraction, said + before, total, late=late)
    left = math.exp(view.logarithm)
    if silence > said + left:
        return None
    if fraction >= 1:
        return _outliving(view, silence)
    step = min(_step(first, progress, fraction), LONGEST_STEP * (1 - fraction))
    gap = left * outlook.gained(experience, fraction, fraction + step)
    if silence:
        reached = fraction + step * min(1.0, silence / max(gap, SMALLEST * silence))
        view = outlook.ahead(experience, reached, elapsed + before, total, late=late)
    return view._replace(variance=view.variance + _uneven(gap, math.exp(view.logarithm)))


def _before(first: Sample, experience: Experience, total: float | None) -> float:
    """Give the seconds that an earlier attempt usually needed for what was done at the first number."""
    if first.fraction < CHECKPOINT:
        return 0.0
    needed = math.exp(outlook.row_at(experience.course, first.fraction).passed + outlook.larger(experience, total))
    return needed - first.elapsed if needed > EARLIER * first.elapsed else 0.0


def _step(first: Sample, progress: Progress, fraction: float) -> float:
    """Give the mean step from one number to the next."""
    gained, steps = fraction - first.fraction, len(progress.samples) - 1
    mean = fraction / max(1, progress.reports)
    return min(mean, gained / steps) if steps > 0 and gained > 0 else mean


def _uneven(gap: float, left: float) -> float:
    """Give the variance that comes from the length of a step."""
    return min(MOST_STEP_ERROR, STEP_ERROR * gap / left) ** 2


def _outliving(view: View, passed: float) -> View | None:
    """Leave out the ends that would have been by now; None if it has outlived nearly all."""
    if not passed:
        return view
    scale, whole = view.half / LOGISTIC_TENTH, math.exp(view.logarithm)
    gone = (math.log(passed) - view.logarithm) / scale
    if gone > math.log(OUTLIVED):
        return None
    odds = math.exp(gone)
    ends = (whole * (odds + part * (1 + odds)) ** scale - passed for part in (1 / 9, 1.0, 9.0))
    low, middle, high = (max(end, SMALLEST * whole) for end in ends)
    return View(math.log(middle), (math.log(high / low) / (2 * TENTH)) ** 2)
