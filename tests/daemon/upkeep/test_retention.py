"""What is too old or too much goes, oldest first, through the gate; living jobs, and all when a clock jumps, stay."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jobd.commands._log import check
from jobd.config import Config
from jobd.config import Retention as Settings
from jobd.core import lifecycle
from jobd.core.errors import NoLongerKept, NotYetHappened
from jobd.core.events import catalogue as happened
from jobd.core.model import Ending, Job, Moment
from jobd.daemon.attempts import output
from jobd.daemon.engine import Engine
from jobd.daemon.upkeep import retention as retention_module
from jobd.daemon.upkeep.retention import Retention, remove_output
from tests.daemon.gating import gate, submitted
from tests.daemon.hearing import eventually
from tests.daemon.storing import ask

DAY = timedelta(days=1)


class Turned:
    """A clock that can be turned: how far the wall clock, and how many seconds the other one, is ahead."""

    def __init__(self, engine: Engine) -> None:
        self._clock = engine.clock
        self.wall = timedelta()
        self.passed = 0.0

    def now(self) -> Moment:
        """Read the clocks."""
        wall, boottime, boot = self._clock.now()
        return Moment(wall + self.wall, boottime + int(self.passed * 1e9), boot)

    def pass_by(self, time: timedelta) -> None:
        """Let time pass by."""
        self.wall += time
        self.passed += time.total_seconds()


Scene = Callable[[Engine, Retention, Turned], Awaitable[None]]


def play(path: Path, scene: Scene, **settings: Any) -> None:
    """Run a scene with an engine, retention and a clock."""

    async def run() -> None:
        async with gate(path) as engine:
            engine.config = Config(retention=Settings(**{"jobs_count": 0, "events_count": 0, **settings}))
            clock = Turned(engine)
            engine.clock = clock  # type: ignore[assignment]
            retention = Retention(engine)
            await scene(engine, retention, clock)
            retention.close()

    asyncio.run(run())


async def ended(engine: Engine, *names: str) -> list[Job]:
    """Make jobs that have ended and are settled."""
    jobs = []
    for name in names:
        job = engine.create(submitted(name))
        jobs.append(engine.record(job, [happened.Canceled(ending=Ending())]))
    await engine.committed()
    await engine.store.settle(1000)
    return jobs


def names(engine: Engine) -> str:
    """Write down the names of all jobs that are there, the oldest first."""
    return " ".join(job.name for job in reversed(engine.archive.newest(1000)))


def test_old_jobs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a reason in the log, in several transactions; those with rules of their own stay, and so does what lives."""
    monkeypatch.setattr(retention_module, "MOST_PLANNED", 3)

    async def scene(engine: Engine, retention: Retention, clock: Turned) -> None:
        old = await ended(engine, *"abcdefgh", "keep-1", "brief")
        engine.create(submitted("waits"))
        clock.pass_by(3 * DAY)
        await ended(engine, "i", "keep-2", "brief")
        clock.pass_by(DAY * 1.5)
        await ended(engine, "j", "brief")
        await retention.remove()
        assert names(engine) == "keep-1 waits i keep-2 j brief"
        event = engine.archive.latest(old[0].id, 1)[0].event
        assert event == happened.Removed(from_state=old[0].state, why="retention")
        assert ask(engine.paths.database, "SELECT sum(runs), sum(canceled) FROM daily") == [(10, 10)]
        assert ask(engine.paths.database, "SELECT count(*) FROM words") == [(5,)]
        await retention.remove()
        assert names(engine) == "keep-1 waits i keep-2 j brief"

    play(tmp_path, scene, jobs_age=3 * 86400.0, names="keep-* off, brief 1d")


def test_too_many_jobs(tmp_path: Path) -> None:
    """So many of all names without a rule, and so many of each name that has one; these take nobody's place."""

    async def scene(engine: Engine, retention: Retention, _: Turned) -> None:
        await ended(engine, "a", "x1", "x1", "x2", "b", "x1", "c", "d", "x2")
        await retention.remove()
        assert names(engine) == "a b x1 c d x2"
        await ended(engine, *"efgh")
        await retention.remove()
        assert sorted(names(engine).split()) == ["c", "d", "e", "f", "g", "h", "x1", "x2"]
        engine.record(engine.create(submitted("x1")), [happened.Canceled(ending=Ending())])
        engine.create(submitted("x2"))
        await ended(engine, *["forever"] * 9, "i")
        await retention.remove()
        found = names(engine).split()
        assert (found.count("forever"), found.count("x2"), "i" in found, "c" in found) == (9, 2, True, False)

    play(tmp_path, scene, jobs_count=6, names="x* 1, forever off")


