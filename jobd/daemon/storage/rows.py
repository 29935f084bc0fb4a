"""Records as rows of the tables, written many at a time.

The rule: rows go to SQLite by statements of up to `MOST_ROWS` rows. Python lets go of its global lock once for a
statement, not once for a row, so the loop that answers clients goes on meanwhile (and json_each, which needs one
parameter only, is five times slower).
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec

from jobd.core import figures
from jobd.core.events.catalogue import Actor, AnyEvent, Entry
from jobd.core.figures import Figures
from jobd.core.model import Job, Surroundings
from jobd.core.work.items import Item
from jobd.daemon.system.clock import from_microseconds, to_microseconds

#: Rows in one statement, a power of two: with 19 columns, far below the 32,766 parameters that SQLite takes.
MOST_ROWS = 64

#: One row: the parameters of a statement.
Row = tuple[Any, ...]

_encode = msgspec.json.Encoder().encode
_decode_job = msgspec.json.Decoder(Job).decode
_decode_item = msgspec.json.Decoder(Item).decode
_decode_event = msgspec.json.Decoder(AnyEvent).decode
_decode_actor = msgspec.json.Decoder(Actor).decode
_decode_surroundings = msgspec.json.Decoder(Surroundings).decode


class Reply(NamedTuple):
    """What was answered to a request, so that its repetition changes nothing."""

    id: str
    method: str
    at: datetime
    reply: bytes


class Target(NamedTuple):
    """Where rows go: table and columns, places of the parameters, and what happens to a row that is there already."""

    table: str
    values: str
    conflict: str = ""


_FIXED = ("id", "created_at", "uid", "parent")
#: The columns of a job.
JOB_COLUMNS = (*"id name state grp priority created_at started_at ended_at uid".split(), *Figures._fields)
_MUTABLE = [column for column in JOB_COLUMNS if column not in _FIXED]

JOBS = Target(
    f"jobs ({', '.join(JOB_COLUMNS)})",
    f"({', '.join('?' * len(JOB_COLUMNS))})",
    f"ON CONFLICT (id) DO UPDATE SET settled = 0, {', '.join(f'{column} = excluded.{column}' for column in _MUTABLE)}",
)
WORDS = Target("words (job, text)", "(?, ?)")
ENTRY_COLUMNS = "seq, at, job, actor, event"
REPLY_COLUMNS = "id, method, at, reply"
RECORDS = Target("records (job, record)", "(?, ?)", "ON CONFLICT (job) DO UPDATE SET record = excluded.record")
#: Jobs with their records.
WHOLE_JOBS = "jobs JOIN records ON records.job = jobs.id"
EVENTS = Target("events (seq, at, job, frequent, actor, event)", "(?, ?, ?, ?, ?, ?)")
ITEMS = Target("items (job, key, record)", "(?, ?, ?)", "ON CONFLICT (job, key) DO UPDATE SET record = excluded.record")
#: Lines read from a damaged database; those that are there already are sound.
SAVED_EVENTS = EVENTS._replace(conflict="ON CONFLICT (seq) DO NOTHING")
REQUESTS = Target("requests (id, method, at, reply)", "(?, ?, ?, ?)", "ON CONFLICT (id) DO NOTHING")
META = Target("meta (key, value)", "(?, ?)", "ON CONFLICT (key) DO UPDATE SET value = excluded.value")
#: Begins the key of a saved filter.
PRESET = "preset:"
PRESETS = f"SELECT key, value FROM meta WHERE key GLOB '{PRESET}*' ORDER BY key"  # noqa: S608
SURROUNDINGS = Target("surroundings (digest, body)", "(?, ?)", "ON CONFLICT (digest) DO NOTHING")


def job_row(job: Job) -> Row:
    """Make the row of a job, which repeats what is searched of its record."""
    return (
        job.id, job.name, job.state.value, job.group, job.priority, to_microseconds(job.created_at),
        _optional(job.started_at), _optional(job.ended_at), job.origin.uid, *figures.of(job),
    )  # fmt: skip


def record_row(job: Job) -> Row:
    """Make the row of the record of a job."""
    return job.id, _encode(job).decode()


def item_row(job_id: int, item: Item) -> Row:
    """Make the row of an item."""
    return job_id, item.key, _encode(item).decode()


def same_columns(one: Job, other: Job) -> bool:
    """Whether two versions of a job, one made of the other, differ in the record at most; in doubt, no."""
    return (
        one.state is other.state
        and one.started_at is other.started_at
        and one.ended_at is other.ended_at
        and one.priority is other.priority
        and one.name is other.name
        and one.group is other.group
        and one.reason is other.reason
        and one.numbered is other.numbered
    )


def entry_row(entry: Entry) -> Row:
    """Make the row of a line of the log."""
    by = _encode(entry.by).decode() if entry.by else None
    event = entry.event
    return entry.seq, to_microseconds(entry.at), entry.job, int(event.frequent), by, _encode(event).decode()


def reply_row(reply: Reply) -> Row:
    """Make the row of an answer."""
    return reply.id, reply.method, to_microseconds(reply.at), reply.reply.decode()


def read_job(record: str) -> Job:
    """Make the job of a record. Raises ValueError if it makes no sense (as msgspec.DecodeError, mostly)."""
    return _decode_job(record)


def read_item(record: str) -> Item:
    """Make the item of a record. Raises ValueError."""
    return _decode_item(record)


def read_entry(row: Row) -> Entry:
    """Make the line of the log of a row with ENTRY_COLUMNS. Raises ValueError."""
    seq, at, job, actor, event = row
    by = _decode_actor(actor) if actor else None
    return Entry(seq, from_microseconds(at), job, _decode_event(event), by)


def read_reply(row: Row) -> Reply:
    """Make the answer of a row with REPLY_COLUMNS. Raises ValueError."""
    request_id, method, at, reply = row
    return Reply(request_id, method, from_microseconds(at), reply.encode())


def read_surroundings(body: str) -> Surroundings:
    """Make the surroundings of their text. Raises ValueError."""
    return _decode_surroundings(body)


def put(connection: sqlite3.Connection, target: Target, rows: Sequence[Row]) -> None:
    """Write rows. Raises sqlite3.Error."""
    start, size = 0, MOST_ROWS
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        values = [value for row in rows[start : start + size] for value in row]
        connection.execute(_statement(target, size), values)
        start += size


def put_jobs(connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    """Write jobs and their records. Raises sqlite3.Error."""
    put(connection, JOBS, [job_row(job) for job in jobs])
    put(connection, RECORDS, [record_row(job) for job in jobs])


def remove_jobs(connection: sqlite3.Connection, ids: list[int]) -> None:
    """Delete jobs. Their ids stay used, even that of a job that came and went within one transaction."""
    if ids:
        among = (_encode(ids).decode(),)
        connection.execute("DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?))", among)
        connection.execute("DELETE FROM records WHERE job IN (SELECT value FROM json_each(?))", among)
        connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'jobs'", (max(ids),))


def put_presets(connection: sqlite3.Connection, presets: Mapping[str, str | None]) -> None:
    """Save filters under their names; None takes one away. Raises sqlite3.Error."""
    put(connection, META, [(PRESET + name, text) for name, text in presets.items() if text is not None])
    gone = [PRESET + name for name, text in presets.items() if text is None]
    connection.executemany("DELETE FROM meta WHERE key = ?", [(key,) for key in gone])


def remove_items(connection: sqlite3.Connection, jobs: list[int]) -> None:
    """Delete the items of jobs."""
    if jobs:
        connection.execute("DELETE FROM items WHERE job IN (SELECT value FROM json_each(?))", (_encode(jobs).decode(),))


def trim_requests(connection: sqlite3.Connection, before: datetime, kept: int, chunk: int) -> int:
    """Delete up to `chunk` of the oldest answers: those given before a time, and those after `kept` newer ones."""
    text = (
        "DELETE FROM requests WHERE rowid IN (SELECT rowid FROM requests ORDER BY rowid LIMIT ?)"
        " AND (at < ? OR rowid <= (SELECT max(rowid) FROM requests) - ?)"
    )
    return connection.execute(text, (chunk, to_microseconds(before), kept)).rowcount


def trim_events(connection: sqlite3.Connection, last: int, chunk: int) -> int:
    """Delete up to `chunk` of the oldest events, up to one; say how many."""
    text = "DELETE FROM events WHERE seq <= min(?, (SELECT min(seq) FROM events) + ? - 1)"
    return connection.execute(text, (last, chunk)).rowcount


@cache
def _statement(target: Target, size: int) -> str:
    return f"INSERT INTO {target.table} VALUES {', '.join([target.values] * size)} {target.conflict}"  # noqa: S608


def _optional(wall: datetime | None) -> int | None:
    return None if wall is None else to_microseconds(wall)
