"""Completion at work: the real shells complete the sample program, and start nothing for words that never change."""

import contextlib
import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.manual.completions import SHELLS, completions
from tests.manual.sample import program
from tests.waiting import until


def has(shell: str) -> pytest.MarkDecorator:
    """Skip, saying so, where a shell is not installed."""
    return pytest.mark.skipif(not shutil.which(shell), reason=f"{shell} is not installed")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a directory with the scripts, a `jobd` that notes each of its runs, and files to complete."""
    for shell, (name, _) in SHELLS.items():
        (tmp_path / name).write_text(completions(program, shell))
    jobd = tmp_path / "bin" / "jobd"
    jobd.parent.mkdir()
    jobd.write_text(
        f"#!/bin/sh\necho \"$@\" >> {tmp_path}/calls\nprintf '143\\tencode: running\\n144\\treport\\n27\\told\\n'\n"
    )
    jobd.chmod(0o755)
    (tmp_path / "work" / "folder").mkdir(parents=True)
    (tmp_path / "work" / "fodder.txt").touch()
    return tmp_path


def environment(place: Path) -> dict[str, str]:
    """Give an environment in which that `jobd` is found, and no configuration of a user."""
    path = f"{place}/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(place), "XDG_CONFIG_HOME": str(place), "TERM": "xterm", "LANG": "C.UTF-8"}


def calls(place: Path) -> list[str]:
    """List how `jobd` was run."""
    file = place / "calls"
    return file.read_text().splitlines() if file.exists() else []


BASH = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_jobd jobd
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(place: Path, words: list[str]) -> list[str]:
    """Complete the last word as bash does: with the words cut at `=`."""
    run = ["bash", "--norc", "-c", BASH, "bash", str(place / "jobd.bash"), *words]
    done = subprocess.run(run, cwd=place / "work", env=environment(place), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def fish(place: Path, line: str) -> list[str]:
    """Complete the end of a line as fish does."""
    run = ["fish", "--no-config", "-c", f"source {place}/jobd.fish; complete -C '{line}'"]
    done = subprocess.run(run, cwd=place / "work", env=environment(place), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return sorted(found.partition("\t")[0] for found in done.stdout.splitlines())


STATIC = {
    "jobd ": ["cancel", "daemon", "list", "submit"],
    "jobd su": ["submit"],
    "jobd sec": [],
    "jobd daemon ": ["save", "start"],
    "jobd daemon st": ["start"],
    "jobd --version li": ["list"],
    "jobd list --st": ["--state"],
    "jobd ls --sta": ["--state"],
    "jobd list --secret": [],
    "jobd list --state ru": ["running"],
    "jobd list -s ": ["failed", "pending", "running"],
    "jobd list --limit 3 --ve": ["--verbose"],
    "jobd list -n daemon --ve": ["--verbose"],
    "jobd cancel -s KI": ["KILL"],
    "jobd daemon start --f": ["--foreground"],
}


@has("bash")
@pytest.mark.parametrize("line", STATIC)
def test_bash_completes_static_words_without_a_process(place: Path, line: str) -> None:
    """Commands, options and choices are found; `jobd` is not asked."""
    assert sorted(bash(place, line.split(" "))) == STATIC[line]
    assert calls(place) == []


@has("fish")
@pytest.mark.parametrize("line", STATIC)
def test_fish_completes_static_words_without_a_process(place: Path, line: str) -> None:
    """Commands, options and choices are found; `jobd` is not asked."""
    assert fish(place, line) == STATIC[line]
    assert calls(place) == []


IDS = {
    "jobd list 14": ["143", "144"],
    "jobd list 143 2": ["27"],
    "jobd cancel -s KILL -- 2": ["27"],
    "jobd submit -a 14": ["143", "144"],
    "jobd submit --after 2": ["27"],
}


@has("bash")
@pytest.mark.parametrize("line", IDS)
def test_bash_asks_for_jobs(place: Path, line: str) -> None:
    """Only the names of jobs cost a process, and that is the quick one."""
    assert sorted(bash(place, line.split(" "))) == IDS[line]
    assert calls(place) == ["__complete ids"]


@has("fish")
@pytest.mark.parametrize("line", [line for line in IDS if " -- " not in line])
def test_fish_asks_for_jobs(place: Path, line: str) -> None:
    """Only the names of jobs cost a process, and that is the quick one."""
    assert fish(place, line) == IDS[line]
    assert set(calls(place)) == {"__complete ids"}


BASH_WORDS = {
    ("list", "--state", "=", "ru"): ["running"],
    ("list", "--state", "="): ["failed", "pending", "running"],
    ("list", "--state=ru"): ["--state=running"],
    ("list", "--state", "=", "running", "--ver"): ["--verbose"],
    ("list", "--json", "=", "id", "14"): ["143", "144"],
    ("list", "--json", "="): [],
    ("list", "1,14"): ["1,143", "1,144"],
    ("submit", "--cwd", "fo"): ["folder"],
    ("submit", "--stdin", "fo"): ["fodder.txt", "folder"],
    ("submit", "--stdin", "=", "fod"): ["fodder.txt"],
    ("daemon", "save", "fod"): ["fodder.txt"],
    ("submit", "ls", "fod"): ["fodder.txt"],
    ("submit", "--", "ls", "--color", "fod"): ["fodder.txt"],
    ("submit", "-w", "/tmp", "--", "mkfif"): ["mkfifo"],
    ("cancel", "-s", "KILL", "--no"): [],
}


@has("bash")
@pytest.mark.parametrize("words", BASH_WORDS)
def test_bash_completes_values_files_and_commands(place: Path, words: tuple[str, ...]) -> None:
    """Values after `=`, the last of a list, files, directories, and a command with its own words."""
    assert sorted(set(bash(place, ["jobd", *words]))) == BASH_WORDS[words]


FISH_LINES = {
    "jobd submit --cwd fo": ["folder/"],
    "jobd submit --stdin=fod": ["--stdin=fodder.txt"],
    "jobd daemon save fod": ["fodder.txt"],
    "jobd submit -- mkfif": ["mkfifo"],
    "jobd submit -- ls fod": ["fodder.txt"],
}


@has("fish")
@pytest.mark.parametrize("line", FISH_LINES)
def test_fish_completes_values_files_and_commands(place: Path, line: str) -> None:
    """Files, directories, and a command with its own words."""
    assert fish(place, line) == FISH_LINES[line]


ZSH = """
unsetopt zle_bracketed_paste; fpath=({place} $fpath); autoload -U compinit; compinit -u -D
take-line() {{ print -r -- "$BUFFER" >> {place}/lines; BUFFER=; }}; zle -N take-line; bindkey '^T' take-line
"""


class Zsh:
    """An interactive zsh on a terminal, in which somebody types."""

    def __init__(self, place: Path) -> None:
        self.lines = place / "lines"
        self.fd, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["zsh", "-f", "-i"], cwd=place / "work", env=environment(place),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        os.set_blocking(self.fd, False)
        os.write(self.fd, ZSH.format(place=place).encode())

    def complete(self, line: str) -> str:
        """Type a line and TAB, and give the line as it then is."""
        before = self.taken()
        os.write(self.fd, f"{line}\t\x14".encode())
        until(lambda: len(self.taken()) > len(before), what=f"the line {line!r} with its completion")
        return self.taken()[-1]

    def taken(self) -> list[str]:
        """List the lines that were completed; what is on the screen is thrown away, so that zsh is never blocked."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 65536)
        return self.lines.read_text().splitlines() if self.lines.exists() else []

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


