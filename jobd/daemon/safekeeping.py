"""Keeping copies of the database, and looking after it.

The rule: a copy is made by SQLite (`VACUUM INTO`), never by copying the file, and has its final name only when it is whole and on disk.
"""

import os
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from jobd.daemon import database

_STAMP = "%Y%m%d-%H%M%S"


def backup(path: Path, target: Path) -> None:
    """Copy the database to a new file while it is being used. Raises StorageFull, StorageBroken."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        database.touch(part)
        connection = database.connect(path, read_only=True)
        try:
            connection.execute("VACUUM INTO ?", (str(part),))
        finally:
            connection.close()
        _flush(part)
        part.rename(target)
        _flush(target.parent)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise database.failed_open(error, path) from None


def backups(path: Path) -> list[Path]:
    """List the backups of a database, newest first."""
    return sorted(path.parent.glob(f"{path.name}.bak-????????-??????"), reverse=True)


def backup_is_due(path: Path, every: float) -> bool:
    """Whether the newest backup is older than this many seconds, or there is none."""
    newest = next(iter(backups(path)), None)
    return newest is None or time.time() - newest.stat().st_mtime > every


def rotate(path: Path, keep: int) -> Path | None:
    """Make a backup and delete all but the newest `keep`; with 0 none is made. Raises StorageFull, StorageBroken."""
    made = path.with_name(f"{path.name}.bak-{datetime.now(UTC).strftime(_STAMP)}") if keep else None
    if made is not None:
        backup(path, made)
    for old in backups(path)[keep:]:
        old.unlink(missing_ok=True)
    return made


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def memory_database() -> Path:
    """Make a private directory in memory for a database that is not meant to last."""
    room = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 -- mkdtemp makes it private
    return Path(tempfile.mkdtemp(prefix="jobd-", dir=room)) / "jobd.db"
