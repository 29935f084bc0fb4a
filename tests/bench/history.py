"""A long history: searched, paged, summed up and stored, against the SQL that an expert would write by hand.

The reference asks the same file by the module sqlite3, with the same indexes, and reads the records that it finds by
the same decoder. Where only SQLite is measured, the goal is one of time.
"""

import contextlib
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from jobd.config import Paths
from jobd.core import filters, pages
from jobd.core.filters import Filter
from jobd.core.model import FINAL, State
from jobd.core.pages import Page
from jobd.core.searching import NEWEST, Field, Search, Sort
from jobd.core.stats import Scope
from jobd.daemon.archive import Archive
from jobd.daemon.storage import rows
from jobd.daemon.storage.reader import Reader
from jobd.daemon.system.clock import Clock
from tests.bench import filling
from tests.bench.measure import Figure, in_turn, row

NAME = "SELECT name FROM jobs WHERE id = ?"
FIVE = "state = failed AND group = night AND name = *backup* AND duration > 60s AND exit_code = 2"
RAW_FIVE = (
    "SELECT id, record FROM jobs WHERE state = 'failed' AND grp = 'night' AND name GLOB '*backup*' AND duration > 60"
    " AND exit_code = 2 ORDER BY id DESC LIMIT 50"
)
RAW_PAGE = "SELECT id, record FROM jobs WHERE id < ? AND settled = 1 ORDER BY id DESC LIMIT 50"
RAW_LONGEST = (
    "SELECT id, record FROM jobs WHERE (duration < ? OR duration = ? AND id < ?) AND settled = 1"
    " ORDER BY duration DESC, id DESC LIMIT 50"
)
RAW_CHECK = (
    "SELECT id, record FROM jobs WHERE name = ? AND state = 'completed' AND ended_at IS NOT NULL ORDER BY id DESC LIMIT 1"
)
RAW_SUMS = (
    "SELECT count(*), sum(state = 'completed'), sum(state = 'failed'), sum(state = 'canceled'), total(duration),"
    " total(cpu), total(wait), count(wait), max(memory), min(ended_at), max(ended_at) FROM jobs WHERE name = ?"
)
RAW_WEEKS = (
    "SELECT (ended_at / 86400000000 + 3) / 7, duration FROM jobs WHERE name = ? AND state = 'completed' ORDER BY 1, 2"
)
RAW_HOURS = "SELECT strftime('%H', started_at / 1000000, 'unixepoch', 'localtime'), count(*) FROM jobs WHERE name = ? GROUP BY 1"
RAW_LIKE = "SELECT id FROM jobs WHERE record LIKE ? ORDER BY id DESC LIMIT 50"
#: Words as people look for them: of names and commands, in the middle of a path, two at a time, and such as are nowhere.
WORDS = ("backup", "ffmpeg", "/srv/photo/1", "pytest nightly", "signal:9", "deploy report", "rt-ex", "nothing", "ypt", "7/mnt")
RARE = ("srv/mail/7 ", "encode backup weekly", "rsync-photo", "nowhere at all", "xyzzy")


class Open(NamedTuple):
    """A history: as the daemon reads it, and as an expert does."""

    archive: Archive
    raw: sqlite3.Connection
    count: int


@contextlib.contextmanager
def opened() -> Iterator[Open]:
    """Open the history that the benchmarks share."""
    path = filling.history()
    reader = Reader(path)
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
        yield Open(Archive(reader, Clock(), Paths(path.parent), live={}), raw, filling.JOBS)
    reader.close()


