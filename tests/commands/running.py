"""Run the program in a state directory: as a shell does, on a terminal, in the background; and ask its daemon."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

from tests.calling import Done, finished, jobd, pid_of_daemon, start
from tests.forking import TERMINAL, Forked
from tests.living import Living
from tests.ui.terminals import Terminal
from tests.waiting import until

#: What a person's terminal says of itself.
XTERM = {"TERM": "xterm", **TERMINAL}


class Session:
    """The program on a terminal of its own, whose screen can be read, and which can be interrupted."""

    def __init__(self, words: tuple[str, ...], columns: int, environ: Mapping[str, str]) -> None:
        self.terminal = Terminal(columns)
        slave = self.terminal.slave
        settings = {**os.environ, **XTERM, **environ}
        settings.pop("COLUMNS", None)
        self.process = start(*words, stdin=slave, stdout=slave, stderr=slave, env=settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.terminal.close()

    @property
    def text(self) -> str:
        """All that was written so far, control sequences too."""
        return self.terminal.text()

    @property
    def rows(self) -> list[str]:
        """What a person would see, without the empty rows at the end."""
        rows = self.terminal.rows()
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def until(self, wanted: str) -> None:
        """Wait until that stands on the screen."""

        def look() -> bool:
            assert any(wanted in row for row in self.rows), self.rows
            return True

        until(look, what=f"{wanted!r} on the screen")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def type(self, text: str) -> None:
        """Type on the keyboard."""
        self.terminal.type(text)

    def end(self, seconds: float = 30) -> int:
        """Wait for the end and give the exit status."""
        return self.process.wait(seconds)


class House:
    """A state directory with its daemon, and the program that is run in it."""

    def __init__(self, state: Path, environ: Mapping[str, str] | None = None) -> None:
        self.state = state
        self.environ = {"JOBD_DIR": str(state), **(environ or {})}
        self.daemon = Living(state)

    def __call__(self, *words: str, environ: Mapping[str, str] | None = None, **settings: Any) -> Done:
        """Run a command to its end."""
        return jobd(*words, environ={**self.environ, **(environ or {})}, **settings)

    def json(self, *words: str, status: int = 0, **settings: Any) -> Any:
        """Run a command that prints one JSON document and says nothing else."""
        done = self(*words, **settings)
        assert (done.status, done.err, done.out.count("\n")) == (status, "", 1), done
        return json.loads(done.out)

    def lines(self, *words: str, **settings: Any) -> list[Any]:
        """Run a command that prints lines of JSON."""
        done = self(*words, **settings)
        assert done.err == "", done
        return [json.loads(line) for line in done.out.splitlines()]

    def raw(self, *words: str, status: int = 0) -> bytes:
        """Run a command and give the very bytes it writes."""
        ended, out, err = finished(*words, environ=self.environ)
        assert (ended, err) == (status, b""), words
        return out or b""

    def on_terminal(self, *words: str, columns: int = 80, environ: Mapping[str, str] | None = None) -> Session:
        """Start a command on a terminal."""
        return Session(words, columns, {**self.environ, **(environ or {})})

    def screen(self, *words: str, columns: int = 80, environ: Mapping[str, str] | None = None) -> list[str]:
        """Run a command on a terminal and give what a person sees at its end."""
        with self.on_terminal(*words, columns=columns, environ=environ) as session:
            session.end()
            assert all(len(row) <= columns for row in session.rows)
            return session.rows

    @contextmanager
    def started(self, *words: str, **settings: Any) -> Iterator[subprocess.Popen[bytes] | Forked]:
        """Start a command in the background, and kill it at the end."""
        with start(*words, environ={**self.environ, **settings.pop("environ", {})}, **settings) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def submit(self, *argv: str, **params: Any) -> int:
        """Put a command into the queue and give its id."""
        job_id: int = self.daemon.submit(*argv, **params)["id"]
        return job_id

    def ran(self, *argv: str, **params: Any) -> int:
        """Run a command to its end and give its id."""
        job_id = self.submit(*argv, **params)
        self.daemon.ended(job_id)
        return job_id

    def named(self, name: str) -> int:
        """Wait for a job of that name, and give its id."""
        found = until(lambda: self.daemon.call("list", name=name, all=True), what=f"a job {name}")
        job_id: int = found[0]["id"]
        return job_id

    def running(self, *argv: str, **params: Any) -> int:
        """Start a command, by default one that sleeps, and give its id when it runs."""
        job_id = self.submit(*(argv or ("sleep", "600")), **params)
        self.reaches(job_id, "running")
        return job_id

    def trapping(self, trap: str) -> int:
        """Start a shell that goes on for ever, and give its id once it does with a signal what `trap` says."""
        job_id = self.running("sh", "-c", f"trap {trap}; echo up; while :; do sleep 0.02; done")
        until(lambda: (self.daemon.job(job_id)["output"] or {}).get("bytes"), what=f"a word of job {job_id}")
        return job_id

    def reaches(self, job_id: int, state: str) -> dict[str, Any]:
        """Wait until a job is in a state, and give it."""
        until(lambda: self.daemon.job(job_id)["state"] == state, what=f"job {job_id} {state}")
        return self.daemon.job(job_id)

    def watched(self, job_id: int, *, by: int = 1) -> list[dict[str, Any]]:
        """Wait until a job is watched by so many, and list them."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = self.daemon.call("watchers", job=str(job_id))
            return len(found) == by

        until(look, what=f"job {job_id} watched by {by}")
        return found

    def serving(self) -> int:
        """Say which process serves now, whoever has started it."""
        return pid_of_daemon(self.state)

    def over(self, job_id: int) -> None:
        """Kill a job and wait until it is gone."""
        self.daemon.call("cancel", jobs=[str(job_id)], grace=0)
        self.daemon.ended(job_id)


class Gate:
    """Steps at which a job waits until the test lets it go on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, step: int = 1) -> Path:
        """Name the file whose being there lets the job go on."""
        return self._folder / f"step-{step}"

    def wait(self, step: int = 1) -> str:
        """Make the line of a shell script that waits."""
        return f"until [ -e {self.path(step)} ]; do sleep 0.02; done"

    def open(self, step: int = 1) -> None:
        """Let the job go on."""
        self.path(step).touch()


def read_until(stream: IO[bytes] | None, enough: Callable[[bytes], bool]) -> bytes:
    """Read from a pipe until what came is enough, or it is closed."""
    assert stream is not None
    said = b""
    while not enough(said) and (chunk := os.read(stream.fileno(), 65536)):
        said += chunk
    return said
