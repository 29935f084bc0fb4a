"""The programs of jobd-tutorial(7), copied from the page and run as they stand."""

import gzip
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from jobd.manual.tutorial import CHAPTERS, tutorial_page
from tests.calling import JOBD, Done
from tests.commands.conftest import built
from tests.commands.running import House
from tests.source import ROOT
from tests.waiting import until

TYPED = {"e": "\\", "-": "-", "&": "", "(aq": "'", "(ga": "`", "(ha": "^", "(ti": "~"}
#: What stands before a literal line on a screen of 80 columns, which holds the line.
MARGIN, COLUMNS = " " * 11, 69


def copied() -> dict[str, str]:
    """Take each program from the page, by its file name."""
    blocks = re.findall(r"\.Ql (\S+) :\n\.Bd -literal -offset indent\n(.*?)\n\.Ed", tutorial_page(), re.DOTALL)
    return {
        re.sub(r"\\(-|&)", lambda found: TYPED[found[1]], name): re.sub(
            r"\\(e|-|&|\(\w\w)", lambda found: TYPED[found[1]], block
        )
        for name, block in blocks
    }


PROGRAMS = copied()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Give a daemon that these tests share."""
    with built(serving=True) as shared:
        yield shared


class Home:
    """The home of somebody who has installed jobd, with files to work on and programs copied from the page."""

    def __init__(self, folder: Path, house: House) -> None:
        self.folder = folder
        self.house = house
        self.program(".local/bin/jobd", f'#!/bin/sh\nexec {shlex.join(JOBD)} "$@"\n')
        self.program("bin/backup", "#!/bin/sh\necho saved\n")
        for name in ("a", "b", "c"):
            self.write(f"{name}.txt", name * 99)
            self.write(f"notes/{name}", name)
        search = f"{folder}/.local/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environ = {**os.environ, **house.environ, "HOME": str(folder), "PATH": search, "PYTHONPATH": str(ROOT)}

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def program(self, name: str, text: str) -> None:
        """Write a file that can be executed."""
        self.write(name, text).chmod(0o755)

    def copy(self, name: str) -> None:
        """Copy a program from the page into a file of its name, and make it executable."""
        self.program(name, PROGRAMS[name] + "\n")

    def run(self, command: list[str], environ: Mapping[str, str] | None = None) -> Done:
        """Run a command in the home to its end."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ if environ is None else environ,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def type(self, line: str, environ: Mapping[str, str] | None = None) -> Done:
        """Type a line into /bin/sh."""
        return self.run(["/bin/sh", "-c", line], environ)

    def job(self, name: str) -> Any:
        """Show the newest job of a name."""
        return self.house.json("status", "--json", name)


@pytest.fixture
def home(tmp_path: Path, house: House) -> Home:
    """Give a home."""
    return Home(tmp_path, house)


def told(job: Any) -> tuple[object, ...]:
    """Say what became of a job, and what it said last; a line that was not understood counts as warning."""
    progress = job["progress"]
    return job["state"], progress["fraction"], progress.get("stage"), progress.get("message"), job.get("warned", 0)


def test_the_page_has_the_four_kinds() -> None:
    """A bash script, a line for cron, a Python loop and a unit of systemd, and a script that jobd did not start."""
    assert list(PROGRAMS) == ["squeeze", "copy-notes", "crontab", "checksums", "backup.service"]
    assert {chapter.name: "\n".join(chapter.lines) for chapter in CHAPTERS} == PROGRAMS


@pytest.mark.parametrize("reader", ["mandoc -T utf8", "mandoc -T ascii", "groff -m mdoc -T utf8 -P -c"])
def test_what_is_seen_is_what_is_to_be_typed(reader: str) -> None:
    """On a screen of 80 columns each program can be read, marked and copied: no quote is a typographic one."""
    program, *options = reader.split()
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([program, *options], input=tutorial_page(), capture_output=True, text=True, check=True)
    lines = [line.removeprefix(MARGIN) for line in re.sub(".\b", "", done.stdout).splitlines()]
    for text in PROGRAMS.values():
        assert text in "\n".join(lines)
        assert max(map(len, text.splitlines())) <= COLUMNS


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_the_bash_script(home: Home) -> None:
    """It packs and checks files with its progress; it fails if one is missing; outside of a job it works silently."""
    home.copy("squeeze")
    assert home.type("jobd run -- ./squeeze *.txt").status == 0
    assert told(home.job("squeeze")) == ("completed", 1.0, "check", "all is well", 0)
    assert gzip.decompress((home.folder / "b.txt.gz").read_bytes()) == b"b" * 99
    assert home.type("jobd run -q -- ./squeeze a.txt missing").status == 1
    assert told(home.job("squeeze"))[:4] == ("failed", 0.4, "pack", "a.txt")
    alone = home.type("./squeeze *.txt")
    assert (alone.status, alone.out, alone.err) == (0, "", "")


