"""What a daemon knows in the end of what a program has said."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import pytest

import jobd
from jobd.reporting import courier
from tests.calling import JOBD
from tests.commands.running import Gate, House
from tests.reporting.said import ended, words
from tests.reporting.test_tracked import halve, slow
from tests.source import ROOT
from tests.waiting import until

LOOP = 'import jobd\nfor x in jobd.track(range(300_000), unit="rows"): pass'
KILLED = """
import os, time, jobd
with jobd.job("unused", total=4) as job:
    job.advance(message="before")
    while not os.path.exists({gate!r}): time.sleep(0.01)
    job.stage("then", total=2)
    for _ in range(2): job.advance()
"""


def reached(house: House) -> list[tuple[str, float]]:
    """Say of each job how much is done."""
    return [(job["name"], job["progress"]["done"]) for job in house.daemon.call("list")]


def test_a_part_of_another(house: House) -> None:
    """With a parent it is a job of its own, also inside of one; an unknown parent is told of once, and it is none."""
    script = """
import os, jobd, warnings
with jobd.job("part", parent=os.environ["JOBD_JOB_ID"], weight=2) as job:
    for _ in jobd.track(range(3)):
        pass
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with jobd.job("nobody", parent="nosuch") as job:
        job.advance()
print(*caught)
"""
    whole = house.daemon.job(house.ran(sys.executable, "-c", script, name="whole", environment=[f"PYTHONPATH={ROOT}"]))
    assert whole["state"] == "completed", house.daemon.output(whole["id"])
    part = ended(house, "part")
    assert (part["parent"], part["weight"], part["state"]) == (whole["id"], 2.0, "completed")
    assert (part["progress"]["done"], part["progress"]["total"]) == (3, 3)
    assert b"no job nosuch" in house.daemon.output(whole["id"])
    assert not house("list", "-q", "--name", "nobody").out


def test_a_job_of_jobd(house: House) -> None:
    """Of 300,000 turns a few are reported, and the last."""
    job_id = house.ran(sys.executable, "-c", LOOP, environment=[f"PYTHONPATH={ROOT}"])
    progress = house.daemon.job(job_id)["progress"]
    assert (progress["done"], progress["total"], progress["fraction"]) == (300_000, 300_000, 1)
    assert progress["unit"] == "rows"
    assert progress["reports"] < 100


def test_a_job_that_a_script_began(house: House) -> None:
    """What is said belongs to it, not to the job in which it was begun; the script ends it."""
    script = f"export JOBD_JOB_ID=$({' '.join(JOBD)} begin inner); $0 -c '{LOOP}'; {' '.join(JOBD)} end $JOBD_JOB_ID"
    environment = [f"PYTHONPATH={ROOT}", f"JOBD_DIR={house.state}", f"PATH={os.environ['PATH']}"]
    outer = house.ran("sh", "-c", script.replace('"', '"'), sys.executable, name="outer", environment=environment)
    assert house.daemon.job(outer)["state"] == "completed"
    inner = ended(house, "inner")
    assert (inner["state"], inner["progress"]["done"]) == ("completed", 300_000)
    assert house.daemon.job(outer)["progress"]["done"] is None


def test_a_job_of_its_own(house: House) -> None:
    """With a name, outside of a job: a job begins, and completes with the loop, or when it is left by break."""
    for _ in jobd.track(range(50), "counted", unit="sheep"):
        pass
    job = ended(house, "counted")
    assert (job["state"], job["exit_code"]) == ("completed", 0)
    assert (job["progress"]["done"], job["progress"]["total"], job["progress"]["unit"]) == (50, 50, "sheep")
    for number in jobd.track(range(50), "left"):
        if number == 5:
            break
    job = ended(house, "left")
    assert (job["state"], job["progress"]["done"]) == ("completed", 5)


def test_a_job_of_its_own_that_fails(house: House) -> None:
    """It fails with the exception of the loop, or of what it goes through."""
    with pytest.raises(ZeroDivisionError):
        [1 / (3 - number) for number in jobd.track(range(10), "divided")]
    job = ended(house, "divided")
    assert (job["state"], job["exit_code"], job["progress"]["done"]) == ("failed", 1, 3)
    with pytest.raises(OSError, match="is gone"):
        list(jobd.track(words(), "torn"))
    job = ended(house, "torn")
    assert (job["state"], job["progress"]["message"]) == ("failed", "OSError: the disk is gone")


def test_a_loop_in_the_block(house: House) -> None:
    """It is progress of the job of the block, and no job of its own."""
    with jobd.job("block"):
        list(jobd.track(range(20), "loop"))
    assert ended(house, "block")["progress"]["total"] == 20
    assert "loop" not in {job["name"] for job in house.daemon.call("list", limit=1000)}


def in_thread(work: Callable[[], object]) -> None:
    """Do it in a thread that knows nothing of where it was started, as those of a pool do."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_a_loop_in_a_thread_of_the_block(house: House) -> None:
    """It is progress of the innermost block; one with a name is a job of its own; after the block it is nothing."""
    with jobd.job("whole"), jobd.job("pool"):
        in_thread(lambda: list(jobd.track(range(10))))
        in_thread(lambda: list(jobd.track(range(7), "of its own")))
    in_thread(lambda: list(jobd.track(range(3))))
    found = {name: ended(house, name)["progress"] for name in ("whole", "pool", "of its own")}
    assert [found[name]["total"] for name in found] == [None, 10, 7]
    assert (found["pool"]["done"], found["whole"]["reports"]) == (10, 0)


