"""What programs in jobs tell their service manager is heard as theirs, and harms nobody."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobd.core.model import Surroundings
from jobd.core.notifications import Said
from jobd.daemon import notify_sockets
from jobd.daemon.attempts.directory import spec_file
from jobd.daemon.notify_sockets import NotifySockets
from tests.daemon.hearing import eventually
from tests.living import Living
from tests.making import Maker
from tests.waiting import until

#: As the package sdnotify does it: connected once, sent to again and again.
CLIENT = """
import os, socket
address = os.environ["NOTIFY_SOCKET"]
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.connect("\\0" + address[1:] if address[0] == "@" else address)
notify = lambda text: sender.sendall(text.encode())
"""
#: The same for one message, on a new connection.
SEND = """
import os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.sendto(sys.argv[1].encode(), sys.argv[2])
"""
NOBODY = 65534


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    """Give a daemon for all tests of this file that need one."""
    state = Path(tempfile.mkdtemp(prefix="jobd-", dir="/tmp"))
    with Living(state) as living:
        yield living
    shutil.rmtree(state)


def talk(living: Living, script: str) -> dict[str, Any]:
    """Run a Python script that can `notify`, to its good end."""
    ended = living.ended(living.submit(sys.executable, "-c", CLIENT + script)["id"])
    assert ended["state"] == "completed", living.output(ended["id"])
    return ended


@pytest.mark.skipif(shutil.which("systemd-notify") is None, reason="systemd-notify is not installed")
def test_systemd_notify(living: Living) -> None:
    """The program of that name moves the progress, though it has ended before it is asked about."""
    commands = 'systemd-notify --ready && systemd-notify --status="40% half way" && systemd-notify WATCHDOG=1'
    ended = living.ended(living.submit("sh", "-c", commands)["id"])
    progress = ended["progress"]
    assert (ended["state"], ended["warned"]) == ("completed", 0)
    assert (progress["fraction"], progress["message"], progress["reports"]) == (0.4, "half way", 3)


def test_a_library(living: Living) -> None:
    """One that stays connected, as sdnotify does, is heard each time, to the last word before the job's end."""
    ended = talk(living, "for n in range(1, 11): notify(f'STATUS={n}/10 file {n}')")
    progress = ended["progress"]
    assert (progress["fraction"], progress["message"], progress["reports"]) == (1.0, "file 10", 10)


def test_any_report_line(living: Living) -> None:
    """Also a stage, beside what comes through the report file."""
    ended = talk(living, "os.write(8, b'1/4\\n'); notify('X_JOBD_PROGRESS=stage pack\\nX_JOBD_PROGRESS=2/4')")
    assert (ended["progress"]["stage"], ended["progress"]["done"], ended["progress"]["reports"]) == ("pack", 2.0, 3)


def test_bad_messages_are_warnings(living: Living) -> None:
    """What is no message, or too long, or makes no report, is kept as a warning; the next one counts."""
    ended = talk(living, "for text in ('hello', 'STATUS=' + 5000 * 'x', 'X_JOBD_PROGRESS=much', '3'): notify(text)")
    assert (ended["warned"], ended["progress"]["message"]) == (4, None)
    ended = talk(living, "notify('hello'); notify('STATUS=2/4')")
    assert (ended["warned"], ended["progress"]["fraction"]) == (1, 0.5)
    assert "NOTIFY_SOCKET: hello" in ended["warnings"][0]["text"]


def test_a_barrier(living: Living) -> None:
    """Descriptors are closed when what came before them has been taken in, however many and with whatever message."""
    script = """
import select
reading, writing = os.pipe()
for text, count in (("BARRIER=1", 1), ("FDSTORE=1", 200), ("X_JOBD_PROGRESS=1/2", 250)):
    socket.send_fds(sender, [text.encode()], count * [writing])
os.close(writing)
poll = select.poll()
poll.register(reading)
assert poll.poll(20_000) == [(reading, select.POLLHUP)]
"""
    before = descriptors(living)
    assert talk(living, script)["progress"]["fraction"] == 0.5
    until(lambda: descriptors(living) <= before, what="no descriptor more than before")


def descriptors(living: Living) -> int:
    """Count what the daemon has open."""
    return len(os.listdir(f"/proc/{living.pid}/fd"))


def test_a_flood(living: Living) -> None:
    """Every message counts, others are served meanwhile, and few events are written."""
    script = CLIENT + "for n in range(1, 10_001): notify(f'STATUS={n}/10000')"
    job = living.submit(sys.executable, "-c", script)
    answers = 0
    while not living.job(job["id"])["done"]:
        answers += 1
    ended = living.ended(job["id"])
    assert (ended["progress"]["reports"], ended["progress"]["fraction"], ended["warned"]) == (10_000, 1.0, 0)
    assert answers > 3
    written = [e for e in living.entries() if e["job"] == job["id"] and e["event"]["type"] == "progressed"]
    assert len(written) < 1000


