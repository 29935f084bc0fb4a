"""A schema is brought up to date step by step, each whole or not at all, and comes out as if it had been made new."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace

from jobd.core.model import Attempt, Ending, Job, State, Usage
from jobd.daemon.storage import database, migration, rows
from tests.core.samples import AT, BOOT, ENDED, USAGE, job_in
from tests.source import PACKAGE

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
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migration.bring_up_to_date(fresh)
        assert shape(connection) == shape(fresh)
        assert sorted(content(connection)) == sorted(content(fresh))


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


#: Ways in which an attempt ended, or did not.
ENDINGS = (
    None,
    Ending(),
    ENDED,
    Ending(status=9, ended_at=AT + timedelta(seconds=77, microseconds=7)),
    Ending(status=139, ended_at=AT + timedelta(seconds=3)),
    Ending(status=23 * 256, ended_at=AT + timedelta(seconds=3), elapsed=0.25),
    Ending(status=127, elapsed=1e-6),
    Ending(start_errno=2, start_step="exec"),
    Ending(start_errno=2, start_step="cwd", ended_at=AT),
    Ending(start_errno=13, start_step="exec"),
)
USAGES = (None, Usage(), USAGE)


def before_figures() -> list[Job]:
    """Make jobs of all kinds, as version 2 knew them."""
    jobs = []
    for state, ending, usage in product((State.PENDING, State.RUNNING, State.FAILED, State.CANCELED), ENDINGS, USAGES):
        job = job_in(state, job_id=len(jobs) + 1)
        if job.done and ending is None:
            continue
        ended = (ending.ended_at or AT + timedelta(1)) if ending and job.done else None
        attempt = replace(job.attempts[0], ending=ending, paused_seconds=len(jobs) % 3 * 0.75)
        jobs.append(
            replace(
                job, attempts=(Attempt(number=1, boot=BOOT, opened_at=AT), attempt), numbered=2, usage=usage,
                created_at=AT - timedelta(seconds=len(jobs) % 5 - 1, microseconds=1), ended_at=ended,
                reason=None if len(jobs) % 2 else "exit:1",
            )
        )  # fmt: skip
    return [*jobs, replace(job_in(State.CANCELED, job_id=999), attempts=(), numbered=0, started_at=None)]


def test_jobs_of_old_get_their_figures(connection: sqlite3.Connection) -> None:
    """The columns that came with the third version say of every job what its record says."""
    migration.migrate(connection, migration.scripts()[:2])
    jobs, old = before_figures(), [*rows.JOB_COLUMNS[:9], "record"]
    for job in jobs:
        row = rows.job_row(job)
        marks = ", ".join("?" * len(old))
        values = (*row[:9], rows.record_row(job)[1])
        connection.execute(f"INSERT INTO jobs ({', '.join(old)}) VALUES ({marks})", values)  # noqa: S608
    connection.execute("UPDATE sqlite_sequence SET seq = 1234 WHERE name = 'jobs'")
    migration.migrate(connection, migration.scripts())
    found = connection.execute(f"SELECT {', '.join(rows.JOB_COLUMNS)} FROM jobs ORDER BY id").fetchall()  # noqa: S608
    assert found == [rows.job_row(job) for job in jobs]
    records = connection.execute("SELECT job, record FROM records ORDER BY job").fetchall()
    assert records == [rows.record_row(job) for job in jobs]
    assert connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall() == [("jobs", 1234)]


def test_surroundings_of_old_are_counted(connection: sqlite3.Connection) -> None:
    """The eleventh version knows how many jobs need them; those of jobs that were removed are gone."""
    migration.migrate(connection, migration.scripts()[:10])
    for job_id, digest in enumerate("aab", 1):
        job = job_in(State.COMPLETED, job_id=job_id)
        assert job.spec is not None
        rows.put_jobs(connection, [replace(job, spec=replace(job.spec, surroundings=digest))])
    connection.execute("INSERT INTO records VALUES (4, 'damaged')")
    connection.executemany("INSERT INTO surroundings (digest, body) VALUES (?, '{}')", ["a", "b", "c"])
    migration.migrate(connection, migration.scripts())
    found = connection.execute("SELECT digest, jobs FROM surroundings ORDER BY digest").fetchall()
    assert found == [("a", 2), ("b", 1)]
