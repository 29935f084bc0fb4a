"""Rows hold what records say, and come back as records."""

import contextlib
import sqlite3
from datetime import timedelta

import pytest
from msgspec.structs import replace

from jobd.core.events.catalogue import leaves
from jobd.daemon.storage import migration, rows
from tests.making import ACTOR, START, Maker


@pytest.fixture
def connection() -> sqlite3.Connection:
    """Give an empty database."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migration.bring_up_to_date(opened)
    return opened


@pytest.mark.parametrize("count", [0, 1, 3, 64, 100, 129])
def test_few_statements_for_many_rows(connection: sqlite3.Connection, count: int) -> None:
    """A statement takes up to 64 rows, the rest goes by halves; the order is kept."""
    executed: list[str] = []
    connection.set_trace_callback(executed.append)
    rows.put(connection, rows.SURROUNDINGS, [(f"{number:03}", "{}") for number in range(count)])
    connection.set_trace_callback(None)
    assert len([text for text in executed if text.startswith("INSERT")]) == count // 64 + (count % 64).bit_count()
    found = connection.execute("SELECT digest FROM surroundings ORDER BY rowid").fetchall()
    assert found == [(f"{number:03}",) for number in range(count)]
    connection.close()


def test_there_and_back() -> None:
    """A job and every line of its log come back equal; who asked is kept, and that nobody did."""
    maker = Maker()
    _, entries = maker.run(1)
    job = maker.jobs[1]
    number, record = rows.record_row(job)
    assert (number, rows.read_job(record)) == (1, job)
    assert len(rows.job_row(job)) == len(rows.JOB_COLUMNS)
    for entry in entries:
        seq, at, job_id, frequent, actor, event = rows.entry_row(entry)
        assert rows.read_entry((seq, at, job_id, actor, event)) == entry
        assert frequent == int(entry.event.frequent)
        assert (actor is None) == (entry.by is None)
    assert entries[0].by == ACTOR
    reply = rows.Reply("request", "submit", START, b'{"id":1}')
    assert rows.read_reply(rows.reply_row(reply)) == reply


def test_frequent_kinds_are_left_out_of_the_index() -> None:
    """At least one kind of event comes in floods, and most do not."""
    frequent = [kind for kind in leaves() if kind.frequent]
    assert frequent
    assert len(frequent) < len(leaves()) / 2


def test_when_only_the_record_is_new() -> None:
    """Any change of what is searched by is seen; progress is none."""
    maker = Maker()
    maker.submit(1)
    job, _ = maker.start(1)
    assert rows.same_columns(job, maker.progress(1)[0])
    assert not rows.same_columns(job, maker.end(1)[0])
    changes = {
        "name": "b", "group": "night", "priority": 7, "started_at": START, "ended_at": START + timedelta(1),
        "reason": "slot", "numbered": 2,
    }  # fmt: skip
    for field, value in changes.items():
        assert not rows.same_columns(job, replace(job, **{field: value})), field


def test_removed_ids_stay_used(connection: sqlite3.Connection) -> None:
    """Removing raises the highest id ever used, and never lowers it."""
    for ids, highest in (([], 0), ([5, 3], 5), ([4], 5)):
        rows.remove_jobs(connection, ids)
        assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone() == (highest,)
    connection.close()


@pytest.mark.parametrize(("kept", "left"), [(100, [6, 7, 8, 9]), (2, [8, 9]), (0, [])])
def test_answers_are_trimmed_by_age_and_number(connection: sqlite3.Connection, kept: int, left: list[int]) -> None:
    """The oldest go first, some at a time, until neither their age nor their number is a reason."""
    answers = [rows.Reply(str(number), "submit", START + timedelta(hours=number), b"1") for number in range(10)]
    rows.put(connection, rows.REQUESTS, [rows.reply_row(answer) for answer in answers])
    while trimmed := rows.trim_requests(connection, START + timedelta(hours=6), kept, 3):
        assert 0 < trimmed <= 3
    found = connection.execute("SELECT id FROM requests ORDER BY rowid").fetchall()
    assert [int(row[0]) for row in found] == left
    with contextlib.closing(connection):
        assert rows.trim_requests(connection, START, kept, 3) == 0
