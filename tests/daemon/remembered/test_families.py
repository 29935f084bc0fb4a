"""Parents know how their children stand: often enough, always in the end, and exactly after any death of the daemon."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobd.core.events import catalogue as happened
from jobd.core.model import Ending, Origin
from jobd.core.work.children import Children
from jobd.core.work.progress import Report
from jobd.daemon.upkeep import rollup
from jobd.daemon.upkeep.rollup import RollUp
from tests.daemon.gating import refusing
from tests.daemon.working import Works, working
from tests.living import Living
from tests.waiting import until


def in_the_loop(state: Path, scene: Callable[[Works], Awaitable[None]]) -> None:
    """Play a scene with all parts of a daemon."""

    async def play() -> None:
        async with working(state) as works:
            rolling = RollUp(works.engine)
            rolling.start()
            await scene(works)
            rolling.close()

    asyncio.run(play())


def begin(works: Works, parent: int | None = None, weight: float = 1.0) -> int:
    """Bring a job into being that runs."""
    moment = works.engine.clock.now()
    fields: dict[str, Any] = {"boot": moment.boot, "boottime": moment.boottime, "parent": parent, "weight": weight}
    begun = happened.Begun(name="x", origin=Origin(uid=0, pid=1), **fields)
    return works.engine.create(begun).id


def report(works: Works, job_id: int, fraction: float) -> None:
    """Let a job say how far it is."""
    event = happened.Progressed(report=Report(fraction=fraction), elapsed=1.0)
    works.engine.record(works.job(job_id), [event])


def end(works: Works, job_id: int) -> None:
    """Let a job end well."""
    works.engine.record(works.job(job_id), [happened.Completed(ending=Ending(status=0))])


def count(works: Works, job_id: int) -> Children | None:
    """Say how many children a job has."""
    return works.job(job_id).progress.children


def test_it_follows(state_dir: Path) -> None:
    """A parent knows its first child at once, of the others soon, and how far they are by weight."""

    async def scene(works: Works) -> None:
        parent = begin(works)
        first = begin(works, parent)
        assert count(works, parent) == Children(running=1, weight=1.0)
        second = begin(works, parent, weight=3.0)
        report(works, second, 0.5)
        await works.until(lambda: count(works, parent) == Children(running=2, weight=4.0, reached=1.5))
        assert works.job(parent).progress.fraction == 0.375
        end(works, first)
        await works.until(lambda: count(works, parent) == Children(running=1, completed=1, weight=4.0, reached=2.5))
        works.engine.record(works.job(first), [happened.Removed()])
        await works.until(lambda: count(works, parent) == Children(running=1, weight=3.0, reached=1.5))

    in_the_loop(state_dir, scene)


def test_a_flood_of_children_is_none_of_the_parent(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of reports of many children make a few events, and the last one counts."""
    monkeypatch.setattr(rollup, "GATHER", 0.05)

    async def scene(works: Works) -> None:
        parent = begin(works)
        children = [begin(works, parent) for _ in range(50)]
        for step in range(1, 101):
            for child in children:
                report(works, child, step / 100)
            await asyncio.sleep(0)
        await works.until(lambda: (count(works, parent) or Children()).reached == 50)
        told = works.kinds(parent).count("children_counted")
        assert 1 < told < 100
        assert works.job(parent).progress.fraction == 0.999999

    in_the_loop(state_dir, scene)


def test_grandchildren(state_dir: Path) -> None:
    """What a child knows of its children is how far it is, and so what its parent knows of it."""

    async def scene(works: Works) -> None:
        parent = begin(works)
        child = begin(works, parent)
        report(works, begin(works, child), 0.5)
        await works.until(lambda: works.job(parent).progress.fraction == 0.5)

    in_the_loop(state_dir, scene)


