"""Putting a sound database in the place of a damaged one, without losing the damaged one.

The rule: the new one is whole and on disk before the old one is moved, so this can be cut short anywhere and begun
again.
"""

import contextlib
import logging
import os
import re
import sqlite3
from pathlib import Path

from jobd.daemon.storage import database, migration, safekeeping
from jobd.daemon.storage.salvage import Saved, salvage

logger = logging.getLogger(__name__)

#: Directories and files of attempts, under run/ and log/: `<job>.<attempt>…`.
_ATTEMPT = re.compile(r"(\d{1,18})\.\d")


def repair(path: Path, problem: str) -> Path | None:
    """Replace a database that is damaged, empty or gone, by its newest sound backup and what can be saved of it.

    Gives the directory to which the damaged one went; None if nothing was there. Raises StorageFull, StorageBroken,
    sqlite3.Error.
    """
    fresh = path.with_name(f"{path.name}.repaired")
    if path.exists() or not safekeeping.is_usable(fresh):
        source, saved = _rebuild(path, fresh)
        logger.error(
            "the database is damaged (%s); made anew from %s, with %d jobs, %d lines of the log, %d jobs by the log",
            problem, source or "nothing", saved.jobs, saved.entries, saved.folded,
        )  # fmt: skip
    aside = safekeeping.move_aside(path, "corrupt")
    safekeeping.put_in_place(fresh, path)
    if aside is not None:
        logger.error("the damaged database was moved to %s", aside)
    return aside


def skip_used_ids(connection: sqlite3.Connection, directory: Path) -> None:
    """Give no id to a new job of which an older job still has files. Raises sqlite3.Error."""
    names = [name for place in ("run", "log") if (directory / place).is_dir() for name in os.listdir(directory / place)]
    used = max((int(match[1]) for name in names if (match := _ATTEMPT.match(name))), default=0)
    connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'jobs'", (used,))


def leave_out_used_ids(path: Path) -> None:
    """Do so in a database that nobody has open: an older copy knows nothing of later jobs. Raises StorageBroken."""
    try:
        with contextlib.closing(database.connect(path)) as connection:
            skip_used_ids(connection, path.parent)
    except sqlite3.Error as error:
        raise database.failed_open(error, path) from None


def _rebuild(path: Path, fresh: Path) -> tuple[Path | None, Saved]:
    for name in safekeeping.PARTS:
        fresh.with_name(fresh.name + name).unlink(missing_ok=True)
    source = next(filter(safekeeping.is_usable, safekeeping.backups(path)), None)
    if source is None:
        database.touch(fresh)
    else:
        safekeeping.backup(source, fresh)
    with contextlib.closing(database.connect(fresh)) as sound:
        migration.bring_up_to_date(sound)
        saved = _save(path, sound)
        skip_used_ids(sound, path.parent)
        sound.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return source, saved


def _save(path: Path, sound: sqlite3.Connection) -> Saved:
    try:
        if not path.exists() or not path.stat().st_size:
            return Saved()
        with contextlib.closing(database.connect(path, read_only=True, damaged=True)) as damaged:
            return salvage(damaged, sound)
    except sqlite3.Error as error:
        if sound.in_transaction:
            sound.execute("ROLLBACK")
        if not database.is_damage(error):
            raise
        return Saved()
