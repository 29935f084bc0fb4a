"""Reading gives what was written, at any size of question, beside a writer or alone, and names what it cannot read."""

import asyncio
import logging
import math
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from jobd.core import events as happened
from jobd.core.errors import BadValue, StorageBroken, TryAgain
from jobd.core.model import LARGEST, Ending, State
from jobd.core.outlook import GRID
from jobd.core.selection import Query
from jobd.daemon.storage import reader as reading_module
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.store import Store
from tests.daemon.storing import ask, kept, reading, write
from tests.making import Maker


def test_questions_about_jobs(tmp_path: Path) -> None:
    """By id, by name and number of runs back, newest, living, counted."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(
        path, maker.run(1), maker.run(2, "deploy"), maker.run(3, status=256), maker.submit(4), maker.submit(5, "other")
    )
    with reading(path) as reader:
        assert [reader.job(job_id) for job_id in (1, 4)] == [maker.jobs[1], maker.jobs[4]]
        assert reader.job(6) is None
        assert reader.live() == [maker.jobs[4], maker.jobs[5]]
        assert [found and found.id for back in range(4) for found in [reader.by_name("encode", back)]] == [
            4,
            3,
            1,
            None,
        ]
        assert reader.ids_by_name("encode", 2) == [4, 3]
        assert reader.by_name("unknown") is None
        assert (reader.newest_id(), reader.last_job_id()) == (5, 5)
        assert {state: count for state, count in reader.counts().items() if count} == {
            State.PENDING: 2,
            State.COMPLETED: 2,
            State.FAILED: 1,
        }
        assert set(reader.counts()) == set(State)


def test_an_empty_database(tmp_path: Path) -> None:
    """Nothing is there, and no question fails."""
    path = tmp_path / "jobd.db"
    write(path)
    with reading(path) as reader:
        assert (reader.newest_id(), reader.last_job_id(), reader.last_seq()) == (None, 0, 0)
        assert (reader.live(), reader.query(Query()), reader.entries(0, 10), reader.latest(1, 5)) == ([], [], [], [])
        assert reader.usual("encode") is None
        assert reader.surroundings("digest") is None
        assert reader.reply("request") is None
        assert sum(reader.counts().values()) == 0


def test_the_log(tmp_path: Path) -> None:
    """From any number, in pieces; of one job without the events that come in floods."""
    path, maker = tmp_path / "jobd.db", Maker()
    changes = [maker.submit(1), maker.submit(2), maker.start(1), maker.progress(1), maker.progress(1, 4), maker.end(1)]
    write(path, *changes)
    entries = [entry for _, some in changes for entry in some]
    with reading(path) as reader:
        assert reader.entries(0, 100) == entries
        assert reader.entries(3, 2) == entries[3:5]
        assert reader.entries(maker.seq, 5) == []
        of_job = [entry for entry in entries if entry.job == 1 and not entry.event.frequent]
        assert reader.entries(0, 100, job=1) == of_job
        assert reader.entries(of_job[0].seq, 2, job=1) == of_job[1:3]
        assert reader.latest(1, 2) == of_job[-2:]
        assert reader.last_seq() == maker.seq
        kinds = [type(entry.event) for entry in reader.entries(0, 100, job=1)]
        assert kinds == [happened.Submitted, happened.Opened, happened.Started, happened.Completed]


@pytest.mark.parametrize("number", [LARGEST, LARGEST + 1, 10**40])
def test_no_number_is_too_large(tmp_path: Path, number: int) -> None:
    """Whatever number a client thinks of, it gets an answer and no error of SQLite's."""
    path = tmp_path / "jobd.db"
    write(path, Maker().submit(1))
    with reading(path) as reader:
        assert reader.job(number) is None
        assert reader.entries(number, 10) == []
        assert len(reader.entries(0, number)) == 1
        assert reader.entries(0, 10, job=number) == []
        assert len(reader.query(Query(limit=number))) == 1
        assert len(reader.query(Query(before=number))) == 1
        assert reader.ids_by_name("encode", number) == [1]
        for wrong in (lambda: reader.entries(-number, 1), lambda: reader.query(Query(limit=-number))):
            with pytest.raises(BadValue):
                wrong()
        assert reader.job(-number) is None
        assert reader.job(0) is None


def test_beside_a_writer(tmp_path: Path) -> None:
    """A reader sees every commit that was acknowledged, and nothing that was not."""

    async def run() -> None:
        path, maker = tmp_path / "jobd.db", Maker()
        async with kept(path) as running:
            with reading(path) as reader:
                for job_id in range(1, 20):
                    running.save(maker.submit(job_id))
                    assert reader.newest_id() in (None, job_id - 1)
                    await running.store.committed()
                    assert reader.newest_id() == job_id
                    assert reader.last_seq() == job_id

    asyncio.run(run())


