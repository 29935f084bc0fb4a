"""jobd daemon: started, seen, restarted and stopped by hand, and installed as a service."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from jobd.commands import _service
from tests.calling import JOBD, jobd, pid_of_daemon
from tests.living import Living
from tests.waiting import until


@pytest.fixture(autouse=True)
def no_user_manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the systemd of whoever runs the tests, and the home."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_start_is_once(state_dir: Path) -> None:
    """Starting makes the daemon run, whatever JOBD_AUTOSTART says; starting again changes nothing."""
    first = jobd("daemon", "start", environ={"JOBD_AUTOSTART": "0"})
    assert (first.status, first.err) == (0, "")
    assert first.out == f"running, pid {pid_of_daemon(state_dir)}, for {state_dir}\n"
    assert jobd("daemon", "start").out == first.out
    assert jobd("daemon", "stop").out == f"stopped, pid {first.out.split()[2].rstrip(',')}\n"


def test_status_without_a_daemon(state_dir: Path) -> None:
    """It says so, with the status of a daemon that cannot be reached, and starts nothing."""
    for words in (["status"], ["stop"], ["status", "--json"]):
        done = jobd("daemon", *words)
        assert (done.status, done.out) == (69, "")
        assert done.err == f"jobd: no daemon is running for {state_dir}\n  jobd daemon start\n"
    assert list(state_dir.iterdir()) == []


def test_status_tells_what_matters(state_dir: Path) -> None:
    """Process, age, version, slots, jobs, problems, log: for a person and as JSON."""
    living = Living(state_dir)
    living.start({"JOBD_JOBS_SLOTS": "2"})
    try:
        job = living.submit("sleep", "60")["id"]
        until(lambda: living.job(job)["pid"])
        living.submit("true", name="short")
        living.ended(2)
        seen = json.loads(jobd("daemon", "status", "--json").out)
        assert (seen["pid"], seen["state"], seen["problems"]) == (living.pid, str(state_dir), [])
        assert seen["jobs"] == {"running": 1, "completed": 1}
        assert seen["slots_used"] == 1
        assert seen["uptime"] > 0
        text = jobd("daemon", "status").out
        assert f"running, pid {living.pid}" in text
        assert "1 running, 1 completed" in text
    finally:
        living.kill()


def test_slow_questions_are_told(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many there were, which was the slowest, and in the doctor's words what to do."""
    monkeypatch.setenv("JOBD_STORAGE_SLOW_QUERY", "1ms")
    with Living(state_dir) as living:
        assert "slow" not in jobd("daemon", "status").out
        living.ended(living.submit("true")["id"])
        until(lambda: [living.call("history", where="x OR y"), living.call("daemon.status")["slow"]["count"]][1])
        assert re.search(r"slow: \d+ questions?, at most .* \((history|list)\)", jobd("daemon", "status").out)
        findings = json.loads(jobd("doctor", "--json").out)
        assert [one["status"] for one in findings if one["what"] == "questions"] == ["warn"]


def test_what_it_never_needs_is_not_loaded(state_dir: Path) -> None:
    """No TLS: it is never spoken here, and takes more memory than all the jobs of most machines."""
    jobd("daemon", "start")
    mapped = Path(f"/proc/{pid_of_daemon(state_dir)}/maps").read_text()
    jobd("daemon", "stop")
    assert "sqlite" in mapped
    assert "libssl" not in mapped


def test_stop_leaves_jobs_alone(state_dir: Path) -> None:
    """When `stop` returns the daemon has ended, its lock is free, its jobs run, and the next daemon knows them."""
    with Living(state_dir) as living:
        job = living.submit("sleep", "60")["id"]
        until(lambda: living.job(job)["pid"], what="the job runs")
        pid = living.job(job)["pid"]
        assert jobd("daemon", "stop").status == 0
        until(living.dead)
        os.kill(pid, 0)
        living.start()
        assert (living.job(job)["state"], living.job(job)["pid"]) == ("running", pid)


@pytest.mark.parametrize("word", ["restart", "reload"])
def test_restart_in_place(state_dir: Path, word: str) -> None:
    """The process stays, everything else is new; jobs run on; when it returns the new one serves."""
    with Living(state_dir) as living:
        job = living.submit("sleep", "60")["id"]
        until(lambda: living.job(job)["pid"])
        before = living.call("daemon.status")
        done = jobd("daemon", word)
        assert (done.status, done.out) == (0, f"running, pid {living.pid}, for {state_dir}\n")
        after = living.call("daemon.status")
        assert after["pid"] == before["pid"]
        assert after["started_at"] > before["started_at"]
        assert living.job(job)["state"] == "running"


def test_restart_starts_one_where_none_runs(state_dir: Path) -> None:
    """What is wanted is a fresh daemon; that is what is there afterwards, in the background."""
    assert jobd("daemon", "restart").status == 0
    assert jobd("daemon", "restart").status == 0
    pid = pid_of_daemon(state_dir)
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert b"--background" in words
    assert b"--ready-fd" not in words
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    jobd("daemon", "stop")


def test_a_second_daemon_is_refused(state_dir: Path) -> None:
    """One directory, one daemon; the message names the one that is there."""
    with Living(state_dir) as living:
        done = jobd("daemon", "run")
        assert (done.status, done.out) == (69, "")
        assert f"a daemon already serves {state_dir} (pid {living.pid})" in done.err


def test_in_the_foreground(state_dir: Path) -> None:
    """It logs where one looks and ends gracefully, with status 0, at SIGINT."""
    process = subprocess.Popen([*JOBD, "daemon", "run"], stderr=subprocess.PIPE, text=True)
    until((state_dir / "daemon.json").exists, what="the daemon serves")
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [line.partition('message="')[2][:7] for line in log.splitlines()] == ["ready v", "stopped"]
    assert not (state_dir / "daemon.json").exists()


