"""Opening the file at the start of a daemon: made, brought up to date, or repaired."""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from jobd.core.model import Job
from jobd.daemon import database, migration
from jobd.daemon.clock import from_microseconds
from jobd.daemon.reader import Reader


class Opened(NamedTuple):
    """What was found: the numbers to go on from, the jobs that have not ended, and where a damaged file went."""

    last_seq: int
    last_job_id: int
    last_at: datetime | None
    live: list[Job]
    quarantined: Path | None
    created: bool


def open_database(path: Path, durability: str) -> tuple[sqlite3.Connection, Opened]:
    """Open the file for writing. Raises DatabaseTooNew, StorageBroken, StorageFull."""
    created = not path.exists()
    try:
        if created:
            database.touch(path)
        connection = database.connect(path, durability=durability)
        migration.bring_up_to_date(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise database.failed_open(error, path) from None
    return connection, _opened(path, quarantined=None, created=created)


def _opened(path: Path, *, quarantined: Path | None, created: bool) -> Opened:
    reader = Reader(path)
    try:
        last = reader.last_seq()
        entries = reader.entries(last - 1, 1) if last else []
        last_at = entries[0].at if entries else None
        return Opened(last, reader.last_job_id(), last_at, reader.live(), quarantined, created)
    finally:
        reader.close()


def try_to_write(connection: sqlite3.Connection, path: Path, size: int) -> None:
    """Write something of this size and take it away again. Raises sqlite3.Error."""
    for value in (bytes(size), b""):
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', ?)", (value,))
