"""The SQLite file, opened the way jobd wants it, and what SQLite complains about in the words of `core.errors`.

The rule: nothing but SQLite ever opens the file. Closing any descriptor of it would drop the locks this process holds
on it (POSIX record locks), and another process could then write beside us.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobd.core.errors import JobdError, OutcomeUnknown, StorageBroken, StorageFull

#: "jobd" in ASCII: tells the file from any other SQLite database (`PRAGMA application_id`, and file(1)).
APPLICATION_ID = 0x6A6F6264
#: Milliseconds to wait for another process that is writing.
LOCK_WAIT = 5000
#: Bytes of a page, which is SQLite's own choice, and of the log at which a commit brings it into the database itself.
PAGE, LONGEST_LOG = 4096, 64 << 20
#: How a commit reaches the disk: `full` survives a power cut, `normal` may lose the last commits in one, `off` is for
#: a file in memory.
SYNCHRONOUS = {"full": "FULL", "normal": "NORMAL", "off": "OFF"}

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def connect(
    path: Path, *, durability: str = "full", read_only: bool = False, damaged: bool = False
) -> sqlite3.Connection:
    """Open an existing file, and begin to read it; a damaged one as far as that is possible. Raises sqlite3.Error."""
    how = ("immutable=1" if _cannot_change(path) else "mode=ro") if read_only else "mode=rw"
    location = f"{path.absolute().as_uri()}?{how}"
    connection = sqlite3.connect(location, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT}")
        for pragma in ("temp_store = MEMORY", "mmap_size = 0", "trusted_schema = OFF", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        if damaged:
            # SQLite would read nothing of a file that has been cut off.
            connection.execute("PRAGMA writable_schema = ON")
        if not read_only:
            _prepare_for_writing(connection, durability)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare_for_writing(connection: sqlite3.Connection, durability: str) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError("no write-ahead log can be kept there")
    connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS[durability]}")
    connection.execute(f"PRAGMA journal_size_limit = {LONGEST_LOG}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_LOG // PAGE}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is written meanwhile, or nothing of it. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def touch(path: Path) -> None:
    """Make an empty file that only its owner can read, for SQLite to fill. Raises FileExistsError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def application(connection: sqlite3.Connection) -> int:
    """Read whose file it is."""
    found: int = connection.execute("PRAGMA application_id").fetchone()[0]
    return found


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the content of the file makes no sense."""
    return _primary(error) in _DAMAGED


def is_lock(error: BaseException) -> bool:
    """Whether another process kept us from writing; nothing was written then."""
    return _primary(error) in _LOCKED


def is_full(error: BaseException, directory: Path) -> bool:
    """Whether there was no room. SQLite hides a quota or a size limit behind an I/O error, so one is tried out."""
    code = getattr(error, "sqlite_errorcode", None)
    return code in _FULL or (_primary(error) == sqlite3.SQLITE_IOERR and not has_room(directory))


def has_room(directory: Path, size: int = 65536) -> bool:
    """Try whether this many bytes can be written to a new file."""
    trial = directory / f".room-{os.getpid()}"
    try:
        descriptor = os.open(trial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            written = os.write(descriptor, bytes(size))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            trial.unlink()
    except OSError:
        return False
    return written == size


def failed_commit(error: BaseException, path: Path) -> JobdError:
    """Say what a failed commit means: nothing changed for want of room, or nobody knows."""
    if is_full(error, path.parent):
        return StorageFull(path=str(path.parent))
    if is_lock(error):
        return OutcomeUnknown(problem=f"another process has kept {path.name} locked for {LOCK_WAIT // 1000} s")
    return OutcomeUnknown(problem=_words(error))


def failed_open(error: BaseException, path: Path) -> JobdError:
    """Say why the file cannot be used."""
    if is_full(error, path.parent):
        return StorageFull(path=str(path.parent))
    return StorageBroken(path=str(path), problem=_obstacle(path) or _words(error))


def _obstacle(path: Path) -> str | None:
    """Find what SQLite does not tell: the file system is read-only, or somebody else owns the file."""
    if not path.parent.is_dir():
        return "its directory is missing"
    if _is_read_only(path.parent):
        return "its file system is read-only"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return "you may not read and write it"
    if not os.access(path.parent, os.W_OK):
        return "you may not write in its directory"
    return None


def _is_read_only(directory: Path) -> bool:
    return directory.is_dir() and bool(os.statvfs(directory).f_flag & os.ST_RDONLY)


def _cannot_change(path: Path) -> bool:
    """Whether the file is all there is and nobody can write it: then it needs no log and no locks to be read."""
    log = path.with_name(f"{path.name}-wal")
    return _is_read_only(path.parent) and not (log.exists() and log.stat().st_size)


def _primary(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _words(error: BaseException) -> str:
    name = getattr(error, "sqlite_errorname", None)
    return f"{error} ({name})" if name else f"{error}"
