"""What programs in jobs tell their service manager is heard as theirs, whether a daemon is there or not."""

import os
import shutil
import sys
from typing import Any

import pytest

from tests.commands.running import Gate
from tests.living import Living, insist
from tests.waiting import until

#: As the package sdnotify does it: connected once, sent to again and again.
CLIENT = """
import os, socket
address = os.environ["NOTIFY_SOCKET"]
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.connect("\\0" + address[1:] if address[0] == "@" else address)
notify = lambda text: sender.sendall(text.encode())
"""


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
    """It opens when what came before it will not be lost any more."""
    script = """
import select
reading, writing = os.pipe()
notify("X_JOBD_PROGRESS=1/2")
socket.send_fds(sender, [b"BARRIER=1"], [writing])
os.close(writing)
poll = select.poll()
poll.register(reading)
assert poll.poll(20_000) == [(reading, select.POLLHUP)]
assert b"X_JOBD_PROGRESS=1/2" in open(os.environ["JOBD_REPORT"], "rb").read()
"""
    assert talk(living, script)["progress"]["fraction"] == 0.5


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


def test_once_connected_heard_for_good(living: Living) -> None:
    """A program that connects once is heard after the daemon was killed and restarted, and while there is none."""
    gate = Gate(living.state)
    script = """
import time
for n in range(1, 5):
    while not os.path.exists(f"step-{n}"):
        time.sleep(0.02)
    notify(f"STATUS={n}/10")
"""
    job = living.submit(sys.executable, "-c", CLIENT + script, cwd=str(living.state))["id"]

    def heard(number: int) -> bool:
        return bool(insist(living, "list", jobs=[str(job)])[0]["progress"]["done"] == number)

    gate.open(1)
    until(lambda: heard(1), what="the first word")
    living.kill()
    living.start()
    gate.open(2)
    until(lambda: heard(2), what="a word to the next daemon")
    living.call("daemon.restart")
    gate.open(3)
    until(lambda: heard(3), what="a word to its successor")
    living.kill()
    gate.open(4)
    until((living.state / "run" / f"{job}.1" / "exit").exists, what="the end of the job")
    living.start()
    ended = living.ended(job)
    assert (ended["state"], ended["progress"]["done"], ended["progress"]["reports"]) == ("completed", 4, 4)


@pytest.mark.skipif(shutil.which("systemd-notify") is None, reason="systemd-notify is not installed")
def test_each_connection_anew(living: Living) -> None:
    """systemd-notify connects for each word: it is heard across a kill as well, and so is the report file."""
    gate = living.state / "other-gate"
    os.mkfifo(gate)
    wait = "cat other-gate > /dev/null; "
    script = f"{wait}systemd-notify --status='1/4 now'; {wait}echo 2/4 then >&$JOBD_FD"
    job = living.submit("sh", "-c", script, cwd=str(living.state))["id"]
    until(lambda: living.job(job)["state"] == "running")
    living.kill()
    gate.write_text("go\n")
    living.start()
    until(lambda: living.job(job)["progress"]["message"] == "now", what="what was said meanwhile")
    gate.write_text("go\n")
    progress = living.ended(job)["progress"]
    assert (progress["done"], progress["message"], progress["reports"]) == (2, "then", 2)


def test_a_flood_while_nobody_reads(living: Living) -> None:
    """Without a daemon no sender waits, however much it says; all of it counts."""
    gate = living.state / "third-gate"
    os.mkfifo(gate)
    script = CLIENT + "open('third-gate').read()\nfor n in range(1, 2001): notify(f'STATUS={n}/2000')"
    job = living.submit(sys.executable, "-c", script, cwd=str(living.state))["id"]
    until(lambda: living.job(job)["state"] == "running")
    living.kill()
    gate.open("w").close()
    until((living.state / "run" / f"{job}.1" / "exit").exists, what="the end of the job")
    living.start()
    ended = living.ended(job)
    assert (ended["progress"]["reports"], ended["progress"]["fraction"], ended["warned"]) == (2000, 1.0, 0)
