"""The statistics of runs: what their rows say, joined with what is kept of those that were removed.

The rule: SQLite adds up, and only durations come here one by one, in order, as exact quantiles need them. Labels and
hours are known of no run that was removed.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from jobd.core.errors import BadValue
from jobd.core.history import histogram, stats
from jobd.core.history.searching import Ended
from jobd.core.history.stats import By, Report, Scope, Sums, Week
from jobd.core.model import State
from jobd.core.quantities import EPOCH
from jobd.core.text import glob
from jobd.daemon.storage import search, summaries
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.search import Walk
from jobd.daemon.system.clock import from_microseconds, to_microseconds

#: Gives a time in the zone of who asks.
Local = Callable[[datetime], datetime]

DAY = 86400
#: Microseconds of a quarter of an hour: no time zone is off by less.
QUARTER = 900_000_000

KEYS = {By.NAME: "name", By.GROUP: "grp", By.DAY: "date(ended_at / 1000000, 'unixepoch')"}
DAILY_KEYS = {By.NAME: "name", By.GROUP: "grp", By.DAY: "day"}
_COLUMNS = "state, started_at, ended_at, duration, cpu, wait, memory"
_SUMS = (
    "count(*), sum(state = 'completed'), sum(state = 'failed'), sum(state = 'canceled'),"
    " total(duration), total(cpu), total(wait), count(wait), max(memory)"
)


class Gathered(NamedTuple):
    """What is known of each key: sums, weeks by number; and when the first and the last of the runs ended."""

    sums: dict[str, Sums]
    weeks: dict[str, dict[int, Week]]
    first: datetime | None
    last: datetime | None


def report(reader: Reader, scope: Scope, where: Ended, now: datetime, most: int, local: Local) -> Report:
    """Make the statistics of runs, for the keys with the most runs, or the newest days.

    `where` says of rows what the scope says, `local` gives a time in the zone of who asks. Raises BadValue for an
    impossible label.
    """
    with reader.asking():
        rows = search.ended(f"{_key(scope)} AS key, {_COLUMNS}", where, reader.ask)
        gathered = _gather(reader, rows, scope)
        begin = scope.since or gathered.first or now
        end = scope.until or (now if scope.since else gathered.last) or now
        days = max(1.0, (end - begin) / timedelta(days=1))
        chosen = _in_order(gathered, scope)[:most]
        made = [stats.make(key, gathered.sums[key], gathered.weeks.get(key, {}), days) for key in chosen]
        latest = _latest(reader, rows, chosen) if scope.by is By.NAME else {}
        return Report(
            statistics=tuple(replace(one, latest=tuple(latest.get(one.key, ()))) for one in made),
            total=stats.make("", *_total(gathered), days),
            hours=_hours(reader, rows, local),
        )


def last_day(reader: Reader, name: str, states: Iterable[State]) -> str | None:
    """Say on which day (UTC) the latest of the removed runs of a name (with * and ?) ended in one of some states."""
    ended = " + ".join(state.value for state in states)
    with reader.asking():
        day: str | None = reader.ask(f"SELECT max(day) FROM daily WHERE name GLOB ? AND {ended} > 0", glob(name))  # noqa: S608
    return day


def _key(scope: Scope) -> str:
    if scope.by is not By.LABEL:
        return KEYS[scope.by]
    if not scope.label or set('"\\') & set(scope.label):
        raise BadValue(field="label", problem=f"{scope.label!r} is no name of a label that can be summed up by")
    path = f'$.labels."{scope.label}"'.replace("'", "''")
    return f"ifnull(json_extract((SELECT record FROM records WHERE job = id), '{path}'), '')"  # noqa: S608 -- it is quoted


def _in_order(gathered: Gathered, scope: Scope) -> list[str]:
    if scope.by is By.DAY:
        return sorted(gathered.sums, reverse=True)
    return sorted(gathered.sums, key=lambda key: (-gathered.sums[key].runs, key))


def _gather(reader: Reader, rows: Walk, scope: Scope) -> Gathered:
    sums: dict[str, Sums] = {}
    times = list[datetime]()
    text = f"SELECT key, min(ended_at), max(ended_at), {_SUMS} FROM ({rows.text}) GROUP BY key"  # noqa: S608
    for key, first, last, *figures in reader.walk(text, rows.values):
        sums[key] = Sums(*figures)
        times += map(from_microseconds, (first, last))
    weeks: dict[str, dict[int, Week]] = defaultdict(dict)
    for (key, week), durations in _durations(reader, rows).items():
        weeks[key][week] = Week(array("d", sorted(durations)), {})
    for key, day, kept, counts in _removed(reader, scope):
        sums[key] = sums.get(key, Sums()).plus(kept)
        week = _week(day)
        before = weeks[key].get(week, Week((), {}))
        weeks[key][week] = before._replace(counts=histogram.joined(before.counts, counts))
        times.append(day)
    return Gathered(sums, weeks, min(times, default=None), max(times, default=None))


def _durations(reader: Reader, rows: Walk) -> dict[tuple[str, int], "array[float]"]:
    """Give the durations of completed runs by key and week."""
    found: dict[tuple[str, int], array[float]] = defaultdict(lambda: array("d"))
    week = f"(ended_at / {DAY * 1_000_000} + 3) / 7"
    text = (
        f"SELECT key, {week}, duration FROM ({rows.text})"  # noqa: S608
        " WHERE state = 'completed' AND duration IS NOT NULL"
    )
    for key, number, seconds in reader.walk(text, rows.values):
        found[key, number].append(seconds)
    return found


def _removed(reader: Reader, scope: Scope) -> Iterator[tuple[str, datetime, Sums, histogram.Counts]]:
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
        yield key, datetime.fromisoformat(day).replace(tzinfo=UTC), Sums(*figures), summaries.read_counts(counts)


def _first_day(time: datetime) -> str:
    """Give the first day (UTC) that does not begin before a time."""
    days = EPOCH.toordinal() - -to_microseconds(time) // (DAY * 1_000_000)
    return date.fromordinal(min(max(days, 1), date.max.toordinal())).isoformat()


def _week(day: datetime) -> int:
    """Number the weeks since 1970, which begin on Mondays."""
    return (to_microseconds(day) // (DAY * 1_000_000) + 3) // 7


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


def _latest(reader: Reader, rows: Walk, keys: Sequence[str]) -> dict[str, list[tuple[float | None, State]]]:
    """Give how the latest runs of some keys went, those that ended last at the end."""
    placed = (
        "SELECT key, duration, state, row_number() OVER (PARTITION BY key ORDER BY ended_at DESC) AS place"  # noqa: S608
        f" FROM ({rows.text}) WHERE key IN (SELECT value FROM json_each(?))"
    )
    text = f"SELECT key, duration, state FROM ({placed}) WHERE place <= {stats.LATEST} ORDER BY key, place DESC"  # noqa: S608
    found: dict[str, list[tuple[float | None, State]]] = defaultdict(list)
    for key, seconds, state in reader.walk(text, (*rows.values, msgspec.json.encode(keys).decode())):
        found[key].append((seconds, State(state)))
    return found


def _hours(reader: Reader, rows: Walk, local: Local) -> tuple[int, ...]:
    hours = [0] * 24
    text = f"SELECT started_at / {QUARTER} AS quarter, count(*) FROM ({rows.text}) GROUP BY 1"  # noqa: S608
    for quarter, runs in reader.walk(text, rows.values):
        if quarter is not None:
            hours[local(from_microseconds(quarter * QUARTER)).hour] += runs
    return tuple(hours)
