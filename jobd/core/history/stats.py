"""The statistics of runs that have ended: sums, quantiles, a trend, in which hours and how they went last.

The rule: success and durations are told by runs that ended by themselves. A canceled run counts as a run and says
nothing of either; a failed one says nothing of how long the work takes.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from jobd.core.history import histogram
from jobd.core.history.histogram import Counts
from jobd.core.model import State

SHARES = (0.5, 0.9, 0.95, 0.99)
#: Runs that are shown one by one.
LATEST = 14
#: Weeks that make a trend.
FEWEST_WEEKS = 3


class By(StrEnum):
    """What runs are put together by."""

    NAME = "name"
    GROUP = "group"
    DAY = "day"  #: on which they ended, in UTC
    LABEL = "label"  #: the value of a label


class Scope(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Which runs: of names (with * and ?), a group and a filter, that ended in a time; put together by what.

    What was removed by retention is known by name, group and day, so with a filter it does not count.
    """

    by: By = By.NAME
    label: str = ""
    name: str | None = None
    group: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    where: str = ""


class Sums(NamedTuple):
    """What is added up of runs: how many ended how, seconds of running, CPU and waiting (of so many), peak bytes."""

    runs: int = 0
    completed: int = 0
    failed: int = 0
    canceled: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    wait: float = 0.0
    waited: int = 0
    peak: int | None = None

    def plus(self, other: "Sums") -> "Sums":
        """Add up two of them."""
        peaks = [peak for peak in (self.peak, other.peak) if peak is not None]
        return Sums(
            self.runs + other.runs, self.completed + other.completed, self.failed + other.failed,
            self.canceled + other.canceled, self.seconds + other.seconds, self.cpu + other.cpu, self.wait + other.wait,
            self.waited + other.waited, max(peaks, default=None),
        )  # fmt: skip


class Week(NamedTuple):
    """The durations of completed runs of one week: those known one by one, in order, and those only counted."""

    exact: Sequence[float]
    counts: Counts


class Statistics(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The statistics of what has one key: a name, a group, a day, the value of a label (null: it has no such label).

    `success` is the share of completed runs among those that completed or failed, p50 to p99 are seconds that so many
    percent of the completed runs took at most, `wait` is the mean of the seconds before the start, `per_day` counts
    runs, over the time asked about or from the first end to the last, a day at least; `trend` is by how much the median
    duration grows in a week (0.09 = 9 %). What is not known is null.
    """

    key: str | None
    runs: int
    completed: int
    failed: int
    canceled: int
    success: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    seconds: float
    cpu_seconds: float
    wait: float | None
    peak_rss_bytes: int | None
    per_day: float | None
    trend: float | None
    #: How the latest runs of a name went, the newest last: seconds, and the state in which each ended.
    latest: tuple[tuple[float | None, State], ...] = ()


class StatisticsReport(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Statistics by key, the most runs first (of days the newest), and those of all runs, whose key is null.

    `hours` says how many of the runs that are still kept began in each hour of the day (local time).
    """

    statistics: tuple[Statistics, ...]
    total: Statistics
    hours: tuple[int, ...]


def make(key: str | None, sums: Sums, weeks: Mapping[int, Week], days: float | None) -> Statistics:
    """Make the statistics of a key. `weeks` are numbered, `days` is the time in which all that happened."""
    exact = sorted(seconds for week in weeks.values() for seconds in week.exact)
    counts: dict[int, int] = {}
    for week in weeks.values():
        counts = histogram.joined(counts, week.counts)
    found: Sequence[float | None] = histogram.quantiles(exact, counts, SHARES) or (None,) * len(SHARES)
    p50, p90, p95, p99 = (None if seconds is None else round(seconds, 6) for seconds in found)
    judged = sums.completed + sums.failed
    return Statistics(
        key=key, runs=sums.runs, completed=sums.completed, failed=sums.failed, canceled=sums.canceled,
        success=sums.completed / judged if judged else None, p50=p50, p90=p90, p95=p95, p99=p99,
        seconds=round(sums.seconds, 6), cpu_seconds=round(sums.cpu, 6),
        wait=round(sums.wait / sums.waited, 6) if sums.waited else None, peak_rss_bytes=sums.peak,
        per_day=sums.runs / days if days else None, trend=trend(weeks),
    )  # fmt: skip


def trend(weeks: Mapping[int, Week]) -> float | None:
    """Say by which share the median duration grows in a week; None if there are not three weeks.

    It is the slope of Theil and Sen (Sen, JASA 63, 1968) through the logarithms of the medians: the median of the
    slopes between any two weeks, which a week that was out of the ordinary does not move.
    """
    from statistics import median

    points = []
    for number, week in sorted(weeks.items()):
        middle = histogram.quantiles(week.exact, week.counts, (0.5,))
        if middle and middle[0] > 0:
            points.append((number, math.log(middle[0])))
    if len(points) < FEWEST_WEEKS:
        return None
    pairs = ((one, other) for place, one in enumerate(points) for other in points[place + 1 :])
    return math.expm1(median((other[1] - one[1]) / (other[0] - one[0]) for one, other in pairs))