def test_nobody_to_tell(state_dir: Path) -> None:
    """A descriptor that is not open is a slip of whoever starts it; no daemon is left behind."""
    done = jobd("daemon", "run", "--ready-fd", "77")
    assert (done.status, done.out) == (2, "")
    assert "--ready-fd: 77: Bad file descriptor" in done.err
    assert list(state_dir.iterdir()) == []


def test_in_memory(state_dir: Path) -> None:
    """With --memory nothing is kept."""
    with Living(state_dir) as living:
        living.stop()
        living.start(flags=("--memory",))
        living.submit("true")
        living.ended(1)
        living.stop()
    assert jobd("list", "-a", "-q").out == ""


def test_a_daemon_that_cannot_start_says_why(state_dir: Path) -> None:
    """What keeps the daemon from starting is told by the command that wanted it, in one line."""
    (state_dir / "jobd.db").write_bytes(b"")
    os.symlink("/nowhere", state_dir / "run")
    done = jobd("submit", "--", "true")
    assert done.status == 69, done
    assert done.err.startswith("jobd: the daemon did not start: "), done
    assert "startup.log" in done.err
    assert len(done.err.splitlines()) == 2


def test_logs(state_dir: Path) -> None:
    """The latest lines, harmless on a terminal; one line says if there are none."""
    done = jobd("daemon", "logs")
    assert (done.status, done.out) == (1, "")
    assert "daemon.log: No such file" in done.err
    (state_dir / "log").mkdir(mode=0o700)
    (state_dir / "log" / "daemon.log").write_text("".join(f"line {number} \x1b[2J\n" for number in range(99)))
    done = jobd("daemon", "logs", "-n", "2")
    assert (done.status, done.out) == (0, "line 97 ^[[2J\nline 98 ^[[2J\n")


def test_the_lock_is_seen(state_dir: Path) -> None:
    """Whether a daemon lives is told by its lock, not by its files."""
    from jobd.config import Paths

    assert _service.is_free(Paths(state_dir / "none"))
    assert _service.is_free(Paths(state_dir))
    with Living(state_dir) as living:
        assert not _service.is_free(Paths(state_dir))
        living.kill()
        assert (state_dir / "daemon.json").exists()
        assert _service.is_free(Paths(state_dir))


def test_install_writes_units(state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The units name this program and this state directory, and systemd finds nothing wrong with them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "systemd" / "user"
    done = jobd("daemon", "install")
    assert done.out == f"wrote {folder}/jobd.socket\nwrote {folder}/jobd.service\n"
    service, door = ((folder / name).read_text() for name in ("jobd.service", "jobd.socket"))
    assert f"\nExecStart={' '.join(JOBD)} daemon run\n" in service
    assert f"\nEnvironment=JOBD_DIR={state_dir}\n" in service
    assert f"\nListenStream={state_dir}/jobd.sock\n" in door
    assert "@" not in service + door
    if analyze := shutil.which("systemd-analyze"):
        run = [analyze, "verify", "--man=no", str(folder / "jobd.service")]
        verified = subprocess.run(run, capture_output=True, text=True, check=False)
        assert (verified.returncode, verified.stderr) == (0, "")


def test_install_for_the_usual_directory(tmp_path: Path) -> None:
    """Without JOBD_DIR the socket is where systemd knows the home directory to be."""
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}
    assert jobd("daemon", "install", environ=environ).status == 0
    folder = tmp_path / ".config" / "systemd" / "user"
    assert "\nListenStream=%h/.local/state/jobd/jobd.sock\n" in (folder / "jobd.socket").read_text()
    assert "Environment=" not in (folder / "jobd.service").read_text()


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/a b", '"JOBD_DIR=/a b"'),
        ("/50%", '"JOBD_DIR=/50%%"'),
        ('/a"b', '"JOBD_DIR=/a\\"b"'),
        ("/a$b", "JOBD_DIR=/a$b"),
    ],
)
def test_odd_paths_are_quoted(tmp_path: Path, path: str, written: str) -> None:
    """Whatever systemd would read as something else is written so that it does not."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "JOBD_DIR": path}
    assert jobd("daemon", "install", environ=environ).status == 0
    assert f"\nEnvironment={written}\n" in (tmp_path / "systemd" / "user" / "jobd.service").read_text()


def test_install_now(state_dir: Path, tmp_path: Path) -> None:
    """A daemon that runs already makes room, then systemd is told; what it refuses is one line."""
    programs = tmp_path / "programs"
    programs.mkdir()
    control = programs / "systemctl"
    control.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/words\n')
    control.chmod(0o755)
    environ = {"PATH": f"{programs}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(tmp_path)}
    with Living(state_dir) as living:
        done = jobd("daemon", "install", "--now", environ=environ)
        assert done.status == 0, done
        until(living.dead, what="the end of the old daemon")
    assert (tmp_path / "words").read_text() == "--user daemon-reload\n--user enable --now jobd.socket\n"
    assert done.out.endswith(f"running, pid {pid_of_daemon(state_dir)}, for {state_dir}\n")
    control.write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    done = jobd("daemon", "install", "--now", environ=environ)
    assert done.status == 1
    assert done.err == "jobd: systemctl --user daemon-reload failed: Failed to connect to bus\n"
    jobd("daemon", "stop")
    done = jobd("daemon", "install", "--now", environ={**environ, "PATH": str(tmp_path)})
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "No such file" in done.err
