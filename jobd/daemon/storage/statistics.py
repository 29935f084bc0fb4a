"""The statistics of runs: what their rows say, joined with what is kept of those that were removed.

The rule: rows are gone through once. Exact quantiles, the latest runs and hours in the zone of who asks need them one
by one, and adding them up on the way costs less than letting SQLite sort them by their keys. Labels and hours are known
of no run that was removed.
"""

import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from heapq import heappush, heappushpop
from typing import NamedTuple

from msgspec.structs import replace

from jobd.core.errors import BadValue
from jobd.core.filters import fields
from jobd.core.history import histogram, stats
from jobd.core.history.searching import Ended
from jobd.core.history.stats import By, Scope, StatisticsReport, Sums, Week
from jobd.core.model import State
from jobd.core.quantities import EPOCH
from jobd.core.text import glob
from jobd.daemon.storage import search, summaries
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.walks import Term, Walk
from jobd.daemon.system.clock import from_microseconds, to_microseconds

#: Gives a time in the zone of who asks.
Local = Callable[[datetime], datetime]

#: Microseconds.
DAY = 86_400_000_000
#: Microseconds; no time zone is off by a part of it.
QUARTER = 900_000_000
#: Of a day, and of an hour.
QUARTERS, QUARTERS_OF_HOUR = 96, 4

KEYS = {By.NAME: "name", By.GROUP: "grp", By.DAY: "date(ended_at / 1000000, 'unixepoch')"}
DAILY_KEYS = {By.NAME: "name", By.GROUP: "grp", By.DAY: "day"}
#: What runs are summed up by; None = they do not have the label.
Key = str | None

_COLUMNS = f"id, state, started_at / {QUARTER}, ended_at, duration, cpu, wait, memory"


class Tally:
    """What is known of the runs of a key, as they are gone through."""

    __slots__ = ("cpu", "latest", "peak", "seconds", "states", "wait", "waited", "weeks")

    def __init__(self) -> None:
        self.states: dict[str, int] = defaultdict(int)
        self.seconds = self.cpu = self.wait = 0.0
        self.waited = 0
        self.peak: int | None = None
        #: Seconds of completed runs by the number of the week.
        self.weeks: dict[int, array[float]] = defaultdict(lambda: array("d"))
        #: A heap of those that ended last: when, id, seconds, state.
        self.latest: list[tuple[int, int, float | None, str]] = []

    def sums(self) -> Sums:
        """Add up."""
        completed, failed, canceled = (self.states[state] for state in (State.COMPLETED, State.FAILED, State.CANCELED))
        return Sums(
            sum(self.states.values()), completed, failed, canceled,
            self.seconds, self.cpu, self.wait, self.waited, self.peak,
        )  # fmt: skip

    def lately(self) -> tuple[tuple[float | None, State], ...]:
        """Give how runs went, those that ended last at the end."""
        return tuple((seconds, State(state)) for *_, seconds, state in sorted(self.latest))


class Runs(NamedTuple):
    """What rows say."""

    tallies: defaultdict[Key, Tally]
    #: How many began in each quarter of an hour since 1970.
    quarters: dict[int | None, int]
    #: When the first and the last ended.
    ends: tuple[int, int] | None


class Gathered(NamedTuple):
    """What is known of each key: sums, weeks by number; and when the first and the last of the runs ended."""

    sums: dict[Key, Sums]
    weeks: dict[Key, dict[int, Week]]
    first: datetime | None
    last: datetime | None


def report(reader: Reader, scope: Scope, where: Ended, now: datetime, most: int, local: Local) -> StatisticsReport:
    """Make the statistics of runs, for the keys with the most runs, or the newest days.

    `where` says of rows what the scope says, `local` gives a time in the zone of who asks. Raises BadValue if a label
    is wanted and none is named.
    """
    with reader.asking():
        runs = _runs(reader, search.ended(_what(scope), where, reader.ask))
        gathered = _gather(reader, runs, scope)
        begin = scope.since or gathered.first or now
        end = scope.until or (now if scope.since else gathered.last) or now
        days = max(1.0, (end - begin) / timedelta(days=1))
        chosen, each = _in_order(gathered, scope)[:most], 1.0 if scope.by is By.DAY else days
        made = [stats.make(key, gathered.sums[key], gathered.weeks.get(key, {}), each) for key in chosen]
        if scope.by is By.NAME:
            made = [replace(one, latest=runs.tallies[one.key].lately()) for one in made]
        return StatisticsReport(
            statistics=tuple(made), total=stats.make(None, *_total(gathered), days), hours=_hours(runs.quarters, local)
        )


def last_day(reader: Reader, name: str, states: Iterable[State]) -> str | None:
    """Say on which day (UTC) the latest of the removed runs of a name (with * and ?) ended in one of some states."""
    ended = " + ".join(state.value for state in states)
    with reader.asking():
        day: str | None = reader.ask(f"SELECT max(day) FROM daily WHERE name GLOB ? AND {ended} > 0", glob(name))  # noqa: S608
    return day


def _what(scope: Scope) -> Term:
    """Say what is to be known of each run: by what it is summed up, and its figures."""
    if scope.by is not By.LABEL:
        return Term(f"{KEYS[scope.by]}, {_COLUMNS}")
    if not scope.label:
        raise BadValue(field="label", problem="name the label to be summed up by")
    label = fields.known(f"{fields.LABEL}{scope.label}")
    return Term(f"{label.sql}, {_COLUMNS}", label.parameters)


