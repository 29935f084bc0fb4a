"""Attempts are started, watched to their end and taken over; in any doubt nobody runs twice."""

import asyncio
import errno
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from jobd.core.model import Process
from jobd.daemon.attempts import directory, starting, zygote_link
from jobd.daemon.attempts.executor import Executor
from jobd.daemon.system import processes
from jobd.daemon.system.trees import Tree
from tests.daemon.disks import fill, small_disk
from tests.daemon.hearing import Heard, eventually, executing, spec, start
from tests.daemon.planting import linux_only, root_only

pytestmark = linux_only

Scene = Callable[[Executor, Heard], Awaitable[None]]


def play(path: Path, scene: Scene, heard: Heard | None = None) -> Heard:
    """Run a scene with an executor; give what was told."""
    told = heard or Heard()

    async def run() -> None:
        async with executing(path, told) as executor:
            await scene(executor, told)

    asyncio.run(run())
    return told


def kill(*pids: int) -> None:
    """End processes by force."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def zygote_of(path: Path) -> psutil.Process:
    """Find the zygote that was started last."""
    found = [child for child in psutil.Process().children() if child.name() in ("jobd-zygote", "python", "python3")]
    assert found, path
    return max(found, key=psutil.Process.create_time)


def test_every_end_is_exact(tmp_path: Path) -> None:
    """Thirty at once: each is claimed, then ended, with its own status, its output and the account of the kernel."""

    async def scene(executor: Executor, heard: Heard) -> None:
        for number in range(30):
            start(executor, tmp_path, number, "sh", "-c", f"echo {number}; exit {number}")
        await eventually(lambda: len(heard.endings) == 30, "thirty ends")

    heard = play(tmp_path, scene)
    for number in range(30):
        ending = heard.endings[1, number]
        assert ending is not None
        assert ending.status == number << 8
        assert ending.output == {"output": len(f"{number}\n")}
        assert ending.resources is not None
        assert [what for what, key in heard.told if key == (1, number)] == ["claimed", "ended"]


def test_what_kills_it_is_told(tmp_path: Path) -> None:
    """A signal is a signal, and a command that cannot be started says where and why."""

    async def scene(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "sh", "-c", "kill -9 $$")
        start(executor, tmp_path, 2, "no-such-command")
        await eventually(lambda: len(heard.endings) == 2)

    heard = play(tmp_path, scene)
    assert heard.status(1) == signal.SIGKILL
    ending = heard.endings[1, 2]
    assert ending is not None
    assert (ending.start_errno, ending.start_step) == (errno.ENOENT, "exec")


def test_leftovers_are_told(tmp_path: Path) -> None:
    """When the main process has ended and others live, that is told with its status; the end comes with theirs."""

    async def scene(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "sh", "-c", "sleep 60 & echo $! > child; exit 4")
        await eventually(lambda: ("draining", (1, 1)) in heard.told, "leftovers")
        assert heard.statuses[1, 1] in (4 << 8, None)  # it is told without, if the record is not on the disk yet
        assert not heard.endings
        kill(int((tmp_path / "child").read_text()))
        await eventually(lambda: heard.endings)

    heard = play(tmp_path, scene)
    assert heard.status(1) == 4 << 8


@pytest.mark.parametrize("lasts", [False, True])
def test_an_orphan_is_watched(tmp_path: Path, *, lasts: bool) -> None:
    """Without its shim the main process is watched by itself, and what it leaves behind as long as that is wanted."""
    told = Heard()
    told.lasts = lasts

    async def scene(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "sh", "-c", "sleep 60 & echo $! > child; wait")
        await eventually(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
        await eventually(lambda: (1, 1) in heard.claims)
        claim = heard.claims[1, 1]
        kill(claim.shim)
        await eventually(lambda: ("orphaned", (1, 1)) in heard.told, "an orphan")
        kill(claim.pid)
        child = int((tmp_path / "child").read_text())
        if lasts:
            await eventually(lambda: ("draining", (1, 1)) in heard.told, "leftovers")
            assert not heard.endings
            kill(child)
        await eventually(lambda: heard.endings, "the end")
        if not lasts:
            kill(child)

    heard = play(tmp_path, scene, told)
    assert heard.status(1) in (signal.SIGKILL, None)


def test_a_shim_that_dies_before_the_start(tmp_path: Path) -> None:
    """Its child leaves the proof that nothing ran: the attempt never was."""

    async def scene(executor: Executor, heard: Heard) -> None:
        path = start(executor, tmp_path, 1, "sleep", "60")
        await eventually(lambda: heard.claims)
        (path / "noexec").write_text("{}")
        claim = heard.claims[1, 1]
        kill(claim.shim, claim.pid)
        await eventually(lambda: heard.reasons)

    assert play(tmp_path, scene).reasons == {(1, 1): "its shim was killed before the start"}


def test_a_dead_zygote_is_replaced(tmp_path: Path) -> None:
    """What it was asked is fenced off or runs, once; the next start has a new zygote."""

    async def scene(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "sh", "-c", "echo x >> ran")
        await eventually(lambda: heard.endings)
        for number in range(2, 12):
            start(executor, tmp_path, number, "sh", "-c", f"echo {number} >> ran; exit 3")
        zygote_of(tmp_path).kill()
        await eventually(lambda: len(heard.endings) + len(heard.reasons) == 11, "an answer for each")
        start(executor, tmp_path, 12, "sh", "-c", "echo 12 >> ran; exit 3")
        await eventually(lambda: (1, 12) in heard.endings)

    heard = play(tmp_path, scene)
    ran = sorted((tmp_path / "ran").read_text().split())
    assert ran == sorted(["x", *(str(number) for _, number in heard.endings if number > 1)])
    assert {heard.status(number) for _, number in heard.endings if number > 1} == {3 << 8}


def test_a_start_can_be_withdrawn(tmp_path: Path) -> None:
    """Before its shim has claimed it, it is fenced off: the shim comes too late, even if the directory is gone."""

    async def scene(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "true")
        await eventually(lambda: heard.endings)
        zygote = zygote_of(tmp_path)
        zygote.suspend()
        for number in (2, 3):
            executor.starting.withdraw(start(executor, tmp_path, number, "touch", f"{number}"), "not wanted")
        assert directory.discard(tmp_path / "1.3")
        zygote.resume()
        start(executor, tmp_path, 4, "touch", "4")
        await eventually(lambda: (1, 4) in heard.endings)

    heard = play(tmp_path, scene)
    assert heard.reasons == {(1, 2): "not wanted", (1, 3): "not wanted"}
    assert [(tmp_path / str(number)).exists() for number in (2, 3, 4)] == [False, False, True]


@pytest.mark.parametrize(("point", "holds"), [("shim_start", False), ("shim_locked", True), ("before_claim", True)])
def test_a_shim_that_comes_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, *, holds: bool) -> None:
    """However far it has come before its claim: once the attempt is withdrawn it does not run, though nothing is left.

    A directory that it holds is not removed under it.
    """
    monkeypatch.setenv("JOBD_CRASH", f"{point}:1:stop")
    monkeypatch.setenv("JOBD_CRASH_LOG", str(tmp_path / "stopped"))

    async def scene(executor: Executor, heard: Heard) -> None:
        path = start(executor, tmp_path, 1, "touch", "ran")
        await eventually((tmp_path / "stopped").exists, "a shim that stands still")
        shims = [process for process in zygote_of(tmp_path).children() if process.status() != psutil.STATUS_ZOMBIE]
        await eventually(lambda: all(shim.status() == psutil.STATUS_STOPPED for shim in shims))
        executor.starting.withdraw(path, "not wanted")
        assert directory.discard(path) != holds
        assert path.exists() == holds
        for shim in shims:
            shim.resume()
        await eventually(lambda: not any(shim.is_running() for shim in shims), "the end of the shim")
        await eventually(lambda: directory.discard(path), "the end of the process that would have become its command")
        assert not path.exists()
        assert heard.told == [("never_ran", (1, 1))]

    play(tmp_path, scene)
    assert not (tmp_path / "ran").exists()


def test_a_start_that_is_claimed_cannot_be_withdrawn(tmp_path: Path) -> None:
    """The shim was quicker: the attempt runs, and that is told once."""

    async def scene(executor: Executor, heard: Heard) -> None:
        path = start(executor, tmp_path, 1, "sleep", "60")
        while not (path / "claim").exists():
            await asyncio.to_thread(os.sched_yield)
            if heard.claims:
                break
        executor.starting.withdraw(path, "too late")
        await eventually(lambda: heard.claims)
        kill(heard.claims[1, 1].pid)
        await eventually(lambda: heard.endings)

    assert [what for what, _ in play(tmp_path, scene).told] == ["claimed", "ended"]


def test_silence_is_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim has its time for the claim; after it the attempt is fenced off."""
    monkeypatch.setattr(starting, "START_TIME", 0.05)

    async def scene(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "true")
        zygote = zygote_of(tmp_path)
        zygote.suspend()
        await eventually(lambda: heard.told)
        zygote.resume()
        await eventually(lambda: heard.reasons or heard.endings)

    heard = play(tmp_path, scene)
    assert heard.reasons == {(1, 1): "no answer from its shim"} or heard.status(1) == 0


