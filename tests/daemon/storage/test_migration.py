"""A schema is brought up to date step by step, each whole or not at all, and comes out as if it had been made new."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.daemon.storage import database, migration
from tests.source import PACKAGE

SCHEMA = PACKAGE / "daemon" / "storage" / "schema.sql"

#: A second version for the tests: it changes, fills and removes.
NEXT = """
-- A comment; with a semicolon.
ALTER TABLE jobs ADD COLUMN colour TEXT NOT NULL DEFAULT 'none; yet';
CREATE TABLE colours (name TEXT PRIMARY KEY);
INSERT INTO colours (name) VALUES ('red'), ('blue');
CREATE TRIGGER colouring AFTER INSERT ON colours BEGIN
    UPDATE jobs SET colour = new.name;
    DELETE FROM meta;
END;
DROP INDEX jobs_by_name;
"""
STATEMENTS = 5


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Give an empty database."""
    path = tmp_path / "jobd.db"
    database.touch(path)
    with contextlib.closing(database.connect(path)) as opened:
        yield opened


def shape(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Describe everything in a database: the statements that made it, by name."""
    text = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    rows = connection.execute(text).fetchall()
    return [(*row[:3], " ".join((row[3] or "").split())) for row in rows]


def content(connection: sqlite3.Connection) -> list[str]:
    """Write out everything in a database."""
    return [*connection.iterdump(), str(migration.version(connection))]


def test_migrations_make_the_schema(connection: sqlite3.Connection) -> None:
    """A database that came through all versions is like a new one, rows included."""
    migration.migrate(connection, migration.scripts())
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(SCHEMA.read_text(encoding="utf-8"))
        assert shape(connection) == shape(fresh)
        assert list(connection.iterdump()) == list(fresh.iterdump())


def test_each_file_is_one_version() -> None:
    """The files are numbered without a gap, and every statement in them is executed."""
    files = sorted((PACKAGE / "daemon" / "storage" / "migrations").iterdir())
    assert [file.name[:5] for file in files] == [f"{number:04}_" for number in range(1, len(files) + 1)]
    for text in migration.scripts():
        assert "".join(migration.statements(text)).strip() == text.strip()


def test_the_mark_says_whose_and_which(connection: sqlite3.Connection) -> None:
    """The file carries the name of the program and the version of its schema."""
    migration.migrate(connection, migration.scripts())
    assert database.application(connection).to_bytes(4, "big") == b"jobd"
    assert migration.version(connection) == len(migration.scripts())


def test_statements_are_cut_where_they_end() -> None:
    """Semicolons in strings, comments and triggers end nothing."""
    assert len(list(migration.statements(NEXT))) == STATEMENTS


def test_only_what_is_missing_is_applied(connection: sqlite3.Connection) -> None:
    """A database of the present version is left alone; one behind it gets the steps it lacks."""
    migration.migrate(connection, migration.scripts())
    before = content(connection)
    migration.migrate(connection, migration.scripts())
    assert content(connection) == before
    migration.migrate(connection, [*migration.scripts(), NEXT])
    assert migration.version(connection) == len(migration.scripts()) + 1
    assert connection.execute("SELECT name FROM colours ORDER BY name").fetchall() == [("blue",), ("red",)]


@pytest.mark.parametrize("place", range(STATEMENTS + 1))
def test_a_step_that_fails_leaves_the_old_version_whole(connection: sqlite3.Connection, place: int) -> None:
    """Whichever statement fails, nothing of the step is there, and it can be done again later."""
    migration.migrate(connection, migration.scripts())
    connection.execute("INSERT INTO meta (key, value) VALUES ('kept', 1)")
    before = content(connection)
    parts = list(migration.statements(NEXT))
    parts.insert(place, "INSERT INTO no_such_table VALUES (1);\n")
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        migration.migrate(connection, [*migration.scripts(), "".join(parts)])
    assert not connection.in_transaction
    assert content(connection) == before
    migration.migrate(connection, [*migration.scripts(), NEXT])
    assert content(connection) != before


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """A connection that is lost before the end leaves the old version whole."""
    path = tmp_path / "jobd.db"
    database.touch(path)
    with contextlib.closing(database.connect(path)) as first:
        migration.migrate(first, migration.scripts())
        before = content(first)
        first.execute("BEGIN IMMEDIATE")
        for statement in list(migration.statements(NEXT))[:3]:
            first.execute(statement)
    with contextlib.closing(database.connect(path)) as second:
        assert content(second) == before
