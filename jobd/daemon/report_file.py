"""A report file, read in whole lines from an offset on, whatever the job does to it meanwhile."""

import errno
import os
from pathlib import Path
from typing import NamedTuple

from jobd.daemon.attempts.starting import Key

#: Bytes read at a time: some 7,000 lines, for which others wait 20 ms. A line without an end is taken in such pieces.
CHUNK = 1 << 16
#: Bytes before the offset that are compared: a file that was written anew is read anew.
TAIL = 64


class Reading(NamedTuple):
    """What one look brought: lines, where the next begins, and whether that is in the middle of an endless one."""

    lines: list[bytes]
    offset: int
    overlong: bool
    tail: bytes


class ReportFile:
    """One report file: its descriptor, how far it was read, when it last grew, and the notices that were asked for."""

    __slots__ = ("_overlong", "_tail", "descriptor", "grew", "key", "offset", "path", "tokens")

    def __init__(self, key: Key, path: Path, offset: int) -> None:
        self.key = key
        self.path = path
        self.tokens: set[int] = set()
        self.grew = 0.0
        self._open(offset)

    def read(self, *, last: bool = False) -> Reading | None:
        """Read what is new: whole lines, and at the very end also one without a newline."""
        data = os.pread(self.descriptor, len(self._tail) + CHUNK, self.offset - len(self._tail))
        if not data.startswith(self._tail):
            self.rewind(0)
            data = os.pread(self.descriptor, CHUNK, 0)
        data = data[len(self._tail) :]
        whole = data.rfind(b"\n") + 1
        if not whole and (last or len(data) == CHUNK):
            whole = len(data)
        if not whole:
            return None
        data = data[:whole]
        lines = data.split(b"\n")[self._overlong :]
        return Reading(lines, self.offset + whole, not data.endswith(b"\n"), (self._tail + data)[-TAIL:])

    def accept(self, reading: Reading) -> None:
        """Go on behind what was read."""
        self.offset, self._overlong, self._tail = reading.offset, reading.overlong, reading.tail

    def rewind(self, offset: int) -> None:
        """Go on at an offset."""
        self.offset, self._overlong = offset, False
        start = max(0, offset - TAIL)
        self._tail = os.pread(self.descriptor, offset - start, start)
        if len(self._tail) < offset - start:
            self.offset, self._tail = 0, b""

    @property
    def behind(self) -> int:
        """Bytes that are still to be read."""
        return os.fstat(self.descriptor).st_size - self.offset

    @property
    def named(self) -> bool:
        """Whether this is still the file that has the name."""
        try:
            return os.path.samestat(os.stat(self.path, follow_symlinks=False), os.fstat(self.descriptor))
        except OSError:
            return False

    def successor(self) -> "ReportFile | None":
        """Open the file that has the name now, if that is another one. Raises OSError if it is no file."""
        if self.named or not os.path.lexists(self.path):
            return None
        if not self.path.is_file():
            raise OSError(errno.EINVAL, "what has its name is no file")
        return ReportFile(self.key, self.path, 0)

    def close(self) -> None:
        """Read it no longer."""
        os.close(self.descriptor)

    def _open(self, offset: int) -> None:
        flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self.descriptor = os.open(self.path, flags, 0o600)
        self.rewind(offset)
