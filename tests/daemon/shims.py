"""Attempts run by the real shim and zygote, their directories written and read as a daemon does it."""

import base64
import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import psutil

from jobd.daemon.attempts.process import start_ticks
from tests.source import PACKAGE
from tests.waiting import until

PROGRAMS = PACKAGE / "daemon" / "attempts"
PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
NOBODY = 65534
RECORD_BYTES = 1024

Text = str | bytes | dict[str, str]


def text(value: Text) -> str | dict[str, str]:
    """Write a text into a specification: as it is, or base64 where it is not UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return value


class Attempt:
    """One attempt: a directory with a specification. Fields that are not named are those of the plainest job."""

    def __init__(self, path: Path, argv: Iterable[Text], *, env: Iterable[Text] = (PATH,), **fields: Any) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True)
        spec = {
            "v": 1, "job": 1, "attempt": 1, "name": "test", "cookie": "0123456789abcdef",
            "argv": [text(word) for word in argv], "cwd": "/", "env": [text(variable) for variable in env],
            "umask": 0o22, "nice": 0, "rlimits": {"CORE": [0, 0]}, "split": False, "stdin": None, "cgroup": None,
            "oom_score": 0, "leftover": "wait", "report_fd": 8, **fields,
        }  # fmt: skip
        (path / "spec.json").write_text(json.dumps(spec))

    def read(self, name: str) -> Any:
        """Read one of the records; None if it is not there."""
        try:
            return json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None

    def claim(self) -> Any:
        """Wait for the claim."""
        return until(lambda: self.read("claim"), what="a claim")

    def ended(self) -> Any:
        """Wait for the exit record."""
        return until(lambda: self.read("exit"), what="an exit record")

    def status(self) -> int:
        """Wait for the end and give its raw wait status."""
        status = self.ended()["status"]
        assert isinstance(status, int)
        return status

    def output(self, name: str = "output") -> bytes:
        """Read what the job has written; empty if it has not come so far."""
        path = self.path / name
        return path.read_bytes() if path.exists() else b""

    def said(self, word: bytes) -> bool:
        """Tell whether the job has written a word."""
        return word in self.output()

    def says(self, word: bytes) -> None:
        """Wait until the job has written a word."""
        until(lambda: self.said(word), what=f"{word!r} in the output")

    def locked(self) -> bool:
        """Tell whether a shim holds the lock."""
        try:
            with (self.path / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def free(self) -> None:
        """Wait until no shim holds the lock."""
        until(lambda: not self.locked(), what="a free lock")


class Zygote:
    """A zygote and the daemon's end of its socket, which sends from a buffer of `room` bytes if that is given."""

    def __init__(self, root: Path, *, programs: Path = PROGRAMS, room: int = 0, **popen: Any) -> None:
        self.root = root
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        if room:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        argv = [popen.pop("python", sys.executable), "-I", "-S", str(programs / "zygote.py")]
        with theirs:
            self.process = subprocess.Popen(argv, stdin=theirs, start_new_session=True, **popen)
        self.count = 0

    def attempt(self, *argv: Text, **fields: Any) -> Attempt:
        """Make the directory of a new attempt."""
        self.count += 1
        return Attempt(self.root / "run" / f"{self.count}.1", argv, **fields)

    def ask(self, attempt: Attempt) -> None:
        """Ask for a shim."""
        self.socket.send(os.fsencode(attempt.path))

    def answer(self) -> tuple[str, bytes, bytes]:
        """Wait for one answer: its kind, the directory, and the rest."""
        kind, path, rest = self.socket.recv(16384).split(b"\0", 2)
        return kind.decode(), path, rest

    def start(self, *argv: Text, **fields: Any) -> Attempt:
        """Start a job and wait for the answer that it has been claimed."""
        attempt = self.attempt(*argv, **fields)
        self.ask(attempt)
        answers = iter(self.answer, None)
        kind, _, claim = next(answer for answer in answers if answer[1] == os.fsencode(attempt.path))
        assert kind == "claimed", claim
        return attempt

    def run(self, *argv: Text, **fields: Any) -> Attempt:
        """Run a job to its end."""
        attempt = self.start(*argv, **fields)
        attempt.ended()
        return attempt

    def close(self) -> None:
        """Let go of the zygote, as a daemon that ends; it ends too."""
        self.socket.close()
        self.process.wait(20)

    def __enter__(self) -> Self:
        """Use it for a while."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it, and kill what it has started."""
        self.close()
        for path in (self.root / "run").iterdir() if self.count else ():
            end(path)


def end(path: Path) -> None:
    """Kill shim and job of an attempt, and all that they started, if they still run."""
    claim = json.loads((path / "claim").read_bytes()) if (path / "claim").exists() else {}
    for pid, start in ((claim.get("pid"), claim.get("start")), (claim.get("shim"), claim.get("shim_start"))):
        if pid and start and start_ticks(pid) == start:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (*psutil.Process(pid).children(recursive=True), psutil.Process(pid)):
                    process.kill()


def standalone(attempt: Attempt | Path, *, programs: Path = PROGRAMS, **popen: Any) -> subprocess.Popen[bytes]:
    """Run an attempt without a zygote."""
    path = attempt.path if isinstance(attempt, Attempt) else attempt
    argv = [sys.executable, "-I", "-S", str(programs / "shim.py"), str(path)]
    return subprocess.Popen(argv, start_new_session=True, **{"stdin": subprocess.DEVNULL, **popen})


def plan(root: Path, points: str) -> dict[str, str]:
    """Make the environment in which the points kill, and tell where."""
    return {**os.environ, "JOBD_CRASH": points, "JOBD_CRASH_LOG": str(root / "crashed")}


def crashed(root: Path) -> list[str]:
    """List the points at which something died."""
    path = root / "crashed"
    return path.read_text().split() if path.exists() else []


def altered(root: Path, name: str, change: Callable[[str], str]) -> Path:
    """Copy the programs, one of them changed; the change must be one."""
    folder = root / "altered"
    folder.mkdir()
    for program in ("zygote.py", "shim.py", "launch.py", "process.py", "notify.py"):
        shutil.copy(PROGRAMS / program, folder)
    before = (folder / name).read_text()
    after = change(before)
    assert after != before, "the line to change is not there any more"
    (folder / name).write_text(after)
    return folder


def descriptors(pid: int) -> dict[int, str]:
    """List the open descriptors of a process, and what they lead to; one may be closed meanwhile."""
    found = {}
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(fd.name)] = os.readlink(fd)
    return found


def dead(pid: int) -> bool:
    """Tell whether a process has ended (a zombie has)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def executed(pid: int, name: str) -> None:
    """Wait until a process has executed its command."""
    until(lambda: Path(f"/proc/{pid}/comm").read_text().strip() == name, what=f"a process named {name}")
