"""A real daemon for tests: started as the client starts it, killed as nothing should be, asked as a stranger would."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests import forking
from tests.waiting import until

FINAL = ("completed", "failed", "canceled")
SEARCH_PATH = "PATH=/usr/local/bin:/usr/bin:/bin"


class Refusal(Exception):
    """The daemon answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.reason: str = error["data"]["reason"]
        self.error = error


class Living:
    """The daemon of one state directory, as often as it is started; `executed`: never forked from a loaded one."""

    def __init__(self, state: Path, *, executed: bool = False) -> None:
        self.state = state
        self.executed = executed
        self.process: subprocess.Popen[bytes] | forking.Forked | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self, environ: Mapping[str, str] | None = None, *, flags: tuple[str, ...] = ()) -> Self:
        """Start it and wait until it is ready, or has died."""
        reading, writing = os.pipe()
        words = ["daemon", "run", "--ready-fd", str(writing), *flags]
        environment = {**os.environ, "JOBD_DIR": str(self.state), **(environ or {})}
        with (self.state / "daemon.out").open("ab") as out, open(os.devnull, "rb") as nothing:
            if not self.executed and forking.possible(words, environment):
                places = {0: nothing.fileno(), 1: out.fileno(), 2: out.fileno(), writing: writing}
                self.process = forking.fork(words, environment, places, session=True)
            else:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "jobd", *words], pass_fds=(writing,), stdin=nothing, stdout=out, stderr=out,
                    start_new_session=True, env=environment,
                )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading, "rb") as ready:
            self.said = ready.read(2)
        if self.said != b"ok":
            self._let_another_begin()
        return self

    def _let_another_begin(self) -> None:
        """Give a daemon a moment that a client has started at the same time, and that does not listen yet."""
        end = time.monotonic() + 0.5
        with socket.socket(socket.AF_UNIX) as sock:
            while time.monotonic() < end and sock.connect_ex(str(self.state / "jobd.sock")):
                time.sleep(0.02)

    @property
    def pid(self) -> int:
        """The process that was started last."""
        assert self.process is not None
        return self.process.pid

    def dead(self) -> bool:
        """Whether it has ended."""
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """End it gracefully and give its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def call(self, method: str, **params: Any) -> Any:
        """Ask once, on a connection of its own. Raises Refusal, and OSError if nobody answers."""
        return self.calls(method, params)[0]

    def calls(self, method: str, *several: Mapping[str, Any]) -> list[Any]:
        """Ask several times on one connection for what is answered at once, so in this order; raises as `call`."""
        asked = ({"jsonrpc": "2.0", "id": 1, "method": method, "params": params} for params in several)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(30)
            sock.connect(str(self.state / "jobd.sock"))
            sock.sendall(b"".join(json.dumps(call).encode() + b"\n" for call in asked))
            with sock.makefile("rb") as said:
                lines = [said.readline() for _ in several]
        return [_result(line) for line in lines]

    def submit(self, *argv: str, **params: Any) -> dict[str, Any]:
        """Submit a command with a bare environment."""
        surroundings = {"environment": [SEARCH_PATH, *params.pop("environment", ())], "umask": 0o022}
        result: dict[str, Any] = self.call(
            "submit", **{"argv": argv, "cwd": "/", "surroundings": surroundings, **params}
        )
        return result

    def job(self, job_id: int) -> dict[str, Any]:
        """Show a job."""
        result: dict[str, Any] = self.call("list", jobs=[str(job_id)])[0]
        return result

    def ended(self, job_id: int, seconds: float = 30) -> dict[str, Any]:
        """Wait for the end of a job, through whatever happens to the daemon."""
        found: dict[str, Any] = {}

        def look() -> bool:
            found.update(self.job(job_id))
            return found["done"] is True

        until(look, seconds, what=f"the end of job {job_id}")
        return found

    def output(self, job_id: int) -> bytes:
        """Read the whole output of a job."""
        return Path(self.job(job_id)["output"]["path"]).read_bytes()

    def entries(self) -> list[dict[str, Any]]:
        """Read the whole log."""
        found: list[dict[str, Any]] = []
        while page := self.call("events", since_seq=found[-1]["seq"] if found else 0, limit=10_000):
            found += page
        return found


def insist(living: Living, method: str, seconds: float = 60, **params: Any) -> Any:
    """Ask until it is answered: for requests that carry an id, or that may be repeated."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return living.call(method, **params)
        except (OSError, ValueError):
            if time.monotonic() > deadline:
                raise
        except Refusal as refusal:
            if refusal.reason != "SHUTTING_DOWN" or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _result(line: bytes) -> Any:
    if not line.endswith(b"\n"):
        raise ConnectionError("the daemon hung up")
    answer = json.loads(line)
    if "error" in answer:
        raise Refusal(answer["error"])
    return answer["result"]


@contextmanager
def short_directory() -> Iterator[Path]:
    """Give a directory whose name is short enough for sockets in it.

    No TemporaryDirectory: a fork of the tests that ends would remove it.
    """
    path = Path(tempfile.mkdtemp(prefix="jobd-", dir="/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def shared(**environ: str) -> Iterator[Living]:
    """Run a daemon in a directory of its own."""
    with short_directory() as state:
        living = Living(state)
        try:
            yield living.start(environ)
        finally:
            living.kill()
