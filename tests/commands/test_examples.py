"""Every example of every manual page does what it says when it is typed into a shell."""

import os
import select
import shlex
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from jobd import commands
from jobd.cli import program
from tests.calling import JOBD, finished
from tests.commands.running import House
from tests.waiting import until

#: Programs that the examples call, and that are not everywhere: what is typed is the example, not these.
STANDINS = {"make": "echo built", "jq": "cat", "less": "cat", "backup.sh": "echo saved", "encode.sh": "echo encoded"}
#: Examples that only a service manager could run.
ELSEWHERE = {"jobd daemon install --now"}
#: Examples that go on until they are interrupted.
ENDLESS = {
    "jobd events -f 'name:backup*' tree:12",
    "jobd events -f --where '@mine duration < 1h'",
    "jobd events -f --json | jq .event.type",
    "jobd events -f --snapshot --json",
    "jobd events -f --format cloudevents",
    "jobd rpc events.follow",
}
#: Examples for the inside of a job.
INSIDE = {
    "jobd progress 40%",
    "jobd progress 3/10 resizing b.png",
    "jobd progress --rate-limited 30s the API is busy",
    "jobd item clip-17 processing",
    "jobd item clip-17 40% second pass",
    "jobd item clip-17 failed codec not found",
    'jobd item "my clip.mp4" 3/10',
    "printf '%s\\n' *.png | sed 's/[\"\\\\]/\\\\&/g; s/.*/\"&\" completed/' | jobd item --stdin",
}
#: Signs that mean something to a shell: a line without them is words.
SIGNS = frozenset("|&;<>()$`\\*?[]#~%!{}\n")
#: Examples that may also find something to complain of.
DOUBTFUL = {"jobd doctor", "jobd doctor --json | jq '.[] | select(.status != \"ok\")'"}

SAY_ITEMS = "printf 'item %s\\n' 'a failed no codec' 'b completed' >&$JOBD_FD"
ENCODE = "printf 'item %s\\n' 'a pending' 'b failed' >&$JOBD_FD; sleep 600"

#: The exit status of a shell whose command was interrupted.
INTERRUPTED = 130

Stage = Callable[[House], object]


def twelve(*last: str, others: tuple[str, ...] = ("true",)) -> Stage:
    """Make a stage of twelve jobs: the third to the eighth do `others`, the twelfth does `last`, the rest nothing."""

    def build(house: House) -> None:
        for number in range(1, 12):
            house.submit(*(others if 3 <= number <= 8 else ("true",)), name="backup")
        house.submit(*last, priority=9)
        if others == ("true",):
            until(lambda: all(house.daemon.job(number)["done"] for number in range(1, 12)), what="eleven are done")

    return build


def after(*stages: Stage) -> Stage:
    """Make a stage of several, one after the other."""

    def build(house: House) -> None:
        for stage in stages:
            stage(house)

    return build


def one_run(house: House) -> None:
    """Let the history have a run."""
    house.ran("true", name="backup")


def a_bad_and_a_good_run(house: House) -> None:
    """Let the history have a run that failed and one that did not."""
    house.ran("false", name="backup")
    one_run(house)


def ran_with_a_label(house: House) -> None:
    """Let the history have a run that has a label and used the CPU."""
    house.ran("true", name="backup", labels={"env": "prod"})


def running(house: House) -> None:
    """Wait until the twelfth runs."""
    house.reaches(12, "running")


def begun(house: House) -> None:
    """Wait until the twelfth runs, or did."""
    until(lambda: house.daemon.job(12)["started_at"], what="the twelfth has begun")


def encoding(house: House) -> None:
    """Let a job run that has items to do."""
    job_id = house.running("sh", "-c", ENCODE, name="encode")
    until(lambda: (house.daemon.job(job_id)["progress"]["items"] or {}).get("failed"), what="an item has failed")


def ended(house: House) -> None:
    """Wait until the twelfth has ended."""
    house.daemon.ended(12)


def paused(house: House) -> None:
    """Pause the twelfth."""
    house("pause", "12")
    house.reaches(12, "paused")