def _in_order(gathered: Gathered, scope: Scope) -> list[Key]:
    if scope.by is By.DAY:
        return sorted(gathered.sums, key=str, reverse=True)
    return sorted(gathered.sums, key=lambda key: (-gathered.sums[key].runs, key or ""))


def _gather(reader: Reader, runs: Runs, scope: Scope) -> Gathered:
    sums = {key: tally.sums() for key, tally in runs.tallies.items()}
    times = [*map(from_microseconds, runs.ends or ())]
    weeks: dict[Key, dict[int, Week]] = defaultdict(dict)
    for key, tally in runs.tallies.items():
        weeks[key] = {number: Week(array("d", sorted(seconds)), {}) for number, seconds in tally.weeks.items()}
    for key, day, kept, counts in _removed(reader, scope):
        sums[key] = sums.get(key, Sums()).plus(kept)
        week = _week(to_microseconds(day))
        before = weeks[key].get(week, Week((), {}))
        weeks[key][week] = before._replace(counts=histogram.joined(before.counts, counts))
        times.append(day)
    return Gathered(sums, weeks, min(times, default=None), max(times, default=None))


def _runs(reader: Reader, rows: Walk) -> Runs:
    tallies: defaultdict[Key, Tally] = defaultdict(Tally)
    quarters: dict[int | None, int] = defaultdict(int)
    first, last = sys.maxsize, -sys.maxsize
    completed = State.COMPLETED.value
    for key, job, state, quarter, ended, seconds, cpu, wait, memory in reader.walk(rows.text, rows.values):
        tally = tallies[key]
        tally.states[state] += 1
        quarters[quarter] += 1
        if seconds is not None:
            tally.seconds += seconds
            if state == completed:
                tally.weeks[_week(ended)].append(seconds)
        if cpu is not None:
            tally.cpu += cpu
        if wait is not None:
            tally.wait += wait
            tally.waited += 1
        if memory is not None and (tally.peak is None or memory > tally.peak):
            tally.peak = memory
        first = min(first, ended)
        last = max(last, ended)
        if len(tally.latest) < stats.LATEST:
            heappush(tally.latest, (ended, job, seconds, state))
        else:
            heappushpop(tally.latest, (ended, job, seconds, state))
    return Runs(tallies, quarters, (first, last) if tallies else None)


def _removed(reader: Reader, scope: Scope) -> Iterator[tuple[Key, datetime, Sums, histogram.Counts]]:
    """Give what is kept of runs that were removed, by key and day; a day counts if it begins in the time asked for."""
    if scope.by is By.LABEL or scope.where:
        return
    pattern = None if scope.name is None else glob(scope.name)
    limits = (
        ("name GLOB ?", pattern),
        ("grp = ?", scope.group),
        ("day >= ?", scope.since and _first_day(scope.since)),
        ("day < ?", scope.until and _first_day(scope.until)),
    )
    said = [(text, limit) for text, limit in limits if limit is not None]
    where = " AND ".join(["1", *(text for text, _ in said)])
    text = f"SELECT {DAILY_KEYS[scope.by]}, day, {summaries.SUMS}, durations FROM daily WHERE {where}"  # noqa: S608
    for key, day, *figures, counts in reader.walk(text, [limit for _, limit in said]):
        yield key, datetime.fromisoformat(day).replace(tzinfo=UTC), Sums(*figures), summaries.counts(counts)


def _first_day(time: datetime) -> str:
    """Give the first day (UTC) that does not begin before a time."""
    days = EPOCH.toordinal() - -to_microseconds(time) // DAY
    return date.fromordinal(min(max(days, 1), date.max.toordinal())).isoformat()


def _week(time: int) -> int:
    """Number the weeks since 1970, which begin on Mondays, from microseconds."""
    return (time // DAY + 3) // 7


def _total(gathered: Gathered) -> tuple[Sums, dict[int, Week]]:
    whole = Sums()
    for sums in gathered.sums.values():
        whole = whole.plus(sums)
    weeks: dict[int, Week] = {}
    for number in {number for some in gathered.weeks.values() for number in some}:
        parts = [some[number] for some in gathered.weeks.values() if number in some]
        counts: dict[int, int] = {}
        for part in parts:
            counts = histogram.joined(counts, part.counts)
        weeks[number] = Week(sorted(seconds for part in parts for seconds in part.exact), counts)
    return whole, weeks


def _hours(quarters: Mapping[int | None, int], local: Local) -> tuple[int, ...]:
    hours = [0] * 24

    @cache
    def ahead(day: int) -> int | None:
        """Say by how many quarters the zone is ahead all day long, None if that changes or is no whole number."""
        begin, end = (local(from_microseconds(time * DAY)).utcoffset() or timedelta() for time in (day, day + 1))
        quarters, rest = divmod(begin, timedelta(microseconds=QUARTER))
        return None if rest or begin != end else quarters

    for quarter, runs in quarters.items():
        if quarter is None:
            continue
        distance = ahead(quarter // QUARTERS)
        if distance is None:
            hour = local(from_microseconds(quarter * QUARTER)).hour
        else:
            hour = (quarter + distance) // QUARTERS_OF_HOUR % 24
        hours[hour] += runs
    return tuple(hours)
