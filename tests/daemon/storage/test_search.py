"""A search finds exactly what a look at every job would find, newest first, and walks no more than it must."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.errors import BadValue
from jobd.core.model import LARGEST, Job, State
from jobd.core.selection import Query
from jobd.daemon.storage import search
from jobd.daemon.storage.reader import Reader
from tests.daemon.storing import reading, write
from tests.making import START, Maker

NAMES = ("encode", "encoder", "deploy", "e[n]code", "ENCODE", "50%_off")
GROUPS = ("default", "night", "video")
PATTERNS = ("enc*", "*code*", "?ncode", "e[n]*", "*", "%*", "nothing*")
JOBS = 150


class Filled(NamedTuple):
    """A database and what is in it."""

    reader: Reader
    jobs: list[Job]
    path: Path


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Make a database of jobs in all states, of several names and groups, some made at the same moment."""
    path, maker = tmp_path_factory.mktemp("search") / "jobd.db", Maker()
    changes = []
    for job_id in range(1, JOBS + 1):
        job, entries = maker.submit(job_id, NAMES[job_id % 5 % len(NAMES)], group=GROUPS[job_id % 7 % 3])
        state = list(State)[job_id % 11 % len(State)]
        created = START + timedelta(seconds=job_id // 3)
        changes.append((replace(job, state=state, created_at=created), entries))
    write(path, *changes)
    with reading(path) as reader:
        yield Filled(reader, [job for job, _ in changes], path)


times = st.integers(-2, JOBS // 3 + 2).map(lambda seconds: START + timedelta(seconds=seconds))
queries = st.builds(
    Query,
    states=st.lists(st.sampled_from(State), max_size=4).map(tuple),
    name=st.none() | st.sampled_from((*NAMES, *PATTERNS, "unknown")),
    group=st.none() | st.sampled_from((*GROUPS, "unknown")),
    since=st.none() | times,
    until=st.none() | times,
    before=st.none() | st.integers(0, JOBS + 5) | st.just(LARGEST),
    limit=st.integers(0, 40) | st.just(LARGEST),
)


def matches(job: Job, query: Query) -> bool:
    """Say by looking at it whether a job is meant."""
    pattern = (query.name or "*").replace("[", "[[]")
    return (
        (not query.states or job.state in query.states)
        and fnmatchcase(job.name, pattern)
        and query.group in (None, job.group)
        and (query.since is None or job.created_at >= query.since)
        and (query.until is None or job.created_at < query.until)
        and (query.before is None or job.id < query.before)
    )


@given(query=queries)
def test_it_finds_what_is_meant(filled: Filled, query: Query) -> None:
    """Every combination of conditions, limits and pages."""
    expected = [job for job in reversed(filled.jobs) if matches(job, query)]
    assert filled.reader.query(query) == expected[: query.limit]


def test_pages_join_without_a_gap(filled: Filled) -> None:
    """Page after page gives every job once."""
    query, found = Query(states=(State.RUNNING, State.FAILED), limit=7), list[Job]()
    while page := filled.reader.query(replace(query, before=found[-1].id if found else None)):
        found += page
    assert found == [job for job in reversed(filled.jobs) if job.state in query.states]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query(), "PRIMARY KEY|jobs"),
        (Query(name="encode"), "jobs_by_name"),
        (Query(name="encode", states=(State.FAILED,)), "jobs_by_name"),
        (Query(states=(State.FAILED,)), "jobs_by_state"),
        (Query(states=(State.FAILED, State.CANCELED), group="night"), "jobs_by_state"),
        (Query(group="night"), "jobs_by_group"),
        (Query(states=(State.COMPLETED,), since=START, before=100), "jobs_by_state"),
        (Query(since=START, until=START), "jobs_by_creation"),
    ],
)
def test_one_index_leads(filled: Filled, query: Query, index: str) -> None:
    """Each walk uses the index meant for it, in its order: the rows of a walk are never sorted."""
    text, values = search.statement(query)
    with contextlib.closing(sqlite3.connect(filled.path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    assert any(name in step for step in plan for name in index.split("|")), plan
    assert not [step for step in plan if "TEMP B-TREE FOR ORDER BY" in step], plan


def test_a_long_history_is_not_walked(tmp_path: Path) -> None:
    """The newest jobs of a state among many others, and a window long ago, cost the same in any history."""

    def instructions(count: int) -> list[int]:
        path, maker = tmp_path / f"{count}.db", Maker()
        changes = [maker.run(job_id, status=256 * (job_id % 100 == 0)) for job_id in range(1, count + 1)]
        write(path, *changes)
        early = maker.jobs[50].created_at
        asked = [
            Query(states=(State.FAILED,), limit=1),
            Query(states=(State.FAILED, State.COMPLETED), limit=1),
            Query(since=early, until=early + timedelta(seconds=20), limit=5),
            Query(name="encode", limit=5, before=50),
        ]
        return [work(path, query) for query in asked]

    small, large = instructions(200), instructions(2000)
    assert [few * 2 > many for few, many in zip(small, large, strict=True)] == [True] * len(small), (small, large)


def work(path: Path, query: Query) -> int:
    """Count SQLite's instructions for a query."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    text, values = search.statement(query)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(step, 1)
        assert connection.execute(text, values).fetchall()
    return count


def test_numbers_are_bounded() -> None:
    """No number is too large for SQLite; a negative one is refused in a clear line."""
    assert [search.bounded(number) for number in (0, 5, LARGEST, 10**40)] == [0, 5, LARGEST, LARGEST]
    with pytest.raises(BadValue, match="-1 is negative"):
        search.bounded(-1)
