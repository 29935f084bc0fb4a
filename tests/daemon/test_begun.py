"""Processes that jobd did not start but watches: their end is told once, and by the next daemon, too."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.core.events import catalogue as happened
from jobd.core.model import Job, Origin, Process, Usage
from jobd.daemon import begun as begun_module
from jobd.daemon.attempts.meter import Meter
from jobd.daemon.attempts.starting import Key
from jobd.daemon.begun import Begun
from jobd.daemon.system import processes
from tests.daemon.hearing import eventually
from tests.daemon.planting import identified, linux_only
from tests.living import Living
from tests.making import Maker

pytestmark = linux_only


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that lives until it is killed."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


class Deaf:
    """Hears what is measured, and does nothing about it."""

    def measured(self, key: Key, usage: Usage, *, due: bool) -> None:
        """A tree was measured."""

    def trimmed(self, key: Key, file: str, removed: int, limit: int) -> None:
        """Output was over its limit."""


def begun_job(watched: Process | None, job_id: int = 1) -> Job:
    """Make a job that somebody began."""
    event = happened.Begun(name="sync", origin=Origin(uid=0, pid=1), watched=watched, boot="b", boottime=1)
    job, _ = Maker().happen(job_id, event)
    assert job is not None
    return job


def watch(*jobs: Job, end: subprocess.Popen[bytes] | None = None, forget: int = 0) -> list[int]:
    """Watch jobs, end a process, and give whose end was told until nothing more can come."""
    told: list[int] = []

    async def run() -> None:
        meter = Meter(Deaf(), lambda: 60.0)
        begun = Begun(lambda job_id, _status, _usage: told.append(job_id), meter)
        for job in jobs:
            begun.watch(job)
        if forget:
            begun.forget(forget)
        if end is not None:
            end.kill()
            end.wait()
        await eventually(lambda: forget or told)
        await asyncio.sleep(0.05)
        begun.close()
        meter.close()

    asyncio.run(run())
    return told


def test_an_end_is_told_once(process: subprocess.Popen[bytes]) -> None:
    """However often a job is watched."""
    job = begun_job(identified(process.pid))
    assert watch(job, job, end=process) == [1]


def test_two_jobs_may_watch_the_same(process: subprocess.Popen[bytes]) -> None:
    """Each is told."""
    watched = identified(process.pid)
    assert sorted(watch(begun_job(watched, 1), begun_job(watched, 2), end=process)) == [1, 2]


def test_what_has_ended_before_is_told_at_once() -> None:
    """Nobody waits for a process that is gone; its number may by now be that of another one."""
    assert watch(begun_job(Process(os.getpid(), 1))) == [1]


def test_what_is_forgotten_is_not_told(process: subprocess.Popen[bytes]) -> None:
    """A job that has ended otherwise is of no interest; nor is one without a process."""
    assert watch(begun_job(identified(process.pid)), begun_job(None, 2), end=process, forget=1) == []


def test_without_descriptors_it_is_looked_after(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks now and then tell the same, and a job can be forgotten meanwhile."""

    def none_left(watched: Process) -> int | None:
        raise OSError(errno.EMFILE, f"no descriptor for {watched.pid}")

    job = begun_job(identified(process.pid))
    monkeypatch.setattr(processes, "open_pidfd", none_left)
    monkeypatch.setattr(begun_module, "LOOK", 0.01)
    assert watch(job, forget=1) == []
    assert watch(job, job, end=process) == [1]


def test_a_script_that_dies_without_a_word(state_dir: Path, process: subprocess.Popen[bytes]) -> None:
    """Its job is lost; one that says how it ended is not, even if the daemon was killed in between."""
    with Living(state_dir) as living, subprocess.Popen(["sleep", "60"]) as other:
        lost = living.call("begin", name="sync", watch=process.pid)
        well = living.call("begin", name="sync", watch=other.pid)
        assert lost["state"] == "running"
        living.kill()
        living.start()
        living.call("end", jobs=[str(well["id"])], exit=0)
        process.kill()
        other.kill()
        ended = living.ended(lost["id"])
        assert (ended["state"], ended["reason"], ended["detail"]) == ("failed", "lost", "process")
        assert living.job(well["id"])["state"] == "completed"
        kinds = [entry["event"]["type"] for entry in living.entries()]
        assert kinds == ["begun", "begun", "completed", "failed"]
