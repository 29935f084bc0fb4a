"""What running jobs write into their report files: read on from the offset, parsed, gathered, told exactly once.

The offset travels with what was read into one transaction, so a line is taken in once, whatever dies. A quiet file costs nothing:
one notice tells that it has grown; after that it is looked at every 10 ms until it is quiet again, so a flood is not slowed down by
being watched. Where no notice can be had, files are looked at every 50 ms.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jobd.core import progress
from jobd.core.errors import BadProgress, JobdError
from jobd.daemon.executor import Key
from jobd.growth import Growth

#: Seconds between looks at a file that grows, at one that cannot be watched, and without growth until it counts as quiet.
LOOK = 0.01
BLIND_LOOK = 0.05
QUIET = 0.1
CHUNK = 1 << 18


class Gathered(NamedTuple):
    """What one reading brought: the latest of each field, how many good lines, the first bad one, and where the next begins."""

    report: progress.Report
    taken: int
    rejected: int
    example: BadProgress | None
    offset: int


def gather(lines: list[bytes], offset: int) -> Gathered:
    """Parse lines into one report; `offset` is where the next line begins."""
    report, taken, rejected, example = progress.Report(), 0, 0, None
    for line in lines:
        if not line:
            continue
        try:
            latest = progress.parse(line)
        except BadProgress as error:
            rejected += 1
            example = example or error
        else:
            report = progress.gather(report, latest) if taken else latest
            taken += 1
    return Gathered(report, taken, rejected, example, offset)


class _File:
    """One report file: its descriptor, how far it was read, and whether it grows."""

    __slots__ = ("descriptor", "grew", "key", "offset", "path", "token")

    def __init__(self, key: Key, path: Path, offset: int) -> None:
        self.key = key
        self.path = path
        self.offset = offset
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self.token: int | None = None
        self.grew = 0.0

    def read(self, *, last: bool) -> Gathered | None:
        """Read what is new: whole lines, and at the very end also one without a newline."""
        data = os.pread(self.descriptor, CHUNK, self.offset)
        whole = data.rfind(b"\n") + 1
        if not whole and (last or len(data) > progress.LONGEST_LINE):
            whole = len(data)
        if not whole:
            return None
        lines = data[:whole].split(b"\n")
        return gather(lines, self.offset + whole)


class Reports:
    """Follow the report files of running attempts; `told` records what was read and may raise if it cannot."""

    def __init__(self, told: Callable[[Key, Gathered], None]) -> None:
        self._told = told
        self._files: dict[Key, _File] = {}
        self._hot: dict[Key, _File] = {}
        self._by_token: dict[int, _File] = {}
        self._growth: Growth | None = None
        self._timer: asyncio.Handle | None = None

    def follow(self, key: Key, path: Path, offset: int) -> None:
        """Begin to read a file at an offset."""
        if self._growth is None:
            self._growth = Growth()
            if self._growth.available:
                asyncio.get_running_loop().add_reader(self._growth.fileno(), self._noticed)
        file = self._files[key] = _File(key, path, offset)
        self._heat(file)

    def finish(self, key: Key) -> list[Gathered]:
        """Read a file to its very end and follow it no longer; what it brings is returned, not told."""
        file = self._files.pop(key, None)
        if file is None:
            return []
        readings = []
        while (gathered := file.read(last=True)) is not None:
            readings.append(gathered)
            file.offset = gathered.offset
        self._forget(file)
        return readings

    def rewind(self, key: Key, offset: int) -> None:
        """Go back to what is durable, after a commit that failed."""
        if key in self._files:
            self._files[key].offset = offset
            self._heat(self._files[key])

    def drop(self, key: Key) -> None:
        """Follow a file no longer."""
        file = self._files.pop(key, None)
        if file is not None:
            self._forget(file)

    def close(self) -> None:
        """Follow nothing."""
        for key in list(self._files):
            self.drop(key)
        if self._growth is not None:
            if self._growth.available:
                asyncio.get_running_loop().remove_reader(self._growth.fileno())
            self._growth.close()
        if self._timer is not None:
            self._timer.cancel()

    def _forget(self, file: _File) -> None:
        self._hot.pop(file.key, None)
        if file.token is not None and self._growth is not None:
            self._by_token.pop(file.token, None)
            self._growth.disarm(file.token)
        os.close(file.descriptor)

    def _noticed(self) -> None:
        assert self._growth is not None
        for token in self._growth.read():
            file = self._by_token.pop(token, None)
            if file is not None:
                file.token = None
                self._heat(file)

    def _heat(self, file: _File) -> None:
        loop = asyncio.get_running_loop()
        file.grew = loop.time()
        self._hot[file.key] = file
        if self._timer is None:
            self._timer = loop.call_soon(self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time()
        for file in list(self._hot.values()):
            if self._take(file):
                file.grew = now
            elif now - file.grew > QUIET and self._arm(file):
                del self._hot[file.key]
        if self._hot:
            blind = self._growth is None or not self._growth.available
            self._timer = loop.call_later(BLIND_LOOK if blind else LOOK, self._look)

    def _take(self, file: _File) -> bool:
        if os.fstat(file.descriptor).st_size <= file.offset:
            return False
        gathered = file.read(last=False)
        if gathered is None:
            return False
        try:
            self._told(file.key, gathered)
        except JobdError:
            return False
        file.offset = gathered.offset
        return True

    def _arm(self, file: _File) -> bool:
        """Wait for a notice; False if none can be had, or if the file has grown just now."""
        assert self._growth is not None
        try:
            file.token = self._growth.arm(file.path)
        except OSError:
            return False
        self._by_token[file.token] = file
        if os.fstat(file.descriptor).st_size > file.offset and self._whole_line(file):
            self._by_token.pop(file.token)
            self._growth.disarm(file.token)
            file.token = None
            return False
        return True

    @staticmethod
    def _whole_line(file: _File) -> bool:
        return b"\n" in os.pread(file.descriptor, progress.LONGEST_LINE + 2, file.offset)
