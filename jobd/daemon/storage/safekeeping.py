"""Keeping copies of the database, looking through it, and putting a copy back.

The rule: a copy is made by SQLite (`VACUUM INTO`), never by copying the file, and has its final name only when it is
whole and on disk. What is replaced is moved aside with everything that belongs to it, never deleted.
"""

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from jobd.core.errors import DatabaseTooNew, DatabaseTooOld, OutputFailed, StorageBroken, StorageFull
from jobd.daemon.storage import database, filesystem, memory, migration, settling

#: What belongs together: the file, its write-ahead log, and the index of that log.
PARTS = ("", "-wal", "-shm")
#: Problems listed at most; one is enough to act.
MOST_PROBLEMS = 100
_STAMP = "%Y%m%d-%H%M%S"
#: SQLite's instructions between two questions whether to go on: some ten milliseconds.
_INSTRUCTIONS = 1_000_000


def backup(path: Path, target: Path) -> None:
    """Copy the database to a new file, in use or not.

    Raises StorageFull for the disk of the target, StorageBroken, OutputFailed.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        database.touch(part)
        with contextlib.closing(database.connect(path, read_only=True)) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        filesystem.flush(part)
        part.rename(target)
        filesystem.flush(target.parent)
    except sqlite3.Error as error:
        full = database.is_full(error, target.parent)
        part.unlink(missing_ok=True)
        raise StorageFull(path=str(target.parent)) if full else database.failed_open(error, path) from None
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(path=str(target.parent)) from None
        raise OutputFailed(problem=f"{target}: {error.strerror}") from None


def backups(path: Path) -> list[Path]:
    """List the backups of a database, newest first."""
    return sorted(path.parent.glob(f"{path.name}.bak-????????-??????"), reverse=True)


def backup_is_due(path: Path, every: float) -> bool:
    """Whether the newest backup is older than this many seconds, or there is none."""
    newest = next(iter(backups(path)), None)
    return newest is None or time.time() - newest.stat().st_mtime > every


def rotate(path: Path, keep: int) -> Path:
    """Make a backup and delete all but the newest `keep` (1 or more). Raises StorageFull, StorageBroken."""
    made = path.with_name(f"{path.name}.bak-{stamp()}")
    backup(path, made)
    for old in backups(path)[keep:]:
        old.unlink(missing_ok=True)
    return made


def back_up_version(path: Path, version: int) -> Path:
    """Make a backup that stays: of a schema that is about to change. Raises StorageFull, StorageBroken."""
    made = path.with_name(f"{path.name}.v{version}-{stamp()}")
    backup(path, made)
    return made


def of_version(path: Path, newest: int) -> Path | None:
    """Find the best backup for a program that knows versions up to `newest`."""
    for version in range(newest, 0, -1):
        found = sorted(path.parent.glob(f"{path.name}.v{version}-*"))
        if found:
            return found[-1]
    return None


def refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    """Leave alone what a newer program wrote. Raises DatabaseTooNew, which names the best backup."""
    found, known = migration.version(connection), len(migration.scripts())
    if found > known:
        raise DatabaseTooNew(found=found, known=known, backup=str(of_version(path, known) or "BACKUP"))


def refuse_other(connection: sqlite3.Connection, path: Path) -> None:
    """Leave alone what a newer program wrote, or an older one of which too little is known.

    Raises DatabaseTooNew, DatabaseTooOld.
    """
    refuse_newer(connection, path)
    found, known = migration.version(connection), len(migration.scripts())
    if found < known:
        raise DatabaseTooOld(found=found, known=known)


def check(path: Path, *, thorough: bool = False, stopped: Callable[[], bool] = lambda: False) -> list[str]:
    """Look through a database for damage, and list it; thorough means that indexes are compared with their tables.

    Returns early, with nothing, when `stopped` says so.
    """
    try:
        with contextlib.closing(database.connect(path, read_only=True)) as connection:
            connection.set_progress_handler(stopped, _INSTRUCTIONS)
            return look_through(connection, thorough=thorough)
    except sqlite3.Error as error:
        return [] if stopped() else [str(error)]


def look_through(connection: sqlite3.Connection, *, thorough: bool = False) -> list[str]:
    """List the damage that SQLite finds. Raises sqlite3.Error where it cannot even look."""
    pragma = "integrity_check" if thorough else "quick_check"
    found = [row[0] for row in connection.execute(f"PRAGMA {pragma}({MOST_PROBLEMS})")]
    return [] if found == ["ok"] else found


def is_usable(path: Path) -> bool:
    """Whether a backup can take the place of the database: whole, jobd's, and not from a newer program."""
    if check(path):
        return False
    try:
        with contextlib.closing(database.connect(path, read_only=True)) as connection:
            known = 0 < migration.version(connection) <= len(migration.scripts())
            return known and database.application(connection) == database.APPLICATION_ID
    except sqlite3.Error:
        return False


def restore(path: Path, source: Path) -> Path | None:
    """Put a backup in the place of the database; give the directory to which the latter was moved, if there was one.

    No daemon may be using it. Raises StorageBroken if the backup is of no use.
    """
    if not is_usable(source):
        raise StorageBroken(
            path=str(source), problem="it is damaged, or no backup of a database of this or an older jobd"
        )
    fresh = path.with_name(f"{path.name}.restored")
    backup(source, fresh)
    aside = move_aside(path, "replaced")
    put_in_place(fresh, path)
    return aside


def move_aside(path: Path, why: str) -> Path | None:
    """Move the database with all that belongs to it to a directory of its own, `<why>-<time>`; None if there is none.

    The file goes first: if this is cut short, the log left behind alone is no danger, but a file without its log
    would be.
    """
    present = [part for name in PARTS if (part := path.with_name(path.name + name)).exists()]
    if not present:
        return None
    target = _free_name(path.with_name(f"{why}-{stamp()}"))
    target.mkdir(0o700)
    for part in present:
        part.rename(target / part.name)
    filesystem.flush(target)
    filesystem.flush(path.parent)
    return target


def put_in_place(fresh: Path, path: Path) -> None:
    """Give a new database, whole and closed, its name."""
    filesystem.flush(fresh)
    fresh.rename(path)
    filesystem.flush(path.parent)


def vacuum(path: Path) -> None:
    """Do what `shrink` does to a file that nobody else writes. Raises StorageFull, StorageBroken."""
    try:
        with contextlib.closing(database.connect(path)) as connection:
            shrink(connection)
    except sqlite3.Error as error:
        raise database.failed_open(error, path) from None


def shrink(connection: sqlite3.Connection) -> None:
    """Give the room of deleted rows back to the disk, and make the index of words anew. Raises sqlite3.Error."""
    settling.rebuild(connection)
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def memory_database() -> Path:
    """Name a new database in memory; `Store.close` removes it."""
    return memory.make()


def stamp() -> str:
    """Write the present time as names of files have it, in UTC."""
    return datetime.now(UTC).strftime(_STAMP)


def _free_name(path: Path) -> Path:
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