STAGES: dict[str, Stage] = {
    "cancel": after(twelve("sleep", "600", others=("sleep", "600"))),
    "events": after(twelve("true"), ended),
    "jobd": lambda _: None,
    "item": after(twelve("sleep", "600"), running),
    "items": after(twelve("sh", "-c", SAY_ITEMS), ended, encoding),
    "last": a_bad_and_a_good_run,
    "log": after(twelve("echo", "hi"), ended),
    "pause": after(twelve("sleep", "600"), running),
    "progress": after(twelve("sleep", "600"), running),
    "resume": after(twelve("sleep", "600"), running, paused),
    "retry": after(twelve("false"), ended),
    "rm": after(twelve("true"), ended),
    "stats": ran_with_a_label,
    "status": after(twelve("sh", "-c", "echo 1/2 >&$JOBD_FD; echo hi"), ended),
    "tail": after(twelve("sh", "-c", "echo hi; sleep 0.5"), begun),
    "watchers": encoding,
    "wait": after(twelve("sh", "-c", "echo 60% >&$JOBD_FD"), ended),
}
#: What must be so again before a line of the same page.
BEFORE: dict[str, Stage] = {
    "jobd cancel all --yes": lambda house: house.running(),
    "jobd db restore": lambda house: house("daemon", "stop"),
    "jobd pause all": lambda house: house.running(),
    "jobd resume all": after(running, paused),
    "jobd retry --failed-items encode": lambda house: house.ran("sh", "-c", SAY_ITEMS, name="encode"),
    "jobd retry --failed": lambda house: house.ran("false"),
}


def examples(verb: str) -> list[str]:
    """List the examples of a verb, without what is said about them."""
    command = program() if verb == "jobd" else commands.find_command(verb)
    assert command is not None
    lines = [line.partition("  #")[0].strip() for line in (command.epilog or "").splitlines()]
    return [line for line in lines if line and line not in ELSEWHERE]


class Desk:
    """A shell in a directory of its own, in which `jobd` and the other programs are found."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        programs = folder / "bin"
        programs.mkdir()
        for name, text in {"jobd": f'exec {" ".join(JOBD)} "$@"', **STANDINS}.items():
            (folder / name if name.endswith(".sh") else programs / name).write_text(f"#!/bin/sh\n{text}\n")
        for path in (*programs.iterdir(), *folder.glob("*.sh")):
            path.chmod(0o755)
        (folder / ".config/jobd").mkdir(parents=True)
        place = {"HOME": str(folder), "PATH": f"{programs}:{os.environ['PATH']}", "SHELL": "/bin/sh"}
        self.environ = {**os.environ, **house.environ, **place}
        self.folder = folder

    def type(self, line: str) -> tuple[int, str]:
        """Type a line, plain words without a shell; give the exit status and what was said on both streams."""
        program, *words = shlex.split(line)
        if program == "jobd" and line not in ENDLESS and not SIGNS & set(line):
            status, said, _ = finished(*words, env=self.environ, cwd=self.folder, stderr=subprocess.STDOUT)
            return status, (said or b"").decode()
        return self._by_shell(line)

    def _by_shell(self, line: str) -> tuple[int, str]:
        """Let a shell run a line. One that goes on is interrupted."""
        command = ["sh", "-c", line]
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                if line in ENDLESS:
                    self._something_happens(process.stdout)
                    assert process.poll() is None, f"{line} has ended by itself"
                    os.killpg(process.pid, signal.SIGINT)
                said, _ = process.communicate(timeout=30)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        interrupted = line in ENDLESS and process.returncode in (-signal.SIGINT, INTERRUPTED)
        return 0 if interrupted else process.returncode, said.decode()

    def _something_happens(self, said: IO[bytes] | None) -> None:
        """Let jobs run until one of them is told of."""
        assert said is not None
        until(
            lambda: self.house.ran("true", name="backup") and select.select([said], [], [], 0)[0],
            what="it is told of a job",
        )


@pytest.mark.parametrize("verb", [*commands.names(), "jobd"])
def test_every_example_runs(own: House, tmp_path: Path, verb: str) -> None:
    """Line by line, in the order of the page."""
    STAGES.get(verb, one_run)(own)
    desk = Desk(own, tmp_path)
    if verb in ("begin", "end"):
        desk.environ["id"] = own("begin", "outside").out.strip()
    desk.environ["pid"] = str(os.getpid())
    lines = examples(verb)
    assert lines, f"{verb} has no examples"
    for line in lines:
        typed = f"jobd run -- sh -c {shlex.quote(line)}" if line in INSIDE else line
        if line in BEFORE:
            BEFORE[line](own)
        status, said = desk.type(typed)
        assert status in ((0, 1) if line in DOUBTFUL else (0,)), (line, said)
        assert "Traceback" not in said
    assert {path.name for path in tmp_path.iterdir()} <= KNOWN, list(tmp_path.iterdir())


#: What examples may leave behind.
KNOWN = {*"bin backup.sh encode.sh .config .local .bashrc .profile jobd.bash jobd.copy report.sh".split()}
