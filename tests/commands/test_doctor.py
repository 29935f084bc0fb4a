"""jobd doctor: each thing that can be wrong is found, with what to do about it; nothing is changed."""

import json
import os
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

from jobd.commands import _checks as checks
from jobd.commands._shell import Shell
from tests.calling import jobd
from tests.living import Living


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the home and the systemd of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    for name in ("XDG_DATA_HOME", "SHELL"):
        monkeypatch.setenv(name, "")


def shell(**environ: str) -> Shell:
    """Make a shell of this process."""
    return Shell({**os.environ, **environ}, ["/venv/bin/python"], offline=_never, make_server=_never)


def _never(*_: Any) -> None:
    raise AssertionError


def found(what: str, *words: str, **settings: Any) -> tuple[str, str, str]:
    """Run the doctor and give what it says of one thing: status, text, advice."""
    findings = json.loads(jobd("doctor", "--json", *words, **settings).out)
    return next((one["status"], one["said"], one["advice"]) for one in findings if one["what"] == what)


def test_all_is_well(state_dir: Path) -> None:
    """A line for each thing, status 0, and nothing was made; warnings do not fail."""
    done = jobd("doctor")
    assert done.status == 0, done
    assert {line.split()[0] for line in done.out.splitlines() if line[0] != " "} <= {"ok", "warn"}
    assert [line.split()[1] for line in done.out.splitlines() if line[:5] == "ok   "][:1] == ["state"]
    assert list(state_dir.iterdir()) == []


def test_a_daemon_that_is_well(state_dir: Path) -> None:
    """Its process and the state of its database are told."""
    with Living(state_dir) as living:
        living.submit("true")
        assert found("daemon") == ("ok", f"running, pid {living.pid}", "")
        assert "newest job 1" in found("database")[1]


def test_a_directory_others_can_touch(state_dir: Path) -> None:
    """It fails, with the command that mends it, and status 1."""
    state_dir.chmod(0o755)
    status, said, _ = found("state")
    assert (status, jobd("doctor").status) == ("fail", 1)
    assert f"chmod 700 {state_dir}" in said
    state_dir.chmod(0o700)


def test_a_hung_daemon(state_dir: Path) -> None:
    """A lock without a socket is named with its process."""
    with Living(state_dir) as living:
        (state_dir / "jobd.sock").unlink()
        status, said, advice = found("daemon")
        assert status == "fail"
        assert f"pid {living.pid} holds the lock" in said
        assert f"kill {living.pid}" in advice


def test_another_machine(state_dir: Path) -> None:
    """A home directory that machines share is noticed."""
    (state_dir / "daemon.json").write_text('{"host": "elsewhere"}')
    assert found("host")[:2] == ("fail", "a daemon on elsewhere uses this directory")


def test_a_broken_database(state_dir: Path) -> None:
    """What cannot be read is said, and not repaired."""
    (state_dir / "jobd.db").write_bytes(b"no database" * 1000)
    assert found("database")[0] == "fail"
    assert (state_dir / "jobd.db").read_bytes().startswith(b"no database")


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    """The place and the problem."""
    (tmp_path / "jobd").mkdir()
    (tmp_path / "jobd" / "config.toml").write_text("[jobs]\nslots = 0\n")
    status, said, _ = found("config", environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert (status, "config.toml:2" in said) == ("fail", True)


@pytest.mark.usefixtures("state_dir")
def test_few_descriptors() -> None:
    """A low limit is a warning with the command that raises it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))  # noqa: E731
    assert found("files", preexec_fn=limit) == (
        "warn", "only 256 open files are allowed", f"Allow more: ulimit -n {checks.DESCRIPTORS}"
    )  # fmt: skip


@pytest.mark.usefixtures("state_dir")
def test_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is nearly full warns, one that is full fails."""
    room = list(os.statvfs("/"))
    for free, status in ((checks.LITTLE - 1, "warn"), (checks.NOTHING - 1, "fail"), (checks.LITTLE, "ok")):
        monkeypatch.setattr(os, "statvfs", lambda _, free=free: os.statvfs_result([1, 1, *room[2:4], free, *room[5:]]))
        assert [one.status for one in checks.file_system(shell())] == [status]


@pytest.mark.usefixtures("state_dir")
def test_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A database on a network file system fails."""
    from jobd.daemon.storage import filesystem

    table = tmp_path / "mountinfo"
    table.write_text("22 1 0:21 / / rw - nfs4 server:/home rw\n")
    monkeypatch.setattr(filesystem, "MOUNTS", table)
    assert [one.status for one in checks.file_system(shell())][:1] == ["fail"]


def test_sessions(tmp_path: Path) -> None:
    """Where systemd rules over sessions, lingering is looked at."""
    assert [one.status for one in checks.session(shell())] == ["ok"]
    (tmp_path / "runtime" / "systemd").mkdir(parents=True)
    (tmp_path / "runtime" / "systemd" / "private").write_text("")
    findings = list(checks.session(shell(USER="nobody-of-that-name")))
    assert [(one.status, "loginctl enable-linger" in one.advice) for one in findings] == [("warn", True)]


@pytest.mark.usefixtures("state_dir")
def test_manual_and_completion() -> None:
    """What is not installed is a warning, and the advice helps."""
    assert found("manual", environ={"PATH": "/usr/bin:/bin"}) == ("warn", "not installed", "jobd completion install")
    environ = {"SHELL": "/bin/fish", "XDG_CONFIG_HOME": ""}
    assert found("completion", environ=environ)[0] == "warn"
    assert jobd("completion", "install", environ=environ).status == 0
    assert found("completion", environ=environ)[0] == "ok"
    assert found("manual")[0] == "ok"


def test_which_program(tmp_path: Path) -> None:
    """Another program of that name, none at all, and the right one."""
    path = tmp_path / "jobd"
    assert [one.status for one in checks.programs(shell(PATH=str(tmp_path)))] == ["warn"]
    path.write_text("#!/usr/bin/perl\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    assert [one.said for one in checks.programs(shell(PATH=str(tmp_path)))] == [f"jobd is {path}, not this program"]
    path.write_text("#!/venv/bin/python3\n")
    assert [(one.status, one.said) for one in checks.programs(shell(PATH=str(tmp_path)))] == [("ok", str(path))]
