"""Starting a daemon in the background: one, with nothing of ours, ready or with a reason why not."""

import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from jobd.client.environment import NOT_INHERITED
from jobd.client.launch import Launcher
from jobd.config import Paths
from jobd.core.errors import DaemonDidNotStart, StateDirectoryUnusable
from tests.calling import JOBD
from tests.source import ROOT
from tests.waiting import until

SOON = 30.0


def launcher(state: Path, script: str, **environ: str) -> Launcher:
    """Make a launcher whose daemon is a shell script; it is told where to say that it is ready as its last word."""
    return Launcher(Paths(state), ["/bin/sh", "-c", script, "daemon"], {**os.environ, **environ})


def launch(state: Path, script: str, seconds: float = SOON, **environ: str) -> None:
    """Start it and wait."""
    launcher(state, script, **environ).launch(time.monotonic() + seconds)


@pytest.fixture(autouse=True)
def no_user_manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the systemd of whoever runs the tests."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_ready_is_waited_for(state_dir: Path) -> None:
    """The launch ends when the daemon says that it serves."""
    launch(state_dir, "echo ok >&3; sleep 0.1")
    assert (state_dir / "log" / "startup.log").read_text() == ""


FAILURES = {
    "a reason": ("echo 'newer by far' >&3", "newer by far"),
    "last words": ("echo one; echo two >&2; echo; exit 3", "one | two"),
    "only the last": ("seq 9", "7 | 8 | 9"),
    "not a word": ("exit 3", "it ended without a word"),
    "half a reason": ("printf half >&3", "half"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_has_a_reason(state_dir: Path, case: str) -> None:
    """What the daemon says, or the last lines of its log, is in the error, and where the log is."""
    script, said = FAILURES[case]
    with pytest.raises(DaemonDidNotStart) as caught:
        launch(state_dir, script)
    assert caught.value.details == {"problem": said, "log": str(state_dir / "log" / "startup.log")}


def test_a_missing_program_is_a_failure(state_dir: Path) -> None:
    """What cannot be executed is named."""
    broken = Launcher(Paths(state_dir), ["/no/such/python"], os.environ)
    with pytest.raises(DaemonDidNotStart, match="/no/such/python: No such file"):
        broken.launch(time.monotonic() + SOON)


def test_a_daemon_that_hangs_is_not_waited_for(state_dir: Path) -> None:
    """The time is limited, whatever the daemon does."""
    with pytest.raises(DaemonDidNotStart, match="not ready in time"):
        launch(state_dir, "exec sleep 60", seconds=0.2)


def test_nothing_of_ours_is_inherited(state_dir: Path) -> None:
    """The daemon has its own session and signals, an empty stdin, and no descriptor but its log and whom to tell."""
    program = state_dir / "look.py"
    program.write_text(
        "import os, signal, sys\n"
        "print(*sorted(os.listdir('/proc/self/fd')))\n"
        "print(os.readlink('/proc/self/fd/0'), os.getsid(0) == os.getpid(), end=' ')\n"
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\n"
        "print(sorted(set(os.environ) & set(sys.argv[1].split())), os.environ['KEPT'])\n"
        "sys.stdout.flush(); os.write(3, b'ok\\n')\n"
    )
    leaked = os.open(program, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    surrounding = dict.fromkeys(NOT_INHERITED - {"JOBD_COOKIE"}, "1")
    names = " ".join(sorted(NOT_INHERITED))
    starter = Launcher(
        Paths(state_dir), [sys.executable, "-I", str(program), names], {**os.environ, **surrounding, "KEPT": "yes"}
    )
    starter.launch(time.monotonic() + SOON)
    os.close(leaked)
    log = state_dir / "log" / "startup.log"
    descriptors, session, variables = log.read_text().splitlines()
    assert descriptors == "0 1 2 3 4", "the last one is the listing of the directory itself"
    assert session == "/dev/null True False"
    assert variables == "[] yes"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_job_starts_no_daemon_of_its_own(state_dir: Path) -> None:
    """A daemon would be one of the processes of the job it was started from: it is refused, with the reason."""
    with pytest.raises(DaemonDidNotStart, match="from inside a job it would be one of its processes"):
        launch(state_dir, "echo ok >&3", JOBD_COOKIE="1.1.abc")
    assert not (state_dir / "log" / "startup.log").exists()


def test_the_log_tells_of_the_last_start(state_dir: Path) -> None:
    """Each start begins its log anew."""
    for word in ("first", "second"):
        with pytest.raises(DaemonDidNotStart):
            launch(state_dir, f"echo {word}")
    assert (state_dir / "log" / "startup.log").read_text() == "second\n"


def test_only_one_has_the_start_lock(state_dir: Path) -> None:
    """Of several clients one starts the daemon; the state directory is made, for its owner only."""
    state = state_dir / "a" / "state"
    first, second = launcher(state, "").lock(), launcher(state, "").lock()
    assert first is not None
    assert second is None
    assert state.stat().st_mode & 0o777 == 0o700
    os.close(first)
    third = launcher(state, "").lock()
    assert third is not None
    os.close(third)


def test_a_place_that_cannot_be_made_is_named(state_dir: Path) -> None:
    """A state directory below a file is an error of one line."""
    (state_dir / "file").write_text("")
    with pytest.raises(StateDirectoryUnusable, match=r"file/state cannot be used: Not a directory"):
        launcher(state_dir / "file" / "state", "").lock()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory for programs called systemctl and systemd-run, and let a user manager seem to run."""
    (tmp_path / "runtime" / "systemd").mkdir(parents=True)
    (tmp_path / "runtime" / "systemd" / "private").write_text("")
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return programs


def program(path: Path, script: str) -> None:
    """Write a program that notes its words."""
    path.write_text(f'#!/bin/sh\necho "$@" > {path}.words\n{script}\n')
    path.chmod(0o755)


def test_a_manager_keeps_the_daemon(state_dir: Path, manager: Path) -> None:
    """Where there is a user manager the daemon is started in a scope of its own, and reports as ever."""
    program(manager / "systemd-run", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    launch(state_dir, "echo ok >&3")
    assert (manager / "systemd-run.words").read_text().startswith("--user --scope --quiet --collect -- /bin/sh -c")


@pytest.mark.parametrize("script", ["exit 1", "echo 'Failed to connect to bus' >&2; exit 1"])
def test_a_manager_that_fails_is_done_without(state_dir: Path, manager: Path, script: str) -> None:
    """A daemon that no manager wants is started as if there was none."""
    program(manager / "systemd-run", script)
    launch(state_dir, "echo ok >&3")
    assert (manager / "systemd-run.words").exists()


def test_a_failure_in_a_scope_is_the_failure(state_dir: Path, manager: Path) -> None:
    """What the daemon itself says is not hidden by a second try."""
    program(manager / "systemd-run", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    with pytest.raises(DaemonDidNotStart, match="too new"):
        launch(state_dir, f"echo x >> {state_dir}/tries; echo too new >&3")
    assert (state_dir / "tries").read_text() == "x\n"


@pytest.mark.parametrize(("script", "starts_itself"), [("exit 0", False), ("exit 1", True)])
def test_an_installed_unit_is_started(tmp_path: Path, manager: Path, script: str, *, starts_itself: bool) -> None:
    """The unit is used for the usual state directory, and done without if it cannot be started."""
    unit = tmp_path / ".config/systemd/user/jobd.socket"
    unit.parent.mkdir(parents=True)
    unit.write_text("")
    state = tmp_path / ".local/state/jobd"
    state.mkdir(parents=True)
    program(manager / "systemctl", script)
    program(manager / "systemd-run", "exit 1")
    launch(state, f"echo x > {tmp_path}/started; echo ok >&3")
    assert (manager / "systemctl.words").read_text() == "--user --quiet start jobd.socket\n"
    assert (tmp_path / "started").exists() == starts_itself


@pytest.mark.parametrize(("script", "starts"), [("exit 0", True), ("exit 1", False)])
def test_inside_a_job_the_unit_only_is_started(tmp_path: Path, manager: Path, script: str, *, starts: bool) -> None:
    """A daemon that the manager starts is no process of the job; in a scope it would be one."""
    unit = tmp_path / ".config/systemd/user/jobd.socket"
    unit.parent.mkdir(parents=True)
    unit.write_text("")
    state = tmp_path / ".local/state/jobd"
    state.mkdir(parents=True)
    program(manager / "systemctl", script)
    program(manager / "systemd-run", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    with nullcontext() if starts else pytest.raises(DaemonDidNotStart, match="inside a job"):
        launch(state, "echo ok >&3", JOBD_COOKIE="1.1.abc")
    assert not (manager / "systemd-run.words").exists()


def test_a_unit_serves_the_usual_directory_only(state_dir: Path, tmp_path: Path, manager: Path) -> None:
    """With JOBD_DIR the unit, which listens elsewhere, is of no use."""
    unit = tmp_path / ".config/systemd/user/jobd.socket"
    unit.parent.mkdir(parents=True)
    unit.write_text("")
    program(manager / "systemctl", "exit 0")
    program(manager / "systemd-run", "exit 1")
    launch(state_dir, "echo ok >&3")
    assert not (manager / "systemctl.words").exists()


def test_fifty_clients_start_one_daemon(state_dir: Path) -> None:
    """All get an answer, from one and the same daemon, and only one was ever started."""
    run = [sys.executable, str(ROOT / "tests" / "client" / "racing.py"), str(state_dir), "50"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, env=environ, capture_output=True, text=True, timeout=90, check=False)
    answers = done.stdout.splitlines()
    assert len(answers) == 50, done.stderr
    assert len(set(answers)) == 1
    assert (state_dir / "log" / "daemon.log").read_text().count("ready version") == 1
    subprocess.run([*JOBD, "daemon", "stop"], check=True, capture_output=True)
    until(lambda: not (state_dir / "jobd.sock").exists(), what="the end of the daemon")
