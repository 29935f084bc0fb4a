"""Statistics are the same before and after retention, and what a plain look at all runs gives."""

import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from statistics import fmean
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.errors import BadValue
from jobd.core.estimates.past import quantile
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry
from jobd.core.filters import by_flags
from jobd.core.history import histogram
from jobd.core.history.stats import By, Scope, StatisticsReport
from jobd.core.model import FINAL, Attempt, Ending, Job, State, Usage
from jobd.daemon.storage import settling, statistics
from jobd.daemon.storage.database import connect
from jobd.daemon.storage.reader import Reader
from tests.daemon.storing import ask, reading, write
from tests.making import BOOT, Maker

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
NOW = BEGIN + timedelta(days=60)
ZONE = ZoneInfo("Australia/Adelaide")
NAMES, GROUPS = ("backup-home", "backup-db", "e[n]code"), ("default", "night")
JOBS = 120


class Filled(NamedTuple):
    """A database, the runs that were in it, and those of them that were removed by retention."""

    path: Path
    jobs: list[Job]
    removed: set[int]

    def __repr__(self) -> str:
        return "filled"


def made(maker: Maker, number: int, choice: random.Random) -> tuple[Job, list[Entry]]:
    """Make a job of some name and end, at some time within four weeks."""
    labels = {"env": choice.choice("ab")}
    job, entries = maker.submit(number, choice.choice(NAMES), group=choice.choice(GROUPS), labels=labels)
    created = BEGIN + timedelta(hours=number * 24 * 28 / JOBS)
    state = choice.choice([*FINAL, State.COMPLETED, State.COMPLETED, State.RUNNING])
    started = None if state is State.CANCELED else created + timedelta(seconds=choice.randrange(100))
    seconds = round(choice.uniform(1, 5000), 6)
    ending = Ending(status=0, elapsed=seconds) if state in FINAL else None
    attempt = Attempt(number=1, boot=BOOT, opened_at=created, started_at=started, ending=ending)
    maker.jobs[number] = replace(
        job, state=state, created_at=created, started_at=started, attempts=(attempt,) if started else (), numbered=1,
        ended_at=created + timedelta(seconds=seconds) if state in FINAL else None,
        usage=Usage(cpu_seconds=choice.uniform(0, 9), peak_rss_bytes=choice.randrange(10**9)),
    )  # fmt: skip
    return maker.jobs[number], entries


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Make a database of runs, half of them settled; then let retention remove the older half."""
    path, maker = tmp_path_factory.mktemp("statistics") / "jobd.db", Maker()
    choice = random.Random(7)  # noqa: S311 -- the same runs each time
    changes = [made(maker, number, choice) for number in range(1, JOBS + 1)]
    jobs = [job for job, _ in changes]
    write(path, *changes)
    with contextlib.closing(connect(path)) as connection:
        settling.settle(connection, JOBS // 2)
    removed = {job.id for job in jobs[: JOBS // 2] if job.done}
    for some in (sorted(removed)[::2], sorted(removed)[1::2]):
        write(path, *(maker.happen(number, happened.Removed(why="retention")) for number in some))
    return Filled(path, jobs, removed)


@pytest.fixture
def reader(filled: Filled) -> Iterator[Reader]:
    """Read it."""
    with reading(filled.path) as opened:
        yield opened


def told(reader: Reader, scope: Scope, most: int, zone: tzinfo = ZONE) -> StatisticsReport:
    """Make the statistics of a scope."""
    where = by_flags(name=scope.name, group=scope.group, since=scope.since, until=scope.until, by_end=True)
    return statistics.report(reader, scope, where, NOW, most, lambda at: at.astimezone(zone))


def midnight(time: datetime) -> datetime:
    """Give the beginning of a day."""
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def within(job: Job, scope: Scope, removed: set[int]) -> bool:
    """Say by looking at it whether a run counts; of a removed one the day of its end must begin in the time."""
    if not job.done or job.ended_at is None:
        return False
    since, until = scope.since, scope.until
    ended = midnight(job.ended_at) if job.id in removed else job.ended_at
    return (
        (scope.name is None or job.name.startswith(scope.name.removesuffix("*")))
        and scope.group in (None, job.group)
        and (since is None or ended >= since)
        and (until is None or ended < until)
    )


def key(job: Job, by: By) -> str:
    """Give the key of a run."""
    assert job.ended_at is not None
    found = {
        By.NAME: job.name,
        By.GROUP: job.group,
        By.DAY: job.ended_at.date().isoformat(),
        By.LABEL: job.labels["env"],
    }
    return found[by]


scopes = st.builds(
    Scope, by=st.sampled_from([By.NAME, By.GROUP, By.DAY]), name=st.none() | st.sampled_from([*NAMES, "backup*", "x"]),
    group=st.none() | st.sampled_from(GROUPS),
    since=st.none() | st.integers(0, 30).map(lambda days: BEGIN + timedelta(days=days)),
    until=st.none() | st.integers(0, 30).map(lambda days: BEGIN + timedelta(days=days)),
)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=scopes)
def test_what_a_look_at_all_runs_gives(filled: Filled, reader: Reader, scope: Scope) -> None:
    """Sums are exact whatever was removed; quantiles are where nothing was, and else near."""
    report = told(reader, scope, 1000)
    runs: dict[str, list[Job]] = {}
    for job in filled.jobs:
        if within(job, scope, filled.removed):
            runs.setdefault(key(job, scope.by), []).append(job)
    by_runs = sorted(runs, key=lambda name: (-len(runs[name]), name))
    expected = sorted(runs, reverse=True) if scope.by is By.DAY else by_runs
    assert [one.key for one in report.statistics] == expected
    for one in report.statistics:
        some = runs[one.key]
        states = [sum(job.state is state for job in some) for state in (State.COMPLETED, State.FAILED, State.CANCELED)]
        assert (one.runs, one.completed, one.failed, one.canceled) == (len(some), *states)
        assert one.cpu_seconds == pytest.approx(sum(job.usage.cpu_seconds or 0 for job in some if job.usage), abs=1e-6)
        assert one.peak_rss_bytes == max(job.usage.peak_rss_bytes or 0 for job in some if job.usage)
        waits = [(job.started_at - job.created_at).total_seconds() for job in some if job.started_at]
        assert one.wait == (pytest.approx(fmean(waits)) if waits else None)
        exact = not {job.id for job in some} & filled.removed
        seconds = sorted(took(job) for job in some if job.state is State.COMPLETED)
        for found, share in zip((one.p50, one.p90, one.p95, one.p99), (0.5, 0.9, 0.95, 0.99), strict=True):
            assert (found is None) == (not seconds)
            if found is not None:
                assert found == pytest.approx(quantile(seconds, share), rel=1e-6 if exact else histogram.ERROR)
    assert report.total.runs == sum(map(len, runs.values()))


def took(job: Job) -> float:
    """Give the seconds of a run."""
    ending = job.attempts[-1].ending
    assert ending is not None
    assert ending.elapsed is not None
    return ending.elapsed


def test_by_label(filled: Filled, reader: Reader) -> None:
    """Of runs that are there; others are in the figures of their names only."""
    report = told(reader, Scope(by=By.LABEL, label="env"), 10)
    there = [job for job in filled.jobs if job.done and job.id not in filled.removed]
    assert {one.key: one.runs for one in report.statistics} == {
        value: sum(job.labels["env"] == value for job in there) for value in "ab"
    }
    for label in ("it's", 'a"b', "a\\", "a\nb"):
        none = told(reader, Scope(by=By.LABEL, label=label), 10)
        assert [(one.key, one.runs) for one in none.statistics] == [(None, len(there))]
    with pytest.raises(BadValue, match="label"):
        told(reader, Scope(by=By.LABEL), 10)


def test_how_runs_went_last(filled: Filled, reader: Reader) -> None:
    """The latest of each name that are there and are meant, those that ended last at the end."""
    there = [job for job in filled.jobs if job.done and job.id not in filled.removed]
    for scope in (
        Scope(),
        Scope(group="night"),
        Scope(since=BEGIN + timedelta(days=20), until=BEGIN + timedelta(days=24)),
    ):
        report = told(reader, scope, 2)
        assert len(report.statistics) == 2
        for one in report.statistics:
            meant = [job for job in there if job.name == one.key and within(job, scope, set())]
            last = sorted(meant, key=lambda job: job.ended_at or NOW)[-14:]
            assert one.latest == tuple((took(job) if job.attempts else None, job.state) for job in last), scope
    by_group = told(reader, Scope(by=By.GROUP), 2)
    assert {one.latest for one in by_group.statistics} == {()}


@pytest.mark.parametrize("zone", [ZONE, ZoneInfo("Europe/London"), UTC, timezone(timedelta(hours=-5, minutes=-8))])
def test_hours(filled: Filled, reader: Reader, zone: tzinfo) -> None:
    """When runs began, by the clock on the wall: of half hours, with summer time, or not even whole quarters off."""
    report = told(reader, Scope(), 10, zone)
    there = [job.started_at for job in filled.jobs if job.done and job.started_at and job.id not in filled.removed]
    quarters = (start - (start - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(minutes=15) for start in there)
    hours = [quarter.astimezone(zone).hour for quarter in quarters]
    assert report.hours == tuple(hours.count(hour) for hour in range(24))
    changed = {start.astimezone(ZoneInfo("Europe/London")).utcoffset() for start in there}
    assert len(changed) == 2, "there is summer time"


def test_days(reader: Reader) -> None:
    """How many runs there are in a day of the time that was asked for."""
    scope = Scope(since=BEGIN, until=BEGIN + timedelta(days=28))
    report = told(reader, scope, 10)
    assert report.total.per_day == report.total.runs / 28
    until_now = told(reader, Scope(since=BEGIN), 10).total
    assert until_now.per_day == until_now.runs / ((NOW - BEGIN) / timedelta(days=1))
    assert report.total.trend is not None


def test_nothing(tmp_path: Path) -> None:
    """An empty database has statistics of nothing."""
    path = tmp_path / "jobd.db"
    write(path)
    with reading(path) as reader:
        report = told(reader, Scope(), 10)
    assert isinstance(report, StatisticsReport)
    assert (report.statistics, report.total.runs, report.total.p50, sum(report.hours)) == ((), 0, None, 0)


def test_what_a_person_removes_is_forgotten(tmp_path: Path) -> None:
    """It is in no figure any more."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.run(number) for number in (1, 2, 3)))
    write(path, maker.happen(1, happened.Removed()), maker.happen(2, happened.Removed(why="retention")))
    with reading(path) as reader:
        assert told(reader, Scope(), 10).total.runs == 2
    assert ask(path, "SELECT name, runs, completed FROM daily") == [("encode", 1, 1)]


def test_a_day_that_makes_no_sense_harms_no_other(tmp_path: Path) -> None:
    """Its durations are lost; what is removed is summed up all the same, and the rest of it is told."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.run(number) for number in (1, 2)))
    write(path, maker.happen(1, happened.Removed(why="retention")))
    ask(path, "UPDATE daily SET durations = '{oops'")
    with reading(path) as reader:
        assert told(reader, Scope(), 10).total.runs == 2
    write(path, maker.happen(2, happened.Removed(why="retention")))
    with reading(path) as reader:
        assert told(reader, Scope(), 10).total.runs == 2


def test_few_names_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of which nothing was removed for the longest time are forgotten."""
    from jobd.daemon.storage import summaries

    monkeypatch.setattr(summaries, "MOST_NAMES", 2)
    path, maker = tmp_path / "jobd.db", Maker()
    for number, name in enumerate("abc", 1):
        write(path, maker.run(number, name))
        write(path, maker.happen(number, happened.Removed(why="retention")))
    assert ask(path, "SELECT name FROM bygone ORDER BY name") == [("b",), ("c",)]
    assert ask(path, "SELECT name FROM daily ORDER BY name") == [("a",), ("b",), ("c",)]
