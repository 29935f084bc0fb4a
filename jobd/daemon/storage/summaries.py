"""What stays of jobs that retention removes: a row a day of each name and group, and the latest completed runs.

The rule: it is written in the transaction that removes the jobs, so a run is counted once, here or by its row.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from jobd.core import clocks
from jobd.core.estimates import bygone
from jobd.core.estimates.past import Run
from jobd.core.history import histogram
from jobd.core.history.stats import Sums
from jobd.core.model import Job, Moment
from jobd.daemon.storage import rows
from jobd.daemon.storage.rows import Row, Target

#: Names of which the latest runs are kept; the one from which nothing was removed for the longest time goes.
MOST_NAMES = 10_000

_REMOVED = (
    "SELECT name, date(ended_at / 1000000, 'unixepoch'), grp, ended_at, state, duration, cpu, wait, memory, record"  # noqa: S608
    f" FROM {rows.WHOLE_JOBS}"
    " WHERE id IN (SELECT value FROM json_each(?)) AND ended_at IS NOT NULL ORDER BY id"
)
SUMS = "runs, completed, failed, canceled, seconds, cpu, wait, waited, peak"
DAY_COLUMNS = f"name, day, grp, {SUMS}, durations"
DAILY = Target(
    f"daily ({DAY_COLUMNS})",
    f"({', '.join('?' * 13)})",
    "ON CONFLICT (name, day, grp) DO UPDATE SET runs = excluded.runs, completed = excluded.completed,"
    " failed = excluded.failed, canceled = excluded.canceled, seconds = excluded.seconds, cpu = excluded.cpu,"
    " wait = excluded.wait, waited = excluded.waited, peak = excluded.peak, durations = excluded.durations",
)
BYGONE = Target(
    "bygone (name, at, runs)", "(?, ?, ?)", "ON CONFLICT (name) DO UPDATE SET at = excluded.at, runs = excluded.runs"
)

_FORGET = "DELETE FROM bygone WHERE name IN (SELECT name FROM bygone ORDER BY at DESC LIMIT -1 OFFSET ?)"

_encode = msgspec.json.Encoder().encode
_decode_counts = msgspec.json.Decoder(dict[int, int]).decode
_decode_runs = msgspec.json.Decoder(tuple[Run, ...]).decode


class Day(NamedTuple):
    """What is kept of one day: sums, and the durations of completed runs as counts."""

    sums: Sums
    durations: histogram.Counts


Key = tuple[str, str, str]


def remember(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Sum up jobs that are about to be removed. Raises sqlite3.Error."""
    days: dict[Key, Day] = {}
    completed: defaultdict[str, list[Run]] = defaultdict(list)
    latest: dict[str, int] = {}
    for name, day, group, ended, *figures, record in connection.execute(_REMOVED, (_encode(list(ids)).decode(),)):
        key = name, day, group
        if key not in days:
            days[key] = _day(connection, key)
        days[key] = _with(days[key], *figures)
        latest[name] = max(ended, latest.get(name, 0))
        if figures[0] == "completed" and (taught := _run(record)) is not None:
            completed[name].append(taught)
    rows.put(connection, DAILY, [(*key, *day.sums, _encode(day.durations).decode()) for key, day in days.items()])
    kept = {name: bygone.kept(_runs(connection, name), some) for name, some in completed.items()}
    rows.put(connection, BYGONE, [(name, latest[name], _encode(some).decode()) for name, some in kept.items()])
    connection.execute(_FORGET, (MOST_NAMES,))


def sound_day(row: Row) -> Row:
    """Check a row of `daily` behind its rowid. Raises ValueError, TypeError if it makes no sense."""
    _, *key, durations = row
    _decode_counts(durations)
    Sums(*key[3:]).plus(Sums())
    return (*key, durations)


def sound_runs(row: Row) -> Row:
    """Check a row of `bygone` behind its rowid. Raises ValueError, TypeError if it makes no sense."""
    _, name, at, kept = row
    _decode_runs(kept)
    return name, int(at), kept


def run(job: Job) -> Run | None:
    """Give what a completed run teaches; None if nobody knows how long it took, or it went on where another stopped."""
    if job.resumes:
        return None
    ended, said = job.ended_at or job.created_at, job.progress
    seconds = clocks.worked(job, Moment(ended, 0, ""))
    total = said.total if said.done is not None and not said.weighted else None
    return None if seconds is None else Run(seconds, said.samples, total)


def runs(kept: str | None) -> tuple[Run, ...]:
    """Read the runs that are kept of a name, the newest last; none if they make no sense, for others will come."""
    try:
        return () if kept is None else _decode_runs(kept)
    except ValueError:
        return ()


def counts(kept: str) -> dict[int, int]:
    """Read durations as counts; none if they make no sense, for others will come."""
    try:
        return _decode_counts(kept)
    except ValueError:
        return {}


def _day(connection: sqlite3.Connection, key: Key) -> Day:
    text = f"SELECT {SUMS}, durations FROM daily WHERE (name, day, grp) = (?, ?, ?)"  # noqa: S608
    found: Row | None = connection.execute(text, key).fetchone()
    return Day(Sums(), {}) if found is None else Day(Sums(*found[:-1]), counts(found[-1]))


def _with(
    day: Day, state: str, duration: float | None, cpu: float | None, wait: float | None, memory: int | None
) -> Day:
    """Count one more run."""
    sums = Sums(
        1, state == "completed", state == "failed", state == "canceled",
        duration or 0.0, cpu or 0.0, wait or 0.0, wait is not None, memory,
    )  # fmt: skip
    timed = [duration] if duration is not None and state == "completed" else []
    return Day(day.sums.plus(sums), histogram.joined(day.durations, histogram.count(timed)))


def _run(record: str) -> Run | None:
    try:
        return run(rows.read_job(record))
    except ValueError:
        return None


def _runs(connection: sqlite3.Connection, name: str) -> tuple[Run, ...]:
    found = connection.execute("SELECT runs FROM bygone WHERE name = ?", (name,)).fetchone()
    return runs(found[0]) if found else ()
