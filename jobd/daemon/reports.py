"""What running jobs write into their report files: read on from the offset, told exactly once.

The offset travels with what was read into one transaction, so a line is taken in once, whatever dies. A quiet file
costs nothing: one notice tells that it has grown; after that it is looked at every 10 ms until it is quiet again, so a
flood is not slowed down by being watched. Where no notice can be had, files are looked at every 50 ms.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from jobd.core.errors import BadProgress, JobdError
from jobd.core.work import notifications, progress
from jobd.core.work.items import ItemReport
from jobd.daemon.attempts.starting import Key
from jobd.growth import Growth

logger = logging.getLogger(__name__)

#: Seconds between looks at a file that grows, at one that cannot be watched, and without growth until it counts as
#: quiet; and until another try when what was read could not be recorded.
LOOK = 0.01
BLIND_LOOK = 0.05
QUIET = 0.1
AGAIN = 1.0
#: Bytes read at a time: some 7,000 lines, for which others wait 20 ms. A line without an end is taken in such pieces.
CHUNK = 1 << 16
#: Bytes that are read in one go when a job has ended.
MUCH = 4 * CHUNK
#: Bytes before the offset that are compared: a file that was written anew is read anew.
TAIL = 64


class Reading(NamedTuple):
    """What one look brought: lines, where the next begins, and whether that is in the middle of an endless one."""

    lines: list[bytes]
    offset: int
    overlong: bool
    tail: bytes


class Gathered(NamedTuple):
    """Lines taken together: the latest of each field, what is said of items, how many lines were good and bad.

    `taken` does not count those of items; `example` is the first bad one.
    """

    report: progress.Report
    items: list[ItemReport]
    taken: int
    rejected: int
    example: BadProgress | None


def gather(lines: list[bytes], stage: str | None) -> Gathered:
    """Parse lines into one report that does the same; `stage` is the one the job is in."""
    report, items, taken, rejected, example = progress.Report(), list[ItemReport](), 0, 0, None
    for latest in _parsed(lines):
        if isinstance(latest, BadProgress):
            rejected += 1
            example = example or latest
        elif isinstance(latest, ItemReport):
            items.append(latest)
            report = replace(report, rate_limited=None) if report.rate_limited is not None else report
        else:
            report = progress.gather(report, latest, stage) if taken else latest
            taken += 1
    return Gathered(report, items, taken, rejected, example)


def _parsed(lines: Iterable[bytes]) -> Iterator[progress.Report | ItemReport | BadProgress]:
    """Read what each line says, or say what is wrong with it; one that was heard on a socket may say several things."""
    for line in lines:
        if line.startswith(notifications.MARK):
            said = notifications.unwrap(line)
            yield from said.refused
            yield from _parsed(said.lines)
        elif line:
            try:
                yield progress.parse(line)
            except BadProgress as error:
                yield error


class ReportFile:
    """One report file: its descriptor, how far it was read, when it last grew, and the notice that was asked for."""

    __slots__ = ("_overlong", "_tail", "descriptor", "grew", "key", "offset", "path", "token")

    def __init__(self, key: Key, path: Path, offset: int) -> None:
        self.key = key
        self.path = path
        self.token: int | None = None
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

    def follow_name(self) -> bool:
        """Go on with the file that has the name now, if that is another one; say whether it is."""
        try:
            named = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return False
        if os.path.samestat(named, os.fstat(self.descriptor)):
            return False
        os.close(self.descriptor)
        self._open(0)
        return True

    def _open(self, offset: int) -> None:
        flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self.descriptor = os.open(self.path, flags, 0o600)
        self.rewind(offset)


class Reports:
    """Follow the report files of running attempts; `told` records what was read and may raise if it cannot."""

    def __init__(self, told: Callable[[Key, Reading], None]) -> None:
        self._told = told
        self._files: dict[Key, ReportFile] = {}
        self._hot: dict[Key, ReportFile] = {}
        self._by_token: dict[int, ReportFile] = {}
        self._growth: Growth | None = None
        self._timer: asyncio.Handle | None = None

    def follow(self, key: Key, path: Path, offset: int) -> None:
        """Read a file from an offset on; one that is followed already is none. Raises OSError."""
        if key in self._files:
            return
        if self._growth is None:
            self._growth = Growth()
            if self._growth.available:
                asyncio.get_running_loop().add_reader(self._growth.fileno(), self._noticed)
        file = self._files[key] = ReportFile(key, path, offset)
        self._heat(file)

    def finish(self, key: Key) -> list[Reading]:
        """Read a file to its very end and follow it no longer; what it brings is returned, not told."""
        file = self._files.pop(key, None)
        if file is None:
            return []
        readings = []
        try:
            while (reading := file.read(last=True)) is not None or file.follow_name():
                if reading is not None:
                    readings.append(reading)
                    file.accept(reading)
        except OSError as error:
            logger.warning("the reports of attempt %d.%d cannot be read to their end: %s", *key, error)
        self._forget(file)
        return readings

    def rewind(self, key: Key, offset: int) -> None:
        """Go back to what is durable, after a commit that failed."""
        file = self._files.get(key)
        if file is not None:
            file.rewind(offset)
            self._heat(file)

    def is_far_behind(self, key: Key) -> bool:
        """Whether there is more to be read than others should wait for in one go."""
        file = self._files.get(key)
        return file is not None and file.behind > MUCH

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

    def _forget(self, file: ReportFile) -> None:
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

    def _heat(self, file: ReportFile) -> None:
        if self._files.get(file.key) is not file:
            return
        loop = asyncio.get_running_loop()
        file.grew = loop.time()
        self._hot[file.key] = file
        if self._timer is None:
            self._timer = loop.call_soon(self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time()
        pause = BLIND_LOOK
        for file in list(self._hot.values()):
            try:
                if self._take(file):
                    file.grew = now
                elif now - file.grew > QUIET and self._arm(file):
                    del self._hot[file.key]
            except (JobdError, OSError) as error:
                logger.debug("the reports of attempt %d.%d are read later: %s", *file.key, error)
                self._hot.pop(file.key, None)
                loop.call_later(AGAIN, self._heat, file)
            if now - file.grew <= QUIET:
                pause = LOOK
        if self._hot:
            self._timer = loop.call_later(pause, self._look)

    def _take(self, file: ReportFile) -> bool:
        """Read and tell; False if there is nothing new. Raises JobdError if it cannot be recorded."""
        reading = file.read()
        if reading is None:
            return False
        self._told(file.key, reading)
        file.accept(reading)
        return True

    def _arm(self, file: ReportFile) -> bool:
        """Wait for a notice; False if none can be had, or if the file has grown just now."""
        assert self._growth is not None
        try:
            file.token = self._growth.arm(file.descriptor)
        except OSError:
            return False
        self._by_token[file.token] = file
        if self._take(file):
            self._by_token.pop(file.token, None)
            self._growth.disarm(file.token)
            file.token = None
            return False
        return True
