"""The records of earlier runs: what is usual, a part of each job, and the experience that `past` sums up for `eta`."""

from typing import NamedTuple

import msgspec

#: Fewer earlier runs do not say what is usual: every other second run takes longer than the first.
ENOUGH_RUNS = 5


class Row(NamedTuple):
    """What earlier runs were like at one fraction: means and (co)variances of logarithms of seconds.

    `passed` is the mean of the seconds until then, `left` that of those from then to the end. `own` is the variance of
    what is left through what has passed, `size` that of what is left as such, `both` their covariance.
    """

    passed: float
    left: float
    own: float
    size: float
    both: float


class Usual(msgspec.Struct, frozen=True, gc=False):
    """How long completed runs of the same name took: their number and quantiles in seconds.

    Each job keeps what was usual when it was submitted.
    """

    runs: int
    p10: float
    p50: float
    p90: float
    p95: float


class Experience(Usual, frozen=True, kw_only=True):
    """What completed runs of a name teach of the next one.

    `course` has a row for each fraction of `outlook.GRID`, the first of all runs, the others of the `followed` ones
    that said how far they were. If all counted up to a total, `total` is the mean of its logarithms, the time grows
    with the power `slope` of it, and rows tell of a run of that total. `noise` and `bend` say how uneven those runs
    were, and how far from straight all of them together; `spread` how many times as wide as foretold bands should have
    been.
    """

    course: tuple[Row, ...] = ()
    followed: int = 0
    total: float | None = None
    slope: float = 1.0
    noise: float = 0.0
    bend: float = 0.0
    spread: float = 1.0

    @property
    def usual(self) -> Usual:
        """As much of it as a job keeps."""
        return Usual(self.runs, self.p10, self.p50, self.p90, self.p95)
