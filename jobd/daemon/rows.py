"""Records as rows: one statement for each table, however many rows there are.

The rule: rows go to SQLite as one JSON array and one `INSERT … SELECT … FROM json_each`. Python lets go of its global lock once for
the whole statement, not once for each row, so the loop that answers clients goes on meanwhile.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from jobd.core.events import Entry
from jobd.core.model import Job
from jobd.daemon.clock import to_microseconds

#: Rows in one statement; a bulk of 100,000 becomes a hundred of them, in one transaction.
MOST_ROWS = 1000

_encode = msgspec.json.Encoder().encode


class Reply(NamedTuple):
    """What was answered to a request, so that its repetition changes nothing."""

    id: str
    method: str
    at: datetime
    reply: bytes


def _insert(table: str, columns: str, conflict: str = "") -> str:
    values = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(columns.split(", "))))
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM json_each(?) WHERE true {conflict}"  # noqa: S608


_MUTABLE = "name state grp priority started_at ended_at record".split()
_UPDATES = ", ".join(f"{column} = excluded.{column}" for column in _MUTABLE)

PUT_JOBS = _insert(
    "jobs",
    "id, name, state, grp, priority, created_at, started_at, ended_at, uid, record",
    f"ON CONFLICT (id) DO UPDATE SET {_UPDATES}",
)
PUT_ENTRIES = _insert("events", "seq, at, job, frequent, actor, event")
PUT_REPLIES = _insert("requests", "id, method, at, reply", "ON CONFLICT (id) DO NOTHING")
PUT_SURROUNDINGS = _insert("surroundings", "digest, body", "ON CONFLICT (digest) DO NOTHING")
REMOVE_JOBS = "DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?))"
#: Ids of jobs that were removed stay used, even of one that came and went within one transaction.
NOTE_IDS = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'jobs'"


def job_row(job: Job) -> bytes:
    """Put a job into the JSON form of its row."""
    return _encode(
        (
            job.id, job.name, job.state, job.group, job.priority, to_microseconds(job.created_at),
            _optional(job.started_at), _optional(job.ended_at), job.origin.uid, job,
        )
    )  # fmt: skip


def entry_row(entry: Entry) -> bytes:
    """Put a line of the log into the JSON form of its row."""
    at = to_microseconds(entry.at)
    return _encode((entry.seq, at, entry.job, int(entry.event.frequent), entry.by, entry.event))


def reply_row(reply: Reply) -> bytes:
    """Put an answer into the JSON form of its row."""
    return _encode((reply.id, reply.method, to_microseconds(reply.at), reply.reply.decode()))


def surroundings_row(digest: str, body: bytes) -> bytes:
    """Put surroundings into the JSON form of their row."""
    return _encode((digest, body.decode()))


def put(connection: sqlite3.Connection, statement: str, rows: Sequence[bytes]) -> None:
    """Write rows in their JSON form."""
    for some in _chunks(rows):
        connection.execute(statement, (f"[{b','.join(some).decode()}]",))


def remove_jobs(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Delete jobs; their ids are never given again."""
    if ids:
        connection.execute(REMOVE_JOBS, (_encode(ids).decode(),))
        connection.execute(NOTE_IDS, (max(ids),))


def _chunks(rows: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(rows), MOST_ROWS):
        yield rows[start : start + MOST_ROWS]


def _optional(wall: datetime | None) -> int | None:
    return None if wall is None else to_microseconds(wall)


def trim_requests(connection: sqlite3.Connection, before: datetime, kept: int, chunk: int) -> int:
    """Delete the oldest answers: up to `chunk` of those given before a time, or of which `kept` newer ones are there."""
    text = (
        "DELETE FROM requests WHERE rowid IN (SELECT rowid FROM requests WHERE at < ?"
        " OR rowid <= (SELECT max(rowid) FROM requests) - ? ORDER BY rowid LIMIT ?)"
    )
    return connection.execute(text, (to_microseconds(before), kept, chunk)).rowcount
