"""Who is at the other end: the name of the program and its terminal, for people to read."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from jobd.daemon.system import peers, processes
from tests.daemon.planting import linux_only
from tests.waiting import until


def test_a_program_on_a_terminal() -> None:
    """Its name, and the terminal that it was started on, whatever its standard streams are."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execvp("sleep", ["sleep", "1000"])  # noqa: S606 -- a child of its own
    try:
        until(lambda: peers.look(pid).command == "sleep")
        terminal = peers.look(pid).terminal
        assert terminal is not None
        assert Path(terminal).is_char_device()
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(descriptor)


@linux_only
def test_a_strange_name(tmp_path: Path) -> None:
    """Brackets, line ends and bytes that are no text are shown, not believed; without a terminal there is none."""
    program = tmp_path / os.fsdecode(b"a) (b\n\xff")
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "1000"], start_new_session=True) as process:
        until(lambda: peers.look(process.pid).command == r"a) (b\n\xff")
        assert peers.look(process.pid).terminal is None
        process.kill()


def test_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is not there, or in another namespace, nothing is known."""
    assert peers.look(0) == peers.NOBODY
    assert peers.look(2**22 + 1) == peers.NOBODY
    monkeypatch.setattr(processes, "LINUX", False)
    assert peers.look(2**22 + 1) == peers.NOBODY


def test_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """On other systems psutil knows it."""
    monkeypatch.setattr(processes, "LINUX", False)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as process:
        until(lambda: peers.look(process.pid) == ("sleep", None))
        process.kill()


@pytest.mark.parametrize(
    ("major", "minor", "path"),
    [(136, 3, "/dev/pts/3"), (138, 1, "/dev/pts/513"), (4, 2, "/dev/tty2"), (4, 65, None), (0, 0, None)],
)
def test_terminals_by_their_numbers(major: int, minor: int, path: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device in /proc is that of a pseudo terminal, of a console, or of nothing that has a name here."""
    line = b"7 (x y) S 1 7 7 %d 0 rest" % os.makedev(major, minor)
    monkeypatch.setattr(processes, "LINUX", True)
    monkeypatch.setattr(processes, "read_stat", lambda pid: line if pid == 7 else None)
    assert peers.look(7) == ("x y", path)
