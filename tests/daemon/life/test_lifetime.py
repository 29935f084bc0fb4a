"""One daemon at a time, stopped and restarted without a job or a client noticing, as a service or by itself."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from jobd.client import Client
from jobd.commands.begin import Begin
from jobd.config import Paths
from tests.calling import jobd
from tests.daemon.planting import linux_only
from tests.living import Living
from tests.waiting import until

pytestmark = linux_only

RUN = (sys.executable, "-m", "jobd", "daemon", "run")
#: Hands over a descriptor as a service manager does, then becomes the program.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def living(state_dir: Path) -> Iterator[Living]:
    """Give a daemon that was not started, and kill it at the end."""
    living = Living(state_dir)
    yield living
    living.kill()


def started_at(living: Living) -> str:
    """Ask since when the daemon serves."""
    return str(living.call("daemon.status")["started_at"])


def restarted(living: Living, before: str) -> str:
    """Wait until the successor serves."""

    def look() -> str | None:
        try:
            now = started_at(living)
        except (OSError, ValueError):
            return None
        return now if now != before else None

    return until(look, what="a successor") or ""


def test_there_is_one(living: Living, state_dir: Path) -> None:
    """A second daemon is refused with the pid of the first; after the end of that there can be another."""
    living.start()
    second = jobd("daemon", "run")
    assert second.status == 69
    assert second.err.startswith(f"jobd: a daemon already serves {state_dir} (pid {living.pid})\n")
    assert living.call("daemon.status")["pid"] == living.pid
    living.kill()
    assert living.start().said == b"ok"


def test_a_stop_leaves_the_jobs(living: Living, state_dir: Path) -> None:
    """They run on, the door is gone, and the next daemon tells how they ended meanwhile."""
    gate = state_dir / "gate"
    os.mkfifo(gate)
    living.start()
    ends, lasts = (living.submit("sh", "-c", f"read word < {path}; exit 7") for path in (gate, "/dev/zero"))
    until(lambda: living.job(lasts["id"])["pid"] and living.job(ends["id"])["pid"])
    mains = [psutil.Process(living.job(job["id"])["pid"]) for job in (ends, lasts)]
    assert living.stop() == 0
    assert not (state_dir / "jobd.sock").exists()
    assert not (state_dir / "daemon.json").exists()
    assert all(main.is_running() for main in mains)
    gate.open("w").close()
    until(lambda: not mains[0].is_running())
    living.start()
    assert living.ended(ends["id"])["exit_code"] == 7
    assert living.job(lasts["id"])["state"] == "running"


def test_what_was_asked_before_a_stop_is_answered(living: Living) -> None:
    """Answers on their way are given, and who waits for a job is told to try again."""
    living.start()
    job = living.submit("sleep", "60")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(living.state / "jobd.sock"))
        client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"wait","params":{"jobs":["%d"]}}\n' % job["id"])
        client.sendall(b'{"jsonrpc":"2.0","id":2,"method":"daemon.stop"}\n')
        lines = [json.loads(line) for line in client.makefile("rb")]
    by_id = {line["id"]: line for line in lines}
    assert by_id[2]["result"]["pid"] == living.pid
    assert by_id[1]["error"]["data"]["reason"] == "SHUTTING_DOWN"
    assert living.process is not None
    assert living.process.wait(10) == 0


@pytest.mark.timeout(120)
def test_a_restart_in_place(living: Living, state_dir: Path) -> None:
    """Same process, same door, same jobs: a client that calls on and on has no call that fails."""
    living.start()
    job = living.submit("sleep", "60")
    until(lambda: living.job(job["id"])["state"] == "running")
    before, door, main = started_at(living), (state_dir / "jobd.sock").stat().st_ino, living.job(job["id"])["pid"]
    over, failures, answers = threading.Event(), list[object](), list[int]()

    def call() -> None:
        client = Client(
            Paths(state_dir), autostart=False, notice=failures.append, offline=failures.append, start=(), environ={}
        )
        try:
            while not over.is_set():
                answers.append(client.call(Begin(name="loop")).id)
        except Exception as error:  # noqa: BLE001 -- told by the main thread
            failures.append(error)
        client.close()

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(3):
        seen = len(answers)
        if number == 1:
            os.kill(living.pid, signal.SIGHUP)
        else:
            living.call("daemon.restart")
        before = restarted(living, before)
        until(lambda seen=seen: len(answers) > seen + 20)  # type: ignore[misc]
    over.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set(answers)) == len(answers)
    assert living.call("daemon.status")["pid"] == living.pid
    assert (state_dir / "jobd.sock").stat().st_ino == door
    assert (living.job(job["id"])["state"], living.job(job["id"])["pid"]) == ("running", main)
    descriptors = len(os.listdir(f"/proc/{living.pid}/fd"))
    living.call("daemon.restart")
    restarted(living, before)
    until(lambda: len(os.listdir(f"/proc/{living.pid}/fd")) <= descriptors, what="no descriptor more than before")
    assert living.stop() == 0
    assert not (state_dir / "jobd.sock").exists()


def test_no_restart_into_settings_that_cannot_be_read(living: Living, state_dir: Path) -> None:
    """It would be no restart but an end: who asks is told what is wrong, and the daemon goes on."""
    file = state_dir / "config" / "jobd" / "config.toml"
    file.parent.mkdir(parents=True)
    living.start({"XDG_CONFIG_HOME": str(state_dir / "config")})
    before = started_at(living)
    file.write_text("[jobs]\nslots = 0\n")
    refused = jobd("daemon", "restart", environ={"XDG_CONFIG_HOME": str(state_dir / "elsewhere")})
    assert refused.status == 78
    assert f"{file}:2: jobs.slots: expected a whole number from 1" in refused.err
    os.kill(living.pid, signal.SIGHUP)
    until(lambda: "not restarted: configuration" in (state_dir / "daemon.out").read_text())
    assert started_at(living) == before


def test_the_manager_is_kept_informed(living: Living, state_dir: Path) -> None:
    """Ready, alive, reloading, ready again, and stopping: each when it is so."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(state_dir / "notify"))
        manager.settimeout(10)
        living.start({"NOTIFY_SOCKET": str(state_dir / "notify"), "WATCHDOG_USEC": "200000"})
        told = list[str]()

        def hears(line: str) -> bool:
            told.extend(manager.recv(1000).decode().splitlines())
            return line in told

        until(lambda: hears("READY=1"))
        assert f"MAINPID={living.pid}" in told
        assert f"STATUS=serving {state_dir}" in told
        assert living.said == b"ok"
        for _ in range(3):
            until(lambda: hears("WATCHDOG=1"))
            told.clear()
        os.kill(living.pid, signal.SIGHUP)
        until(lambda: hears("RELOADING=1"))
        until(lambda: hears("READY=1"))
        told.clear()
        os.kill(living.pid, signal.SIGTERM)
        until(lambda: hears("STOPPING=1"))
        assert living.process is not None
        assert living.process.wait(10) == 0
        assert "READY=1" not in told


