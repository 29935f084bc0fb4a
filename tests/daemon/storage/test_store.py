"""What was acknowledged is in the file, whole; what belongs together is there together or not at all."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry
from jobd.core.model import Ending, Job, State
from jobd.daemon.storage import rows, safekeeping
from tests.daemon.storing import ask, kept, reading, write
from tests.making import START, Maker
from tests.source import ROOT

#: The digest of what the jobs of a Maker run in.
NEEDED = "0" * 64
#: Something that happens to a job.
Step = Callable[[int], tuple[Job, list[Entry]]]

#: Saves jobs one by one, each with the answer to a request, and prints each when it is durable.
WRITER = """
import asyncio, sys
from pathlib import Path
from tests.daemon.storing import kept
from tests.making import Maker, START

async def run():
    async with kept(Path(sys.argv[1])) as running:
        maker = Maker(running.opened.last_seq)
        for number in range(running.opened.last_job_id + 1, running.opened.last_job_id + 1 + int(sys.argv[2])):
            running.save(maker.submit(number))
            running.store.remember(f"request-{number}", "submit", START, b"%d" % number)
            await running.store.committed()
            print(number, flush=True)

asyncio.run(run())
"""


def start_writer(path: Path, count: int = 1_000_000, **environment: str) -> "subprocess.Popen[str]":
    """Start a process that saves one job after the other."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-c", WRITER, str(path), str(count)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    """Jobs, the log, answers and surroundings come back as they were, to the last microsecond."""
    path, maker = tmp_path / "jobd.db", Maker()
    job, entries = maker.run(1)

    async def run() -> None:
        async with kept(path) as running:
            assert running.opened.created
            assert running.opened[:4] == (0, 0, None, [])
            running.store.keep(NEEDED, b'{"environment":["A=1"]}')
            running.store.keep("needed by nobody", b'{"environment":["B=1"]}')
            running.store.remember("request", "submit", START, b'{"id":1}')
            await running.commit((job, entries))
            assert [batch.entries for batch in running.batches] == [entries]
            assert running.batches[0].jobs == {1: job}

    asyncio.run(run())
    with reading(path) as reader:
        assert reader.job(1) == job
        assert reader.entries(0, 100) == entries
        assert reader.reply("request") == rows.Reply("request", "submit", START, b'{"id":1}')
        kept_surroundings = reader.surroundings(NEEDED)
        assert kept_surroundings is not None
        assert kept_surroundings.environment == ("A=1",)
        assert reader.surroundings("needed by nobody") is None


def test_surroundings_go_with_the_last_job_that_needs_them(tmp_path: Path) -> None:
    """However jobs come and go, alone or with others in one transaction; they may hold secrets."""
    path, maker = tmp_path / "jobd.db", Maker()

    async def run() -> None:
        async with kept(path) as running:

            async def left(*steps: tuple[Job | None, list[Entry]]) -> list[Any]:
                running.store.keep(NEEDED, b"{}")
                await running.commit(*steps)
                return ask(path, "SELECT jobs FROM surroundings")

            def gone(job_id: int, why: str | None = None) -> list[tuple[Job | None, list[Entry]]]:
                ended = maker.happen(job_id, happened.Canceled(ending=Ending()))
                return [ended, maker.happen(job_id, happened.Removed(why=why))]

            assert await left(maker.submit(1), maker.submit(2)) == [(2,)]
            assert await left(*gone(1)) == [(1,)]
            assert await left(maker.submit(3), *gone(3)) == [(1,)]
            assert await left(*gone(2), maker.submit(4)) == [(1,)]
            assert await left(*gone(4, "retention")) == []
            assert await left(maker.submit(5), *gone(5)) == []
            assert await left(maker.submit(6)) == [(1,)]

    asyncio.run(run())


def test_opened_again_it_goes_on(tmp_path: Path) -> None:
    """The next daemon learns the last numbers, the last time, and which jobs have not ended."""
    path, maker = tmp_path / "jobd.db", Maker()
    waiting, ended, running_job = maker.submit(1), maker.run(2), maker.submit(3)
    write(path, waiting, ended, running_job, maker.start(3))

    async def run() -> None:
        async with kept(path) as running:
            opened = running.opened
            assert (opened.last_seq, opened.last_job_id, opened.last_at) == (maker.seq, 3, maker.at)
            assert opened.live == [maker.jobs[1], maker.jobs[3]]
            assert not opened.created
            assert opened.quarantined is None

    asyncio.run(run())


