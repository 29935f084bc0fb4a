"""The slow clock: chores at their pace, whatever goes wrong with one, and idleness that ends the daemon."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from jobd.core.errors import StorageFull
from jobd.daemon.engine import Engine
from jobd.daemon.life.idle import Idle
from jobd.daemon.storage import safekeeping
from jobd.daemon.upkeep import chores
from jobd.daemon.upkeep.chores import Chore, Upkeep
from tests.daemon.gating import gate, submitted
from tests.daemon.hearing import eventually


class Recovering:
    """Stands where recovery does, and counts."""

    def __init__(self) -> None:
        self.runs = 0
        self.sweeps = 0

    def run(self) -> None:
        """Note a run."""
        self.runs += 1

    def sweep(self) -> None:
        """Note a sweep."""
        self.sweeps += 1


def play(path: Path, scene: Callable[[Engine, Recovering], Awaitable[None]]) -> Recovering:
    """Run a scene with an engine."""
    recovering = Recovering()

    async def run() -> None:
        async with gate(path) as engine:
            await scene(engine, recovering)

    asyncio.run(run())
    return recovering


def test_chores_are_done_at_their_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself, none at once, and one that fails is reported and done again."""
    monkeypatch.setattr(chores, "TICK", 0.05)
    done: list[str] = []

    async def often() -> None:
        done.append("often")

    async def badly() -> None:
        done.append("badly")
        raise ValueError("trouble")

    async def seldom() -> None:
        done.append("seldom")

    async def scene(engine: Engine, recovering: Recovering) -> None:
        chores = [Chore(lambda: 0.02, often), Chore(lambda: 0.05, badly), Chore(lambda: 60.0, seldom)]
        work = Upkeep(engine, cast("Any", recovering), chores)
        work.start()
        await asyncio.sleep(0)
        assert done == []
        await eventually(lambda: done.count("often") > done.count("badly") >= 2 and recovering.sweeps >= 2)
        work.close()
        await asyncio.sleep(0.1)

    play(tmp_path, scene)
    assert "seldom" not in done


def test_a_short_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done rarely is done soon after the start, too, and then not again for long."""
    monkeypatch.setattr(chores, "SOON", 0.05)
    done: list[float] = []

    async def seldom() -> None:
        done.append(time.monotonic())

    async def scene(engine: Engine, recovering: Recovering) -> None:
        work = Upkeep(engine, cast("Any", recovering), [Chore(lambda: 60.0, seldom)])
        work.start()
        await eventually(lambda: done)
        await asyncio.sleep(0.2)
        work.close()

    play(tmp_path, scene)
    assert len(done) == 1


def test_a_backup_is_made_when_it_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At first, and then not before its time; requests are forgotten at the same pace."""
    monkeypatch.setattr(chores, "RARELY", 0.03)

    async def scene(engine: Engine, recovering: Recovering) -> None:
        engine.create(submitted())
        await engine.committed()
        work = Upkeep(engine, cast("Any", recovering), [])
        work.start()
        await eventually(lambda: safekeeping.backups(engine.paths.database))
        await asyncio.sleep(0.2)
        work.close()
        (made,) = safekeeping.backups(engine.paths.database)
        assert safekeeping.is_usable(made)

    play(tmp_path, scene)


def test_the_store_is_tried_until_it_works(tmp_path: Path) -> None:
    """However often it is asked for, reality is looked at once, when the store can be written again."""

    async def scene(engine: Engine, recovering: Recovering) -> None:
        tries: list[bool] = []

        async def probe() -> bool:
            tries.append(True)
            engine.store.fault = None if len(tries) == 3 else engine.store.fault
            return engine.store.fault is None

        engine.store.fault = StorageFull(path=str(tmp_path))
        engine.store.probe = probe  # type: ignore[method-assign]
        work = Upkeep(engine, cast("Any", recovering), [])
        work.mend()
        work.mend()
        await asyncio.sleep(0.05)
        assert recovering.runs == 0
        assert engine.health()[0].startswith("storage: the disk that holds")
        await eventually(lambda: recovering.runs)
        assert len(tries) == 3
        work.mend()
        await eventually(lambda: recovering.runs == 2)
        work.close()

    assert play(tmp_path, scene).runs == 2


class Clock:
    """Time, as a test wants it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Read it."""
        return self.now


class Still:
    """A daemon that may be idle."""

    def __init__(self, after: float) -> None:
        self.after = after
        self.busy = False
        self.served = 0
        self.stopped = False
        self.clock = Clock()
        self.idle = Idle(
            after=lambda: self.after,
            busy=lambda: self.busy,
            served=lambda: self.served,
            stop=self.stop,
            clock=self.clock,
        )

    def stop(self) -> None:
        """Note the end."""
        self.stopped = True

    def later(self, seconds: float) -> bool:
        """Look after so many seconds; say whether it has stopped."""
        self.clock.now += seconds
        asyncio.run(self.idle.look())
        return self.stopped


def test_it_stops_after_its_time() -> None:
    """Counted from the last job, client or request."""
    still = Still(60)
    assert not still.later(59)
    still.served += 1
    assert not still.later(59)
    still.busy = True
    assert not still.later(600)
    still.busy = False
    assert not still.later(59)
    assert still.later(1)


def test_it_does_not_stop_unless_it_was_told_to() -> None:
    """Zero is never; a setting that is changed holds from then on."""
    still = Still(0)
    assert not still.later(10**6)
    still.after = 5
    assert not still.later(4)
    assert still.later(1)


@pytest.mark.parametrize(("after", "every"), [(0, 10.0), (0.2, 0.1), (4, 1.0), (3600, 10.0)])
def test_how_often_it_looks(after: float, every: float) -> None:
    """Often enough to be in time, and seldom enough not to be felt."""
    assert Still(after).idle.every() == every