def test_a_job_is_no_service(living: Living, state_dir: Path) -> None:
    """Nothing of what the manager told the daemon is told to its jobs."""
    managers = str(state_dir / "notify")
    living.start({"NOTIFY_SOCKET": managers, "WATCHDOG_USEC": "60000000"})
    job = living.submit("env")
    living.ended(job["id"])
    said = dict(line.split("=", 1) for line in living.output(job["id"]).decode().splitlines())
    assert not said.keys() & {"WATCHDOG_USEC", "LISTEN_FDS", "JOBD_LOCK_FD"}
    assert said["NOTIFY_SOCKET"] != managers
    assert said.keys() >= {"JOBD_JOB_ID", "JOBD_FD", "JOBD_DIR", "PATH"}


def test_a_socket_of_the_manager(state_dir: Path) -> None:
    """Who connects before the daemon runs is served; a restart keeps the socket, a stop leaves it to the manager."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as early:
        listener.bind(str(state_dir / "jobd.sock"))
        listener.listen()
        early.connect(str(state_dir / "jobd.sock"))
        early.sendall(b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\n')
        with (state_dir / "daemon.out").open("wb") as out:
            command = [sys.executable, "-c", ACTIVATE, str(listener.fileno()), *RUN]
            process = subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=out, stderr=out)
        try:
            early.settimeout(30)
            assert json.loads(early.makefile("rb").readline())["result"]["pid"] == process.pid
            living = Living(state_dir)
            inode, before = (state_dir / "jobd.sock").stat().st_ino, started_at(living)
            living.call("daemon.restart")
            restarted(living, before)
            assert living.call("daemon.status")["problems"] == []
            living.call("daemon.stop")
            assert process.wait(10) == 0
            assert (state_dir / "jobd.sock").stat().st_ino == inode
        finally:
            process.kill()
            process.wait()


def test_in_memory(living: Living, state_dir: Path) -> None:
    """Nothing of the database is left, neither in the state directory nor elsewhere, even after a kill."""
    rooms = set[Path]()
    for end in (living.stop, living.kill):
        living.start(flags=("--memory",))
        job = living.submit("sh", "-c", "exit 3")
        assert living.ended(job["id"])["exit_code"] == 3
        assert job["id"] == 1
        opened = psutil.Process(living.pid).open_files()
        [room] = {path.parent for path in (Path(file.path) for file in opened) if path.name == "jobd.db"}
        assert room.match("/dev/shm/jobd-memory-*")
        rooms.add(room)
        end()
        for file in (state_dir / "log").glob("1.1*"):
            file.unlink()
    living.start(flags=("--memory",))
    assert living.call("list", all=True) == []
    living.stop()
    assert [room for room in rooms if room.exists()] == []
    assert not list(state_dir.glob("jobd.db*"))


@pytest.fixture
def often(tmp_path: Path) -> dict[str, str]:
    """Give variables with which a daemon looks around twenty times a second."""
    (tmp_path / "sitecustomize.py").write_text("import jobd.daemon.upkeep.chores as chores\nchores.TICK = 0.05\n")
    return {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}


def moved(path: Path) -> None:
    """Let a directory have another name."""
    path.rename(f"{path}.moved")


def removed(path: Path) -> None:
    """Remove a directory at once, as far as anybody sees."""
    moved(path)
    shutil.rmtree(f"{path}.moved")


@pytest.mark.parametrize("take_away", [removed, moved])
def test_it_ends_without_its_state(
    living: Living, state_dir: Path, often: dict[str, str], take_away: Callable[[Path], None]
) -> None:
    """What it takes in would be lost; what runs goes on."""
    living.start(often)
    job = living.submit("sleep", "600")
    until(lambda: living.job(job["id"])["pid"])
    main = psutil.Process(living.job(job["id"])["pid"])
    take_away(state_dir)
    assert living.process is not None
    assert living.process.wait(10) == 0
    assert main.is_running()
    main.kill()
    with suppress(FileNotFoundError):
        Path(f"{state_dir}.moved").rename(state_dir)


def test_a_door_that_was_removed_is_made_again(living: Living, state_dir: Path, often: dict[str, str]) -> None:
    """The daemon looks after it at each tick; a restart then hands over the new one."""
    living.start(often)
    before = started_at(living)
    (state_dir / "jobd.sock").unlink()
    until((state_dir / "jobd.sock").exists)
    assert living.call("daemon.status")["problems"] == []
    assert started_at(living) == before
    living.call("daemon.restart")
    restarted(living, before)
    assert living.stop() == 0
    assert not (state_dir / "jobd.sock").exists()


def test_it_stops_when_it_has_nothing_to_do(living: Living, state_dir: Path) -> None:
    """With `idle_exit`: not while a job runs or a client is connected, and the next command starts it again."""
    gate = state_dir / "gate"
    os.mkfifo(gate)
    living.start()
    job = living.submit("sh", "-c", f"read word < {gate}")
    living.kill()
    living.start({"JOBD_DAEMON_IDLE_EXIT": "0.4s"})
    assert living.process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        living.process.wait(1.2)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(state_dir / "jobd.sock"))
        gate.open("w").close()
        until(lambda: living.job(job["id"])["done"])
        with pytest.raises(subprocess.TimeoutExpired):
            living.process.wait(1.2)
    assert living.process.wait(10) == 0
    started = jobd("submit", "--wait", "--", "true")
    assert (started.status, started.out) == (0, "2\n")
    assert jobd("daemon", "stop").status == 0


def test_its_limits_are_not_those_of_jobs(living: Living, state_dir: Path) -> None:
    """It takes as many descriptors as it may have, and hands on what it was given: after a restart, too."""
    limited = f"ulimit -Sn 200; exec {' '.join(RUN)}"
    with (state_dir / "daemon.out").open("wb") as out:
        living.process = subprocess.Popen(["sh", "-c", limited], stdout=out, stderr=out)
    until((state_dir / "daemon.json").exists)
    for _ in range(2):
        before = started_at(living)
        assert psutil.Process(living.pid).rlimit(psutil.RLIMIT_NOFILE)[0] > 200
        job = living.submit("sh", "-c", "ulimit -Sn")
        living.ended(job["id"])
        assert living.output(job["id"]) == b"200\n"
        living.call("daemon.restart")
        restarted(living, before)
