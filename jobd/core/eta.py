"""When a job will end: from its own rate and from earlier runs of the same name.

The live estimate extrapolates what is left at the mean of two speeds, that since the first report and the recent one.
The historical one is the time that half of the earlier runs which had come so far still took. They are blended by how
much of the work is done: the more has been seen, the more the job's own rate counts; from half of it on, it alone. The
band is 80 % wide (10th to 90th percentile): from the quantiles of earlier runs, and around the live estimate in
proportion to what is left. An estimate that the job has outlived is none.
"""

from bisect import bisect_right

import msgspec

from jobd.core.model import Progress, Usual

#: Half the width of the band around a purely live estimate, as a share of the seconds left.
LIVE_SPREAD = 0.3
#: Below this fraction the job's own rate says nothing yet.
FIRST_FRACTION = 0.005
#: From this fraction on, the job's own rate alone counts.
LIVE_ALONE = 0.5
#: Shares of the earlier runs that had ended by p10, p50, p90 and p95.
SHARES = (0.0, 0.1, 0.5, 0.9, 0.95)


class Eta(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds left: the median, the 80 % band, and what it rests on (rate, history, rate+history)."""

    seconds: float
    low: float
    high: float
    basis: str


def estimate(progress: Progress, elapsed: float, usual: Usual | None) -> Eta | None:
    """Say how many seconds are left, `elapsed` seconds into the attempt (pauses left out); None if nothing is known."""
    live = _live(progress, elapsed)
    past = _past(elapsed, usual)
    weight = min(1.0, (progress.fraction or 0.0) / LIVE_ALONE)
    if live is None or past is None or weight == 1:
        return live or past
    return _eta(
        "rate+history",
        seconds=weight * live.seconds + (1 - weight) * past.seconds,
        low=weight * live.low + (1 - weight) * past.low,
        high=weight * live.high + (1 - weight) * past.high,
    )


def _live(progress: Progress, elapsed: float) -> Eta | None:
    updated, (amount, left) = progress.updated_elapsed, _work(progress)
    if updated is None or amount is None or left is None:
        return None
    speed = _speed(progress, amount, updated)
    if left and not speed:
        return None
    seconds = left / speed if left else 0.0
    silence = max(0.0, elapsed - updated)
    low, high = (max(0.0, share * seconds - silence) for share in (1 - LIVE_SPREAD, 1 + LIVE_SPREAD))
    return _eta("rate", seconds=max(0.0, seconds - silence), low=low, high=high) if high or not left else None


def _work(progress: Progress) -> tuple[float | None, float | None]:
    """Give what is done and what is left, in the unit of the rate; None if it is not known, or too little is done."""
    fraction, done, total = progress.fraction, progress.done, progress.total
    if fraction is None or fraction < FIRST_FRACTION:
        return None, None
    if done is None:
        return fraction, 1 - fraction
    return done, max(0.0, total - done) if total is not None else done / fraction - done


def _speed(progress: Progress, amount: float, updated: float) -> float:
    first = progress.first
    if first is not None and amount > first.amount and updated > first.elapsed:
        overall = (amount - first.amount) / (updated - first.elapsed)
    elif updated > progress.began_elapsed:
        overall = amount / (updated - progress.began_elapsed)
    else:
        return progress.rate or 0.0
    return overall if progress.rate is None else (overall + progress.rate) / 2


def _past(elapsed: float, usual: Usual | None) -> Eta | None:
    """Say what earlier runs tell, leaving out those that had ended by now."""
    if usual is None or elapsed > usual.p95:
        return None
    ends = (0.0, usual.p10, usual.p50, usual.p90, usual.p95)
    ended = _between(elapsed, ends, SHARES)
    low, seconds, high = (
        max(0.0, _between(ended + share * (1 - ended), SHARES, ends) - elapsed) for share in (0.1, 0.5, 0.9)
    )
    return _eta("history", seconds=seconds, low=low, high=high)


def _between(value: float, known: tuple[float, ...], wanted: tuple[float, ...]) -> float:
    """Read a value off the straight lines between points; beyond the last point it is the last."""
    after = bisect_right(known, value)
    if after == len(known):
        return wanted[-1]
    start, end = known[after - 1], known[after]
    return wanted[after - 1] + (wanted[after] - wanted[after - 1]) * (value - start) / (end - start)


def _eta(basis: str, *, seconds: float, low: float, high: float) -> Eta:
    middle = round(seconds, 3)
    return Eta(basis=basis, seconds=middle, low=min(round(low, 3), middle), high=max(round(high, 3), middle))
