"""Reading on in a file that grows: every byte once and in order, whatever is done to its name.

Only appending is followed. Bytes that were taken out of the file behind its writer (a hole) are left out and counted.
"""

import errno
import os
import select
import stat
import sys
import time
from collections.abc import Callable
from typing import Self

from jobd.growth.notices import PathName

#: Seconds until another look at a file that was read to its end is worth it: then it has grown by a large piece.
GROWING = 0.01

#: Bytes taken in one go: enough to make a system call cheap, little enough to stay in the processor's cache.
CHUNK = 1 << 18

#: Bytes the kernel moves in one go, and the size a full pipe is given; shorter holes are sent as zeros.
MOVED = 1 << 20
#: Bytes sent before the caller gets to look after something else.
SENT = 1 << 22

#: Whether this system can be asked where a file has no data.
KNOWS_HOLES = hasattr(os, "SEEK_DATA")

#: Source, target, offset in the source, length -> how many bytes were moved.
Mover = Callable[[int, int, int, int], int]


class Follower:
    """A reader of a file that grows, from an offset on; it keeps the file when that is renamed or removed.

    Every byte is given once and in order. Where the file was punched the hole is skipped and `gap` says how many bytes
    were left out directly before what was read last. If the file is cut shorter than what was read, `restarts` counts
    it and reading goes on from its start. Raises OSError if the file cannot be opened or read.
    """

    def __init__(self, path: PathName, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.gap = 0
        self.restarts = 0
        #: Before this moment (monotonic seconds) another look is not worth it: the end was reached just now.
        self.rest_until = 0.0
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._buffer = bytearray()
        self._has_widened = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """The open file."""
        return self._descriptor

    def is_behind(self) -> bool:
        """Tell whether there is something to read now."""
        return os.fstat(self._descriptor).st_size != self.offset

    def read(self, limit: int = CHUNK) -> bytes:
        """Read the next bytes, at most `limit`; nothing if the end is reached for now."""
        size = self._size()
        self.gap = 0
        while not (data := self._load(limit, size)) and self._skip(size):
            pass
        self.offset += len(data)
        self._rest(size)
        return bytes(data)

    def send(self, target: int, limit: int = SENT) -> int:
        """Write the next bytes, at most `limit`, to an open descriptor, and say how many; 0 at the end for now.

        Pipes and files get them without a copy in this process. Raises OSError also if the target takes no more; the
        offset is then behind the last byte it took.
        """
        size = self._size()
        self.gap = 0
        while True:
            start, end = self.offset, min(size, self.offset + limit)
            self._hand_over(target, end)
            while self.offset < end and (data := self._load(min(CHUNK, end - self.offset), size)):
                self._write(target, data)
            if self.offset > start or not self._skip(size):
                self._rest(size)
                return self.offset - start

    def close(self) -> None:
        """Give the file up; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _size(self) -> int:
        """Ask how long the file is now; start anew if it was cut."""
        size = os.fstat(self._descriptor).st_size
        if size < self.offset:
            self.offset = 0
            self.restarts += 1
        return size

    def _rest(self, size: int) -> None:
        """If all is read that was there, let some time go by until the next look."""
        if self.offset >= size:
            self.rest_until = time.monotonic() + GROWING

    def _load(self, limit: int, size: int) -> memoryview:
        """Read what stands at the offset, up to a hole; nothing at the end, or if the hole is right there.

        What is called a hole is believed only where it reads as zeros: file systems were wrong about fresh data.
        """
        if len(self._buffer) < limit:
            self._buffer = bytearray(limit)
        room = memoryview(self._buffer)[:limit]
        data = room[: os.preadv(self._descriptor, [room], self.offset)]
        if self._buffer.find(0, 0, len(data)) < 0 or self._is_solid(len(data), size):
            return data
        before = self._seek(os.SEEK_HOLE, self.offset, size) - self.offset
        after = self._seek(os.SEEK_DATA, self.offset, size) - self.offset
        if before <= 0 < after and not bytes(data[:after]).strip(b"\0"):
            return data[:0]
        return data[:before] if before > 0 else data

    def _skip(self, size: int) -> bool:
        """Go over a hole that is right there; False if there is none."""
        length = self._seek(os.SEEK_DATA, self.offset, size) - self.offset if KNOWS_HOLES else 0
        self.gap += max(length, 0)
        self.offset += max(length, 0)
        return length > 0

    def _write(self, target: int, data: memoryview) -> None:
        """Write as much as the target takes at once; what it leaves is loaded again."""
        try:
            self.offset += os.write(target, data)
        except BlockingIOError:
            _wait_for_room(target)

    def _hand_over(self, target: int, end: int) -> None:
        """Have the kernel move what stands before `end`, as long as no hole is in it and the target allows it."""
        move = _mover(target)
        while move and self.offset < end and self._is_solid(length := min(MOVED, end - self.offset), end):
            try:
                count = move(self._descriptor, target, self.offset, length)
            except BlockingIOError:
                if not self._widen(target):
                    _wait_for_room(target)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                return
            else:
                self.offset += count
                move = move if count else None

    def _widen(self, pipe: int) -> bool:
        """Let a full pipe hold more, once: both sides are then woken less often. False if it holds no more."""
        import fcntl

        tried, self._has_widened = self._has_widened, True
        try:
            return not tried and fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, MOVED) > 0
        except OSError:
            return False

    def _is_solid(self, length: int, size: int) -> bool:
        """Tell whether the first and the last of the next bytes are data; a hole between them is read as zeros."""
        ends = (self.offset, self.offset + length - 1)
        return not KNOWS_HOLES or all(self._seek(os.SEEK_DATA, place, size) == place for place in ends)

    def _seek(self, whence: int, place: int, size: int) -> int:
        """Find the next data or hole; `size` if there is none. Where the file system cannot tell, all is data."""
        try:
            return os.lseek(self._descriptor, place, whence)
        except OSError as error:
            return size if error.errno == errno.ENXIO or whence == os.SEEK_HOLE else place


def _mover(target: int) -> Mover | None:
    """Choose the system call that moves bytes to the target without a copy in this process; None if there is none.

    A pipe is never waited for inside the kernel: what it cannot take yet may have become a hole when it can.
    """
    mode = os.fstat(target).st_mode
    if sys.platform != "linux":
        return None
    if stat.S_ISFIFO(mode):
        return _splice
    return _sendfile if stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(target)) else None


def _splice(source: int, pipe: int, offset: int, length: int) -> int:
    return os.splice(source, pipe, length, offset_src=offset, flags=os.SPLICE_F_NONBLOCK)


def _sendfile(source: int, target: int, offset: int, length: int) -> int:
    return os.sendfile(target, source, offset, length)


def _wait_for_room(descriptor: int) -> None:
    room = select.poll()
    room.register(descriptor, select.POLLOUT)
    room.poll()
