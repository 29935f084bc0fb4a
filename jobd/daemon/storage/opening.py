"""Opening the database at the start of a daemon: made, brought up to date, or repaired.

The rule: what is wrong is found before anything is written, and an empty or missing file where there was a database
is damage, although SQLite would take it for a new one.
"""

import contextlib
import logging
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from jobd.core.errors import StorageBroken
from jobd.core.history.pages import KEY
from jobd.core.model import Job
from jobd.daemon.storage import database, filesystem, migration, repair, safekeeping, settling
from jobd.daemon.storage.reader import Reader

#: A larger database is looked through in the background: this much takes about a tenth of a second.
CHECKED_AT_ONCE = 128 << 20
#: The first that finds words by their parts of three letters, and can drop a column.
OLDEST_SQLITE = (3, 35)


logger = logging.getLogger(__name__)


class Opened(NamedTuple):
    """What was found: the numbers and the time to go on from, the jobs that have not ended, and what was wrong."""

    last_seq: int
    last_job_id: int
    last_at: datetime | None
    live: list[Job]
    #: Where the damaged database went.
    quarantined: Path | None
    #: There was none before.
    created: bool
    #: Whether it is still to be looked through for damage.
    unchecked: bool

    def damage(self) -> str | None:
        """Say that the database was damaged and where it is; None if it was not."""
        if self.quarantined is None:
            return None
        return f"database: it was damaged; it is in {self.quarantined}, what could be saved of it is here"


class _Damaged(Exception):
    """The database cannot be used as it is."""


def open_database(path: Path, durability: str) -> tuple[sqlite3.Connection, Opened]:
    """Open the database for writing. Raises DatabaseTooNew, StorageBroken, StorageFull."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        problem = f"SQLite {sqlite3.sqlite_version} is too old; it takes {'.'.join(map(str, OLDEST_SQLITE))}"
        raise StorageBroken(path=str(path), problem=problem)
    filesystem.refuse_network(path)
    created, quarantined = not path.exists(), None
    try:
        try:
            connection, unchecked = _open(path, durability)
        except _Damaged as damage:
            created, quarantined = False, repair.repair(path, str(damage))
            connection, unchecked = _open(path, durability)
        return connection, _opened(path, quarantined=quarantined, created=created, unchecked=unchecked)
    except _Damaged as damage:
        raise StorageBroken(path=str(path), problem=f"repaired, but still damaged: {damage}") from None
    except (sqlite3.Error, OSError) as error:
        raise database.failed_open(error, path) from None


def try_to_write(connection: sqlite3.Connection, size: int) -> None:
    """Write something of this size and take it away again. Raises sqlite3.Error."""
    for value in (bytes(size), b""):
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', ?)", (value,))


def _open(path: Path, durability: str) -> tuple[sqlite3.Connection, bool]:
    """Open a database that seems to be in order, up to date; say whether it was too large to look through."""
    lasting = durability != "off"
    _refuse_loss(path)
    if not path.exists():
        database.touch(path)
    with contextlib.closing(_connect(path, read_only=True)) as reader:
        unchecked = _examine(reader, path)
    connection = _connect(path, durability=durability)
    try:
        _bring_up_to_date(connection, path)
        connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('page_key', randomblob(?))", (KEY,))
        if filesystem.suspect_mark(path).exists() and settling.mend(connection):
            logger.error("the index of words was damaged; it was made anew")
        if lasting:
            filesystem.put_mark(filesystem.created_mark(path))
            filesystem.suspect_mark(path).unlink(missing_ok=True)
            filesystem.load_ballast(path)
    except BaseException:
        connection.close()
        raise
    return connection, unchecked


def _refuse_loss(path: Path) -> None:
    known = filesystem.created_mark(path).exists() or any((path.parent / "run").glob("*.*"))
    if known and not path.exists():
        raise _Damaged("it is gone")
    if known and not path.stat().st_size:
        raise _Damaged("it is empty")


def _connect(path: Path, *, durability: str = "full", read_only: bool = False) -> sqlite3.Connection:
    """Open the file; where even reading takes more room than there is, the ballast goes."""
    try:
        return database.connect(path, durability=durability, read_only=read_only)
    except sqlite3.Error as error:
        if database.is_damage(error):
            raise _Damaged(str(error)) from None
        if database.is_full(error, path.parent) and filesystem.drop_ballast(path):
            return _connect(path, durability=durability, read_only=read_only)
        raise


def _examine(connection: sqlite3.Connection, path: Path) -> bool:
    """Refuse what is not ours or makes no sense; say whether it was too large to look through."""
    try:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and database.application(connection) != database.APPLICATION_ID:
            raise StorageBroken(path=str(path), problem="it is the database of another program")
        safekeeping.refuse_newer(connection, path)
        if path.stat().st_size > CHECKED_AT_ONCE and not filesystem.suspect_mark(path).exists():
            return True
        problems = safekeeping.look_through(connection)
    except sqlite3.Error as error:
        if not database.is_damage(error):
            raise
        problems = [str(error)]
    if problems:
        raise _Damaged(problems[0])
    return False


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    found = migration.version(connection)
    if found == len(migration.scripts()):
        return
    if found:
        safekeeping.back_up_version(path, found)
    migration.bring_up_to_date(connection)
    if not found:
        repair.skip_used_ids(connection, path.parent)


def _opened(path: Path, *, quarantined: Path | None, created: bool, unchecked: bool) -> Opened:
    reader = Reader(path)
    try:
        last = reader.last_seq()
        at = reader.entries(last - 1, 1)[0].at if last else None
        return Opened(last, reader.last_job_id(), at, reader.live(), quarantined, created, unchecked)
    finally:
        reader.close()