def test_a_place_that_cannot_be_made(tmp_path: Path) -> None:
    """An attempt whose directory cannot be made never ran, and the reason is told."""
    (tmp_path / "file").write_text("")

    async def scene(executor: Executor, heard: Heard) -> None:
        path = tmp_path / "file" / "1.1"
        executor.start((1, 1), path, spec(tmp_path, 1, "true"))
        await eventually(lambda: heard.reasons)

    (why,) = play(tmp_path, scene).reasons.values()
    assert why == f"Not a directory: {tmp_path}/file/1.1"


@root_only
def test_room_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the same attempt is tried again until there is room; what is short can be asked for."""
    monkeypatch.setattr(starting, "AGAIN", 0.05)

    async def scene(executor: Executor, heard: Heard) -> None:
        filler = fill(disk)
        executor.start((1, 1), disk / "run" / "1.1", spec(disk, 1, "true"))
        assert executor.starting.short == os.strerror(errno.ENOSPC)
        await asyncio.sleep(0.2)
        assert heard.told == []
        filler.unlink()
        await eventually(lambda: heard.endings)
        assert executor.starting.short is None

    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        (disk / "run").mkdir()
        heard = play(disk, scene)
    assert [what for what, _ in heard.told] == ["claimed", "ended"]
    assert heard.status(1) == 0


def test_without_descriptors_it_is_looked_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no descriptor of a process can be had, looks now and then tell the same."""

    def none_left(process: Process) -> int | None:
        raise OSError(errno.EMFILE, f"no descriptor for {process.pid}")

    async def scene(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "sh", "-c", "exit 3")
        start(executor, tmp_path, 2, "sh", "-c", "sleep 60 & echo $! > child; exit 4")
        await eventually(lambda: ("draining", (1, 2)) in heard.told, "leftovers")
        kill(int((tmp_path / "child").read_text()))
        await eventually(lambda: len(heard.endings) == 2)

    monkeypatch.setattr(processes, "open_pidfd", none_left)
    heard = play(tmp_path, scene)
    assert (heard.status(1), heard.status(2)) == (3 << 8, 4 << 8)