def read(text: str) -> Filter:
    """Read a filter."""
    return filters.parse(text, datetime.now(UTC), datetime.astimezone)


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Give the milliseconds that it takes once."""
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun) * 1e3 / times


def found(raw: sqlite3.Connection, text: str, *values: object) -> list[object]:
    """Ask as an expert does, and read what comes."""
    return [rows.read_job(record) for _, record in raw.execute(text, values).fetchall()]


@row("P16", "a long history against the same SQL in raw sqlite3")
def searched() -> list[Figure]:
    """Search by five conditions, page, check and sum up."""
    with opened() as history:
        return [*_five(history), *_pages(history), *_names(history)]


def _five(history: Open) -> Iterator[Figure]:
    archive, raw, where = history.archive, history.raw, read(FIVE)
    assert [job.id for job in archive.find(Search(where)).jobs] == [row[0] for row in raw.execute(RAW_FIVE)]
    ours, theirs = in_turn(lambda: timed(lambda: archive.find(Search(where))), lambda: timed(lambda: found(raw, RAW_FIVE)))
    yield Figure(ours, theirs, "ms", 1.3, note="5 conditions, newest 50")
    yield Figure(ours, None, "ms", 50, note="5 conditions, newest 50")


def _pages(history: Open) -> Iterator[Figure]:
    archive, raw, key = history.archive, history.raw, history.archive.reader.page_key()
    deep = history.count - 50_000
    by_id = Search(filters.EVERYTHING, NEWEST, page=pages.write(Page("", None, deep), key))
    seconds, number = raw.execute("SELECT duration, id FROM jobs ORDER BY duration DESC, id DESC LIMIT 1 OFFSET 50000").fetchone()
    longest = Search(filters.EVERYTHING, Sort(Field.DURATION), page=pages.write(Page("", seconds, number), key))
    for what, search, asked in (
        ("newest first", by_id, (RAW_PAGE, deep)),
        ("longest first", longest, (RAW_LONGEST, seconds, seconds, number)),
    ):
        assert archive.find(search).jobs == found(raw, *asked)
        ours, theirs = in_turn(lambda s=search: timed(lambda: archive.find(s), 20), lambda a=asked: timed(lambda: found(raw, *a), 20))  # type: ignore[misc]
        yield Figure(ours, theirs, "ms", 1.3, note=f"page 1,000, {what}")
        walks = [timed(lambda a=asked: raw.execute(*(a[0], a[1:])).fetchall(), 20) for _ in range(7)]  # type: ignore[misc]
        yield Figure(statistics.median(walks), None, "ms", 1, note=f"page 1,000, {what}, in SQL alone")


def _names(history: Open) -> Iterator[Figure]:
    archive, raw = history.archive, history.raw
    (name,) = raw.execute(NAME, (history.count // 2,)).fetchone()
    where = archive.filter(name=name, states=(State.COMPLETED,))
    assert {job.state for job in archive.find(Search(where, limit=1)).jobs} <= FINAL
    ours, theirs = in_turn(
        lambda: timed(lambda: archive.find(Search(where, limit=1)), 20), lambda: timed(lambda: found(raw, RAW_CHECK, name), 20)
    )
    yield Figure(ours, theirs, "ms", 1.3, note="check NAME")
    runs = raw.execute("SELECT count(*) FROM jobs WHERE name = ?", (name,)).fetchone()[0]

    def by_hand() -> None:
        for text in (RAW_SUMS, RAW_WEEKS, RAW_HOURS):
            raw.execute(text, (name,)).fetchall()

    ours, theirs = in_turn(lambda: timed(lambda: archive.report(Scope(name=name), 10)), lambda: timed(by_hand))
    yield Figure(ours, theirs, "ms", 1.3, note=f"stats of one name, {runs} runs")


@row("P17", "words and parts of words in a long history")
def worded() -> list[Figure]:
    """Search for words newest first, rare and frequent ones, against LIKE."""
    with opened() as history:
        archive, raw = history.archive, history.raw

        def ask(text: str) -> float:
            where = read(f'"{text}"')
            return timed(lambda: archive.find(Search(where)))

        some = [statistics.median(ask(text) for _ in range(5)) for text in WORDS]
        ours, theirs = in_turn(
            lambda: sum(map(ask, RARE)),
            lambda: sum(timed(lambda t=text: raw.execute(RAW_LIKE, (f"%{t}%",)).fetchall()) for text in RARE),  # type: ignore[misc]
            rounds=1,
        )
    return [
        Figure(ours / len(RARE), theirs / len(RARE), "ms", 0.05, note="rare words, newest 50"),
        Figure(statistics.median(some), None, "ms", 150, note="p50 of words and parts of words"),
        Figure(max(some), None, "ms", 1000, note="the slowest of them"),
    ]


@row("P23", "room on the disk, with indexes and words")
def stored() -> list[Figure]:
    """Say what a job and an event take."""
    path = filling.history()
    job, event = filling.bytes_each(path, filling.JOBS)
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
        (record,) = raw.execute("SELECT avg(length(record)) FROM jobs WHERE id % 1000 = 1").fetchone()
        (body,) = raw.execute("SELECT avg(length(event)) FROM events WHERE seq % 1009 = 1").fetchone()
    return [
        Figure(job, None, "B", 600, note=f"a job, of which its record has {record:.0f}"),
        Figure(event, None, "B", 110, note=f"an event, of which its JSON has {body:.0f}"),
    ]