def test_the_script_that_jobd_did_not_start(home: Home) -> None:
    """It has a record with its own exit status, whether all is well or not."""
    home.copy("copy-notes")
    done = home.type("./copy-notes")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert told(home.job("copy-notes")) == ("completed", 1.0, None, "done", 0)
    shutil.rmtree(home.folder / "notes")
    assert home.type("./copy-notes").status == 1
    job = home.job("copy-notes")
    assert (told(job)[:4], job["exit_code"]) == (("failed", 0.0, None, "copy"), 1)


def test_the_script_that_is_ended_by_a_signal(home: Home) -> None:
    """Its record says so, too."""
    home.copy("copy-notes")
    home.program(".local/bin/cp", "#!/bin/sh\n: > copying; exec sleep 600\n")
    with subprocess.Popen(["./copy-notes"], cwd=home.folder, env=home.environ, start_new_session=True) as script:
        try:
            until((home.folder / "copying").exists, what="it copies")
            os.killpg(script.pid, signal.SIGTERM)
            assert script.wait(30) == 128 + signal.SIGTERM
        finally:
            if script.poll() is None:
                os.killpg(script.pid, signal.SIGKILL)
    job = home.job("copy-notes")
    assert (job["state"], job["exit_code"]) == ("failed", 128 + signal.SIGTERM)


def test_the_line_for_cron(home: Home) -> None:
    """In what cron gives to a job it says nothing if all is well, and all if not, with the exit status."""
    schedule = re.fullmatch(r"((?:[\d*/,-]+ ){5})(.+)", PROGRAMS["crontab"])
    assert schedule
    line = schedule[2]
    assert "%" not in line
    environ = {
        "HOME": str(home.folder), "LOGNAME": "somebody", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin",
        **home.house.environ,
    }  # fmt: skip
    well = home.type(line, environ)
    assert (well.status, well.out, well.err) == (0, "", "")
    assert home.house("log", "backup").out == "saved\n"
    home.program("bin/backup", "#!/bin/sh\necho disk is full\nexit 3\n")
    ill = home.type(line, environ)
    assert (ill.status, ill.out) == (3, "disk is full\n")
    assert "backup" in ill.err


def test_the_python_loop(home: Home) -> None:
    """It does its work with its progress; outside of a job it does its work."""
    home.copy("checksums")
    done = home.type("jobd run -q -- ./checksums *.txt")
    assert (done.status, len(done.out.splitlines())) == (0, 3)
    state, fraction, *_, warned = told(home.job("checksums"))
    assert (state, fraction, warned) == ("completed", 1.0, 0)
    alone = home.type("./checksums *.txt")
    assert (alone.status, alone.out, alone.err) == (0, done.out, "")


def test_the_unit_of_systemd(home: Home) -> None:
    """Its command, in what systemd gives to a service of a user, is a job with its output and exit status."""
    found = dict(line.split("=", 1) for line in PROGRAMS["backup.service"].splitlines() if "=" in line)
    assert found["Type"] == "oneshot"
    command = [word.replace("%h", str(home.folder)) for word in shlex.split(found["ExecStart"])]
    environ = {
        "HOME": str(home.folder), "LOGNAME": "somebody", "USER": "somebody", "SHELL": "/bin/sh", "LANG": "C.UTF-8",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "JOURNAL_STREAM": "9:12345",
        "INVOCATION_ID": "0" * 32, "SYSTEMD_EXEC_PID": "1", "XDG_RUNTIME_DIR": str(home.folder),
        **home.house.environ,
    }  # fmt: skip
    well = home.run(command, environ)
    assert (well.status, well.out) == (0, "saved\n")
    home.program("bin/backup", "#!/bin/sh\nexit 4\n")
    assert home.run(command, environ).status == 4
    assert home.job("backup")["exit_code"] == 4


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_unit(home: Home) -> None:
    """It has nothing to say of it."""
    path = home.write(".config/systemd/user/backup.service", PROGRAMS["backup.service"] + "\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(path)],
        env={**home.environ, "XDG_RUNTIME_DIR": str(home.folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_knows_it(home: Home) -> None:
    """`jobd help tutorial` shows the page, also where there is no man."""
    done = home.house("help", "tutorial", environ={"PATH": ""})
    assert (done.status, done.out, done.err) == (0, tutorial_page(), "")