def test_nothing_is_left(living: Living) -> None:
    """The socket goes with the attempt, and a job that removes or replaces it harms only itself."""
    script = "os.unlink(address); notify('STATUS=1/2'); os.mkdir(address); open(address + '/x', 'w').close()"
    ended = talk(living, script)
    assert ended["progress"]["fraction"] == 0.5
    assert not (living.state / "run" / f"{ended['id']}.1").exists()


def test_it_goes_before_an_inherited_one(living: Living) -> None:
    """A job is not what its submitter is to a service manager; the line can be cut."""
    job = living.submit("sh", "-c", "echo $NOTIFY_SOCKET; env -u NOTIFY_SOCKET env", environment=["NOTIFY_SOCKET=/x"])
    living.ended(job["id"])
    said = living.output(job["id"]).decode().splitlines()
    assert said[0] == f"{living.state}/run/{job['id']}.1/notify"
    assert not [line for line in said[1:] if line.startswith("NOTIFY_SOCKET")]


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    """Then there is none, not even an inherited one; up to the length that the kernel takes there is one."""
    room = notify_sockets.LONGEST_ADDRESS - len(f"{tmp_path}/x/notify") + 1
    fits, not_any_more = (tmp_path / ("x" * length) for length in (room, room + 1))

    async def scene(sockets: NotifySockets, told: list[Said], address: str) -> None:
        assert (len(address), told) == (notify_sockets.LONGEST_ADDRESS, [])
        send(address, "STATUS=far away")
        sockets.follow((1, 2), not_any_more)

    assert [said.lines for said in hear(fits, scene)] == [[b"message far away"]]
    assert (notify_sockets.address(not_any_more), not_any_more.exists()) == (None, False)
    maker = Maker()
    maker.submit(1)
    job, _ = maker.start(1)
    inherited = Surroundings(environment=("A=1", "NOTIFY_SOCKET=/x"))
    assert spec_file(job, job.attempts[-1], inherited, {"B": "2"}, {}).env == ("A=1", "B=2")


def test_across_a_kill(living: Living) -> None:
    """The next daemon listens again for a job that it adopts."""
    script = 'read word < gate; python3 -c "$1" "STATUS=$word" "$NOTIFY_SOCKET"; ' * 2
    gate = living.state / "gate"
    os.mkfifo(gate)
    job = living.submit("sh", "-c", script, "sh", SEND, cwd=str(living.state))["id"]
    gate.write_text("1/4 before\n")
    until(lambda: living.job(job)["progress"]["fraction"] == 0.25)
    living.kill()
    living.start()
    gate.write_text("2/4 after\n")
    progress = living.ended(job)["progress"]
    assert (progress["fraction"], progress["message"], progress["reports"]) == (0.5, "after", 2)


def hear(path: Path, scene: Callable[[NotifySockets, list[Said], str], Any]) -> list[Said]:
    """Run a scene with the socket of one attempt, and give what was told."""
    told: list[Said] = []

    async def run() -> None:
        sockets = NotifySockets(lambda _, said: told.append(said))
        sockets.bind((1, 1), path)
        await scene(sockets, told, f"{path}/{notify_sockets.NAME}")
        sockets.close()

    asyncio.run(run())
    return told


def send(address: str, text: str, uid: int | None = None) -> None:
    """Send one message from a process that has ended then."""
    subprocess.run(["/usr/bin/env", "python3", "-c", SEND, text, address], check=True, user=uid)


def test_what_was_sent_before_anybody_read(tmp_path: Path) -> None:
    """It waits in the socket until the job counts as started, and is told when the daemon goes."""

    async def scene(sockets: NotifySockets, told: list[Said], address: str) -> None:
        send(address, "STATUS=early")
        assert told == []
        sockets.follow((1, 1), tmp_path)
        await eventually(lambda: told, "the early message")
        send(address, "STATUS=late")

    assert [said.lines for said in hear(tmp_path, scene)] == [[b"message early"], [b"message late"]]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_strangers() -> None:
    """Even where the way is open, messages of another user are refused, and shown as what they are."""
    folder = Path(tempfile.mkdtemp(prefix="jobd-", dir="/tmp"))
    folder.chmod(0o755)

    async def scene(sockets: NotifySockets, told: list[Said], address: str) -> None:
        sockets.follow((1, 1), folder)
        os.chown(address, NOBODY, -1)
        send(address, "STATUS=mine", NOBODY)
        await eventually(lambda: told, "what the stranger said")

    said = hear(folder, scene)[0]
    shutil.rmtree(folder)
    assert (said.lines, said.refused[0].details["text"]) == ([], "STATUS=mine")
    assert "stranger" in said.refused[0].details["problem"]


def test_where_no_socket_can_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The job is not heard on it, and that is all."""
    (tmp_path / notify_sockets.NAME).mkdir()

    async def scene(sockets: NotifySockets, told: list[Said], address: str) -> None:
        sockets.follow((1, 1), tmp_path)
        assert (sockets.finish((1, 1)), told, os.listdir(address)) == (Said([], []), [], [])

    assert hear(tmp_path, scene) == []
    assert "has no NOTIFY_SOCKET" in caplog.text
