"""Jobs that have ended are settled a moment later; while many end, they wait, but never too many."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from jobd.core.errors import StorageFull
from jobd.core.events import catalogue as happened
from jobd.core.model import Ending
from jobd.daemon.engine import Engine
from jobd.daemon.upkeep import settler as settler_module
from jobd.daemon.upkeep.settler import Settler
from tests.daemon.gating import gate, submitted
from tests.daemon.hearing import eventually
from tests.daemon.storing import ask


async def ended(engine: Engine, count: int = 1) -> None:
    """Make jobs that have ended."""
    for _ in range(count):
        job = engine.create(submitted())
        engine.record(job, [happened.Canceled(ending=Ending())])
    await engine.committed()


def settled(engine: Engine) -> int:
    """Count the jobs that are settled."""
    (count,) = ask(engine.paths.database, "SELECT count(*) FROM jobs WHERE settled = 1")[0]
    assert isinstance(count, int)
    return count


def play(path: Path, scene: Callable[[Engine, Settler], Awaitable[None]]) -> None:
    """Run a scene with an engine and a settler."""

    async def run() -> None:
        async with gate(path) as engine:
            settler = Settler(engine)
            await scene(engine, settler)
            settler.close()

    asyncio.run(run())


class Rests:
    """Rests that end when a test says so."""

    def __init__(self) -> None:
        self._begun = asyncio.Semaphore(0)
        self._over = asyncio.Semaphore(0)

    async def rest(self, _seconds: float) -> None:
        """Rest until it is over."""
        self._begun.release()
        await self._over.acquire()

    async def begun(self) -> None:
        """Wait until the next one has begun."""
        await self._begun.acquire()

    def end(self) -> None:
        """End one."""
        self._over.release()


def test_a_moment_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends is settled, what an earlier daemon left, too, in pieces; then nothing is done any more."""
    monkeypatch.setattr(settler_module, "REST", 0.05)
    monkeypatch.setattr(settler_module, "CHUNK", 2)

    async def scene(engine: Engine, settler: Settler) -> None:
        engine.over = lambda _: None
        await ended(engine, 5)
        assert settled(engine) == 0
        settler.start()
        await eventually(lambda: settled(engine) == 5 and settler.idle)
        again = Settler(engine)
        await ended(engine)
        await eventually(lambda: settled(engine) == 6 and again.idle)
        again.close()

    play(tmp_path, scene)


@pytest.mark.parametrize("last", [pytest.param(9, id="a lull"), pytest.param(10, id="too many")])
def test_not_while_many_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    """It waits for a lull, unless too many wait for it."""
    monkeypatch.setattr(settler_module, "BUSY", 10)
    monkeypatch.setattr(settler_module, "MOST_WAITING", 100)

    async def scene(engine: Engine, _: Settler) -> None:
        rests = Rests()
        settler = Settler(engine, rests.rest)
        await ended(engine, 10)
        await rests.begun()
        for _round in range(8):
            await ended(engine, 10)
            rests.end()
            await rests.begun()
            assert settled(engine) == 0
        await ended(engine, last)
        rests.end()
        await eventually(lambda: settled(engine) == 90 + last and settler.idle)

    play(tmp_path, scene)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is told of, and tried again when the next job has ended."""
    monkeypatch.setattr(settler_module, "REST", 0.01)

    async def scene(engine: Engine, settler: Settler) -> None:
        works, failures = engine.store.settle, [StorageFull(path="/")]

        async def settle(chunk: int) -> int:
            if failures:
                raise failures.pop()
            return await works(chunk)

        engine.store.settle = settle  # type: ignore[method-assign]
        with caplog.at_level(logging.WARNING):
            await ended(engine)
            await eventually(lambda: not failures and settler.idle)
        assert "were not settled: the disk that holds / is full" in caplog.text
        await ended(engine)
        await eventually(lambda: settled(engine) == 2)

    play(tmp_path, scene)