def test_what_cannot_be_removed_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is run again meanwhile, or was abandoned and lives, stays; all others go."""

    async def scene(engine: Engine, retention: Retention, clock: Turned) -> None:
        jobs = await ended(engine, *"abcd")
        clock.pass_by(2 * DAY)
        engine.alive = lambda job: ("4242 sleep",) if job.name == "b" else ()  # type: ignore[method-assign]
        due = retention_module.jobs_due

        def and_then(*arguments: Any) -> list[int]:
            found = due(*arguments)
            loop.call_soon_threadsafe(lambda: None if engine.jobs else engine.record(jobs[2], lifecycle.retry(jobs[2])))
            return found

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(retention_module, "jobs_due", and_then)
        await retention.remove()
        assert sorted(names(engine).split()) == ["b", "c"]

    play(tmp_path, scene, jobs_age=86400.0)


def test_old_events_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By age and by number, in pieces; the newest always stays, and who wants those before is told where they begin."""
    monkeypatch.setattr(retention_module, "EVENTS_CHUNK", 3)

    async def scene(engine: Engine, retention: Retention, clock: Turned) -> None:
        await ended(engine, *"abcde")
        clock.pass_by(2 * DAY)
        await ended(engine, *"fg")
        first, last = engine.archive.reader.first_seq, engine.archive.last_seq
        assert (first(), last()) == (1, 14)
        await retention.remove()
        assert (first(), last()) == (11, 14)
        check(engine.archive, 10)
        check(engine.archive, 14)
        with pytest.raises(NoLongerKept, match="the entries after 9 are not all kept any more; the oldest is 11"):
            check(engine.archive, 9)
        with pytest.raises(NotYetHappened, match="the log has no entry 15; the newest is 14"):
            check(engine.archive, 15)
        engine.config = replace(engine.config, retention=Settings(jobs_count=0, events_count=2))
        await retention.remove()
        assert (first(), last()) == (13, 14)
        clock.pass_by(30 * DAY)
        engine.config = replace(engine.config, retention=Settings(jobs_count=0, events_count=0, events_age=1.0))
        await retention.remove()
        assert (first(), last()) == (14, 14)
        await ended(engine, "h")
        assert [entry.seq for entry in engine.archive.entries(0, 10)] == [14, 15, 16]

    play(tmp_path, scene, events_age=86400.0)


def test_a_clock_that_jumps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A clock set to another year removes nothing, until it has gone on for a day."""

    async def scene(engine: Engine, retention: Retention, clock: Turned) -> None:
        await ended(engine, *"ab")
        await retention.remove()
        clock.wall += 365 * DAY
        with caplog.at_level(logging.WARNING):
            await retention.remove()
        assert "the clock has jumped" in caplog.text
        clock.pass_by(timedelta(hours=10))
        await retention.remove()
        assert names(engine) == "a b"
        clock.pass_by(timedelta(hours=20))
        await retention.remove()
        assert names(engine) == ""

    play(tmp_path, scene, jobs_age=86400.0)


def test_one_look_at_a_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A look is a task of its own, which holds up nobody; what goes wrong with it is told."""

    async def scene(engine: Engine, retention: Retention, clock: Turned) -> None:
        await ended(engine, *"abc")
        clock.pass_by(2 * DAY)
        for _ in range(3):
            await retention.look()
        await eventually(lambda: names(engine) == "")
        engine.config = replace(engine.config, retention=Settings(names="no limits"))
        with caplog.at_level(logging.ERROR):
            await eventually(lambda: retention.idle)
            await retention.look()
            await eventually(lambda: "retention failed" in caplog.text)

    play(tmp_path, scene, jobs_age=86400.0)


def put(folder: Path, name: str, age: float, size: int = 10_000) -> None:
    """Make a file that was written so many seconds ago."""
    (folder / name).write_bytes(b"x" * size)
    os.utime(folder / name, (1e9 - age, 1e9 - age))


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        (Settings(), "1.1 2.1.stdout 2.1.stderr 3.1 30.2 daemon.log 4.x"),
        (Settings(output_age=250.0), "3.1 30.2 2.1.stderr daemon.log 4.x"),
        (Settings(output_size=20_000), "3.1 30.2 2.1.stderr daemon.log 4.x"),
        (Settings(output_size=13_000), "3.1 30.2 daemon.log 4.x"),
        (Settings(output_size=1, output_age=1.0), "30.2 daemon.log 4.x"),
    ],
)
def test_old_output_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, left: str) -> None:
    """Too old or too much, the oldest first, a part of it at a time; never that of living jobs, nor other files.

    Of a job that is not known counts when its output was last written.
    """
    monkeypatch.setattr(retention_module, "MOST_PLANNED", 1)
    monkeypatch.setattr(retention_module, "FILES_CHUNK", 2)
    files = {"1.1": 500, "2.1.stdout": 300, "2.1.stderr": 200, "3.1": 100, "30.2": 900, "daemon.log": 999, "4.x": 999}
    for name, age in files.items():
        put(tmp_path, name, age)
    removed = remove_output(tmp_path, settings, 1e9, {30}, lambda _: {})
    assert {file.name for file in tmp_path.iterdir()} == set(left.split())
    assert removed == len(files) - len(left.split())


def test_the_age_of_output_is_that_of_the_end(tmp_path: Path) -> None:
    """However long before its end a job wrote for the last time."""

    async def scene(engine: Engine, retention: Retention, clock: Turned) -> None:
        early = await ended(engine, "early")
        clock.pass_by(timedelta(hours=1))
        late = await ended(engine, "late")
        engine.paths.log.mkdir(exist_ok=True)
        files = [engine.paths.log / f"{job.id}.1" for job in early + late]
        for file, written in zip(files, (time.time() + 7200, 0), strict=True):
            file.write_text("x")
            os.utime(file, (written, written))
        await retention.remove()
        assert [file.exists() for file in files] == [False, True]

    play(tmp_path, scene, output_age=1800.0)


def test_output_goes_with_its_job(tmp_path: Path) -> None:
    """What a removed job has written is deleted, as when a person removes it."""

    async def scene(engine: Engine, retention: Retention, clock: Turned) -> None:
        gone: list[int] = []
        engine.consequences[happened.Removed] = lambda job, _: gone.append(job.id)
        (job,) = await ended(engine, "a")
        clock.pass_by(2 * DAY)
        await retention.remove()
        await eventually(lambda: gone == [job.id])
        assert output.kept(engine.paths, job.id, 1, "output").parent == engine.paths.log

    play(tmp_path, scene, jobs_age=86400.0)