def test_another_executor_takes_over(tmp_path: Path) -> None:
    """What one has let go of, the next one watches to its end; one that has ended meanwhile, too."""
    first = Heard()

    async def leave(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "sh", "-c", "read word < gate; exit 5")
        start(executor, tmp_path, 2, "sh", "-c", "exit 6")
        await eventually(lambda: len(heard.claims) == 2)

    async def adopt(executor: Executor, heard: Heard) -> None:
        for key, claim in first.claims.items():
            tree = Tree(main=claim.main, shim=claim.witness, cookie="")
            executor.adopt(key, tmp_path / f"1.{key[1]}", tree)
        await eventually(lambda: (1, 2) in heard.endings)
        assert (1, 1) not in heard.endings
        (tmp_path / "gate").open("w").close()
        await eventually(lambda: (1, 1) in heard.endings)

    os.mkfifo(tmp_path / "gate")
    play(tmp_path, leave, first)
    heard = play(tmp_path, adopt)
    assert (heard.status(1), heard.status(2)) == (5 << 8, 6 << 8)


def test_the_log_of_zygotes_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What zygotes say that cannot start is kept, up to a limit; without one nothing starts, and that is told."""
    log = tmp_path / "zygote.log"
    log.write_bytes(b"x" * (zygote_link.LARGEST_LOG + 1))
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no zygote today')")
    monkeypatch.setattr(zygote_link, "PROGRAM", broken)

    async def scene(executor: Executor, heard: Heard) -> None:
        start(executor, tmp_path, 1, "true")
        await eventually(lambda: heard.reasons)

    assert play(tmp_path, scene).reasons == {(1, 1): "the zygote died"}
    assert log.read_text() == "no zygote today\n"
