"""Saving what can be read of a damaged database into a sound one.

The rule: nothing is believed because it can be read. A row counts only if its record makes sense, and a job whose row
is lost, or older than the log, is folded again from the log.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from jobd.core import lifecycle
from jobd.core.errors import IllegalChange
from jobd.core.events.catalogue import Removed
from jobd.core.model import LARGEST, Job
from jobd.daemon.storage import rows, settling, summaries, surroundings
from jobd.daemon.storage.rows import Row, Target

#: Rows read at a time.
PAGE = 1000
#: Damaged places in one table after which it is given up.
MOST_GAPS = 10_000


class Saved(NamedTuple):
    """How many were saved: jobs read, jobs folded from the log, lines of the log, answers, surroundings."""

    jobs: int = 0
    folded: int = 0
    entries: int = 0
    replies: int = 0
    surroundings: int = 0


def salvage(damaged: sqlite3.Connection, sound: sqlite3.Connection) -> Saved:
    """Copy every row that makes sense, in one transaction; a job replaces what the sound database has of it.

    Older versions kept the records in the table of jobs.
    """
    last = sound.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
    sound.execute("BEGIN IMMEDIATE")
    jobs = set[object]()
    for table in ("jobs", "records"):
        jobs |= _copy(damaged, sound, table, "record", rows.JOBS, lambda row: rows.job_row(rows.read_job(row[1])))
        _copy(damaged, sound, table, "record", rows.RECORDS, lambda row: rows.record_row(rows.read_job(row[1])))
    entries = _copy(damaged, sound, "events", rows.ENTRY_COLUMNS, rows.SAVED_EVENTS, _sound_entry)
    _copy(damaged, sound, "items", "job, key, record", rows.ITEMS, _sound_item)
    _copy(damaged, sound, "daily", summaries.DAY_COLUMNS, summaries.DAILY, summaries.sound_day)
    _copy(damaged, sound, "bygone", "name, at, runs", summaries.BYGONE, summaries.sound_runs)
    replies = _copy(damaged, sound, "requests", rows.REPLY_COLUMNS, rows.REQUESTS, _sound_reply)
    texts = _copy(damaged, sound, "surroundings", "digest, body", rows.SURROUNDINGS, _sound_surroundings)
    _copy_presets(damaged, sound)
    folded = _fold(sound, last, jobs)
    surroundings.recount(sound)
    settling.tidy(sound)
    sound.execute("COMMIT")
    return Saved(len(jobs), folded, len(entries), len(replies), len(texts))


def _copy_presets(damaged: sqlite3.Connection, sound: sqlite3.Connection) -> None:
    """Copy the saved filters, which are no rows with a number: all that can be reached from the beginning."""
    found = dict[str, str | None]()
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
        for key, value in damaged.execute(rows.PRESETS):
            found[key.removeprefix(rows.PRESET)] = value if isinstance(value, str) else None
    rows.put_presets(sound, found)


def readable(connection: sqlite3.Connection, table: str, columns: str) -> Iterator[Row]:
    """Yield the rows of a table that can be reached, in order: the rowid, then the columns.

    Where a page is damaged the search goes on behind it: in growing steps until something can be read again, then back
    to the first rowid from which that is so.
    """
    text = f"SELECT rowid, {columns} FROM {table} WHERE rowid >= ? ORDER BY rowid LIMIT ?"  # noqa: S608

    def is_sound(start: int) -> bool:
        return _page(connection, text, start, 1)[1]

    low, gaps = 1, 0
    while low < LARGEST and gaps < MOST_GAPS:
        page, whole = _page(connection, text, low, PAGE)
        yield from page
        low = page[-1][0] + 1 if page else low
        if whole and len(page) < PAGE:
            return
        if not whole:
            gaps += 1
            low = _behind(low, is_sound)


def _behind(low: int, is_sound: Callable[[int], bool]) -> int:
    """Find the first rowid above this one from which can be read; LARGEST if there is none."""
    step = 1
    while low + step < LARGEST and not is_sound(low + step):
        step *= 2
    if low + step >= LARGEST:
        return LARGEST
    bad, good = low + step // 2, low + step
    while good - bad > 1:
        middle = (bad + good) // 2
        bad, good = (bad, middle) if is_sound(middle) else (middle, good)
    return good


def _page(connection: sqlite3.Connection, text: str, start: int, limit: int) -> tuple[list[Any], bool]:
    """Read rows until the limit, the end, or damage; say whether there was none."""
    page: list[Any] = []
    try:
        page.extend(connection.execute(text, (start, limit)))
    except (sqlite3.Error, UnicodeDecodeError):
        return page, False
    return page, True


def _copy(
    damaged: sqlite3.Connection,
    sound: sqlite3.Connection,
    table: str,
    columns: str,
    target: Target,
    examine: Callable[[Row], Row],
) -> set[object]:
    """Copy the rows of which `examine` makes sense; give their first columns."""
    copied: set[object] = set()
    waiting: list[Row] = []
    for row in chain(readable(damaged, table, columns), [None]):
        if row is not None:
            try:
                waiting.append(examine(row))
                copied.add(waiting[-1][0])
            except (ValueError, TypeError, OverflowError, AttributeError):
                continue
        if row is None or len(waiting) >= PAGE:
            rows.put(sound, target, waiting)
            waiting.clear()
    return copied


def _sound_entry(row: Row) -> Row:
    return rows.entry_row(rows.read_entry(row[1:]))


def _sound_item(row: Row) -> Row:
    return rows.item_row(int(row[1]), rows.read_item(row[3]))


def _sound_reply(row: Row) -> Row:
    return rows.reply_row(rows.read_reply(row[1:]))


def _sound_surroundings(row: Row) -> Row:
    _, digest, body = row
    rows.read_surroundings(body)
    return digest, body


def _fold(sound: sqlite3.Connection, last: int, saved: set[object]) -> int:
    """Fold the jobs anew of which the log says more than their rows, or which have none; say how many."""
    named = {row[0] for row in sound.execute("SELECT DISTINCT job FROM events WHERE seq > ?", (last,))}
    stale, jobs, broken = named - saved, dict[int, Job | None](), set[int]()
    for row in sound.execute(f"SELECT {rows.ENTRY_COLUMNS} FROM events ORDER BY seq") if stale else ():  # noqa: S608
        if row[2] not in stale:
            continue
        entry = rows.read_entry(row)
        if isinstance(entry.event, Removed):
            jobs[entry.job] = None
        elif entry.job not in broken:
            try:
                jobs[entry.job] = lifecycle.fold(jobs.get(entry.job), entry)
            except (IllegalChange, AssertionError, IndexError):
                broken.add(entry.job)
    whole = {job_id: job for job_id, job in jobs.items() if job is None or job_id not in broken}
    rows.put_jobs(sound, [job for job in whole.values() if job is not None])
    rows.remove_jobs(sound, [job_id for job_id, job in whole.items() if job is None])
    return len(whole)
