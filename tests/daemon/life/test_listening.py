"""The door: bound in one step, made again if it is gone, and taken away only by whoever bound it."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.config import Paths
from jobd.core.errors import StateDirectoryUnusable
from jobd.daemon.life import listening, service
from jobd.daemon.life.listening import Door
from jobd.daemon.life.service import Taken
from tests.daemon.planting import nobody, root_only
from tests.living import short_directory


@pytest.fixture
def paths() -> Iterator[Paths]:
    """Give a state directory with a short name."""
    with short_directory() as path:
        yield Paths(path)


def is_heard(path: Path, listener: socket.socket) -> bool:
    """Whether who connects to the name comes in at this socket."""
    with socket.socket(socket.AF_UNIX) as client:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            client.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
        listener.settimeout(1)
        try:
            listener.accept()[0].close()
        except TimeoutError:
            return False
        return True


def test_a_door_for_one_user(paths: Paths) -> None:
    """It leads here, nobody else may use it, and no other name is left behind; in the end it is gone."""
    door = Door(paths)
    listener = door.open([])
    assert stat.S_IMODE(paths.socket.stat().st_mode) == 0o600
    assert is_heard(paths.socket, listener)
    assert os.listdir(paths.state) == ["jobd.sock"]
    assert (door.keep(), door.problem()) == (None, None)
    door.close()
    assert os.listdir(paths.state) == []


def test_a_stale_door_is_replaced(paths: Paths) -> None:
    """What a killed daemon left, or was about to make, is no obstacle."""
    listening.listen(paths).close()
    (paths.state / f".jobd.sock.{os.getpid()}").touch()
    door = Door(paths)
    assert is_heard(paths.socket, door.open([]))
    door.close()


def test_a_path_longer_than_an_address(paths: Paths) -> None:
    """The state directory may be anywhere."""
    deep = paths.state / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    door = Door(Paths(deep))
    assert is_heard(deep / "jobd.sock", door.open([]))
    door.close()


def test_it_is_made_again(paths: Paths) -> None:
    """Removed, or replaced by what somebody else made: the name leads here again, and that is no trouble any more."""
    door = Door(paths)
    door.open([])
    paths.socket.unlink()
    assert door.problem() == f"socket: {paths.socket} leads nowhere; it is made again soon"
    fresh = door.keep()
    assert fresh is not None
    assert is_heard(paths.socket, fresh)
    other = listening.listen(paths)
    fresh = door.keep()
    assert fresh is not None
    assert is_heard(paths.socket, fresh)
    assert door.problem() is None
    other.close()
    door.close()


def test_the_door_of_another_is_not_taken_away(paths: Paths) -> None:
    """Who has replaced it meanwhile keeps it."""
    door = Door(paths)
    door.open([])
    other = listening.listen(paths)
    door.close()
    assert is_heard(paths.socket, other)
    other.close()


@pytest.mark.parametrize(("name", "stays"), [(listening.OURS, False), ("jobd.socket", True), ("", True)])
def test_a_door_that_was_handed_over(paths: Paths, name: str, *, stays: bool) -> None:
    """That of the daemon before is taken away in the end, that of a service manager stays: clients wait at it."""
    before = listening.listen(paths)
    door = Door(paths)
    assert door.open([Taken(before, name)]) is before
    assert (door.listener, door.name) == (before, name)
    door.close()
    assert paths.socket.exists() == stays


def test_a_door_without_a_name_is_made_again(paths: Paths) -> None:
    """What was handed over is of no use if its name is gone."""
    before = listening.listen(paths)
    paths.socket.unlink()
    door = Door(paths)
    listener = door.open([Taken(before, "jobd.socket")])
    assert listener is not before
    assert is_heard(paths.socket, listener)
    door.close()
    assert not paths.socket.exists()


@root_only
def test_no_door_can_be_made(paths: Paths) -> None:
    """The refusal names the directory and the reason."""
    paths.state.chmod(0o755)
    with nobody(), pytest.raises(StateDirectoryUnusable, match=r"no socket can be made: Permission denied"):
        Door(paths).open([])


def test_who_serves_is_announced(paths: Paths) -> None:
    """In a file that is always whole, and nobody else's business."""
    for pid in (1, 2):
        listening.announce(paths, {"pid": pid})
        assert paths.daemon_json.read_text() == f'{{"pid": {pid}}}'
    assert stat.S_IMODE(paths.daemon_json.stat().st_mode) == 0o600
    assert os.listdir(paths.state) == ["daemon.json"]


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())}],
)
def test_what_is_meant_for_others_is_not_taken(environ: dict[str, str]) -> None:
    """Sockets for another process are left alone, but no child is told of them."""
    given = dict(environ)
    assert service.handed_over(given) == []
    assert given == {}


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
    ],
)
def test_how_often_a_sign_of_life_is_wanted(environ: dict[str, str], seconds: float | None) -> None:
    """Half of the time that the manager waits, if it means this process."""
    assert service.watchdog_seconds(environ) == seconds


def test_nobody_to_be_told(paths: Paths) -> None:
    """Without a manager, or with one that is gone, nothing happens."""
    assert not service.notify({}, "READY=1")
    assert not service.notify({"NOTIFY_SOCKET": "relative"}, "READY=1")
    assert not service.notify({"NOTIFY_SOCKET": str(paths.state / "gone")}, "READY=1")


@pytest.mark.parametrize("address", ["notify", "@jobd-test-notify"])
def test_the_manager_is_told(paths: Paths, address: str) -> None:
    """At a path or at an abstract address, all lines at once."""
    where = address if address.startswith("@") else str(paths.state / address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + where[1:] if where.startswith("@") else where)
        assert service.notify({"NOTIFY_SOCKET": where}, "READY=1", "MAINPID=7")
        assert manager.recv(100) == b"READY=1\nMAINPID=7"