def test_used_by_two_threads(tmp_path: Path) -> None:
    """A reader may be handed to another thread."""
    path, found = tmp_path / "jobd.db", list[int | None]()
    write(path, Maker().submit(1))
    with reading(path) as reader:
        thread = threading.Thread(target=lambda: found.append(reader.newest_id()))
        thread.start()
        thread.join()
        assert found == [reader.newest_id()] == [1]


def test_a_search_that_takes_too_long_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is interrupted with a clear word, and the next question is answered."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.run(job_id) for job_id in range(1, 300)))
    monkeypatch.setattr(reading_module, "_INSTRUCTIONS", 10)
    with reading(path) as reader:
        with monkeypatch.context() as patch:
            patch.setattr(reading_module, "LONGEST_SEARCH", 0.0)
            with pytest.raises(TryAgain, match="the search took longer than 0 s; narrow it down"):
                reader.query(Query(name="*nothing*"))
        assert reader.newest_id() == 299


def test_a_record_that_makes_no_sense(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is named, and hides no other job, nor keeps the daemon from starting."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.submit(job_id) for job_id in range(1, 4)))
    ask(path, "UPDATE jobs SET record = '{\"id\":2}' WHERE id = 2")
    ask(path, "UPDATE events SET event = 'x' WHERE seq = 2")
    with reading(path) as reader, caplog.at_level(logging.ERROR):
        with pytest.raises(StorageBroken, match=f"{path} cannot be used: the record of job 2 makes no sense"):
            reader.job(2)
        with pytest.raises(StorageBroken, match="line 2 of the log makes no sense"):
            reader.entries(0, 10)
        assert reader.live() == [maker.jobs[1], maker.jobs[3]]
        assert reader.query(Query()) == [maker.jobs[3], maker.jobs[1]]
        assert "the record of job 2 makes no sense" in caplog.text
    store = Store(path, on_committed=lambda _: None, on_failed=lambda _: None)
    assert store.open().live == [maker.jobs[1], maker.jobs[3]]


def test_no_database(tmp_path: Path) -> None:
    """What is missing, or no database, is named."""
    (tmp_path / "text").write_text("not a database, but long enough for a header " * 5)
    for name, problem in (("missing", "unable to open database file"), ("text", "file is not a database")):
        with pytest.raises(StorageBroken, match=f"{tmp_path / name} cannot be used: {problem}"):
            Reader(tmp_path / name)


def test_how_long_runs_take(tmp_path: Path) -> None:
    """Quantiles over the latest completed runs; failures and pauses do not count, and runs of long ago drop out."""
    path, maker = tmp_path / "jobd.db", Maker()
    old = [maker.run(job_id, elapsed=9999.0) for job_id in range(1, 11)]
    late = [maker.run(job_id, elapsed=float(job_id - 10)) for job_id in range(11, 61)]
    write(
        path, *old, *late, maker.run(61, status=256, elapsed=0.1), maker.run(62, "other", elapsed=0.2), maker.submit(63)
    )
    with reading(path) as reader:
        usual = reader.usual("encode")
        assert usual is not None
        assert (usual.runs, usual.p10, usual.p50, usual.p90, usual.p95) == (50, 5.9, 25.5, 45.1, 47.55)
        other = reader.usual("other")
        assert other is not None
        assert (other.runs, other.p10, other.p95) == (1, 0.2, 0.2)
        assert reader.usual("unknown") is None


def test_runs_without_a_measured_time(tmp_path: Path) -> None:
    """Where nobody measured, the wall clock says how long it took; a run of which nobody knows does not count."""
    path, maker = tmp_path / "jobd.db", Maker()
    for job_id in (1, 2):
        write(path, maker.submit(job_id), maker.start(job_id))
    maker.at += timedelta(seconds=99)
    started = maker.jobs[1].started_at
    assert started is not None
    completed = happened.Completed(ending=Ending(status=0, ended_at=maker.at))
    write(path, maker.happen(1, completed), maker.happen(2, happened.Completed()))
    with reading(path) as reader:
        usual = reader.usual("encode")
        assert usual is not None
        assert usual.runs == 1
        assert completed.ending.ended_at is not None
        assert usual.p50 == (completed.ending.ended_at - started).total_seconds() > 99


def test_the_shape_of_earlier_runs(tmp_path: Path) -> None:
    """It comes from the samples kept in the records, over the time that a run took; the size is told by the total."""
    path, maker = tmp_path / "jobd.db", Maker()
    for job_id in (1, 2, 3):
        write(path, maker.submit(job_id), maker.start(job_id))
        write(path, maker.progress(job_id, done=5), maker.progress(job_id, done=10), maker.end(job_id, elapsed=30.0))
    with reading(path) as reader:
        usual = reader.usual("encode")
    assert usual is not None
    assert (usual.followed, usual.total) == (3, pytest.approx(math.log(10), abs=1e-4))
    for fraction, seconds in ((0.5, 7.5), (1.0, 15.0)):
        assert math.exp(usual.course[GRID.index(fraction)].passed) == pytest.approx(seconds, rel=1e-3)
