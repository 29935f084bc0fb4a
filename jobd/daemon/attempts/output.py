"""The output of attempts: where it is, how large, kept under its limit.

It is written by the job itself into plain files. One that outgrows its limit loses its middle: the blocks are given
back to the disk by punching a hole (fallocate(2)), so offsets stay, the job goes on writing, and the beginning and the
end can be read.
"""

import ctypes
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from jobd.config import Paths
from jobd.core.errors import OutputNotFound
from jobd.core.model import Attempt, Job

NAMES = ("output", "stdout", "stderr")
#: FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE (linux/falloc.h)
_PUNCH_HOLE = 0x01 | 0x02
#: Bytes in a block of st_blocks (stat(2)).
_BLOCK = 512
_PAGE = 4096


def attempt_directory(paths: Paths, job_id: int, number: int) -> Path:
    """Name the directory of a live attempt."""
    return paths.run / f"{job_id}.{number}"


def kept(paths: Paths, job_id: int, number: int, name: str) -> Path:
    """Name the file under log/ to which output goes when its attempt has ended."""
    return paths.log / (f"{job_id}.{number}" if name == "output" else f"{job_id}.{number}.{name}")


def files(paths: Paths, job: Job, attempt: Attempt | None = None) -> dict[str, Path]:
    """Say where the output of an attempt (the latest) is or will be: by name `output`, or `stdout` and `stderr`."""
    attempt = attempt or job.attempt
    if attempt is None or job.spec is None:
        return {}
    names = ("stdout", "stderr") if job.spec.split else ("output",)
    live = attempt_directory(paths, job.id, attempt.number)
    if attempt.ending is None or live.is_dir():
        return {name: live / name for name in names}
    return {name: kept(paths, job.id, attempt.number, name) for name in names}


def found(paths: Paths, job: Job, attempt: Attempt | None = None) -> dict[str, tuple[Path, int]]:
    """Give the output files of an attempt that are there, and their sizes; one may be moved between two looks."""
    attempt = attempt or job.attempt
    there: dict[str, tuple[Path, int]] = {}
    if attempt is None:
        return there
    for name, path in files(paths, job, attempt).items():
        for place in (path, kept(paths, job.id, attempt.number, name)):
            with suppress(OSError):
                there.setdefault(name, (place, os.stat(place).st_size))
    return there


def existing(paths: Paths, job: Job, attempt: Attempt | None = None) -> dict[str, Path]:
    """Give the output files of an attempt that are there. Raises OutputNotFound with the reason."""
    if there := found(paths, job, attempt):
        return {name: path for name, (path, _) in there.items()}
    problem = "it was not started by jobd" if job.spec is None else "it has not started yet"
    raise OutputNotFound(job=job.id, name=job.name, problem=problem if not job.done else "nothing was kept")


def sizes(directory: Path) -> dict[str, int]:
    """Give the sizes of the output files in the directory of a live attempt."""
    found = {}
    for name in NAMES:
        try:
            found[name] = os.stat(f"{directory}/{name}").st_size
        except FileNotFoundError:
            continue
    return found


def growth(directory: Path) -> tuple[int, float]:
    """Give the bytes of all output of a live attempt, and when some was last written, in seconds since the epoch."""
    found, latest = 0, 0.0
    for name in NAMES:
        try:
            status = os.stat(f"{directory}/{name}")
        except FileNotFoundError:
            continue
        found, latest = found + status.st_size, max(latest, status.st_mtime)
    return found, latest


def delete(paths: Paths, job_id: int, attempts: list[int]) -> None:
    """Remove the kept output of a job's attempts."""
    for number in attempts:
        for name in NAMES:
            kept(paths, job_id, number, name).unlink(missing_ok=True)


def trim(directory: Path, limit: int) -> dict[str, int]:
    """Punch the middle out of output files that take more than `limit` bytes; say how many bytes each lost.

    Half the limit stays at the beginning, a quarter at the end, so that it is done seldom. Nothing happens where the
    file system has no holes.
    """
    lost = {}
    for name in NAMES:
        path = f"{directory}/{name}"
        try:
            if _excess(os.stat(path), limit) > 0:
                lost[name] = _trim(path, limit)
        except OSError:
            continue
    return {name: count for name, count in lost.items() if count > 0}


def _excess(status: os.stat_result, limit: int) -> int:
    """Say how many bytes a file takes beyond the limit; a file full of holes is larger than that."""
    return min(status.st_blocks * _BLOCK, status.st_size) - limit


def _trim(path: str, limit: int) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        before = os.fstat(descriptor)
        first = limit // 2 // _PAGE * _PAGE
        last = (before.st_size - limit // 4) // _PAGE * _PAGE
        if last <= first or not _punch(descriptor, first, last - first):
            return 0
        return (before.st_blocks - os.fstat(descriptor).st_blocks) * _BLOCK
    finally:
        os.close(descriptor)


def _punch(descriptor: int, offset: int, length: int) -> bool:
    fallocate = getattr(_libc(), "fallocate", None)
    if fallocate is None:
        return False
    return bool(fallocate(descriptor, _PUNCH_HOLE, ctypes.c_int64(offset), ctypes.c_int64(length)) == 0)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
