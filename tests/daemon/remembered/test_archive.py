"""What is remembered is found by the words people use, from memory and file as one, with a daemon or without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.config import Paths
from jobd.core.errors import JobNotFound, NothingMatched, TooManyMeant
from jobd.core.filters import EVERYTHING, by_flags
from jobd.core.history.searching import Search
from jobd.core.history.selection import LIVING, READING, Reach
from jobd.core.model import Job, State, Usage
from jobd.daemon.attempts import output
from jobd.daemon.remembered.archive import Archive
from jobd.daemon.system.clock import Clock
from tests.daemon.storing import ask, reading, write
from tests.making import Maker


class Remembered:
    """An archive of six jobs: 1 and 2 have ended, 3 runs and 4 waits; 5 and 6 are so new that only memory has them."""

    def __init__(self, state: Path) -> None:
        self.paths = Paths(state)
        self.maker = Maker()
        maker = self.maker
        write(
            self.paths.database,
            maker.run(1),
            maker.run(2, "deploy", elapsed=4.0),
            *(maker.submit(3), maker.start(3)),
            maker.submit(4, "other"),
        )
        maker.submit(5)
        maker.submit(6, "deploy")
        self.live = {job_id: maker.jobs[job_id] for job_id in (3, 4, 5, 6)}
        self.usage: dict[int, Usage] = {}


@pytest.fixture
def remembered(tmp_path: Path) -> Remembered:
    """Fill a state directory."""
    return Remembered(tmp_path)


@pytest.fixture
def archive(remembered: Remembered) -> Iterator[Archive]:
    """Open it as a daemon does."""
    with reading(remembered.paths.database) as reader:
        yield Archive(reader, Clock(), remembered.paths, live=remembered.live, usage=remembered.usage)


@pytest.fixture
def offline(remembered: Remembered) -> Iterator[Archive]:
    """Open it as a command does when no daemon runs."""
    with reading(remembered.paths.database) as reader:
        yield Archive(reader, Clock(), remembered.paths)


def ids(jobs: list[Job]) -> list[int]:
    """List the ids."""
    return [job.id for job in jobs]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", []),
        ("1", [1]),
        ("5,1,5 1", [5, 1]),
        ("2-4", [2, 3, 4]),
        ("last", [6]),
        ("@ 6", [6]),
        ("encode", [5]),
        ("encode~1", [3]),
        ("encode~2", [1]),
        ("deploy deploy~1 %other", [6, 2, 4]),
        ("all", [3, 4, 5, 6]),
        ("1 all last", [1, 6, 3, 4, 5]),
    ],
)
def test_words(archive: Archive, words: str, found: list[int]) -> None:
    """Ids and ranges, names and runs before them, the newest, all the living: in this order, each once."""
    assert ids(archive.select(tuple(words.split()))) == found


@pytest.mark.parametrize(
    ("words", "found"), [("last", [4]), ("encode", [3]), ("encode~1 deploy", [1, 2]), ("all", [3, 4]), ("", [])]
)
def test_words_without_a_daemon(offline: Archive, words: str, found: list[int]) -> None:
    """The file alone answers the same questions."""
    assert ids(offline.select(tuple(words.split()))) == found


@pytest.mark.parametrize("word", ["7", "1-7", "unknown", "encode~3", "7,1"])
def test_what_is_not_there_is_named(archive: Archive, word: str) -> None:
    """The error says what was asked for and which job is the newest."""
    with pytest.raises(JobNotFound) as caught:
        archive.select((word,))
    assert str(caught.value.details["job"]) in word.replace("1-7", "7")
    assert caught.value.details["newest"] == 4
    assert "the newest is 4" in caught.value.message


def test_all_is_what_the_verb_applies_to(archive: Archive) -> None:
    """`all` means the living jobs that the verb can do something with."""
    assert ids(archive.select(("all",), Reach((State.RUNNING,)))) == [3]
    assert ids(archive.select(("all",), LIVING._replace(applies=lambda job: job.id > 4))) == [5, 6]


@pytest.mark.parametrize("daemon", [True, False])
def test_a_filter_alone(archive: Archive, offline: Archive, *, daemon: bool) -> None:
    """It chooses among all, whatever has become of them, or only among those that the verb is for; never too many."""
    asked = archive if daemon else offline
    assert ids(asked.select(("where:id<4",))) == [3, 2, 1]
    assert ids(asked.select(("where:id<4",), LIVING)) == [3]
    assert ids(asked.select(("where:id<4", "1-2"))) == [1, 2]
    few = READING._replace(most=2)
    assert ids(asked.select(("where:id<3",), few)) == [2, 1]
    for words in ("where:id<4",), ("1-3",), ("1-2", "last"):
        with pytest.raises(TooManyMeant, match="more than 2 jobs"):
            asked.select(words, few)


def test_just_ended_is_not_living(archive: Archive, remembered: Remembered) -> None:
    """A job stays in memory until its end is durable, but is no longer one of the living."""
    remembered.live[3] = remembered.maker.end(3)[0]
    assert ids(archive.select(("all",))) == [4, 5, 6]
    assert archive.job(3).done


def test_memory_goes_before_the_file(archive: Archive, offline: Archive, remembered: Remembered) -> None:
    """What is about to be saved is shown at once, to who asks for that job and to who searches."""
    remembered.live[4] = remembered.maker.start(4)[0]
    assert archive.job(4).state is State.RUNNING
    assert ids(archive.newest(9, State.RUNNING)) == [4, 3]
    assert ids(archive.newest(3)) == [6, 5, 4]
    assert archive.count(EVERYTHING) == 6
    assert ids(offline.newest(9, State.RUNNING)) == [3]
    assert ids(offline.newest(9)) == [4, 3, 2, 1]


def test_a_snapshot(archive: Archive, remembered: Remembered) -> None:
    """It stays as it was, whatever happens to the jobs, and reads by a connection of its own."""
    with reading(remembered.paths.database) as reader:
        then = archive.snapshot(reader)
        moment = then.now()
        remembered.live[4] = remembered.maker.start(4)[0]
        del remembered.live[6]
        assert ids(then.newest(9, State.PENDING)) == [6, 5, 4]
        assert then.reader is reader
        assert then.now() == moment
    assert ids(archive.find(Search(by_flags(name="other"))).jobs) == [4]


def test_nothing_is_there(tmp_path: Path) -> None:
    """An empty archive says so."""
    paths = Paths(tmp_path)
    write(paths.database)
    with reading(paths.database) as reader:
        memories: list[dict[int, Job] | None] = [None, {}]
        for live in memories:
            empty = Archive(reader, Clock(), paths, live=live)
            assert empty.select(("all",)) == []
            for word in ("last", "1", "name"):
                with pytest.raises(JobNotFound, match="the newest is none"):
                    empty.select((word,))


def test_the_log_and_the_counts(archive: Archive, remembered: Remembered) -> None:
    """What is durable, in order."""
    assert [entry.seq for entry in archive.entries(0, 100)] == list(range(1, archive.last_seq() + 1))
    assert {entry.job for entry in archive.entries(0, 100, job=3)} == {3}
    assert archive.latest(3, 1)[0].seq == archive.entries(0, 100, job=3)[-1].seq
    assert archive.last_seq() == remembered.maker.seq - 2, "the two newest jobs are not durable"
    assert {state: count for state, count in archive.counts().items() if count} == {
        State.PENDING: 1,
        State.RUNNING: 1,
        State.COMPLETED: 2,
    }


def test_surroundings(archive: Archive, remembered: Remembered) -> None:
    """They are found by their digest; a digest without any is named."""
    ask(
        remembered.paths.database,
        "INSERT INTO surroundings (digest, body) VALUES ('d1', '{\"environment\":[\"A=1\"]}')",
    )
    assert archive.surroundings("d1").environment == ("A=1",)
    with pytest.raises(NothingMatched, match="surroundings d2"):
        archive.surroundings("d2")


def test_a_view(archive: Archive, remembered: Remembered) -> None:
    """A job is shown with its latest measurement, and with path and size of its output where there is some."""
    job = archive.job(3)
    assert archive.view(job).output is None
    remembered.usage[3] = Usage(rss_bytes=4096)
    path = output.files(remembered.paths, job)["output"]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 123)
    view = archive.view(job)
    assert view.usage.rss_bytes == 4096
    assert view.output is not None
    assert (view.output.path, view.output.bytes, view.output.files) == (str(path), 123, {"output": str(path)})
    assert archive.view(archive.job(1)).usage.rss_bytes is None


def test_times(archive: Archive) -> None:
    """The archive's present is the clock's."""
    assert archive.now().wall <= archive.now().wall
