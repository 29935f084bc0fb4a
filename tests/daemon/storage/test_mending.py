"""What happened to jobs while nothing could be recorded is found again when the store works: all of it, and once."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from jobd.core import lifecycle
from jobd.core.errors import StorageFull
from jobd.core.events import catalogue as happened
from jobd.core.model import Leftover, Origin, State
from jobd.daemon.system import processes
from tests.conftest import end_processes
from tests.daemon.hearing import eventually
from tests.daemon.planting import identified, linux_only
from tests.daemon.working import Works, working

pytestmark = linux_only

ENDED = (State.COMPLETED, State.FAILED, State.CANCELED)


@pytest.fixture
def play(state_dir: Path) -> Iterator[Callable[[Callable[[Works], Awaitable[None]]], None]]:
    """Give what runs a scene with all parts of a daemon."""

    def run_scene(scene: Callable[[Works], Awaitable[None]]) -> None:
        async def run() -> None:
            async with working(state_dir) as works:
                await scene(works)

        asyncio.run(run())

    yield run_scene
    end_processes(state_dir)


Play = Callable[[Callable[[Works], Awaitable[None]]], None]


def test_a_start(play: Play, state_dir: Path) -> None:
    """A job that was started runs; it is measured and its reports are read, those from before, too."""
    os.mkfifo(state_dir / "gate")

    async def scene(works: Works) -> None:
        works.break_down_at(happened.Opened)
        job_id = works.submit("sh", "-c", "echo 1/2 >&$JOBD_FD; read word < gate; exit 3")
        await eventually(lambda: works.recorder.executor.watched, "a start")
        assert works.job(job_id).state is State.PENDING
        works.mend()
        assert works.job(job_id).state is State.RUNNING
        await works.until(lambda: works.job(job_id).progress.reports == 1)
        await works.until(lambda: works.engine.usage, "a measurement")
        (state_dir / "gate").open("w").close()
        job = await works.until_state(job_id, *ENDED)
        assert job.reason == "exit:3"
        assert works.kinds(job_id) == ["submitted", "opened", "started", "progressed", "failed"]

    play(scene)


@pytest.mark.parametrize("times", [1, 2])
def test_a_start_and_an_end(play: Play, times: int) -> None:
    """A job that started and ended meanwhile has both, with its reports; looking twice changes nothing."""

    async def scene(works: Works) -> None:
        works.break_down_at(happened.Opened)
        job_id = works.submit("sh", "-c", "printf '1/2\\n2/2' >&$JOBD_FD; echo said; exit 3")
        exit_record = works.engine.paths.run / "1.1" / "exit"
        await eventually(lambda: exit_record.exists() and not works.recorder.executor.watched)
        assert works.job(job_id).state is State.PENDING
        for _ in range(times):
            works.mend()
        job = await works.until_state(job_id, *ENDED)
        assert (job.reason, job.progress.reports, job.progress.done) == ("exit:3", 2, 2.0)
        assert job.attempts[0].main is not None
        assert works.kinds(job_id) == ["submitted", "opened", "started", "progressed", "progressed", "failed"]
        assert not exit_record.parent.exists()
        assert (works.engine.paths.log / "1.1").read_text() == "said\n"

    play(scene)


def test_an_attempt_that_never_ran(play: Play) -> None:
    """It is tried again afterwards, and runs once."""

    async def scene(works: Works) -> None:
        blocked = works.engine.paths.run / "1.1"
        blocked.touch()
        works.break_down_at(happened.Opened)
        job_id = works.submit("sh", "-c", "exit 3")
        await eventually(lambda: works.engine.store.fault)
        blocked.unlink()
        works.engine.consequences[happened.Opened] = works.orders._launch  # noqa: SLF001 -- as it was
        works.mend()
        job = await works.until_state(job_id, *ENDED)
        assert (job.reason, job.numbered) == ("exit:3", 2)
        assert works.kinds(job_id) == ["submitted", "opened", "withdrawn", "opened", "started", "failed"]

    play(scene)


def test_what_is_left_over(play: Play, state_dir: Path) -> None:
    """A job whose main process ended meanwhile is completing, and ends with the rest of it."""
    os.mkfifo(state_dir / "gate")

    async def scene(works: Works) -> None:
        script = "sleep 60 & echo $! > child; read word < gate; exit 4"
        job_id = works.submit("sh", "-c", script, leftover=Leftover.WAIT)
        await works.until_state(job_id, State.RUNNING)
        await eventually((state_dir / "child").exists)
        works.break_down()
        main = works.job(job_id).attempts[0].main
        assert main is not None
        (state_dir / "gate").open("w").close()
        await eventually(lambda: not processes.alive(main))
        await asyncio.sleep(0.2)
        assert works.job(job_id).state is State.RUNNING
        works.mend()
        assert works.job(job_id).state is State.COMPLETING
        os.kill(int((state_dir / "child").read_text()), signal.SIGKILL)
        job = await works.until_state(job_id, *ENDED)
        assert job.reason == "exit:4"

    play(scene)


def test_a_standstill(play: Play, state_dir: Path) -> None:
    """A job that was stopped meanwhile is paused, and a resume lets all of it go on."""

    async def scene(works: Works) -> None:
        job_id = works.submit("sh", "-c", "count() { while :; do echo $1; sleep 0.02; done; }; count a & count b")
        path = state_dir / "run" / "1.1" / "output"
        await eventually(lambda: path.exists() and {b"a", b"b"} <= set(path.read_bytes().split()), "both run")
        await works.until_state(job_id, State.RUNNING)
        works.break_down_at(happened.PauseAsked)
        works.engine.record(works.job(job_id), lifecycle.pause(works.job(job_id)))
        await eventually(lambda: works.engine.store.fault)
        await asyncio.sleep(0.3)
        assert works.job(job_id).state is State.PAUSING
        works.mend()
        await works.until_state(job_id, State.PAUSED)
        size = path.stat().st_size
        await asyncio.sleep(0.1)
        assert path.stat().st_size == size
        now = works.engine.clock.now()
        works.engine.record(works.job(job_id), lifecycle.resume(works.job(job_id), now))
        await eventually(lambda: {b"a", b"b"} <= set(path.read_bytes()[size:].split()), "both go on")

    play(scene)


def test_the_death_of_a_shim(play: Play) -> None:
    """It is told afterwards that the first witness is gone, once."""

    async def scene(works: Works) -> None:
        job_id = works.submit("sleep", "60")
        await works.until_state(job_id, State.RUNNING)
        works.break_down()
        shim = works.job(job_id).attempts[0].shim
        assert shim is not None
        os.kill(shim.pid, signal.SIGKILL)
        await eventually(lambda: works.recorder.executor.watched[job_id, 1].orphan)
        assert not works.job(job_id).attempts[0].shim_lost
        works.mend()
        works.mend()
        await works.until(lambda: works.job(job_id).attempts[0].shim_lost)
        assert works.kinds(job_id) == ["submitted", "opened", "started", "adopted"]

    play(scene)


def test_the_end_of_a_process_that_was_watched(play: Play) -> None:
    """A begun job whose process has ended meanwhile is lost."""

    async def scene(works: Works) -> None:
        boot = works.engine.clock.now().boot
        watched = identified(process.pid)
        begun = happened.Begun(name="s", origin=Origin(uid=0, pid=1), watched=watched, boot=boot, boottime=1)
        job_id = works.engine.create(begun).id
        await works.engine.committed()
        works.break_down()
        process.kill()
        process.wait()
        await asyncio.sleep(0.1)
        assert works.job(job_id).state is State.RUNNING
        works.mend()
        job = await works.until_state(job_id, *ENDED)
        assert (job.reason, job.detail) == ("lost", "process")

    with subprocess.Popen(["sleep", "60"]) as process:
        play(scene)


def test_nothing_is_started_meanwhile(play: Play) -> None:
    """What waits goes on waiting, and starts in its turn; no group of the kernel is left of the tries."""

    async def scene(works: Works) -> None:
        jobs = [works.submit("true") for _ in range(3)]
        await works.engine.store.committed()
        works.break_down()
        works.engine.wake()
        await works.engine.committed()
        with pytest.raises(StorageFull):
            works.submit("true")
        works.mend()
        for job_id in jobs:
            assert (await works.until_state(job_id, *ENDED)).state is State.COMPLETED
            kinds = [kind for kind in works.kinds(job_id) if kind != "draining"]
            assert kinds == ["submitted", "opened", "started", "completed"]

    play(scene)
