"""What running jobs write into their report files: read on from the offset, told exactly once.

The offset travels with what was read into one transaction, so a line is taken in once, whatever dies. A quiet file
costs nothing: one notice tells that it has grown; after that it is looked at every 10 ms until it is quiet again, so a
flood is not slowed down by being watched. Where no notice can be had, files are looked at every 50 ms.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from jobd.core.errors import BadProgress, JobdError
from jobd.core.work import notifications, progress
from jobd.core.work.items import ItemReport
from jobd.daemon.attempts.starting import Key
from jobd.daemon.report_file import CHUNK, Reading, ReportFile
from jobd.growth import Growth

logger = logging.getLogger(__name__)

#: Seconds between looks at a file that grows, at one that cannot be watched, and without growth until it counts as
#: quiet; and until another try when what was read could not be recorded.
LOOK = 0.01
BLIND_LOOK = 0.05
QUIET = 0.1
AGAIN = 1.0
#: Bytes that are read in one go when a job has ended.
MUCH = 4 * CHUNK


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


class Reports:
    """Follow the report files of running attempts; `told` records what was read and may raise if it cannot.

    A job may delete or replace its file: the first one is read on, for whoever has it open, and beside it the one that
    has the name now. The offset is that of the latter; what is in the other is gone with the daemon.
    """

    def __init__(self, told: Callable[[Key, Reading], None]) -> None:
        self._told = told
        #: The files of each attempt, in the order in which they had the name.
        self._files: dict[Key, list[ReportFile]] = {}
        self._hot: set[ReportFile] = set()
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
        file = ReportFile(key, path, offset)
        self._files[key] = [file]
        self._heat(file)

    def finish(self, key: Key) -> Iterator[Reading]:
        """Read to the very end and follow no longer; what comes is yielded, not told. Raises OSError at the end."""
        files = self._files.get(key, [])
        try:
            for file in files:
                while (reading := file.read(last=True)) is not None:
                    yield reading
                    file.accept(reading)
                if file is files[-1] and (successor := file.successor()) is not None:
                    files.append(successor)
        finally:
            self.drop(key)

    def rewind(self, key: Key, offset: int) -> None:
        """Go back to what is durable, after a commit that failed."""
        if key in self._files:
            file = self._files[key][-1]
            file.rewind(offset)
            self._heat(file)

    def is_far_behind(self, key: Key) -> bool:
        """Whether there is more to be read than others should wait for in one go."""
        return sum(file.behind for file in self._files.get(key, ())) > MUCH

    def drop(self, key: Key) -> None:
        """Follow an attempt no longer."""
        for file in self._files.pop(key, ()):
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
        self._hot.discard(file)
        self._disarm(file)
        file.close()

    def _noticed(self) -> None:
        assert self._growth is not None
        for token in self._growth.read():
            file = self._by_token.pop(token, None)
            if file is not None:
                self._disarm(file)
                self._heat(file)

    def _heat(self, file: ReportFile) -> None:
        if file not in self._files.get(file.key, ()):
            return
        loop = asyncio.get_running_loop()
        file.grew = loop.time()
        self._hot.add(file)
        if self._timer is None:
            self._timer = loop.call_soon(self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time()
        pause = BLIND_LOOK
        for file in tuple(self._hot):
            try:
                if self._take(file):
                    file.grew = now
                elif now - file.grew > QUIET and self._arm(file):
                    self._hot.discard(file)
            except (JobdError, OSError) as error:
                logger.debug("the reports of attempt %d.%d are read later: %s", *file.key, error)
                self._hot.discard(file)
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
        latest = self._files[file.key][-1]
        self._told(file.key, reading if file is latest else reading._replace(offset=latest.offset))
        file.accept(reading)
        return True

    def _arm(self, file: ReportFile) -> bool:
        """Wait for a notice; False if none can be had, or if the file has grown just now. Raises OSError, JobdError.

        A file that has lost its name waits for its successor, too, unless it has one; then it is done with, but for the
        first one.
        """
        assert self._growth is not None
        try:
            self._wait_for(file, file.descriptor)
            if file is self._files[file.key][-1] and not file.named:
                self._wait_for(file, file.path.parent)
        except OSError:
            self._disarm(file)
            return False
        self._look_for_successor(file)
        if self._take(file):
            self._disarm(file)
            return False
        files = self._files[file.key]
        if file not in (files[0], files[-1]):
            files.remove(file)
            self._forget(file)
        return True

    def _wait_for(self, file: ReportFile, target: Path | int) -> None:
        assert self._growth is not None
        token = self._growth.arm(target)
        self._by_token[token] = file
        file.tokens.add(token)

    def _disarm(self, file: ReportFile) -> None:
        assert self._growth is not None
        for token in file.tokens:
            self._by_token.pop(token, None)
            self._growth.disarm(token)
        file.tokens.clear()

    def _look_for_successor(self, file: ReportFile) -> None:
        files = self._files[file.key]
        if file is files[-1] and (successor := file.successor()) is not None:
            files.append(successor)
            self._heat(successor)
