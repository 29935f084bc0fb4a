"""Whole commands, as a script calls them: against the start of the interpreter."""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.measure import ROUNDS, Figure, daemon, in_turn, jobd, python, row, wall

EMPTY = python("pass")
CLICK = python("import click, msgspec")
MORE_ROUNDS = 3 * ROUNDS


@row("P3", "`jobd progress` inside a job, against python -c pass")
def progress_inside() -> Figure:
    """Append a report as a script in a loop does."""
    with TemporaryDirectory() as folder:
        report = Path(folder, "report")
        descriptor = os.open(report, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        environ = {**os.environ, "JOBD_FD": str(descriptor), "JOBD_REPORT": str(report), "JOBD_JOB_ID": "1"}
        command = jobd("progress", "3/10", "resizing")
        ours, theirs = in_turn(lambda: wall(command, environ, pass_fds=(descriptor,)), lambda: wall(EMPTY), MORE_ROUNDS)
        assert report.read_bytes().count(b"3/10 resizing\n") == MORE_ROUNDS + 1
        os.close(descriptor)
    return Figure(ours, theirs, "ms", 1.0)


@row("P4", "`jobd progress --job ID`, durable, against python -c pass")
def progress_outside() -> Figure:
    """Report over the socket."""
    with daemon() as living:
        begun = living.call("begin", name="bench")
        environ = {**os.environ, "JOBD_DIR": str(living.state)}
        command = jobd("progress", "--job", str(begun["id"]), "3/10")
        ours, theirs = in_turn(lambda: wall(command, environ), lambda: wall(EMPTY), MORE_ROUNDS)
    return Figure(ours, theirs, "ms", 1.1)


@row("P5", "commands in a pipe, against python -c 'import click, msgspec'")
def commands_in_a_pipe() -> list[Figure]:
    """Ask a daemon that runs."""
    figures = []
    with daemon() as living:
        living.submit("true")
        environ = {**os.environ, "JOBD_DIR": str(living.state)}
        for words in (("list",), ("status",), ("submit", "--", "true"), ("history",)):
            command = jobd(*words)
            ours, theirs = in_turn(lambda: wall(command, environ), lambda: wall(CLICK), MORE_ROUNDS)  # noqa: B023
            figures.append(Figure(ours, theirs, "ms", 1.25, note=" ".join(words)))
    return figures


@row("P24", "`jobd run -- true`, against python -c 'import click, msgspec'")
def run_true() -> Figure:
    """Run a command in the foreground."""
    with daemon() as living:
        environ = {**os.environ, "JOBD_DIR": str(living.state)}
        ours, theirs = in_turn(lambda: wall(jobd("run", "--", "true"), environ), lambda: wall(CLICK), MORE_ROUNDS)
    return Figure(ours, theirs, "ms", 1.25)


@row("P20", "an idle daemon")
def idle() -> list[Figure]:
    """Count its wake-ups, and time its start against an empty interpreter."""
    with daemon() as living:
        pid = living.pid
        time.sleep(2)
        before = switches(pid)
        seconds = 20.0
        time.sleep(seconds)
        woken = (switches(pid) - before) / seconds

    def start() -> float:
        begun = time.perf_counter()
        with daemon():
            return (time.perf_counter() - begun) * 1e3

    ours, theirs = in_turn(start, lambda: wall(EMPTY))
    return [
        Figure(woken, None, "wake-ups/s", 0.5, note="the slow clock looks every 10 s"),
        Figure(ours, theirs, "ms", 8, note="until it is ready, against python -c pass"),
    ]


def switches(pid: int) -> int:
    """Count how often all threads of a process have gone to sleep, and so been woken."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        text = (task / "status").read_text()
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("voluntary"))
    return total
