"""The file is opened as it must be, belongs to its owner alone, and SQLite's complaints become clear words."""

import contextlib
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from jobd.core.errors import OutcomeUnknown, StorageBroken, StorageFull
from jobd.daemon.storage import database
from tests.daemon.storing import write
from tests.making import Maker


def failure(code: int, words: str = "trouble") -> sqlite3.Error:
    """Make an error as SQLite raises it."""
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    error.sqlite_errorname = "SQLITE_TROUBLE"
    return error


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1), ("off", 0)])
def test_how_the_writer_opens_it(tmp_path: Path, durability: str, synchronous: int) -> None:
    """Every setting that durability and safety rest on is made."""
    path = tmp_path / "jobd.db"
    database.touch(path)
    with contextlib.closing(database.connect(path, durability=durability)) as connection:
        expected = {
            "journal_mode": "wal",
            "synchronous": synchronous,
            "busy_timeout": 5000,
            "foreign_keys": 1,
            "journal_size_limit": database.LONGEST_LOG,
            "wal_autocheckpoint": database.LONGEST_LOG // database.PAGE,
            "temp_store": 2,
            "mmap_size": 0,
            "trusted_schema": 0,
            "auto_vacuum": 2,
        }
        assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in expected} == expected


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """What opens the file to read cannot change it."""
    path = tmp_path / "jobd.db"
    write(path, Maker().submit(1))
    with contextlib.closing(database.connect(path, read_only=True)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM jobs")
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    """Environments of jobs are in the file, so nobody else may read it, nor its log, whatever the umask is."""
    path, before = tmp_path / "jobd.db", os.umask(0)
    try:
        database.touch(path)
        with contextlib.closing(database.connect(path)) as connection:
            connection.execute("CREATE TABLE things (thing)")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"jobd.db": 0o600, "jobd.db-wal": 0o600, "jobd.db-shm": 0o600}


def test_an_existing_file_is_not_made_again(tmp_path: Path) -> None:
    """Making the file refuses one that is there, and a link to one."""
    path, link = tmp_path / "jobd.db", tmp_path / "link"
    database.touch(path)
    link.symlink_to(path)
    for name in (path, link):
        with pytest.raises(FileExistsError):
            database.touch(name)


@pytest.mark.parametrize("name", ["with space", "per%20cent", "question?mark=1", "hash#tag", "ünï", "b\udcff"])
def test_any_name_of_a_directory(tmp_path: Path, name: str) -> None:
    """The state directory may be called anything."""
    path = tmp_path / name / "jobd.db"
    path.parent.mkdir()
    write(path, Maker().submit(1))
    assert path.exists()


def test_what_a_failed_commit_means(tmp_path: Path) -> None:
    """No room: nothing has changed. Anything else: nobody knows, and the words say why."""
    path = tmp_path / "jobd.db"
    for code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE):
        assert isinstance(database.failed_commit(failure(code), path), StorageFull)
    for code in (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
        error = database.failed_commit(failure(code), path)
        assert isinstance(error, OutcomeUnknown)
        assert "trouble (SQLITE_TROUBLE)" in error.message
    assert (
        "another process has kept jobd.db locked for 5 s"
        in database.failed_commit(failure(sqlite3.SQLITE_BUSY_SNAPSHOT), path).message
    )
    assert "lost" in database.failed_commit(ValueError("lost"), path).message


def test_room_is_tried_out(tmp_path: Path) -> None:
    """A quota shows only when something is written; the trial leaves nothing behind."""
    assert database.has_room(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not database.has_room(tmp_path / "missing")


def test_an_obstacle_is_named(tmp_path: Path) -> None:
    """Where SQLite only says that it cannot, the reason is found."""
    path = tmp_path / "jobd.db"
    error = database.failed_open(failure(sqlite3.SQLITE_CANTOPEN, "unable to open database file"), path)
    assert isinstance(error, StorageBroken)
    assert f"{path} cannot be used: unable to open database file" in error.message
