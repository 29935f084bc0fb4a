"""Where report lines go: into the report file of the surrounding job, or to the daemon for a job of one's own.

Sending never raises: what cannot be said now is said later, and what nobody wants to hear is dropped.
"""

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from jobd.client import Client
    from jobd.reporting.requests import Begin


class Channel(Protocol):
    """Takes lines. `immediate`: it writes to a file here, and never waits for anybody."""

    immediate: bool

    def send(self, lines: Sequence[str]) -> int:
        """Send lines and say how many of them, from the first, are done with; the others are to be sent again."""
        ...

    def end(self, status: int) -> bool:
        """End the job if it was begun here, with an exit status; False if that is to be tried again."""
        ...


class Nowhere:
    """Nobody listens."""

    immediate = True

    def send(self, lines: Sequence[str]) -> int:
        """Drop them."""
        return len(lines)

    def end(self, status: int) -> bool:
        """Have nothing to end."""
        return True


class ReportFile:
    """The report file of the job around this process; it is there whether a daemon runs or not."""

    immediate = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None
        self._rest = b""

    def send(self, lines: Sequence[str]) -> int:
        """Append them with one call; on a full disk what does not fit waits for the next time."""
        if not (lines or self._rest) or not self._opened():
            return len(lines)
        if self._rest and not self._write(self._rest):
            return 0
        self._write("".join(f"{line}\n" for line in lines).encode())
        return len(lines)

    def end(self, status: int) -> bool:
        """Leave the job to whoever runs it."""
        return True

    def _opened(self) -> bool:
        if self._file is None:
            with suppress(OSError):
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        return self._file is not None

    def _write(self, data: bytes) -> bool:
        assert self._file is not None
        try:
            written = os.write(self._file, data)
        except OSError:
            written = 0
        self._rest = data[written:]
        return not self._rest


class OwnJob:
    """A job that is begun at the daemon with the first word, and fails as lost if this process ends without one."""

    immediate = False

    def __init__(self, name: str, parent: str | None = None, weight: float = 1.0) -> None:
        self._name = name
        self._parent, self._weight = parent, weight
        self._once = os.urandom(16).hex()
        self._client: Client | None = None
        self._job: str | None = None
        self._over = False

    def send(self, lines: Sequence[str]) -> int:
        """Begin the job if it is not yet, then report line by line."""
        from jobd.core.errors import JobdError, JobNotFound
        from jobd.reporting.requests import Progress

        done = 0
        while self._is_begun() and done < len(lines):
            assert self._job is not None
            try:
                self._reach().call(Progress(job=self._job, line=lines[done]))
            except JobNotFound:
                self._give_up()
            except JobdError as error:
                if _is_passing(error):
                    return done
            done += 1
        return len(lines) if self._over else done

    def end(self, status: int) -> bool:
        """End the job."""
        from jobd.core.errors import JobdError
        from jobd.reporting.requests import End

        if not self._is_begun():
            return self._over
        assert self._job is not None
        try:
            self._reach().call(End(jobs=(self._job,), exit=status))
        except JobdError as error:
            if _is_passing(error):
                return False
        self._give_up()
        return True

    def _is_begun(self) -> bool:
        from jobd.core.errors import BadInput, DaemonNotRunning, JobdError, NothingMatched, Refused

        if self._job is None and not self._over:
            try:
                self._job = str(self._reach().call(self._beginning()).id)
            except (BadInput, NothingMatched, Refused) as error:
                self._give_up()
                with suppress(Warning):
                    warnings.warn(f"jobd: {error}", RuntimeWarning, stacklevel=1)
            except JobdError as error:
                if isinstance(error, DaemonNotRunning) or not _is_passing(error):
                    self._give_up()
        return not self._over and self._job is not None

    def _beginning(self) -> "Begin":
        from jobd.core.text import lossless
        from jobd.reporting.requests import Begin

        pid = os.getpid()
        try:
            cwd = lossless(os.getcwd())
        except OSError:
            cwd = None
        return Begin(
            name=self._name, watch=pid, pid=pid, cwd=cwd, parent=self._parent, weight=self._weight,
            request_id=self._once,
        )  # fmt: skip

    def _give_up(self) -> None:
        self._over = True
        self._reach().close()

    def _reach(self) -> "Client":
        if self._client is None:
            from jobd.client import Client
            from jobd.config import Paths, state_directory

            paths = Paths(state_directory(os.environ))
            self._client = Client(paths, autostart=False, notice=_nobody, offline=_nobody, start=(), environ=os.environ)
        return self._client


class BegunJob(OwnJob):
    """A job that was begun elsewhere, in a script around this process, and is ended there."""

    def __init__(self, job: str) -> None:
        super().__init__("")
        self._job = job

    def end(self, status: int) -> bool:
        """Leave the job to whoever began it."""
        return True


def _nobody(said: object) -> None:
    """Tell nobody."""


def _is_passing(error: Exception) -> bool:
    """Whether the same may be taken later: the daemon is away, or full."""
    from jobd.core.errors import TryAgain, Unavailable

    return isinstance(error, Unavailable | TryAgain)
