"""How far jobs are whose output tells it (`--progress=auto`): read as it grows, until a job says it itself.

Only the end of what is new is read, so much at most at a look, and looks are rare: a flood of output costs no more than
a trickle, and quiet output costs nothing, as one notice tells that it has grown. What is guessed counts as no report.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from jobd.core import clocks
from jobd.core.errors import JobdError
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.model import Job
from jobd.core.work import guesses
from jobd.core.work.guesses import Guess
from jobd.core.work.progress import Report
from jobd.daemon.attempts import output
from jobd.daemon.attempts.starting import Key
from jobd.growth import Growth

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

logger = logging.getLogger(__name__)

#: Seconds between looks at output that grows, or that cannot be watched; and until what could not be recorded is told.
LOOK = 0.2
AGAIN = 1.0
#: Bytes read at a look: the last lines, and the first ones of output that is longer when it is first looked at.
WINDOW = 1 << 14


class OutputFile:
    """One file of output: its descriptor, where the next line begins, and what was read and told of it."""

    __slots__ = ("_offset", "_size", "descriptor", "guess", "token", "told")

    def __init__(self, path: Path) -> None:
        flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self.descriptor = os.open(path, flags, 0o600)
        self._offset = self._size = 0
        self.guess = Guess()
        self.told: Report | None = None
        self.token: int | None = None
        if os.fstat(self.descriptor).st_size > WINDOW:
            lines, _ = guesses.split(os.pread(self.descriptor, WINDOW, 0))
            self.guess = guesses.read(lines)._replace(report=None)

    def read(self, *, last: bool = False) -> bool:
        """Read what is new, of much only the end; False if nothing is. The very `last` line may lack its end."""
        size = os.fstat(self.descriptor).st_size
        if size == self._size and not last:
            return False
        self._size = size
        if size < self._offset:
            self._offset = 0
        start = max(self._offset, size - WINDOW)
        lines, rest = guesses.split(text := os.pread(self.descriptor, WINDOW, start))
        if last:
            lines.append(text[rest:])
        if start > self._offset:
            del lines[:1]
        if rest:
            self._offset = start + rest
        self.guess = guesses.read(lines, self.guess)
        return True

    def news(self) -> Report | None:
        """Give what was read and not told; numbers that fall mean that something new has begun."""
        report, told = self.guess.report, self.told
        if report is None or report == told:
            return None
        return replace(report, restart=True) if told is not None and _share(report) < _share(told) else report


class Guesses:
    """Follow the output of running jobs that want it."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._files: dict[Key, list[OutputFile]] = {}
        self._hot: dict[OutputFile, Key] = {}
        self._by_token: dict[int, tuple[Key, OutputFile]] = {}
        self._growth: Growth | None = None
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, job: Job) -> None:
        """Read the output of a job if it wants that; one that is followed already is none."""
        if job.spec is None or job.spec.progress != "auto" or (job.id, job.attempts[-1].number) in self._files:
            return
        key = job.id, job.attempts[-1].number
        self._files[key] = files = []
        try:
            for path in output.files(self._engine.paths, job).values():
                files.append(OutputFile(path))
                self._heat(key, files[-1])
        except OSError as error:
            logger.warning("job %d: its output cannot be read: %s", job.id, error)

    def finish(self, job: Job) -> list[Event]:
        """Read to the end and follow no more; what that brings is returned, not recorded."""
        key = job.id, job.attempts[-1].number
        events: list[Event] = []
        for file in self._files.get(key, ()):
            try:
                file.read(last=True)
            except OSError as error:
                logger.warning("job %d: its output cannot be read to its end: %s", job.id, error)
            if (report := file.news()) and not _has_said(job):
                events.append(_guessed(report, None))
        self.drop(key)
        return events

    def rewind(self, job: Job) -> None:
        """Go on from what is durable, after a commit that failed."""
        key = job.id, job.attempts[-1].number
        for file in self._files.get(key, ()):
            file.told = None
            self._heat(key, file)

    def drop(self, key: Key) -> None:
        """Follow an attempt no more."""
        for file in self._files.pop(key, ()):
            self._hot.pop(file, None)
            self._disarm(file)
            os.close(file.descriptor)

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

    def _heat(self, key: Key, file: OutputFile) -> None:
        if file in self._files.get(key, ()):
            self._hot[file] = key
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _look(self) -> None:
        self._timer = None
        for file, key in list(self._hot.items()):
            if file not in self._hot:
                continue
            try:
                grown = file.read()
                self._tell(key, file)
                if not grown and self._arm(key, file):
                    self._hot.pop(file, None)
            except (JobdError, OSError) as error:
                logger.debug("the output of attempt %d.%d is read later: %s", *key, error)
                self._hot.pop(file, None)
                asyncio.get_running_loop().call_later(AGAIN, self._heat, key, file)
        if self._hot and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _tell(self, key: Key, file: OutputFile) -> None:
        """Record what is new, unless the job has said how far it is: then its own word counts."""
        report, job = file.news(), self._engine.jobs.get(key[0])
        if report is None or job is None or job.attempts[-1].number != key[1]:
            return
        if _has_said(job):
            self.drop(key)
            self._files[key] = []
            return
        self._engine.record(job, [_guessed(report, clocks.worked(job, self._engine.clock.now()))])
        file.told = file.guess.report

    def _arm(self, key: Key, file: OutputFile) -> bool:
        """Wait for a notice; False if none can be had, or if the file has grown just now."""
        if file not in self._files.get(key, ()):
            return False
        if self._growth is None:
            self._growth = Growth()
            if self._growth.available:
                asyncio.get_running_loop().add_reader(self._growth.fileno(), self._noticed)
        try:
            file.token = self._growth.arm(file.descriptor)
        except OSError:
            return False
        self._by_token[file.token] = key, file
        if file.read():
            self._disarm(file)
            return False
        return True

    def _disarm(self, file: OutputFile) -> None:
        if file.token is not None and self._growth is not None:
            self._by_token.pop(file.token, None)
            self._growth.disarm(file.token)
        file.token = None

    def _noticed(self) -> None:
        assert self._growth is not None
        for token in self._growth.read():
            if token in self._by_token:
                key, file = self._by_token.pop(token)
                file.token = None
                self._heat(key, file)


def _guessed(report: Report, elapsed: float | None) -> happened.Progressed:
    return happened.Progressed(report=report, count=0, elapsed=elapsed, guessed=True)


def _has_said(job: Job) -> bool:
    """Whether the job itself has told how far it is."""
    progress = job.progress
    return not progress.guessed and (progress.fraction is not None or progress.done is not None)


def _share(report: Report) -> float:
    if report.fraction is not None:
        return report.fraction
    return (report.done or 0.0) / (report.total or 1.0)