def test_the_end_of_the_parent(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How its children stood then is recorded with it, however short before they changed; then they go on alone."""
    monkeypatch.setattr(rollup, "GATHER", 3600.0)

    async def scene(works: Works) -> None:
        parent = begin(works)
        first, second = begin(works, parent), begin(works, parent)
        end(works, first)
        end(works, parent)
        last = Children(running=1, completed=1, weight=2.0, reached=1.0)
        assert count(works, parent) == last
        end(works, second)
        await works.engine.committed()
        assert count(works, parent) == last
        assert works.kinds(parent)[-2:] == ["children_counted", "completed"]

    in_the_loop(state_dir, scene)


def test_a_parent_that_is_run_again(state_dir: Path) -> None:
    """Its children from before count no more, whatever they do."""

    async def scene(works: Works) -> None:
        works.orders.close()
        parent = works.submit("true")
        old = begin(works, parent)
        opened = happened.Opened(number=1, boot="b", cookie="c")
        works.engine.record(works.job(parent), [opened, happened.Failed(reason="lost"), happened.Retried()])
        assert count(works, parent) is None
        report(works, old, 0.5)
        await works.engine.committed()
        new = begin(works, parent)
        assert count(works, parent) == Children(running=1, weight=1.0)
        end(works, new)
        await works.until(lambda: count(works, parent) == Children(completed=1, weight=1.0, reached=1.0))

    in_the_loop(state_dir, scene)


def test_after_a_commit_that_failed(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count is that of what is durable."""
    monkeypatch.setattr(rollup, "GATHER", 0.05)

    async def scene(works: Works) -> None:
        parent = begin(works)
        child = begin(works, parent)
        await works.engine.committed()
        with refusing(state_dir, '"fraction":0.25'):
            report(works, child, 0.25)
            with pytest.raises(Exception, match="not known whether the change was made"):
                await works.engine.committed()
        assert count(works, parent) == Children(running=1, weight=1.0)
        report(works, child, 0.5)
        await works.until(lambda: count(works, parent) == Children(running=1, weight=1.0, reached=0.5))

    in_the_loop(state_dir, scene)


def test_what_could_not_be_recorded_is_tried_again(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of children while the disk was full are told when it is not any more."""
    monkeypatch.setattr(rollup, "GATHER", 0.05)
    monkeypatch.setattr(rollup, "AGAIN", 0.05)

    async def scene(works: Works) -> None:
        parent = begin(works)
        child = begin(works, parent)
        report(works, child, 0.5)
        await works.engine.committed()
        works.break_down()
        await asyncio.sleep(0.2)
        works.engine.store.fault = None
        await works.until(lambda: (count(works, parent) or Children()).reached == 0.5)

    in_the_loop(state_dir, scene)


@pytest.fixture
def living(state_dir: Path) -> Iterator[Living]:
    """Give a daemon."""
    with Living(state_dir) as living:
        yield living


def test_exact_across_kills(living: Living) -> None:
    """Killed at any moment, the next daemon counts what the records of the children say."""
    parent = living.call("begin", name="parent")["id"]
    children = [living.call("begin", name="child", parent=str(parent), weight=2.0)["id"] for _ in range(4)]
    for number, child in enumerate(children):
        living.call("progress", job=str(child), line=f"{25 * (number + 1)}%")
    living.call("end", jobs=[str(children[0])])
    living.call("end", jobs=[str(children[1])], exit=3)
    living.kill()
    living.start()
    wanted = {"running": 2, "completed": 1, "failed": 1, "weight": 8.0, "reached": 7.5}
    until(lambda: living.job(parent)["progress"]["children"] == wanted, what="the count of what was said")
    assert living.job(parent)["progress"]["fraction"] == 7.5 / 8
    living.call("end", jobs=[str(children[2])])
    late = living.call("begin", name="late", parent="parent")["id"]
    living.kill()
    living.start()
    wanted = {"running": 2, "completed": 2, "failed": 1, "weight": 9.0, "reached": 8.0}
    until(lambda: living.job(parent)["progress"]["children"] == wanted, what="the count of what came later")
    living.call("end", jobs=[str(parent)])
    living.call("end", jobs=[str(late)])
    assert living.job(parent)["progress"]["children"] == wanted


def test_real_children(living: Living) -> None:
    """Jobs that fail and are run again, are canceled, or complete: the parent has them all, and its estimate."""
    parent = living.call("begin", name="parent")["id"]
    again = living.submit("sh", "-c", "[ $JOBD_ATTEMPT = 2 ]", parent="parent", retries={"most": 1, "delay": 0.1})["id"]
    good = living.submit("sh", "-c", "echo 50% >&$JOBD_FD", parent=str(parent))["id"]
    gone = living.submit("sleep", "600", parent=str(parent))["id"]
    for child in (again, good):
        assert living.ended(child)["parent"] == parent
    until(lambda: living.job(parent)["progress"]["children"].get("completed") == 2)
    assert 0 < living.job(parent)["progress"]["fraction"] < 1
    until(lambda: living.job(parent)["progress"]["eta"] is not None)
    living.call("cancel", jobs=[str(gone)])
    living.ended(gone)
    wanted = {"completed": 2, "canceled": 1, "weight": 3.0, "reached": 3.0}
    until(lambda: living.job(parent)["progress"]["children"] == wanted)
    assert living.job(parent)["progress"]["fraction"] == 1
