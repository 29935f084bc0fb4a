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

from jobd.commands.last import newest_ended
from jobd.config import Paths
from jobd.core import filters
from jobd.core.filters import Filter
from jobd.core.history import pages
from jobd.core.history.pages import Page
from jobd.core.history.searching import NEWEST, Field, Search, Sort
from jobd.core.history.stats import Scope
from jobd.core.model import Job, State
from jobd.daemon.remembered.archive import Archive
from jobd.daemon.remembered.asking import asker
from jobd.daemon.storage import rows
from jobd.daemon.storage import search as sql
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.search import Place
from jobd.daemon.system.clock import Clock
from tests.bench import filling
from tests.bench.measure import Figure, in_turn, row

FIVE = "state = failed AND group = night AND name = *backup* AND duration > 60s AND exit_code = 2"
FOUND = "SELECT id, record FROM jobs JOIN records ON job = id WHERE"
RAW_FIVE = (
    f"{FOUND} state = 'failed' AND grp = 'night' AND name GLOB '*backup*' AND duration > 60 AND exit_code = 2"
    " ORDER BY id DESC LIMIT 50"
)
RAW_PAGE = f"{FOUND} id < ? ORDER BY id DESC LIMIT 50"
RAW_LONGEST = f"{FOUND} settled = 1 AND (duration, id) < (?, ?) ORDER BY duration DESC, id DESC LIMIT 50"
RAW_CHECK = f"{FOUND} name = ? AND +state = 'completed' AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1"
RAW_SUMS = (
    "SELECT count(*), sum(state = 'completed'), sum(state = 'failed'), sum(state = 'canceled'), total(duration),"
    " total(cpu), total(wait), count(wait), max(memory), min(ended_at), max(ended_at) FROM jobs WHERE name = ?"
)
RAW_WEEKS = (
    "SELECT (ended_at / 86400000000 + 3) / 7, duration FROM jobs WHERE name = ? AND +state = 'completed' ORDER BY 1, 2"
)
RAW_HOURS = (
    "SELECT strftime('%H', started_at / 1000000, 'unixepoch', 'localtime'), count(*) FROM jobs"
    " WHERE name = ? GROUP BY 1"
)
RAW_LIKE = "SELECT job FROM records WHERE record LIKE ? ORDER BY job DESC LIMIT 50"
#: What people look for: words of names and commands, parts of paths, two words, and such as are nowhere.
WORDS = ("backup", "ffmpeg", "/srv/photo/1", "pytest nightly", "signal:9", "deploy report", "rt-ex", "nowhere", "ypt")
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
    return filters.parse(text, asker(datetime.now(UTC)))


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Give the milliseconds that it takes once."""
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun) * 1e3 / times


def found(raw: sqlite3.Connection, text: str, *values: object) -> list[Job]:
    """Ask as an expert does, and read what comes."""
    return [rows.read_job(record) for _, record in raw.execute(text, values).fetchall()]


@row("P16", "a long history against the same SQL in raw sqlite3")
def searched() -> list[Figure]:
    """Search by five conditions, page, check and sum up."""
    with opened() as history:
        return [*_five(history), *_pages(history), *_names(history)]


def _five(history: Open) -> Iterator[Figure]:
    archive, raw, search = history.archive, history.raw, Search(read(FIVE))
    assert archive.find(search).jobs == found(raw, RAW_FIVE)
    ours, theirs = in_turn(lambda: timed(lambda: archive.find(search)), lambda: timed(lambda: found(raw, RAW_FIVE)))
    yield Figure(ours, theirs, "ms", 1.3, note="5 conditions, newest 50")
    yield Figure(ours, None, "ms", 50, note="5 conditions, newest 50")


def _pages(history: Open) -> Iterator[Figure]:
    raw, key = history.raw, history.archive.reader.page_key()
    deep = "SELECT duration, id FROM jobs WHERE settled = 1 ORDER BY {} DESC, id DESC LIMIT 1 OFFSET 50000"
    _, last = raw.execute(deep.format("id")).fetchone()
    yield from _page(history, "newest first", NEWEST, pages.write(Page("", None, last), key), RAW_PAGE, last)
    seconds, last = raw.execute(deep.format("duration")).fetchone()
    token = pages.write(Page("", seconds, last), key)
    yield from _page(history, "longest first", Sort(Field.DURATION), token, RAW_LONGEST, seconds, last)


def _page(history: Open, what: str, sort: Sort, token: str, text: str, *values: object) -> Iterator[Figure]:
    archive, raw, search = history.archive, history.raw, Search(filters.EVERYTHING, sort, page=token)
    assert archive.find(search).jobs == found(raw, text, *values)
    ours, theirs = in_turn(
        lambda: timed(lambda: archive.find(search), 20), lambda: timed(lambda: found(raw, text, *values), 20)
    )
    yield Figure(ours, theirs, "ms", 1.3, note=f"page 1,000, {what}")
    plan = sql.plan(search.where, sort, Place(*(None, *values)[-2:]), archive.reader.ask)  # type: ignore[arg-type]
    walks = [f"{walk.text} LIMIT 50" for walk in plan[0]]
    asked = [walk.values for walk in plan[0]]

    def walk() -> None:
        for statement, parameters in zip(walks, asked, strict=True):
            raw.execute(statement, parameters).fetchall()

    yield Figure(statistics.median(timed(walk, 20) for _ in range(7)), None, "ms", 1, note=f"of that in SQL, {what}")


def _names(history: Open) -> Iterator[Figure]:
    archive, raw = history.archive, history.raw
    (name,) = raw.execute("SELECT name FROM jobs WHERE id = ?", (history.count // 2,)).fetchone()
    assert [newest_ended(archive, name, (State.COMPLETED,))] == found(raw, RAW_CHECK, name)
    ours, theirs = in_turn(
        lambda: timed(lambda: newest_ended(archive, name, (State.COMPLETED,)), 20),
        lambda: timed(lambda: found(raw, RAW_CHECK, name), 20),
    )
    yield Figure(ours, theirs, "ms", 1.3, note="check NAME")
    (runs,) = raw.execute("SELECT count(*) FROM jobs WHERE name = ?", (name,)).fetchone()

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
        (record,) = raw.execute("SELECT avg(length(record)) FROM records WHERE job % 1000 = 1").fetchone()
        (body,) = raw.execute("SELECT avg(length(event)) FROM events WHERE seq % 1009 = 1").fetchone()
    return [
        Figure(job, None, "B", 600, note=f"a job, of which its record has {record:.0f}"),
        Figure(event, None, "B", 110, note=f"an event, of which its JSON has {body:.0f}"),
    ]
