"""What a shim hears is written down, in order, before anybody is told that it was heard."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.core.model import Surroundings
from jobd.core.work import notifications
from jobd.daemon.attempts import directory, notify, variables
from tests.daemon.shims import Attempt, Zygote, descriptors, executed
from tests.living import short_directory
from tests.making import Maker
from tests.waiting import until

#: Sends its second argument, on a connection of its own.
SEND = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.sendto(sys.argv[2].encode(), sys.argv[1])
"""
NOBODY = 65534


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Give a zygote for all tests here."""
    with Zygote(tmp_path_factory.mktemp("z")) as zygote:
        yield zygote


def address(job: Attempt) -> str:
    """Name the socket of an attempt, which is there before the command is."""
    until((job.path / "notify").exists, what="the socket")
    return f"{job.path}/notify"


def send(job: Attempt, *messages: bytes) -> None:
    """Send messages, one after the other, on one connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(address(job))
        for message in messages:
            sender.sendall(message)


def lines(job: Attempt) -> list[bytes]:
    """Read the report file, if it is there."""
    return job.output("report").splitlines()


def written(job: Attempt, *wanted: bytes) -> None:
    """Wait until just these lines stand in the report file."""
    until(lambda: lines(job) == list(wanted), what=f"{wanted} in place of {lines(job)}")


def test_each_message_is_a_line(zygote: Zygote) -> None:
    """Whole, whatever is in it, between what the job itself writes; one that is too long is cut, and called so."""
    job = zygote.start("sh", "-c", "echo 1/2 >&8; exec sleep 1000")
    written(job, b"1/2")
    send(job, b"STATUS=a\nWATCHDOG=1", b"", b"\xff\0", b"x" * 4096, b"x" * 5000)
    end = b"notify long " + b"x" * 4096
    written(
        job, b"1/2", b"notify ok STATUS=a\x1eWATCHDOG=1", b"notify ok ", b"notify ok \xff\0",
        b"notify ok " + b"x" * 4096, end,
    )  # fmt: skip


def test_the_last_word(zygote: Zygote) -> None:
    """All that was said before the end stands in the file when the exit record is there."""
    script = "import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(os.environ['WHERE'])\n"
    script += "for n in range(300): s.send(b'STATUS=%d' % n)"
    job = zygote.attempt("python3", "-c", script)
    spec = (job.path / "spec.json").read_text()
    (job.path / "spec.json").write_text(spec.replace('"env": [', f'"env": ["WHERE={job.path}/notify", '))
    zygote.ask(job)
    assert job.status() == 0
    assert lines(job) == [b"notify ok STATUS=%d" % number for number in range(300)]


def test_leftovers_are_heard(zygote: Zygote) -> None:
    """What outlives the main process may speak as long as the shim waits for it, and then nobody listens."""
    job = zygote.start("sh", "-c", "sleep 1000 & echo $!; exit 0")
    assert job.status() == 0
    send(job, b"STATUS=late")
    written(job, b"notify ok STATUS=late")
    os.kill(int(job.output()), 9)
    job.free()
    with pytest.raises(ConnectionRefusedError):
        send(job, b"STATUS=too late")


def test_descriptors_are_let_go(zygote: Zygote) -> None:
    """However many come with a message: a barrier opens when all before it is written."""
    job = zygote.start("sleep", "1000")
    claim = job.claim()
    executed(claim["pid"], "sleep")
    before = descriptors(claim["shim"])
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(address(job))
        for text, count in ((b"FDSTORE=1", 200), (b"X=1", 250), (b"BARRIER=1", 1)):
            socket.send_fds(sender, [text], count * [writing])
    os.close(writing)
    assert os.read(reading, 1) == b""
    assert len(lines(job)) == 3
    os.close(reading)
    until(lambda: descriptors(claim["shim"]).keys() <= before.keys(), what="no descriptor more than before")


def test_the_report_file_is_gone(zygote: Zygote) -> None:
    """A job that removes it gets another one; one that puts something else there is not heard, and that is all."""
    job = zygote.start("sleep", "1000")
    until((job.path / "report").exists)
    (job.path / "report").unlink()
    send(job, b"STATUS=new")
    written(job, b"notify ok STATUS=new")
    (job.path / "report").unlink()
    os.mkfifo(job.path / "report")
    send(job, *[b"STATUS=lost"] * 20)
    (job.path / "report").unlink()
    send(job, b"STATUS=heard")
    until(lambda: lines(job)[-1:] == [b"notify ok STATUS=heard"], what="the last message")


def test_where_no_socket_can_be_made(zygote: Zygote, tmp_path: Path) -> None:
    """The job is not heard on it, runs all the same, and its shim waits as ever."""
    blocked = zygote.attempt("sh", "-c", "exit 3")
    (blocked.path / "notify").mkdir()
    zygote.ask(blocked)
    assert blocked.status() == 3 << 8
    far = Attempt(tmp_path / ("x" * 100), ("sh", "-c", "exit 4"))
    zygote.ask(far)
    assert far.status() == 4 << 8
    assert "notify" not in os.listdir(far.path)


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    """Then there is no variable, not even an inherited one; up to the length that the kernel takes there is one."""
    room = notify.LONGEST_ADDRESS - len(f"{tmp_path}//notify")
    fits, not_any_more = (tmp_path / ("x" * length) for length in (room, room + 1))
    assert variables.here(fits, "n", "g", 1, "c")["NOTIFY_SOCKET"] == f"{fits}/notify"
    assert "NOTIFY_SOCKET" not in variables.here(not_any_more, "n", "g", 1, "c")
    fits.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"{fits}/notify")
    maker = Maker()
    maker.submit(1)
    job, _ = maker.start(1)
    inherited = Surroundings(environment=("A=1", "NOTIFY_SOCKET=/x"))
    assert directory.spec_file(job, job.attempts[-1], inherited, {"B": "2"}, {}).env == ("A=1", "B=2")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_strangers() -> None:
    """Even where the way is open, messages of another user are marked as what they are."""
    with short_directory() as root, Zygote(root) as zygote:
        job = zygote.start("sleep", "1000")
        for path in (root, root / "run", job.path):
            path.chmod(0o755)
        os.chown(address(job), NOBODY, -1)
        command = ["/usr/bin/env", "python3", "-c", SEND, address(job), "STATUS=mine"]
        subprocess.run(command, check=True, user=NOBODY)
        written(job, b"notify stranger STATUS=mine")


def test_both_ends_agree() -> None:
    """What the shim writes is what the rules read; it imports nothing of them, so some things are said twice."""
    assert notifications.MARK == notify.NAME + b" "
    assert notifications.SEPARATOR == notify.SEPARATOR
    assert notifications.PROBLEMS.keys() == {notify.TOO_LONG, notify.STRANGER}
    assert str(notify.LONGEST_MESSAGE) in notifications.PROBLEMS[notify.TOO_LONG]
