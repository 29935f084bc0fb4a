"""Processes that jobd did not start: what is seen of them, and how they ended."""

import os
import select
import subprocess

import pytest

from jobd.core.model import Process
from jobd.core.text import Base64
from jobd.daemon.system import processes, strangers
from jobd.daemon.system.clock import Clock
from tests.daemon.planting import identified, linux_only
from tests.waiting import until

pytestmark = linux_only
NOW = Clock().now


def test_what_is_seen() -> None:
    """Arguments of any bytes, the folder, the user, and a start that lies between two looks at the clock."""
    before = NOW().boottime
    with subprocess.Popen(["sh", "-c", "read x", b"\xff"], cwd="/", stdin=subprocess.PIPE) as process:
        seen = until(lambda: (found := strangers.look(process.pid, NOW())) and found.argv and found)
        assert seen
        assert seen.process == identified(process.pid)
        assert (seen.argv, seen.cwd, seen.uid) == (("sh", "-c", "read x", Base64("/w==")), "/", os.getuid())
        tick = 10**9 // processes.TICKS_PER_SECOND
        assert before - tick <= seen.boottime <= NOW().boottime
        process.kill()


def test_nobody_is_seen() -> None:
    """Neither where there is no process nor in what is left of one."""
    assert strangers.look(2**22 + 1, NOW()) is None
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert strangers.look(process.pid, NOW()) is None


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7 << 8), ("exit 0", 0), ("kill -9 $$", 9)])
def test_how_one_ended(script: str, status: int) -> None:
    """It is told while the parent has not asked; afterwards, if at all, the same."""
    with subprocess.Popen(["sh", "-c", f"read x; {script}"], stdin=subprocess.PIPE) as process:
        known = identified(process.pid)
        pidfd = os.pidfd_open(process.pid)
        assert strangers.status(pidfd, known) is None
        process.communicate(b"\n")
        assert select.select([pidfd], [], [], 10)[0]
    assert strangers.status(pidfd, known) in (None, status)
    os.close(pidfd)


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3 << 8), ("exit 0", None)])
def test_what_is_hidden_is_not_taken_for_success(
    script: str, status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel shows 0 in place of a status that is none of our business, as that of a setgid program."""
    monkeypatch.setattr(os, "getegid", lambda: 4_000_000)
    with subprocess.Popen(["sh", "-c", script]) as process:
        known = identified(process.pid)
        pidfd = os.pidfd_open(process.pid)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert strangers.status(pidfd, known) == status
    os.close(pidfd)


def test_a_zombie_tells_it_to_everybody() -> None:
    """But never the one that has the number by now."""
    with subprocess.Popen(["sh", "-c", "exit 3"]) as process:
        known = identified(process.pid)
        pidfd = os.pidfd_open(process.pid)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert strangers.status(pidfd, known) == 3 << 8
        assert strangers.status(pidfd, Process(known.pid, known.ticks + 1)) is None
    os.close(pidfd)
