"""Small file systems in memory for tests: to be filled up, or made read-only (as root only)."""

import contextlib
import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small_disk(path: Path, size: int) -> Iterator[Path]:
    """Mount a file system of so many bytes."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def make_read_only(path: Path) -> None:
    """Let nothing more be written to a mounted file system."""
    subprocess.run(["mount", "-o", "remount,ro", str(path)], check=True)


def fill(path: Path) -> Path:
    """Take up all that is left, to the last page; deleting the file frees it."""
    filler = path / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    continue
    assert is_full(path)
    return filler


def is_full(path: Path) -> bool:
    """Whether not one more byte can be written."""
    trial = path / "trial"
    try:
        trial.write_bytes(b"x")
    except OSError as error:
        return error.errno == errno.ENOSPC
    finally:
        trial.unlink(missing_ok=True)
    return False
