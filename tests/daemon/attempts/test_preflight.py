"""What can be known to fail is refused before a job is taken, in one line that names it."""

import os
from pathlib import Path

import pytest

from jobd.core.errors import CannotStart, CommandNotFound
from jobd.core.text import Lossless, lossless
from jobd.daemon.attempts.preflight import check
from tests.daemon.planting import PLAIN_PATH, nobody, root_only

HERE = ("PATH=" + PLAIN_PATH,)


def program(path: Path, mode: int = 0o755) -> Path:
    """Write a program."""
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def refusal(*argv: Lossless, cwd: Lossless = "/", environment: tuple[Lossless, ...] = HERE) -> str:
    """Give the words of a refusal."""
    with pytest.raises(CannotStart) as refused:
        check(argv, cwd, environment, None)
    return refused.value.message


def test_what_can_start_passes(tmp_path: Path) -> None:
    """A program by its name, by its path, relative to the directory, and from a PATH that is no text."""
    program(tmp_path / "tool")
    odd = tmp_path / os.fsdecode(b"\xff")
    odd.mkdir()
    program(odd / "strange")
    check(("true",), "/", HERE, None)
    check((str(tmp_path / "tool"),), "/", (), None)
    check(("./tool",), str(tmp_path), HERE, "tool")
    check(("tool",), "/", ("PATH=/nowhere", f"PATH=/elsewhere:{tmp_path}"), None)
    check(("tool",), str(tmp_path), ("PATH=:/nowhere",), None)
    check(("strange",), "/", (lossless(b"PATH=" + os.fsencode(odd)),), None)
    check(("sh",), "/", (), None)


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    """It is not found: in PATH, at its path, or at all."""
    (tmp_path / "file").write_text("")
    assert refusal("no-such") == "cannot start no-such: not found in PATH"
    assert refusal("true", environment=("PATH=/nowhere",)) == "cannot start true: not found in PATH"
    assert refusal("/no/such") == "cannot start /no/such: no such file"
    assert refusal(f"{tmp_path}/file/x") == f"cannot start {tmp_path}/file/x: no such file"
    assert refusal("") == "cannot start '': a command needs a name"
    for argv in ("no-such", "/no/such", ""):
        with pytest.raises(CommandNotFound):
            check((argv,), "/", HERE, None)


def test_a_command_that_cannot_be_executed(tmp_path: Path) -> None:
    """It is there, but is no program."""
    plain = program(tmp_path / "plain", 0o644)
    assert refusal(str(plain)) == f"cannot start {plain}: it is not executable (chmod +x)"
    assert refusal("plain", environment=(f"PATH={tmp_path}",)) == f"cannot start plain: {plain} is not executable"
    assert refusal(str(tmp_path)) == f"cannot start {tmp_path}: it is a directory"


def test_the_first_that_can_be_executed_counts(tmp_path: Path) -> None:
    """As for a shell: what cannot be executed is passed over while there is more of PATH."""
    for name, mode in (("one", 0o644), ("two", 0o755)):
        (tmp_path / name).mkdir()
        program(tmp_path / name / "tool", mode)
    check(("tool",), "/", (f"PATH={tmp_path}/one:{tmp_path}/two",), None)


@root_only
def test_a_place_that_may_not_be_looked_into(tmp_path: Path) -> None:
    """The reason is that of the system."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program(closed / "tool")
    with nobody():
        assert refusal(f"{closed}/tool") == f"cannot start {closed}/tool: Permission denied"


def test_a_place_to_work_in(tmp_path: Path) -> None:
    """The directory must be there, and said from the root on."""
    (tmp_path / "file").write_text("")
    assert refusal("true", cwd="/no/such") == "cannot start true: no directory /no/such"
    assert refusal("true", cwd=f"{tmp_path}/file") == f"cannot start true: no directory {tmp_path}/file"
    assert refusal("true", cwd="work") == "cannot start true: work is not an absolute path to work in"


def test_an_input_that_cannot_be_read() -> None:
    """It is named."""
    with pytest.raises(CannotStart, match="its input no-such cannot be read"):
        check(("true",), "/", HERE, "no-such")
