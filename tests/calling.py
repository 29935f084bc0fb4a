"""Call jobd as a shell does: a process of its own, from any directory, with any environment and streams.

Those who need the very interpreter that a shell would start take `JOBD`.
"""

import os
import pty
import subprocess
import sys
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


def start(
    *words: str, environ: Mapping[str, str] | None = None, **settings: Any
) -> "subprocess.Popen[bytes] | forking.Forked":
    """Start a command, with pipes unless it is told otherwise; `environ` is added to the environment of the test.

    It is executed only where a fork of a loaded program could differ: see `forking.possible`.
    """
    settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    environment = settings.pop("env", {**os.environ, **(environ or {})})
    plain = settings.keys() <= {*STREAMS, "cwd"} and settings["stdin"] != subprocess.PIPE
    if plain and forking.possible(words, environment):
        return _forked(words, environment, **settings)
    return subprocess.Popen([*JOBD, *words], env=environment, **settings)


def jobd(*words: str, environ: Mapping[str, str] | None = None, **settings: Any) -> Done:
    """Run a command to its end, started as by `start`."""
    status, out, err = finished(*words, environ=environ, **settings)
    return Done(status, _text(out), _text(err))


def finished(
    *words: str, environ: Mapping[str, str] | None = None, **settings: Any
) -> tuple[int, bytes | None, bytes | None]:
    """Run a command to its end, and give its exit status and the very bytes of its streams."""
    with start(*words, environ=environ, **settings) as process:
        try:
            out, err = process.communicate(None, LONGEST)
        finally:
            process.kill()
        return process.wait(), out, err


def _forked(words: tuple[str, ...], environ: Mapping[str, str], *, cwd: Any = None, **streams: Any) -> forking.Forked:
    """Start a command in a fork of a process that has loaded the program."""
    places: dict[int, int] = {}
    pipes: dict[str, IO[bytes]] = {}
    for number, name in enumerate(STREAMS):
        stream = streams[name]
        if stream == subprocess.PIPE:
            reading, places[number] = os.pipe()
            pipes[name] = os.fdopen(reading, "rb")
        elif stream == subprocess.DEVNULL:
            places[number] = os.open(os.devnull, os.O_RDWR)
        elif stream == subprocess.STDOUT:
            places[number] = os.dup(places[1])
        else:
            places[number] = os.dup(_descriptor(number if stream is None else stream))
    process = forking.fork(words, environ, places, cwd=cwd)
    for descriptor in places.values():
        os.close(descriptor)
    process.stdout, process.stderr = pipes.get("stdout"), pipes.get("stderr")
    return process


def _descriptor(stream: int | IO[Any]) -> int:
    return stream if isinstance(stream, int) else stream.fileno()


def _text(said: bytes | None) -> str:
    return (said or b"").decode("utf-8", "backslashreplace")


def on_terminal(*words: str, environ: Mapping[str, str] | None = None) -> Done:
    """Run a command on a terminal of 80 columns; what it says on both streams comes back as `out`."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", **(environ or {})}
    process = start(*words, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
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
