"""Start the program from a process that has loaded it already: most of a start is loading.

What runs is the program itself in a process of its own, with the streams, the directory and the environment it is
given. What depends on how an interpreter starts is started as ever: see `possible`.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from types import TracebackType
from typing import IO, Self

from tests.source import ROOT

#: How the names of variables begin that an interpreter, or the C library, reads when it starts.
OF_INTERPRETERS = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "TZ")
#: What a person's terminal tells an interpreter; calls on it are forked from a process that was told the same.
TERMINAL = {"LANG": "en_US.UTF-8", "PYTHONUTF8": "1"}
#: Characters of a call that is forked.
LONGEST_CALL = 1 << 17
_one_at_a_time = Lock()

#: Variables by which processes that fork differ.
Kind = tuple[tuple[str, str], ...]
#: Connections to processes that fork, by who has started them (a fork of the tests gets its own) and their kinds.
_loaded: dict[tuple[int, Kind], socket.socket] = {}


class Forked:
    """A call of the program; it is asked as a subprocess.Popen is, and who has started it gives it its pipes."""

    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None

    def __init__(self, words: Sequence[str], pid: int, end: int) -> None:
        self.args = words
        self.pid = pid
        self.returncode: int | None = None
        self._end = end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in self._open():
            pipe.close()
        self.wait()

    def communicate(self, _: None = None, timeout: float | None = None) -> tuple[bytes | None, bytes | None]:
        """Read the pipes until they are closed, wait for the end. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        said = dict.fromkeys(self._open(), b"")
        while waiting := self._open():
            ready: list[IO[bytes]] = select.select(waiting, [], [], _left(deadline))[0]
            if not ready:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            for pipe in ready:
                chunk = os.read(pipe.fileno(), 1 << 16)
                said[pipe] += chunk
                if not chunk:
                    pipe.close()
        self.wait(_left(deadline))
        out, err = (said.get(pipe) if pipe else None for pipe in (self.stdout, self.stderr))
        return out, err

    def poll(self) -> int | None:
        """Give the exit status if it has ended; of a signal its negative number."""
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and give the exit status. Raises subprocess.TimeoutExpired."""
        status = self._wait(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _open(self) -> list[IO[bytes]]:
        return [pipe for pipe in (self.stdout, self.stderr) if pipe and not pipe.closed]

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._end], [], [], timeout)[0]:
            status = os.read(self._end, 16)
            os.close(self._end)
            # Without a status the process that forks has ended first, and nobody knows more than that this one is gone.
            self.returncode = os.waitstatus_to_exitcode(int(status)) if status else -signal.SIGKILL
        return self.returncode


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0)


def possible(words: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether a call would be the same as one that is executed.

    So it is if all that an interpreter looks at is as in the tests themselves, or as on a terminal.
    """
    return (
        sys.platform == "linux"
        and _of_interpreters(environ) in (_of_interpreters(os.environ), _of_interpreters({**os.environ, **TERMINAL}))
        and len(json.dumps([words, dict(environ)])) < LONGEST_CALL
    )


def fork(
    words: Sequence[str],
    environ: Mapping[str, str],
    descriptors: Mapping[int, int],
    *,
    cwd: str | os.PathLike[str] | None = None,
    session: bool = False,
) -> Forked:
    """Start a call. `descriptors`: {number there: ours}; `session`: whether it leads one of its own."""
    call = {
        "words": words,
        "environ": dict(environ),
        "places": list(descriptors),
        "cwd": os.fspath(os.getcwd() if cwd is None else cwd),
        "session": session,
    }
    kind = tuple(sorted(_of_interpreters(environ).items()))
    end, tell = os.pipe()
    with _one_at_a_time:
        try:
            pid = _ask(call, kind, [*descriptors.values(), tell])
        except OSError:
            # Somebody has killed it: the next one does as well.
            _loaded.pop((os.getpid(), kind)).close()
            pid = _ask(call, kind, [*descriptors.values(), tell])
        finally:
            os.close(tell)
    return Forked(words, pid, end)


def _ask(call: Mapping[str, object], kind: Kind, descriptors: Sequence[int]) -> int:
    """Ask for a fork and give its pid. Raises OSError if nobody answers."""
    if (os.getpid(), kind) not in _loaded:
        _loaded[os.getpid(), kind] = _load(kind)
    loaded = _loaded[os.getpid(), kind]
    socket.send_fds(loaded, [json.dumps(call).encode()], descriptors)
    answer = loaded.recv(16)
    if not answer:
        raise ConnectionError("the process that forks has ended")
    return int(answer)


def _load(kind: Kind) -> socket.socket:
    """Start the process that forks for one kind of environment, which works for no state directory."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.loaded", str(theirs.fileno())]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("JOBD_")} | dict(kind)
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
    )
    theirs.close()

    atexit.register(process.kill)
    return ours


def _of_interpreters(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(OF_INTERPRETERS)}