def test_while_the_file_is_made_small_changes_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes, none of them fails."""
    begun, over, shrink = threading.Event(), threading.Event(), safekeeping.shrink

    def slowly(connection: sqlite3.Connection) -> None:
        begun.set()
        shrink(connection)
        assert over.wait(20)

    monkeypatch.setattr(safekeeping, "shrink", slowly)

    async def run() -> None:
        maker = Maker()
        async with kept(tmp_path / "jobd.db") as running:
            await running.commit(maker.run(1))
            vacuum = asyncio.ensure_future(running.store.vacuum())
            await asyncio.to_thread(begun.wait, 20)
            running.save(maker.submit(2))
            committed = running.store.committed()
            assert not committed.done()
            over.set()
            await committed
            await vacuum

    asyncio.run(run())
    assert ask(tmp_path / "jobd.db", "SELECT id FROM jobs") == [(1,), (2,)]


def test_one_transaction_for_one_turn_of_the_loop(tmp_path: Path) -> None:
    """What is saved without an await in between stands and falls together; a job that changes often is written once."""

    async def run() -> None:
        maker = Maker()
        async with kept(tmp_path / "jobd.db") as running:
            running.save(maker.submit(1))
            running.save(maker.start(1))
            running.save(maker.submit(2))
            await running.store.committed()
            assert len(running.batches) == 1
            assert running.batches[0].jobs == maker.jobs
            assert len(running.batches[0].entries) == 4

    asyncio.run(run())


def test_what_arrives_meanwhile_is_the_next_batch(tmp_path: Path) -> None:
    """While one transaction is being committed everything else gathers in one more, not in one for each."""

    async def run() -> None:
        maker = Maker()
        async with kept(tmp_path / "jobd.db") as running:
            with contextlib.closing(sqlite3.connect(tmp_path / "jobd.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                running.save(maker.submit(1))
                first = running.store.committed()
                await asyncio.sleep(0)
                for job_id in range(2, 50):
                    running.save(maker.submit(job_id))
                    await asyncio.sleep(0)
                second = running.store.committed()
                assert not second.done()
                other.execute("COMMIT")
            await first
            await second
            assert len(running.batches) == 2
            assert [entry.seq for batch in running.batches for entry in batch.entries] == list(range(1, 50))

    asyncio.run(run())


def test_nothing_to_wait_for(tmp_path: Path) -> None:
    """With nothing saved, or everything durable, there is no wait."""

    async def run() -> None:
        async with kept(tmp_path / "jobd.db") as running:
            assert running.store.committed().done()
            await running.commit(Maker().submit(1))
            assert running.store.committed().done()

    asyncio.run(run())


def test_told_before_those_who_wait(tmp_path: Path) -> None:
    """When a caller goes on, the followers of the log have been told, and the change can be read in the file."""

    async def run() -> None:
        maker, path = Maker(), tmp_path / "jobd.db"
        async with kept(path) as running:
            order: list[str] = []
            running.tell = lambda batch: order.append(f"told {len(batch.entries)}")
            running.save(maker.submit(1))
            committed = running.store.committed()
            committed.add_done_callback(lambda _: order.append("goes on"))
            await committed
            assert order == ["told 1", "goes on"]
            with reading(path) as reader:
                assert reader.last_seq() == 1

    asyncio.run(run())


def test_who_gives_up_harms_nobody(tmp_path: Path) -> None:
    """A cancelled caller takes the acknowledgement from no other."""

    async def run() -> None:
        async with kept(tmp_path / "jobd.db") as running:
            running.save(Maker().submit(1))

            async def wait() -> str:
                await running.store.committed()
                return "durable"

            one, other = asyncio.create_task(wait()), asyncio.create_task(wait())
            await asyncio.sleep(0)
            one.cancel()
            assert await other == "durable"
            assert one.cancelled()

    asyncio.run(run())


def test_a_callback_that_fails_leaves_nobody_waiting(tmp_path: Path) -> None:
    """A bug in whoever is told does not keep callers waiting for ever; it is reported as a bug."""

    async def run() -> None:
        reported: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(repr(context["exception"])))
        async with kept(tmp_path / "jobd.db") as running:

            def fail(_: object) -> None:
                raise RuntimeError("a bug")

            running.tell = fail
            await running.commit(Maker().submit(1))
            assert reported == ["RuntimeError('a bug')"]

    asyncio.run(run())


def test_ids_of_removed_jobs_stay_used(tmp_path: Path) -> None:
    """Neither the newest job, removed, nor one that came and went within one transaction, leaves its id to another."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, maker.run(1), maker.run(2))
    write(path, maker.happen(2, happened.Removed()))

    async def run(expected: int) -> None:
        async with kept(path) as running:
            assert running.opened.last_job_id == expected

    asyncio.run(run(2))
    write(path, maker.run(7), maker.happen(7, happened.Removed()))
    asyncio.run(run(7))
    with reading(path) as reader:
        assert reader.newest_id() == 1
        assert reader.job(7) is None