@pytest.fixture
def zsh(place: Path) -> Iterator[Zsh]:
    """Give a zsh with the completion of jobd loaded."""
    shell = Zsh(place)
    yield shell
    shell.close()


ZSH_LINES = {
    "jobd su": "jobd submit ",
    "jobd daemon sta": "jobd daemon start ",
    "jobd ls --sta": "jobd ls --state=",
    "jobd list --state pen": "jobd list --state pending ",
    "jobd list --state=pen": "jobd list --state=pending ",
    "jobd cancel -s KI": "jobd cancel -s KILL ",
    "jobd submit --cwd fo": "jobd submit --cwd folder/",
    "jobd submit -- mkfif": "jobd submit -- mkfifo ",
    "jobd submit ls fod": "jobd submit ls fodder.txt ",
    "jobd list --sec": "jobd list --sec",
    "jobd list 2": "jobd list 27 ",
}


@has("zsh")
def test_zsh_completes(zsh: Zsh, place: Path) -> None:
    """All kinds of words are completed where they are typed, and only the names of jobs ask `jobd`."""
    assert {line: zsh.complete(line) for line in ZSH_LINES} == ZSH_LINES
    assert calls(place) == ["__complete ids"]


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_are_correct_shell(place: Path, shell: str) -> None:
    """Each shell takes its script."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n", str(place / SHELLS[shell][0])], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_hidden_things_stay_hidden(place: Path, shell: str) -> None:
    """What is hidden from help is not completed."""
    assert "secret" not in (place / SHELLS[shell][0]).read_text()
