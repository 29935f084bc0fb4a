"""What stands around the database: its file system, marks beside it, a ballast for the day the disk is full.

The rule: a directory is flushed after a name in it has changed, so that marks and copies are there after a power cut.
"""

import contextlib
import errno
import os
import re
from pathlib import Path

from jobd.core.errors import StorageBroken

#: Where other machines can write too: SQLite's locks do not reach them, and its log lives in memory that they do not
#: share.
NETWORK = re.compile(r"nfs\d?|cifs|smb\d?(fs)?|9p|afs|ceph|lustre|gpfs|ncpfs|fuse\..+")
#: Bytes free on a disk below which that is said.
LITTLE_ROOM = 64 << 20
MOUNTS = Path("/proc/self/mountinfo")
#: SQLite needs 32 KiB more even to read after a full disk; the rest is for the last words of everybody else.
BALLAST_BYTES = 4 << 20
_ESCAPED = re.compile(r"\\([0-7]{3})")


def refuse_network(path: Path) -> None:
    """Refuse a directory on a network file system. Raises StorageBroken."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = kind_of(os.path.realpath(path.parent), mounts)
    if NETWORK.fullmatch(kind):
        problem = f"it lies on a network file system ({kind}), where a database cannot be shared safely"
        raise StorageBroken(path=str(path), problem=f"{problem}; set JOBD_DIR to a directory on a local disk")


def kind_of(directory: str, mounts: str) -> str:
    """Find the type of the file system that holds a directory, in the text of proc_pid_mountinfo(5)."""
    best, kind = "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        place = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), before.split()[4])
        if len(place) >= len(best) and f"{directory}/".startswith(place.rstrip("/") + "/"):
            best, kind = place, after.split()[0]
    return kind


def created_mark(path: Path) -> Path:
    """Name the file that says: there was a database here, so an empty or missing one is a loss."""
    return path.with_name("db.created")


def suspect_mark(path: Path) -> Path:
    """Name the file that says: damage was seen, look through the whole database before it is used again."""
    return path.with_name("db.suspect")


def put_mark(mark: Path) -> None:
    """Make an empty file that stays."""
    if not mark.exists():
        mark.touch(0o600)
        flush(mark.parent)


def ballast(path: Path) -> Path:
    """Name the file that takes up room until it is needed."""
    return path.with_name("ballast")


def load_ballast(path: Path) -> None:
    """Take up the room; where there is none, do without."""
    target = ballast(path)
    if target.exists():
        return
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _reserve(descriptor)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EOPNOTSUPP, errno.EINVAL):
            raise
        target.unlink()
    finally:
        os.close(descriptor)


def drop_ballast(path: Path) -> bool:
    """Free the room; say whether there was any to free."""
    with contextlib.suppress(FileNotFoundError):
        ballast(path).unlink()
        return True
    return False


def flush(path: Path) -> None:
    """Bring a file, or the names in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def scarcity(path: Path) -> str | None:
    """Say that little room is left on the disk of a path; None if there is enough."""
    disk = os.statvfs(path)
    free = disk.f_bavail * disk.f_frsize
    return f"disk: only {free >> 20} MiB are free at {path}" if free < LITTLE_ROOM else None


def _reserve(descriptor: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, BALLAST_BYTES)
    else:
        os.write(descriptor, bytes(BALLAST_BYTES))
