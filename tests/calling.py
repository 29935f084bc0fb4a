"""Call jobd as a shell does: a process of its own, from any directory, with any environment and streams."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.source import PACKAGE

#: The program, whatever the current directory is.
JOBD = (sys.executable, "-P", str(PACKAGE / "__main__.py"))
LONGEST = 60.0


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
    done = subprocess.run([*JOBD, *words], env=environment, timeout=LONGEST, check=False, **settings)
    return Done(
        done.returncode, *((text or b"").decode("utf-8", "backslashreplace") for text in (done.stdout, done.stderr))
    )


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
