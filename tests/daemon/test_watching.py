"""Streams and waiting answers: each sees the jobs as they are, then every change, and never what is not durable."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any, cast

import pytest

from jobd.commands.tail import Tail
from jobd.core.errors import JobNotFound, OutcomeUnknown
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Event
from jobd.core.model import Ending, Job, Process, State
from jobd.core.work.progress import Report
from jobd.daemon.engine import Engine
from jobd.daemon.watching import GATHER, watch
from tests.daemon.gating import gate, refusing, submitted
from tests.daemon.hearing import eventually
from tests.making import BOOT, START

Told = list[list[tuple[int, State]]]


def play(path: Path, scene: Callable[[Engine], Awaitable[Any]]) -> Any:
    """Run a scene with an engine."""

    async def run() -> Any:
        async with gate(path) as engine:
            return await scene(engine)

    return asyncio.run(run())


async def tell(engine: Engine, told: Told, *ids: int) -> None:
    """Note all that is told of jobs."""
    async for jobs in watch(engine, ids):
        told.append([(job.id, job.state) for job in jobs])


def start(engine: Engine, job_id: int) -> Job:
    """Let a job run."""
    opened = happened.Opened(number=1, boot=BOOT, cookie="c")
    started = happened.Started(main=Process(10, 1), shim=Process(9, 1), started_at=START, boottime=1)
    return engine.record(engine.job(job_id), [opened, started])


def end() -> Event:
    """Let a job end well."""
    return happened.Completed(ending=Ending(status=0, ended_at=START, elapsed=1.0))


def test_from_the_first_to_the_last(tmp_path: Path) -> None:
    """First all are told, then those that change, until the last one has ended or is removed."""

    async def scene(engine: Engine) -> Told:
        told: Told = []
        for _ in range(3):
            engine.create(submitted())
        watching = asyncio.create_task(tell(engine, told, 1, 2))
        await eventually(lambda: told)
        start(engine, 1)
        start(engine, 3)
        await eventually(lambda: len(told) == 2)
        engine.record(engine.job(2), [happened.Canceled()])
        engine.record(engine.job(1), [end()])
        await watching
        return told

    first, *changes = play(tmp_path, scene)
    assert first == [(1, State.PENDING), (2, State.PENDING)]
    assert changes[0] == [(1, State.RUNNING)]
    assert dict(pair for change in changes for pair in change) == {1: State.COMPLETED, 2: State.CANCELED}


def test_nothing_but_what_is_durable(tmp_path: Path) -> None:
    """A change whose commit fails is never told, and the watching goes on."""

    async def scene(engine: Engine) -> Told:
        told: Told = []
        engine.create(submitted())
        watching = asyncio.create_task(tell(engine, told, 1))
        await eventually(lambda: told)
        with refusing(tmp_path, "canceled"):
            engine.record(engine.job(1), [happened.Canceled()])
            with pytest.raises(OutcomeUnknown):
                await engine.committed()
        start(engine, 1)
        await eventually(lambda: len(told) == 2)
        with refusing(tmp_path, "completed"):
            engine.record(engine.job(1), [end()])
            with pytest.raises(OutcomeUnknown):
                await engine.committed()
        engine.record(engine.job(1), [happened.Failed(reason="lost")])
        await watching
        return told

    assert play(tmp_path, scene) == [[(1, State.PENDING)], [(1, State.RUNNING)], [(1, State.FAILED)]]


def test_who_is_told_by_the_clock_hears_nothing_sooner(tmp_path: Path) -> None:
    """A stream that looks for the output again and again does not tell of an end whose commit is still to come."""

    async def scene(engine: Engine) -> list[State]:
        told: list[State] = []

        async def follow() -> None:
            async for view in Tail(jobs=("1",)).answer(engine, Actor(0, 1)):
                told.append(view.state)  # noqa: PERF401 -- each is looked at before the next comes

        engine.create(submitted())
        start(engine, 1)
        await engine.committed()
        following = asyncio.create_task(follow())
        await eventually(lambda: told)
        with closing(sqlite3.connect(engine.paths.database)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            engine.record(engine.job(1), [end()])
            before = len(told)
            await eventually(lambda: len(told) > before + 2)
            assert set(told) == {State.RUNNING}
            connection.rollback()
        await following
        return told

    assert play(tmp_path, scene)[-1] is State.COMPLETED


def test_reports_are_told_together(tmp_path: Path) -> None:
    """The last one is always told, those in between if there is time; a new state is told at once."""

    async def scene(engine: Engine) -> Told:
        told: Told = []
        engine.create(submitted())
        watching = asyncio.create_task(tell(engine, told, 1))
        await eventually(lambda: told)
        start(engine, 1)
        await eventually(lambda: len(told) == 2)
        clock = asyncio.get_running_loop().time
        begun = clock()
        for done in range(1, 51):
            engine.record(engine.job(1), [happened.Progressed(report=Report(done=done, total=50))])
            await engine.committed()
        engine.record(engine.job(1), [end()])
        await watching
        assert engine.job(1).progress.reports == 50
        assert len(told) <= 4 + (clock() - begun) / GATHER
        return told

    told = play(tmp_path, scene)
    assert told[-1] == [(1, State.COMPLETED)]


def test_what_has_ended_is_told_once(tmp_path: Path) -> None:
    """Then it is over; a job that is not there is refused."""

    async def scene(engine: Engine) -> Told:
        told: Told = []
        engine.record(engine.create(submitted()), [happened.Canceled()])
        await tell(engine, told, 1)
        with pytest.raises(JobNotFound):
            await tell(engine, told, 1, 2)
        return told

    assert play(tmp_path, scene) == [[(1, State.CANCELED)]]


def test_a_removed_job_is_watched_no_longer(tmp_path: Path) -> None:
    """It ends the watching as its end would have."""

    async def scene(engine: Engine) -> Told:
        told: Told = []
        engine.create(submitted())
        watching = asyncio.create_task(tell(engine, told, 1))
        await eventually(lambda: told)
        engine.record(engine.job(1), [happened.Canceled(), happened.Removed()])
        await watching
        return told

    assert play(tmp_path, scene) == [[(1, State.PENDING)]]


def test_who_goes_away_disturbs_nobody(tmp_path: Path) -> None:
    """A watcher that is closed while it waits ends at once; another one is told what happens after that."""

    async def scene(engine: Engine) -> Told:
        engine.create(submitted())
        told: Told = []
        watching = asyncio.create_task(tell(engine, told, 1))
        async with aclosing(cast("Any", watch(engine, [1]))) as jobs:
            await anext(jobs)
            waiting: asyncio.Task[Any] = asyncio.create_task(cast("Any", anext(jobs)))
            await eventually(lambda: told)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
        engine.record(engine.job(1), [happened.Canceled()])
        await watching
        return told

    assert play(tmp_path, scene) == [[(1, State.PENDING)], [(1, State.CANCELED)]]
