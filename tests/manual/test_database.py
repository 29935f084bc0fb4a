"""The views of the database are told column by column, and answer any program that reads SQLite."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from jobd.core.events import catalogue as happened
from jobd.core.model import Attempt, Ending, Spec, State, Usage
from jobd.core.text import Base64
from jobd.core.work.progress_record import Progress
from jobd.manual.database import database_page, views
from tests.core.samples import AT, BOOT, ENDED, MAIN, job_in
from tests.daemon.storing import write
from tests.making import Maker

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
VIEWS = {view.name: view for view in views()}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Open a database as any program does: with nothing but the module sqlite3, for reading only."""
    path, maker = tmp_path_factory.mktemp("views") / "jobd.db", Maker()
    changes = [maker.run(1), maker.run(2, status=256), maker.submit(3), maker.run(4, "removed"), maker.start(3)]
    changes += [maker.happen(2, happened.Retried()), maker.start(2), maker.end(2, status=9)]
    odd = replace(
        job_in(State.FAILED, job_id=5), spec=Spec(argv=("sh", Base64("/w==")), cwd=Base64("/w==")), parent=1, warned=3,
        labels={"env": "prod"}, detail="gone", usage=Usage(cpu_seconds=1.5, peak_rss_bytes=4096), reason="cannot_start",
        progress=Progress(fraction=0.25, message="a\nb"),
        attempts=(Attempt(number=1, boot=BOOT, opened_at=AT, ending=Ending(start_errno=2, start_step="exec")),),
    )  # fmt: skip
    attached = replace(job_in(State.COMPLETED, job_id=6), spec=None, command=("make", "all"), watched=MAIN)
    changes += [(odd, maker.submit(5)[1]), (attached, maker.submit(6)[1])]
    write(path, *changes)
    write(path, maker.happen(4, happened.Removed(why="retention")))
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as opened:
        opened.row_factory = sqlite3.Row
        yield opened


def rows(connection: sqlite3.Connection, view: str) -> list[dict[str, Any]]:
    """Read all of a view."""
    return [dict(row) for row in connection.execute(f"SELECT * FROM {view} ORDER BY 1, 2, 3")]  # noqa: S608


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_told(connection: sqlite3.Connection, view: str) -> None:
    """In their order, each in a sentence."""
    columns = [row["name"] for row in connection.execute(f"PRAGMA table_info({view})")]
    assert columns == list(VIEWS[view].columns)
    assert all(text.endswith(".") for text in VIEWS[view].columns.values())
    assert rows(connection, view)


def test_all_views_are_told(connection: sqlite3.Connection) -> None:
    """There is no other, and the page has them all."""
    found = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    assert found == set(VIEWS)
    page = database_page()
    assert all(f"THE VIEW {name.upper()}" in page for name in VIEWS)


def test_jobs(connection: sqlite3.Connection) -> None:
    """What is known of each, in the units that are told."""
    found = {row["id"]: row for row in rows(connection, "v_jobs")}
    assert {row["warnings"] for row in found.values()} == {0, 3}
    assert {number: row["state"] for number, row in found.items()} == {
        1: "completed", 2: "failed", 3: "running", 5: "failed", 6: "completed",
    }  # fmt: skip
    first, odd = found[1], found[5]
    assert (first["command"], first["cwd"], first["seconds"]) == ("ffmpeg -i in.mkv out.mp4", "/srv/video", 12.5)
    assert all(ISO.fullmatch(first[time]) for time in ("created", "started", "ended"))
    assert datetime.fromisoformat(first["created"]) <= datetime.fromisoformat(first["started"])
    assert (found[2]["signal"], found[2]["exit_code"], found[2]["attempts"]) == (9, None, 2)
    assert (found[3]["seconds"], found[3]["ended"], found[6]["command"]) == (None, None, "make all")
    assert json.loads(odd["labels"]) == {"env": "prod"}
    wanted = {
        "reason": "cannot_start", "detail": "gone", "exit_code": 127, "parent": 1, "warnings": 3, "percent": 25.0,
        "message": "a\nb", "cpu_seconds": 1.5, "peak_bytes": 4096, "command": 'sh {"b64":"/w=="}',
    }  # fmt: skip
    assert {name: odd[name] for name in wanted} == wanted


def test_attempts(connection: sqlite3.Connection) -> None:
    """Each try of each job, and how it ended."""
    every = rows(connection, "v_attempts")
    assert [tuple(row[name] for name in ("job", "attempt", "state", "exit_code", "signal")) for row in every] == [
        (1, 1, "completed", 0, None), (2, 1, "failed", 1, None), (2, 2, "failed", None, 9), (3, 1, None, None, None),
        (5, 1, None, 127, None), (6, 1, "completed", 0, None),
    ]  # fmt: skip
    last = every[-1]
    assert (last["seconds"], last["cpu_seconds"], last["pid"]) == (ENDED.elapsed, 1.75, MAIN.pid)
    assert all(ISO.fullmatch(last[time]) for time in ("started", "ended"))
    text = "SELECT count(*) FROM v_jobs AS j JOIN v_attempts AS a ON a.job = j.id AND a.started = j.started"
    assert connection.execute(text).fetchone()[0] >= 4


def test_events(connection: sqlite3.Connection) -> None:
    """Who did what, in order, with everything else as JSON."""
    found = rows(connection, "v_events")
    assert [row["seq"] for row in found] == list(range(1, len(found) + 1))
    assert (found[0]["type"], found[0]["uid"], found[0]["pid"], found[0]["job"]) == ("submitted", 1000, 4242, 1)
    assert json.loads(found[0]["event"])["name"] == "encode"
    assert (found[-1]["type"], found[-1]["uid"]) == ("removed", None)
    assert all(ISO.fullmatch(row["time"]) for row in found)


def test_days(connection: sqlite3.Connection) -> None:
    """Runs are counted whether they are still there or not."""
    found = {row["name"]: row for row in rows(connection, "v_daily")}
    assert (found["removed"]["runs"], found["removed"]["completed"], found["removed"]["seconds"]) == (1, 1, 12.5)
    assert (found["encode"]["runs"], found["encode"]["failed"], found["encode"]["completed"]) == (4, 2, 2)
    assert found["encode"]["peak_bytes"] == 4096
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["encode"]["day"])
