"""To whom the client speaks: only to the owner's daemon, in a directory nobody else can touch, whatever its path is."""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jobd.client.connection import LONGEST_PATH, Connection, check_directory, connect
from jobd.config import Paths
from jobd.core.errors import ForeignDaemon, StateDirectoryUnusable, Unavailable

SOON = 30.0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def listen(state: Path, backlog: int = 16) -> socket.socket:
    """Listen where a daemon would, however long the path is."""
    folder = os.open(state, os.O_RDONLY)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"/proc/self/fd/{folder}/jobd.sock")
    listener.listen(backlog)
    os.close(folder)
    return listener


def test_nobody_listens(state_dir: Path) -> None:
    """No directory, no socket and a socket that was left behind are all the same: nobody is there."""
    assert connect(Paths(state_dir / "none"), time.monotonic() + SOON) is None
    assert connect(Paths(state_dir), time.monotonic() + SOON) is None
    listen(state_dir).close()
    assert connect(Paths(state_dir), time.monotonic() + SOON) is None


def test_the_peer_is_known(state_dir: Path) -> None:
    """The kernel says who listens."""
    with listen(state_dir):
        connection = connect(Paths(state_dir), time.monotonic() + SOON)
        assert connection is not None
        assert connection.peer == (os.geteuid(), os.getpid())
        connection.close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_path_may_be_too_long_for_an_address(state_dir: Path) -> None:
    """A deep state directory works like any other, and the current directory stays as it is."""
    deep = state_dir.joinpath(*["d" * 60] * 3)
    deep.mkdir(parents=True, mode=0o700)
    assert len(str(deep)) > LONGEST_PATH
    here = os.getcwd()
    assert connect(Paths(deep), time.monotonic() + SOON) is None
    with listen(deep):
        connection = connect(Paths(deep), time.monotonic() + SOON)
        assert connection is not None
        connection.close()
    assert os.getcwd() == here


def test_a_full_backlog_is_waited_for(state_dir: Path) -> None:
    """A daemon that is busy is not taken for one that is gone."""
    with listen(state_dir, backlog=0) as listener:
        crowd = []
        while True:
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            try:
                one.connect(str(state_dir / "jobd.sock"))
            except BlockingIOError:
                one.close()
                break
            crowd.append(one)
        with pytest.raises(Unavailable, match=r"jobd\.sock"):
            connect(Paths(state_dir), time.monotonic() + 0.05)
        found: list[Connection | None] = []
        waiting = threading.Thread(target=lambda: found.append(connect(Paths(state_dir), time.monotonic() + SOON)))
        waiting.start()
        listener.settimeout(0.05)
        while waiting.is_alive():
            with suppress(TimeoutError):
                accepted, _ = listener.accept()
                accepted.close()
            waiting.join(0.05)
    assert found[0] is not None
    found[0].close()
    for one in crowd:
        one.close()


UNSAFE: dict[str, Callable[[Path], object]] = {
    "symbolic link": lambda path: path.symlink_to("/tmp"),
    "not a directory": lambda path: path.write_text(""),
    "chmod 700": lambda path: path.mkdir(mode=0o750),
}


@pytest.mark.parametrize("problem", UNSAFE)
def test_an_unsafe_directory_is_refused(state_dir: Path, problem: str) -> None:
    """Whatever others could have their hands in is not used, and the message says what is wrong."""
    path = state_dir / "state"
    UNSAFE[problem](path)
    with pytest.raises(StateDirectoryUnusable, match=problem):
        check_directory(str(path))


@as_root
def test_the_directory_of_somebody_else_is_refused(state_dir: Path) -> None:
    """Root does not work in the directory of a user."""
    path = state_dir / "state"
    path.mkdir(mode=0o700)
    os.chown(path, 65534, 65534)
    with pytest.raises(StateDirectoryUnusable, match="belongs to user 65534"):
        check_directory(str(path))


@as_root
def test_the_daemon_of_somebody_else_is_told_nothing(state_dir: Path) -> None:
    """The uid of whoever listens is looked at before anything is sent."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        state_dir.chmod(0o777)
        os.setresuid(65534, 65534, 65534)
        listener = listen(state_dir)
        os.write(writing, b".")
        accepted, _ = listener.accept()
        os._exit(len(accepted.recv(1)))
    os.read(reading, 1)
    state_dir.chmod(0o700)
    with pytest.raises(ForeignDaemon, match="user 65534"):
        connect(Paths(state_dir), time.monotonic() + SOON)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    for descriptor in (reading, writing):
        os.close(descriptor)
