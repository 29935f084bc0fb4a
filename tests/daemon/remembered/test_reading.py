"""What takes long is answered beside the loop, from one moment; it ends when nobody wants to know, and is counted."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from jobd.core import lifecycle
from jobd.core.errors import TryAgain
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor
from jobd.core.filters import EVERYTHING
from jobd.core.history.searching import Slow
from jobd.core.model import Ending, State
from jobd.daemon.engine import Engine
from jobd.daemon.remembered import reading
from jobd.daemon.remembered.archive import Archive
from jobd.daemon.storage import questions
from jobd.daemon.storage.reader import Reader
from jobd.wire import Read
from tests.daemon.gating import gate, submitted
from tests.daemon.hearing import eventually

CALLER = Actor(0, 1)
FOR_EVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


class Gated(Read[tuple[int, list[str]]], frozen=True):
    """Wait for a sign, then tell how many jobs there are, and their states."""

    method: ClassVar = "gated"
    long: ClassVar = True
    begun: ClassVar[threading.Event]
    go_on: ClassVar[threading.Event]

    def answer(self, archive: Archive, caller: Any) -> tuple[int, list[str]]:
        """Wait in the thread."""
        self.begun.set()
        assert self.go_on.wait(20)
        return archive.count(EVERYTHING), [job.state.value for job in archive.newest(9)]


class Endless(Read[int], frozen=True):
    """Search without an end."""

    method: ClassVar = "endless"
    long: ClassVar = True

    def answer(self, archive: Archive, caller: Any) -> int:
        """Count for ever."""
        number: int = archive.reader.ask(FOR_EVER)
        return number


def play(path: Path, scene: Callable[[Engine], Awaitable[None]]) -> None:
    """Run a scene with an engine."""

    async def run() -> None:
        async with gate(path) as engine:
            await scene(engine)

    Gated.begun, Gated.go_on = threading.Event(), threading.Event()
    asyncio.run(run())


def test_the_loop_stays_free(tmp_path: Path) -> None:
    """While a question is being answered others are, too; it tells of the moment at which it was asked."""

    async def scene(engine: Engine) -> None:
        job = engine.create(submitted())
        asked = asyncio.ensure_future(engine.act(Gated(), CALLER))
        await eventually(Gated.begun.is_set)
        engine.record(job, lifecycle.cancel(job, engine.clock.now(), 1.0, 15, None, 0))
        engine.create(submitted("another"))
        await engine.committed()
        assert not asked.done()
        Gated.go_on.set()
        assert msgspec.json.decode(await asked) == [1, ["pending"]]
        assert msgspec.json.decode(await engine.act(Gated(), CALLER))[0] == 2

    play(tmp_path, scene)


def test_more_questions_than_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for their turn, and the connections are used again."""

    async def scene(engine: Engine) -> None:
        engine.create(submitted())
        Gated.go_on.set()
        answers = await asyncio.gather(*(engine.act(Gated(), CALLER) for _ in range(3 * reading.MOST_READERS)))
        assert set(answers) == {b'[1,["pending"]]'}

    opened: list[Path] = []

    def opening(file: Path) -> Reader:
        opened.append(file)
        return Reader(file)

    monkeypatch.setattr(reading, "Reader", opening)
    play(tmp_path, scene)
    assert len(opened) <= reading.MOST_READERS


def test_who_waits_for_his_turn_may_go(tmp_path: Path) -> None:
    """Nobody is harmed by that, neither who is being answered nor who comes next."""

    async def scene(engine: Engine) -> None:
        asked = [asyncio.ensure_future(engine.act(Gated(), CALLER)) for _ in range(reading.MOST_READERS + 1)]
        await eventually(lambda: len(engine.reading.busy) == reading.MOST_READERS)
        asked[-1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked[-1]
        Gated.go_on.set()
        assert set(await asyncio.gather(*asked[:-1])) == {b"[0,[]]"}
        again = await asyncio.gather(*(engine.act(Gated(), CALLER) for _ in range(reading.MOST_READERS)))
        assert set(again) == {b"[0,[]]"}

    play(tmp_path, scene)


def test_a_job_that_lives_again(tmp_path: Path) -> None:
    """One that was over when the question was asked is told of as it was then, whatever became of it meanwhile."""

    async def scene(engine: Engine) -> None:
        for _ in range(3):
            engine.record(engine.create(submitted()), [happened.Canceled(ending=Ending())])
        await engine.committed()
        asked = asyncio.ensure_future(engine.act(Gated(), CALLER))
        await eventually(Gated.begun.is_set)
        engine.record(engine.job(2), lifecycle.retry(engine.job(2)))
        await engine.committed()
        Gated.go_on.set()
        assert msgspec.json.decode(await asked) == [3, ["canceled"] * 3]
        assert msgspec.json.decode(await engine.act(Gated(), CALLER)) == [3, ["canceled", "pending", "canceled"]]

    play(tmp_path, scene)


def test_who_asked_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search ends at once, and its connection answers the next question."""
    monkeypatch.setattr(questions, "_INSTRUCTIONS", 1000)

    async def scene(engine: Engine) -> None:
        asked = asyncio.ensure_future(engine.act(Endless(), CALLER))
        await eventually(lambda: bool(engine.reading.busy))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await eventually(lambda: not engine.reading.busy)
        Gated.go_on.set()
        assert msgspec.json.decode(await engine.act(Gated(), CALLER)) == [0, []]

    play(tmp_path, scene)


def test_the_end_of_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for no search; who asked is told."""
    monkeypatch.setattr(questions, "_INSTRUCTIONS", 1000)

    async def scene(engine: Engine) -> None:
        asked = asyncio.ensure_future(engine.act(Endless(), CALLER))
        await eventually(lambda: bool(engine.reading.busy))
        engine.reading.close()
        with pytest.raises(TryAgain):
            await asked

    play(tmp_path, scene)


def test_slow_questions_are_counted(tmp_path: Path) -> None:
    """The slowest is named, whether it was answered at once or beside."""

    async def scene(engine: Engine) -> None:
        Gated.go_on.set()
        patient = reading.Reading(engine.archive, lambda: 3600.0)
        await patient.answer_beside(Gated(), CALLER)
        assert patient.slow == Slow()
        patient.close()
        limited = reading.Reading(engine.archive, lambda: 0.0)
        await limited.answer_beside(Gated(), CALLER)
        first = limited.slow
        assert (first.count, first.method) == (1, "gated")
        assert 0 < first.slowest < 20
        limited.answer(Gated(), CALLER)
        assert limited.slow.count == 2
        assert limited.slow.slowest >= first.slowest
        assert limited.slow.at is not None
        limited.close()

    play(tmp_path, scene)


def test_living_jobs_are_told_without_a_commit(tmp_path: Path) -> None:
    """The answer is sent when all that it tells of is durable."""

    async def scene(engine: Engine) -> None:
        Gated.go_on.set()
        engine.create(submitted())
        answer = await engine.act(Gated(), CALLER)
        assert msgspec.json.decode(answer) == [1, [State.PENDING]]
        assert engine.archive.reader.newest_id() == 1

    play(tmp_path, scene)
