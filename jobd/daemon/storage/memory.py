"""A database in memory, for a daemon that is to leave nothing behind.

It is the same file, in a private directory of /dev/shm. The rule: who made a directory holds a lock on it as long as it
lives, so what a killed daemon left is found and removed by the next.
"""

import fcntl
import os
from pathlib import Path

SHARED_MEMORY = "/dev/shm"  # noqa: S108 -- mkdtemp makes a private directory there
_held: dict[Path, int] = {}


def make() -> Path:
    """Make a directory and name the database in it."""
    from shutil import rmtree
    from tempfile import gettempdir, mkdtemp

    room = Path(SHARED_MEMORY if os.path.isdir(SHARED_MEMORY) else gettempdir())
    prefix = f"jobd-memory-{os.geteuid()}-"
    for left in room.glob(f"{prefix}*"):
        if (descriptor := _lock(left)) is not None:
            if os.fstat(descriptor).st_uid == os.geteuid():
                rmtree(left, ignore_errors=True)
            os.close(descriptor)
    while True:
        directory = Path(mkdtemp(prefix=prefix, dir=room))
        descriptor = _lock(directory)
        if descriptor is not None:
            # Another that begins at this moment may have found it without a lock, and removed it.
            if directory.exists():
                _held[directory] = descriptor
                return directory / "jobd.db"
            os.close(descriptor)


def remove(path: Path) -> None:
    """Remove the directory if it was made here."""
    descriptor = _held.pop(path.parent, None)
    if descriptor is not None:
        from shutil import rmtree

        rmtree(path.parent, ignore_errors=True)
        os.close(descriptor)


def _lock(directory: Path) -> int | None:
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