def test_only_the_record_of_a_running_job_is_written(tmp_path: Path) -> None:
    """Progress changes the record, and nothing that is searched by; when the state changes, that is written too."""

    async def run() -> None:
        maker, path = Maker(), tmp_path / "jobd.db"
        async with kept(path) as running:
            await running.commit(maker.submit(1), maker.start(1))
            for done in range(1, 4):
                await running.commit(maker.progress(1, done))
                with reading(path) as reader:
                    assert reader.job(1) == maker.jobs[1]
            started = ask(path, "SELECT state, name, grp, priority, started_at FROM jobs")
            assert started[0][:4] == ("running", "encode", "default", 0)
            job = replace(maker.jobs[1], name="other", group="night", priority=3)
            running.store.save(1, job, [])
            await running.store.committed()
            assert ask(path, "SELECT state, name, grp, priority FROM jobs") == [("running", "other", "night", 3)]
            await running.commit(maker.end(1))
            assert ask(path, "SELECT state, ended_at IS NULL FROM jobs") == [("completed", 0)]

    asyncio.run(run())


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 127, 1000])
def test_any_number_of_rows(tmp_path: Path, count: int) -> None:
    """A batch of any size is written whole."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.submit(job_id) for job_id in range(1, count + 1)))
    with reading(path) as reader:
        assert reader.live() == list(maker.jobs.values())
        assert len(reader.entries(0, 10_000)) == count


def test_a_change_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    """It fails for whoever made it, not for the others in the batch."""

    async def run() -> None:
        maker = Maker()
        async with kept(tmp_path / "jobd.db") as running:
            running.save(maker.submit(1))
            job, entries = maker.submit(2, name="\ud800")
            with pytest.raises(UnicodeEncodeError):
                running.store.save(2, job, entries)
            await running.store.committed()
            assert list(running.batches[0].jobs) == [1]

    asyncio.run(run())


def test_answers_are_found_before_they_are_durable(tmp_path: Path) -> None:
    """A client that repeats its request while the first is being committed gets the same answer."""

    async def run() -> None:
        maker = Maker()
        async with kept(tmp_path / "jobd.db") as running:
            store = running.store
            store.remember("one", "submit", START, b"1")
            running.save(maker.submit(1))
            assert store.reply("one") == rows.Reply("one", "submit", START, b"1")
            await asyncio.sleep(0)
            assert store.reply("one") is not None, "in the batch that is being committed"
            await store.committed()
            assert store.reply("one") == rows.Reply("one", "submit", START, b"1")
            assert store.reply("two") is None
            store.remember("one", "submit", START, b"another")
            await store.committed()
            assert store.reply("one") == rows.Reply("one", "submit", START, b"1"), "the first answer counts"

    asyncio.run(run())


def test_old_answers_are_forgotten(tmp_path: Path) -> None:
    """Answers older than a day go, in chunks; younger ones stay."""

    async def run() -> None:
        path = tmp_path / "jobd.db"
        async with kept(path) as running:
            now = datetime.now(UTC)
            for number in range(25):
                age = timedelta(days=2) if number < 20 else timedelta(hours=23)
                running.store.remember(str(number), "submit", now - age, b"0")
            await running.store.committed()
            assert await running.store.trim_requests(chunk=8) == 20
            assert await running.store.trim_requests(chunk=8) == 0
            assert ask(path, "SELECT id FROM requests ORDER BY rowid") == [(str(number),) for number in range(20, 25)]

    asyncio.run(run())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.randoms(use_true_random=True))
def test_the_file_is_what_was_saved(tmp_path_factory: pytest.TempPathFactory, choice: random.Random) -> None:
    """Whatever happens to jobs, in whatever batches: the file has the jobs as they are and the log without a gap."""
    maker, path = Maker(), tmp_path_factory.mktemp("store") / "jobd.db"
    removed: set[int] = set()

    def change() -> tuple[Job | None, list[Entry]]:
        alive: dict[State, list[Step]] = {State.RUNNING: [maker.progress, maker.end], State.PENDING: [maker.start]}
        job_id = choice.choice([*maker.jobs, 0, 0])
        if not job_id:
            return maker.submit(max([0, *maker.jobs, *removed]) + 1, choice.choice(["a", "b"]))
        steps = alive.get(maker.jobs[job_id].state)
        if steps:
            return choice.choice(steps)(job_id)
        removed.add(job_id)
        return maker.happen(job_id, happened.Removed())

    async def run() -> None:
        for _ in range(2):
            async with kept(path, "normal") as running:
                for _ in range(40):
                    running.save(change())
                    if choice.random() < 0.3:
                        await asyncio.sleep(0)
                    if choice.random() < 0.2:
                        await running.store.committed()

    asyncio.run(run())
    with reading(path) as reader:
        assert [reader.job(job_id) for job_id in sorted(maker.jobs)] == [maker.jobs[key] for key in sorted(maker.jobs)]
        assert reader.live() == [job for _, job in sorted(maker.jobs.items()) if not job.done]
        assert [entry.seq for entry in reader.entries(0, 10_000)] == list(range(1, maker.seq + 1))
        assert reader.counts() == {state: sum(job.state is state for job in maker.jobs.values()) for state in State}
        assert reader.last_job_id() == max([0, *maker.jobs, *removed])
    for *found, record in ask(path, f"SELECT {', '.join(rows.JOB_COLUMNS)}, record FROM {rows.WHOLE_JOBS}"):  # noqa: S608
        assert tuple(found) == rows.job_row(rows.read_job(str(record))), "the columns say what the record says"
    assert ask(path, "SELECT job FROM records ORDER BY job") == ask(path, "SELECT id FROM jobs ORDER BY id")


def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    """Killed in full flight, again and again: every acknowledged job is there with its answer, and no half of one."""
    path, acknowledged = tmp_path / "jobd.db", 0
    for turn in range(4):
        writer = start_writer(path)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(5 + 20 * turn)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
        writer.wait()
        writer.stdout.close()
        acknowledged = max(int(line) for line in lines if line.endswith("\n"))
    with reading(path) as reader:
        newest = reader.newest_id() or 0
        assert newest in (acknowledged, acknowledged + 1)
        assert [job.id for job in reader.live()] == list(range(1, newest + 1))
        assert [entry.job for entry in reader.entries(0, 100_000)] == list(range(1, newest + 1))
        assert reader.reply_ids(100_000) == [f"request-{number}" for number in range(1, newest + 1)]


@pytest.mark.parametrize(("point", "there"), [("before_commit", 2), ("after_commit", 3)])
def test_killed_at_the_commit(tmp_path: Path, point: str, there: int) -> None:
    """Before the commit nothing of a transaction is there; after it all of it is, though nobody was told."""
    path, log = tmp_path / "jobd.db", tmp_path / "log"
    writer = start_writer(path, JOBD_CRASH=f"{point}:3", JOBD_CRASH_LOG=str(log))
    told, _ = writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    assert log.read_text() == f"{point}\n"
    assert told.split() == ["1", "2"]
    with reading(path) as reader:
        assert [job.id for job in reader.live()] == list(range(1, there + 1))
        assert reader.last_seq() == there
        assert (reader.reply("request-3") is not None) == (there == 3)
    assert start_writer(path, 1).communicate()[0].split() == [str(there + 1)], "and it goes on"
