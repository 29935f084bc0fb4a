"""Reading gives what was written, at any size of question, beside a writer or alone, and names what it cannot read."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from jobd.core.errors import BadValue, StorageBroken, TryAgain
from jobd.core.events import catalogue as happened
from jobd.core.filters import EVERYTHING, by_flags
from jobd.core.history.searching import Search
from jobd.core.model import LARGEST, Moment, State
from jobd.daemon.remembered.searching import Searching
from jobd.daemon.storage import questions
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.store import Store
from tests.daemon.storing import ask, kept, reading, write
from tests.making import BOOT, START, Maker

NOW = Moment(START, 0, BOOT)


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
        assert reader.ids_by_name("encode", 9) == [4, 3, 1]
        assert reader.ids_by_name("encode", 2) == [4, 3]
        assert reader.ids_by_name("unknown", 1) == []
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
        assert (reader.live(), reader.jobs([1]), reader.entries(0, 10), reader.latest(1, 5)) == ([], {}, [], [])
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
        assert reader.jobs([min(number, LARGEST)]) == {}
        assert reader.ids_by_name("encode", number) == [1]
        for wrong in (lambda: reader.entries(-number, 1), lambda: reader.ids_by_name("encode", -number)):
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
    monkeypatch.setattr(questions, "_INSTRUCTIONS", 10)
    with reading(path) as reader:
        with monkeypatch.context() as patch:
            patch.setattr(questions, "LONGEST_SEARCH", 0.0)
            with pytest.raises(TryAgain, match="the search took longer than 0 s; narrow it down"):
                Searching(reader, None, NOW).find(Search(by_flags(name="*nothing*")))
            with pytest.raises(TryAgain, match="narrow it down"):
                Searching(reader, None, NOW).count(EVERYTHING)
        assert reader.newest_id() == 299


def test_a_record_that_makes_no_sense(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is named, and hides no other job, nor keeps the daemon from starting."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.submit(job_id) for job_id in range(1, 4)))
    ask(path, "UPDATE records SET record = '{\"id\":2}' WHERE job = 2")
    ask(path, "UPDATE events SET event = 'x' WHERE seq = 2")
    with reading(path) as reader, caplog.at_level(logging.ERROR):
        with pytest.raises(StorageBroken, match=f"{path} cannot be used: the record of job 2 makes no sense"):
            reader.job(2)
        with pytest.raises(StorageBroken, match="line 2 of the log makes no sense"):
            reader.entries(0, 10)
        assert reader.live() == [maker.jobs[1], maker.jobs[3]]
        assert Searching(reader, None, NOW).find(Search(EVERYTHING)).jobs == [maker.jobs[3], maker.jobs[1]]
        assert "the record of job 2 makes no sense" in caplog.text
    store = Store(path, on_committed=lambda _: None, on_failed=lambda _: None)
    assert store.open().live == [maker.jobs[1], maker.jobs[3]]


def test_no_database(tmp_path: Path) -> None:
    """What is missing, or no database, is named."""
    (tmp_path / "text").write_text("not a database, but long enough for a header " * 5)
    for name, problem in (("missing", "unable to open database file"), ("text", "file is not a database")):
        with pytest.raises(StorageBroken, match=f"{tmp_path / name} cannot be used: {problem}"):
            Reader(tmp_path / name)