def test_a_loop_in_a_thread_beside_several_blocks(house: House) -> None:
    """Nobody knows which of two it belongs to; in a block of its own, or with its context, it does."""

    def beside() -> None:
        with jobd.job("beside"):
            list(jobd.track(range(4)))
            in_thread(lambda: list(jobd.track(range(5))))

    with jobd.job("before"):
        context = copy_context()
        in_thread(lambda: context.run(lambda: list(jobd.track(range(9)))))
        in_thread(beside)
    found = [ended(house, name)["progress"] for name in ("beside", "before")]
    assert [(one["done"], one["total"]) for one in found] == [(4, 4), (9, 9)]


def test_a_loop_beside_the_block_in_the_same_thread(house: House) -> None:
    """A task that was there before the block, in the thread that entered it, is none of its."""

    async def work() -> None:
        entered, left = asyncio.Event(), asyncio.Event()

        async def block() -> None:
            with jobd.job("of one task"):
                entered.set()
                await left.wait()

        task = asyncio.create_task(block())
        await entered.wait()
        list(jobd.track(range(5)))
        left.set()
        await task

    asyncio.run(work())
    assert ended(house, "of one task")["progress"]["reports"] == 0


def test_how_it_ends(house: House) -> None:
    """Well, by an exception, whose text is the message, or with the status that the program ends with."""
    with jobd.job("well", total=2) as job:
        job.advance(message="one")
    assert (ended(house, "well")["state"], ended(house, "well")["progress"]["fraction"]) == ("completed", 0.5)
    with pytest.raises(ValueError, match="no"), jobd.job("badly"):
        raise ValueError("no\nway")
    job_of = ended(house, "badly")
    assert (job_of["state"], job_of["exit_code"]) == ("failed", 1)
    assert job_of["progress"]["message"] == "ValueError: no way"
    with pytest.raises(SystemExit), jobd.job("three"):
        sys.exit(3)
    assert ended(house, "three")["exit_code"] == 3


def test_a_process_that_just_goes(house: House) -> None:
    """Its job is lost, as far as it came."""
    script = "import os, time, jobd\nwith jobd.job('gone', total=2) as job:\n job.advance()\n"
    script += " while not os.path.exists(os.environ['GO']): time.sleep(0.01)\n os._exit(0)"
    go = house.state / "go"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "GO": str(go)}
    with subprocess.Popen([sys.executable, "-c", script], env=environ):
        until(lambda: ("gone", 1) in reached(house), what="a report")
        go.touch()
    job = ended(house, "gone")
    assert (job["state"], job["reason"], job["progress"]["done"]) == ("failed", "lost", 1)


def test_a_name_that_cannot_be(house: House) -> None:
    """The program is warned, and goes on."""
    with pytest.warns(RuntimeWarning, match="would be taken for an id"), jobd.job("12", total=1) as job:
        job.advance()
    assert house.daemon.call("list", limit=1000) is not None


def test_an_event_loop_is_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that does not answer holds up nobody; when it does again, all is told."""
    monkeypatch.setattr(courier, "PATIENCE", 600)

    async def work(name: str) -> None:
        with jobd.job(name, total=2) as job:
            job.advance()
            await asyncio.sleep(0)
            job.advance()

    async def both() -> None:
        await asyncio.gather(work("one"), work("two"))

    os.kill(house.daemon.pid, signal.SIGSTOP)
    try:
        asyncio.run(both())
    finally:
        os.kill(house.daemon.pid, signal.SIGCONT)
    for name in ("one", "two"):
        assert (ended(house, name)["state"], ended(house, name)["progress"]["fraction"]) == ("completed", 1)


def test_the_daemon_is_killed_meanwhile(own: House, tmp_path: Path) -> None:
    """What a job of jobd says then is read by the next daemon; a job of one's own is reported for again, and ends."""
    gate = Gate(tmp_path)
    script = KILLED.format(gate=str(gate.path()))
    inside = own.submit(sys.executable, "-c", script, environment=[f"PYTHONPATH={ROOT}"])
    with jobd.job("through", total=3) as job:
        job.advance(message="before")
        until(lambda: [done for _, done in reached(own)] == [1, 1], what="both first reports")
        own.daemon.kill()
        gate.open()
        job.advance()
        own.daemon.start(own.environ)
        job.advance()
    found = ended(own, "through")
    assert (found["state"], found["progress"]["fraction"]) == ("completed", 1)
    progress = own.daemon.ended(inside)["progress"]
    assert (progress["stage"], progress["done"], progress["total"]) == ("then", 2, 2)


def test_functions(house: House) -> None:
    """The job has the function's name, completes with its result and fails with its exception."""
    assert halve(4) == 2
    assert ended(house, "halve")["state"] == "completed"
    divide = jobd.tracked(name="divide")(halve)
    with pytest.raises(ZeroDivisionError):
        divide(4, by=0)
    job = ended(house, "divide")
    assert (job["state"], job["progress"]["message"]) == ("failed", "ZeroDivisionError: division by zero")


def test_asynchronous_functions(house: House) -> None:
    """The job lasts until the function has returned; loops in it are its progress."""
    assert asyncio.run(slow("x")) == "x"
    job = ended(house, "slowly")
    assert (job["state"], job["progress"]["fraction"]) == ("completed", 1)
