"""Call jobd as a shell does: a process of its own, from any directory, with any environment and streams.

Those who need the very interpreter that a shell would start take `JOBD`.
"""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests import forking
from tests.source import PACKAGE

#: The program, whatever the current directory is.
JOBD = (sys.executable, "-P", str(PACKAGE / "__main__.py"))
LONGEST = 60.0
STREAMS = ("stdin", "stdout", "stderr")


class Done:
    """A command that has ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"Done({self.status}, out={self.out!r}, err={self.err!r})"


def jobd(*words: str, environ: Mapping[str, str] | None = None, **settings: Any) -> Done:
    """Run a command to its end; `environ` is added to the environment of the test."""
    settings.setdefault("stdin", subprocess.DEVNULL)
    settings.setdefault("stdout", subprocess.PIPE)
    settings.setdefault("stderr", subprocess.PIPE)
    environment = settings.pop("env", {**os.environ, **(environ or {})})
    if settings.keys() <= {*STREAMS, "cwd"} and forking.possible(words, environment):
        return _forked(words, environment, **settings)
    done = subprocess.run([*JOBD, *words], env=environment, timeout=LONGEST, check=False, **settings)
    return Done(done.returncode, *(_text(said) for said in (done.stdout, done.stderr)))


def _forked(words: tuple[str, ...], environ: Mapping[str, str], *, cwd: Any = None, **streams: Any) -> Done:
    """Run a command to its end in a fork of a process that has loaded the program."""
    places: dict[int, int] = {}
    pipes: dict[int, str] = {}
    for number, name in enumerate(STREAMS):
        stream = streams[name]
        if stream == subprocess.PIPE:
            reading, places[number] = os.pipe()
            pipes[reading] = name
        elif stream == subprocess.DEVNULL:
            places[number] = os.open(os.devnull, os.O_RDWR)
        elif stream == subprocess.STDOUT:
            places[number] = os.dup(places[1])
        else:
            places[number] = os.dup(_descriptor(number if stream is None else stream))
    process = forking.fork(words, environ, places, cwd=cwd)
    for descriptor in places.values():
        os.close(descriptor)
    try:
        said = _read(pipes, time.monotonic() + LONGEST)
        return Done(process.wait(LONGEST), _text(said["stdout"]), _text(said["stderr"]))
    finally:
        process.kill()


def _descriptor(stream: int | IO[Any]) -> int:
    return stream if isinstance(stream, int) else stream.fileno()


def _read(pipes: dict[int, str], deadline: float) -> dict[str, bytes]:
    """Read pipes until all are closed, or it is too late."""
    said = dict.fromkeys(STREAMS, b"")
    while pipes:
        ready, _, _ = select.select(list(pipes), [], [], max(deadline - time.monotonic(), 0))
        for pipe in ready or list(pipes):
            chunk = os.read(pipe, 1 << 16) if ready else b""
            said[pipes[pipe]] += chunk
            if not chunk:
                os.close(pipe)
                del pipes[pipe]
    return said


def _text(said: bytes | None) -> str:
    return (said or b"").decode("utf-8", "backslashreplace")


def on_terminal(*words: str, environ: Mapping[str, str] | None = None) -> Done:
    """Run a command on a terminal of 80 columns; what it says on both streams comes back as `out`."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", **(environ or {})}
    process = subprocess.Popen([*JOBD, *words], env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
    os.close(ours)
    return Done(process.wait(LONGEST), said.decode("utf-8", "backslashreplace").replace("\r\n", "\n"), "")


def pid_of_daemon(state: Path) -> int:
    """Read which process serves."""
    import json

    return int(json.loads((state / "daemon.json").read_text())["pid"])
