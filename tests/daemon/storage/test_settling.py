"""What has ended is found by its words once it is settled, and never after it is run again or removed."""

import contextlib
import logging
import sqlite3
from pathlib import Path

import pytest

from jobd.core.events import catalogue as happened
from jobd.core.filters import EVERYTHING, search_text
from jobd.core.history.searching import Search
from jobd.core.model import Moment
from jobd.daemon.remembered.searching import Searching
from jobd.daemon.storage import database, filesystem, safekeeping, settling
from tests.daemon.storing import ask, reading, write
from tests.making import Maker


@pytest.fixture
def maker() -> Maker:
    """Give what makes jobs."""
    return Maker()


def settle(path: Path, most: int = 100) -> int:
    """Settle in a connection of its own."""
    with contextlib.closing(database.connect(path)) as connection:
        return settling.settle(connection, most)


def whole(path: Path) -> None:
    """See that the index has exactly the texts of the settled jobs."""
    with contextlib.closing(database.connect(path)) as connection:
        connection.execute("INSERT INTO parts (parts) VALUES ('integrity-check')")
        settled = connection.execute("SELECT id FROM jobs WHERE settled = 1 ORDER BY id").fetchall()
        assert connection.execute("SELECT job FROM words ORDER BY job").fetchall() == settled
        for (text,) in connection.execute("SELECT text FROM words"):
            assert connection.execute("SELECT 1 FROM parts WHERE parts MATCH ?", (f'"{text[:3]}"',)).fetchone()
        everything = connection.execute(
            "SELECT count(*) FROM parts WHERE parts MATCH ?", ('"ffm" AND "peg"',)
        ).fetchone()
        assert everything == (len(settled),)


def test_the_newest_of_those_that_have_ended(tmp_path: Path, maker: Maker) -> None:
    """Some at a time; living ones never."""
    path = tmp_path / "jobd.db"
    write(path, maker.run(1), maker.run(2), maker.submit(3), maker.run(4), maker.start(3))
    assert settle(path, 2) == 2
    assert ask(path, "SELECT id FROM jobs WHERE settled = 1") == [(2,), (4,)]
    assert [settle(path, 2) for _ in range(2)] == [1, 0]
    assert ask(path, "SELECT job, text FROM words") == [(n, search_text(maker.jobs[n]).casefold()) for n in (1, 2, 4)]
    whole(path)


def test_run_again_or_removed(tmp_path: Path, maker: Maker) -> None:
    """Its words go with the change, in the same transaction as it, and come again when it ends again."""
    path = tmp_path / "jobd.db"
    write(path, *(maker.run(number) for number in range(1, 6)))
    settle(path)
    write(path, maker.happen(2, happened.Retried()), maker.happen(3, happened.Removed()))
    whole(path)
    assert ask(path, "SELECT job FROM words") == [(1,), (4,), (5,)]
    write(
        path,
        maker.start(2),
        maker.end(2, status=256),
        maker.happen(4, happened.Retried()),
        maker.start(4),
        maker.end(4),
    )
    whole(path)
    assert settle(path) == 2
    whole(path)
    assert ask(path, "SELECT id, settled, reason FROM jobs WHERE id = 2") == [(2, 1, "exit:1")]


def test_a_record_that_makes_no_sense(tmp_path: Path, maker: Maker, caplog: pytest.LogCaptureFixture) -> None:
    """It is told of once, and keeps no other job from being settled."""
    path = tmp_path / "jobd.db"
    write(path, maker.run(1), maker.run(2))
    ask(path, "UPDATE records SET record = '{}' WHERE job = 2")
    with caplog.at_level(logging.ERROR):
        assert [settle(path) for _ in range(2)] == [2, 0]
    assert caplog.text.count("the record of job 2 makes no sense") == 1
    with reading(path) as reader:
        found = Searching(reader, None, Moment(maker.at, 0, "")).find(Search(EVERYTHING))
        assert found.jobs == [maker.jobs[1]]


def test_a_copy_has_the_index(tmp_path: Path, maker: Maker) -> None:
    """A backup is searched as it is."""
    path, copy = tmp_path / "jobd.db", tmp_path / "copy.db"
    write(path, maker.run(1), maker.run(2))
    settle(path)
    safekeeping.backup(path, copy)
    whole(copy)
    assert safekeeping.check(copy, thorough=True) == []


def test_what_does_not_belong_is_taken_out(tmp_path: Path, maker: Maker) -> None:
    """After rows were written past the rules, one call makes the index true again."""
    path = tmp_path / "jobd.db"
    write(path, *(maker.run(number) for number in range(1, 5)))
    settle(path)
    ask(path, "DELETE FROM jobs WHERE id = 1")
    ask(path, "UPDATE jobs SET settled = 0 WHERE id = 3")
    with contextlib.closing(database.connect(path)) as connection, database.transaction(connection):
        settling.tidy(connection)
    whole(path)


def garble(path: Path) -> None:
    """Overwrite the index of words, behind FTS5's back."""
    ask(path, "UPDATE parts_data SET block = x'00ff00ff' WHERE id > 10")


def test_a_damaged_index_is_made_anew(tmp_path: Path, maker: Maker, caplog: pytest.LogCaptureFixture) -> None:
    """SQLite does not find that damage by itself: a start under suspicion looks, and so does who gives room back."""
    path = tmp_path / "jobd.db"
    write(path, *(maker.run(number) for number in range(1, 30)))
    settle(path)
    garble(path)
    with pytest.raises(sqlite3.DatabaseError):
        whole(path)
    assert safekeeping.check(path) == []
    filesystem.put_mark(filesystem.suspect_mark(path))
    with caplog.at_level(logging.ERROR):
        write(path, maker.run(30))
    assert "the index of words was damaged; it was made anew" in caplog.text
    settle(path)
    whole(path)
    garble(path)
    safekeeping.vacuum(path)
    whole(path)


def test_a_sound_index_is_left_alone(tmp_path: Path, maker: Maker) -> None:
    """Nothing is made anew that is whole."""
    path = tmp_path / "jobd.db"
    write(path, maker.run(1))
    settle(path)
    with contextlib.closing(database.connect(path)) as connection:
        assert not settling.mend(connection)


def test_made_anew_as_if_it_had_grown(tmp_path: Path, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that is made anew is neither one piece, which every later change would merge, nor very many."""
    monkeypatch.setattr(settling, "REBUILT", 2)
    path = tmp_path / "jobd.db"
    write(path, *(maker.run(number) for number in range(1, 65)))
    assert settle(path) == 64
    safekeeping.vacuum(path)
    whole(path)
    assert [(2,)] <= ask(path, "SELECT count(DISTINCT segid) FROM parts_idx") <= [(12,)]


def test_many_small_changes(tmp_path: Path, maker: Maker) -> None:
    """The index stays whole and in few pieces, though it is only ever merged a little."""
    path = tmp_path / "jobd.db"
    for first in range(1, 240, 4):
        write(path, *(maker.run(number) for number in range(first, first + 4)))
        settle(path)
    for first in range(1, 180, 3):
        write(path, *(maker.happen(number, happened.Removed()) for number in range(first, first + 3)))
    whole(path)
    assert ask(path, "SELECT count(*) FROM words") == [(60,)]
    assert ask(path, "SELECT count(DISTINCT segid) FROM parts_idx") <= [(12,)]
    assert ask(path, "SELECT v FROM parts_config WHERE k = 'automerge'") == [(0,)]
