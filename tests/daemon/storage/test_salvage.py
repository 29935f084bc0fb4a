"""Whatever is done to a file: what is read from it is true, and what can be reached is read."""

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.core.events import catalogue as happened
from jobd.daemon.storage import database, migration, rows, safekeeping, salvage, settling
from jobd.daemon.storage.salvage import Saved
from tests.daemon import damaging
from tests.daemon.storing import ask, reading, write
from tests.making import Maker

JOBS = 200
#: The surroundings that all of them need.
NEEDED = "0" * 64


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Maker]:
    """Make a database of some hundred jobs, with an answer and surroundings."""
    path, maker = tmp_path_factory.mktemp("source") / "jobd.db", Maker()
    write(path, *(maker.run(job_id) for job_id in range(1, JOBS + 1)))
    ask(path, "INSERT INTO requests (id, method, at, reply) VALUES ('a', 'submit', 5, '{}')")
    ask(path, 'INSERT INTO surroundings (digest, body) VALUES (?, \'{"environment":["A=1"]}\')', NEEDED)
    ask(path, "UPDATE surroundings SET jobs = ?", JOBS)
    return path, maker


def damaged(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """Open a damaged file."""
    return contextlib.closing(database.connect(path, read_only=True, damaged=True))


def sound(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """Make a new database to save into."""
    database.touch(path)
    connection = database.connect(path, durability="off")
    migration.bring_up_to_date(connection)
    return contextlib.closing(connection)


def save(path: Path, into: Path) -> Saved:
    """Save what can be read."""
    with damaged(path) as broken, sound(into) as fresh:
        return salvage.salvage(broken, fresh)


def rowids(path: Path, table: str) -> list[int]:
    """List the rows that can be reached."""
    with damaged(path) as broken:
        return [row[0] for row in salvage.readable(broken, table, "rowid")]


def test_a_sound_database_is_saved_whole(tmp_path: Path, source: tuple[Path, Maker]) -> None:
    """Without damage nothing is missing: all tables, row by row."""
    path, _ = source
    assert save(path, tmp_path / "fresh.db") == Saved(JOBS, 0, 4 * JOBS, 1, 1)
    for table in ("jobs", "events", "requests", "surroundings"):
        text = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608
        assert ask(tmp_path / "fresh.db", text) == ask(path, text)


@pytest.mark.parametrize("lost", [[0], [1, 2], [0, 3, 4, 9], [-1], [-2, -1], [0, -1]])
def test_all_but_the_damaged_pages_is_read(tmp_path: Path, source: tuple[Path, Maker], lost: list[int]) -> None:
    """Behind any number of damaged pages, at the beginning, in the middle or at the end, the search goes on."""
    path = tmp_path / "jobd.db"
    path.write_bytes(source[0].read_bytes())
    pages = damaging.leaves(path, "events")
    whole = rowids(path, "events")
    for place in lost:
        damaging.overwrite(path, pages[place], b"\xff" * damaging.PAGE)
    found = rowids(path, "events")
    assert found == sorted(set(found))
    assert set(found) < set(whole)
    assert len(found) > len(whole) * (1 - 1.5 * len(lost) / len(pages))


def test_a_table_without_a_root_ends_soon(tmp_path: Path, source: tuple[Path, Maker]) -> None:
    """Where nothing can be reached the search gives up instead of trying every number there is."""
    path = tmp_path / "jobd.db"
    path.write_bytes(source[0].read_bytes())
    damaging.overwrite(path, damaging.pages(path, "records")[0], bytes(damaging.PAGE))
    assert rowids(path, "records") == []
    assert save(path, tmp_path / "fresh.db") == Saved(0, JOBS, 4 * JOBS, 1, 1), "the log alone is enough"


def test_rows_that_make_no_sense_are_left_out(tmp_path: Path, source: tuple[Path, Maker]) -> None:
    """A record that cannot be understood is not copied; what the log says of that job is."""
    path = tmp_path / "jobd.db"
    path.write_bytes(source[0].read_bytes())
    for job_id, record in ((1, "not JSON"), (2, "{}"), (3, "[]"), (4, "x'ff'")):
        ask(path, "UPDATE records SET record = ? WHERE job = ?", record, job_id)
    ask(path, "UPDATE records SET record = x'80ff' WHERE job = 5")
    ask(path, 'UPDATE events SET event = \'{"type":"imagined"}\' WHERE seq = 100')
    ask(path, "UPDATE events SET at = 'yesterday' WHERE seq = 101")
    ask(path, 'UPDATE events SET actor = \'{"uid":"root"}\' WHERE seq = 102')
    ask(path, "INSERT INTO requests (id, method, at, reply) VALUES ('b', 'submit', 'never', '{}')")
    ask(path, "INSERT INTO surroundings (digest, body) VALUES ('e', '['), ('f', '{}')")
    assert save(path, tmp_path / "fresh.db") == Saved(JOBS - 5, 5, 4 * JOBS - 3, 1, 2)
    assert ask(tmp_path / "fresh.db", "SELECT digest, jobs FROM surroundings") == [(NEEDED, JOBS)]
    for text in ("SELECT job, record FROM records WHERE job > 5", "SELECT id, state FROM jobs"):
        assert ask(tmp_path / "fresh.db", text) == ask(source[0], text)


def test_what_is_there_is_brought_up_to_date(tmp_path: Path) -> None:
    """Jobs of a backup become what they are in the damaged file; lines and answers that are there already stay."""
    path, fresh, maker = tmp_path / "jobd.db", tmp_path / "fresh.db", Maker()
    before = [maker.submit(job_id) for job_id in range(1, 5)]
    write(path, *before)
    with damaged(path) as broken, sound(fresh) as connection:
        salvage.salvage(broken, connection)
    write(path, maker.start(1), maker.start(2), maker.end(2), maker.start(3), maker.end(3))
    write(path, maker.happen(3, happened.Removed()))
    with damaged(path) as broken, contextlib.closing(database.connect(fresh)) as connection:
        salvage.salvage(broken, connection)
    assert ask(fresh, "SELECT id, state FROM jobs ORDER BY id") == [(1, "running"), (2, "completed"), (4, "pending")]
    assert ask(fresh, "SELECT count(*) FROM events") == [(maker.seq,)]


def test_what_retention_keeps_is_saved(tmp_path: Path) -> None:
    """Sums and runs of removed jobs; what makes no sense of them is left out; and nothing is counted twice."""
    path, fresh, maker = tmp_path / "jobd.db", tmp_path / "fresh.db", Maker()
    write(path, *(maker.run(job_id, f"name-{job_id % 3}") for job_id in range(1, 7)))
    with damaged(path) as broken, sound(fresh) as connection:
        salvage.salvage(broken, connection)
    write(path, *(maker.happen(job_id, happened.Removed(why="retention")) for job_id in range(1, 6)))
    ask(path, "UPDATE daily SET durations = 'x' WHERE name = 'name-1'")
    ask(path, "UPDATE bygone SET runs = 5 WHERE name = 'name-2'")
    ask(path, "DELETE FROM events WHERE seq < 5")
    with damaged(path) as broken, contextlib.closing(database.connect(fresh)) as connection:
        salvage.salvage(broken, connection)
    assert ask(fresh, "SELECT name, runs FROM daily ORDER BY name") == [("name-0", 1), ("name-2", 2)]
    assert ask(fresh, "SELECT name FROM bygone ORDER BY name") == [("name-0",), ("name-1",)]
    assert ask(fresh, "SELECT id FROM jobs") == [(6,)]


def test_saved_filters_are_saved(tmp_path: Path) -> None:
    """Those that are texts; no other setting of the damaged file is taken over."""
    path, fresh = tmp_path / "jobd.db", tmp_path / "fresh.db"
    write(path)
    ask(path, "INSERT INTO meta VALUES ('preset:mine', 'name=encode'), ('preset:odd', x'ff'), ('other', 1)")
    with damaged(path) as broken, sound(fresh) as connection:
        salvage.salvage(broken, connection)
    assert ask(fresh, "SELECT key, value FROM meta WHERE key IN ('preset:mine', 'preset:odd', 'other')") == [
        ("preset:mine", "name=encode")
    ]


def test_settled_jobs_are_settled_anew(tmp_path: Path) -> None:
    """The index of a backup loses what the damaged file knows better, and the daemon settles it again."""
    path, fresh, maker = tmp_path / "jobd.db", tmp_path / "fresh.db", Maker()
    write(path, *(maker.run(job_id) for job_id in range(1, 6)))
    with contextlib.closing(database.connect(path)) as connection:
        settling.settle(connection, 9)
    safekeeping.backup(path, fresh)
    ask(path, "DELETE FROM records WHERE job = 2")
    with damaged(path) as broken, contextlib.closing(database.connect(fresh)) as connection:
        salvage.salvage(broken, connection)
        assert connection.execute("SELECT job FROM words").fetchall() == [(2,)]
        connection.execute("INSERT INTO parts (parts) VALUES ('integrity-check')")
        assert settling.settle(connection, 9) == 4
    assert ask(fresh, "SELECT count(*), sum(settled) FROM jobs") == [(5, 5)]


def test_an_older_version_is_saved(tmp_path: Path) -> None:
    """It had the records in the table of jobs."""
    path, maker = tmp_path / "jobd.db", Maker()
    database.touch(path)
    with contextlib.closing(database.connect(path)) as connection:
        migration.migrate(connection, migration.scripts()[:2])
        for job_id in range(1, 4):
            job, _ = maker.run(job_id)
            columns = (*rows.JOB_COLUMNS[:9], "record")
            text = f"INSERT INTO jobs ({', '.join(columns)}) VALUES ({', '.join('?' * 10)})"  # noqa: S608
            connection.execute(text, (*rows.job_row(job)[:9], rows.record_row(job)[1]))
    assert save(path, tmp_path / "fresh.db") == Saved(3, 0, 0, 0, 0)
    with reading(tmp_path / "fresh.db") as reader:
        assert reader.jobs([1, 2, 3]) == maker.jobs
    assert ask(tmp_path / "fresh.db", "SELECT sum(duration) FROM jobs") == [(37.5,)]


def test_a_job_whose_beginning_is_lost_is_not_invented(tmp_path: Path) -> None:
    """A job that the rest of the log cannot explain is left out, and hinders no other."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.run(job_id) for job_id in range(1, 6)))
    ask(path, "DELETE FROM events WHERE seq = 5")
    ask(path, "DELETE FROM records WHERE job < 4")
    assert save(path, tmp_path / "fresh.db") == Saved(2, 2, 19, 0, 0)
    assert ask(tmp_path / "fresh.db", "SELECT id FROM jobs ORDER BY id") == [(1,), (3,), (4,), (5,)]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.randoms(use_true_random=True), count=st.integers(1, 40), size=st.sampled_from([1, 8, 512, 4096]))
def test_any_damage(
    source: tuple[Path, Maker], tmp_path_factory: pytest.TempPathFactory, choice: random.Random, count: int, size: int
) -> None:
    """Random bytes anywhere but in the schema: saving ends, and what it makes is sound and makes sense."""
    path = tmp_path_factory.mktemp("damaged") / "jobd.db"
    fresh = path.with_name("fresh.db")
    path.write_bytes(source[0].read_bytes())
    for _ in range(count):
        start = choice.randrange(damaging.PAGE, path.stat().st_size - size)
        damaging.overwrite(path, start, choice.randbytes(size))
    for start in damaging.pages(source[0], None):
        damaging.overwrite(path, start, source[0].read_bytes()[start : start + damaging.PAGE])
    saved = save(path, fresh)
    assert safekeeping.check(fresh, thorough=True) == []
    with reading(fresh) as reader:
        jobs = [reader.job(int(str(job_id))) for (job_id,) in ask(fresh, "SELECT id FROM jobs")]
        assert len(jobs) >= saved.jobs
        assert len(reader.entries(0, 10 * JOBS)) == saved.entries
