"""When a job will end: from its own rate and from earlier runs of the same name.

The live estimate extrapolates what is left at the decayed rate; the historical one is the median duration of completed runs. They
are blended by how much of the work is done: the more has been seen, the more the job's own rate counts. The band is 80 % wide
(10th to 90th percentile): from the quantiles of earlier runs, and around the live estimate in proportion to what is left.
"""

import msgspec

from jobd.core.model import Progress, Usual

#: Half the width of the band around a purely live estimate, as a share of the seconds left.
LIVE_SPREAD = 0.3
#: Below this fraction the job's own rate says nothing yet.
FIRST_FRACTION = 0.005


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
    if live is None or past is None:
        return live or past
    weight = min(1.0, 2 * (progress.fraction or 0.0))
    mixed = {
        name: weight * getattr(live, name) + (1 - weight) * getattr(past, name) for name in ("seconds", "low", "high")
    }
    return Eta(basis="rate+history", **{name: round(value, 3) for name, value in mixed.items()})


def _live(progress: Progress, elapsed: float) -> Eta | None:
    fraction = progress.fraction
    if fraction is None or fraction < FIRST_FRACTION or progress.updated_elapsed is None:
        return None
    overall = progress.updated_elapsed / fraction * (1 - fraction)
    seconds = overall
    if progress.rate:
        remaining = progress.total - progress.done if progress.done is not None and progress.total else 1 - fraction
        seconds = (overall + remaining / progress.rate) / 2
    left = max(0.0, seconds - (elapsed - progress.updated_elapsed))
    return Eta(
        seconds=round(left, 3),
        low=round(left * (1 - LIVE_SPREAD), 3),
        high=round(left * (1 + LIVE_SPREAD), 3),
        basis="rate",
    )


def _past(elapsed: float, usual: Usual | None) -> Eta | None:
    if usual is None or elapsed > usual.p95:
        return None
    seconds, low, high = (round(max(0.0, whole - elapsed), 3) for whole in (usual.p50, usual.p10, usual.p90))
    return Eta(seconds=seconds, low=low, high=max(high, seconds), basis="history")
