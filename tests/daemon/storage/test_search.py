"""A search finds exactly what a look at every job would find, in every order and page by page, and walks few rows."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.errors import BadValue, PageInvalid, PageOfAnother
from jobd.core.events import catalogue as happened
from jobd.core.filters import EVERYTHING, by_flags, search_text
from jobd.core.history import pages
from jobd.core.history.searching import NEWEST, Condition, Facts, Field, Range, Search, Sort
from jobd.core.model import FINAL, LARGEST, Attempt, Ending, Job, Moment, State, Usage
from jobd.daemon.remembered.searching import Searching, value
from jobd.daemon.storage import leads, settling, walks
from jobd.daemon.storage.database import connect
from jobd.daemon.storage.reader import Reader
from tests.daemon.storing import reading, write
from tests.making import BOOT, START, Maker

NAMES = ("encode", "encoder", "deploy", "e[n]code", "ENCODE", "50%_off", "straße")
GROUPS = ("default", "night", "video")
PATTERNS = ("enc*", "*code*", "?ncode", "e[n]*", "*", "%*", "nothing*", "*ß*")
WORDS = ("ffmpeg", "enc", "code", "ss", "e", "nothing", "in.mkv out", "mkv\nexit", "exit:1", "strasse", 'a"b')
JOBS = 150
NOW = Moment(START + timedelta(days=1), 10**15, BOOT)


class Words(NamedTuple):
    """A condition that asks for words, as filters do, beside a range of a field."""

    words: tuple[str, ...]
    field: Field = Field.ID
    span: Range = Range()

    def matches(self, job: Job, now: Moment) -> bool:
        """Look at the text and the value."""
        found = job.id if self.field is Field.ID else value(job, self.field)
        low, high = self.span
        known = found is not None and (low is None or found >= low) and (high is None or found <= high)  # type: ignore[operator]
        return all(word in search_text(job).casefold() for word in self.words) and (known or self.span == Range())

    def sql(self) -> tuple[str, tuple[object, ...]]:
        """Ask the function, and the column."""
        column = walks.COLUMNS.get(self.field, "id")
        limits = [(f"{column} {sign} ?", limit) for sign, limit in zip((">=", "<="), self.span, strict=True)]
        terms = [*(("jobd_search(record, ?)", word) for word in self.words), *limits]
        said = [term for term in terms if term[1] is not None]
        return " AND ".join(text for text, _ in said) or "1", tuple(limit for _, limit in said)

    @property
    def facts(self) -> Facts:
        """Tell of both."""
        return Facts(words=self.words, ranges={self.field: self.span} if self.span != Range() else {})


class Filled(NamedTuple):
    """A database and what is in it, and what a daemon would have in memory."""

    reader: Reader
    jobs: list[Job]
    memory: dict[int, Job]
    path: Path

    def __repr__(self) -> str:
        return "filled"


def made(job: Job) -> Job:
    """Make of a job that waits one of any state and size; many have the same figures, and some have none."""
    number = job.id
    state, created = list(State)[number % 11 % len(State)], START + timedelta(seconds=number // 3)
    job = replace(job, state=state, created_at=created)
    if state is State.PENDING:
        return job
    started, done = created + timedelta(seconds=number * 7 % 5), state in FINAL
    ending = Ending(status=256 * (number % 3), elapsed=number * 5 % 8 / 3) if done else None
    attempt = Attempt(number=1, boot=BOOT, opened_at=created, started_at=started, ending=ending)
    return replace(
        job, numbered=1, attempts=(attempt,) if number % 13 else (), started_at=started if number % 13 else None,
        reason="exit:1" if number % 4 == 0 and done else None,
        ended_at=started + timedelta(seconds=number * 3 % 17) if done else None,
        usage=Usage(cpu_seconds=number % 6 / 2, peak_rss_bytes=number % 9 * 1000) if number % 4 else None,
    )  # fmt: skip


def expected(jobs: Iterable[Job], where: Condition, sort: Sort) -> list[Job]:
    """Look at every job, and put those that are meant in order."""
    found = [job for job in jobs if where.matches(job, NOW)]
    known = [job for job in found if value(job, sort.field) is not None or sort.field in walks.BY_ID]
    known.sort(key=lambda job: (value(job, sort.field) or 0, job.id), reverse=sort.descending)
    rest = {job.id: job for job in found}.keys() - {job.id for job in known}
    return known + sorted((job for job in found if job.id in rest), key=lambda job: job.id, reverse=sort.descending)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Make a database of jobs in all states; two thirds of those that have ended are settled.

    A daemon would have some of them in memory as they will be: settled ones that run again, one that has just ended,
    and one that is new.
    """
    path, maker = tmp_path_factory.mktemp("search") / "jobd.db", Maker()
    changes = []
    for number in range(1, JOBS + 1):
        name = NAMES[-1] if number % 29 == 0 else NAMES[number % 5]
        job, entries = maker.submit(number, name, group=GROUPS[number % 7 % 3])
        changes.append((made(job), entries))
    jobs = [job for job, _ in changes]
    write(path, *changes)
    with contextlib.closing(connect(path)) as connection:
        settling.settle(connection, sum(job.done for job in jobs) * 2 // 3)
    again = [replace(job, state=State.PENDING, ended_at=None) for job in jobs if job.done][-20::5]
    ended = [replace(job, state=State.FAILED, ended_at=START) for job in jobs if job.state is State.RUNNING][:2]
    new, _ = maker.submit(JOBS + 1, "encode")
    memory = {job.id: job for job in jobs if not job.done} | {job.id: job for job in (*again, *ended, new)}
    with reading(path) as reader:
        yield Filled(reader, jobs, memory, path)


times = st.integers(-2, JOBS // 3 + 2).map(lambda seconds: START + timedelta(seconds=seconds))
flags = st.builds(
    by_flags,
    states=st.lists(st.sampled_from(State), max_size=4).map(tuple),
    name=st.none() | st.sampled_from((*NAMES, *PATTERNS, "unknown")),
    group=st.none() | st.sampled_from((*GROUPS, "unknown")),
    since=st.none() | times,
    until=st.none() | times,
)
limits = st.none() | st.integers(-1, 8) | st.floats(-1, 8)
ranges = st.tuples(st.sampled_from((Field.DURATION, Field.WAIT, Field.CPU)), st.builds(Range, limits, limits)) | (
    st.tuples(st.just(Field.ID), st.builds(Range, st.none() | st.integers(0, JOBS), st.none() | st.integers(0, JOBS)))
)
words = st.builds(lambda some, span: Words(tuple(some), *span), st.lists(st.sampled_from(WORDS), max_size=2), ranges)
conditions = flags | words
sorts = st.builds(Sort, st.sampled_from(Field), st.booleans())


@settings(max_examples=30)
@given(where=conditions, sort=sorts, size=st.integers(5, 90), few=st.sampled_from((1, 20, 999)), offline=st.booleans())
def test_it_finds_what_is_meant(
    filled: Filled, where: Condition, sort: Sort, size: int, few: int, *, offline: bool
) -> None:
    """Every combination of conditions and orders, page by page, with a daemon's memory or without, counted too."""
    jobs = {job.id: job for job in filled.jobs} | ({} if offline else filled.memory)
    searching = Searching(filled.reader, None if offline else filled.memory, NOW)
    wanted = expected(jobs.values(), where, sort)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leads, "FEW", few)
        found, token = list[Job](), ""
        for turn in range(len(wanted) // size + 1):
            page = searching.find(Search(where, sort, size, token))
            found, token = found + page.jobs, page.next_page
            assert bool(token) == (len(wanted) > (turn + 1) * size)
            if not token:
                break
        assert found == wanted
        assert searching.count(where) == len(wanted)


def test_words_are_found_in_any_script() -> None:
    """The parts of three letters that an index is asked for are in every text that has the words."""
    assert leads.parts(["encode"]) == '"enc" AND "ode"'
    assert leads.parts(["encoder", "x"]) == '"enc" AND "ode" AND "der"'
    assert leads.parts(['a"b', "grün"]) == '"a""b" AND "grü" AND "rün"'
    assert leads.parts(["ab", "a\0b", "", "\ud800\ud800\ud800"]) == ""
    assert leads.parts(["x" * 10_000]) == '"xxx"'


def test_a_page_is_not_shifted(tmp_path: Path) -> None:
    """Jobs that come, end or go between two pages neither repeat others nor hide them."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.run(job_id, elapsed=float(job_id % 4)) for job_id in range(1, 41)))
    orders = [Sort(field, falling) for field in Field for falling in (True, False)]
    seen: dict[Sort, list[int]] = {sort: [] for sort in orders}
    tokens, turn = dict.fromkeys(orders, ""), 0
    while tokens:
        with reading(path) as reader:
            searching = Searching(reader, None, NOW)
            pages_now = {sort: searching.find(Search(EVERYTHING, sort, 10, token)) for sort, token in tokens.items()}
        for sort, page in pages_now.items():
            seen[sort] += [job.id for job in page.jobs]
        tokens = {sort: page.next_page for sort, page in pages_now.items() if page.next_page}
        if turn < 4:
            write(path, maker.run(41 + turn, elapsed=2.0), maker.happen(5 * turn + 3, happened.Removed()))
            with contextlib.closing(connect(path)) as connection:
                settling.settle(connection, 9)
        turn += 1
    for sort, ids in seen.items():
        assert len(ids) == len(set(ids)), sort
        assert set(range(1, 41)) - {3, 8, 13, 18} <= set(ids), sort


def test_tokens(filled: Filled, tmp_path: Path) -> None:
    """A page belongs to a question and to a database; whatever was forged or changed is refused."""
    searching = Searching(filled.reader, None, NOW)
    asked = Search(EVERYTHING, limit=5, question="all")
    token = searching.find(asked).next_page
    assert re.fullmatch("[A-Za-z0-9_-]+", token)
    assert len(searching.find(asked._replace(page=token)).jobs) == 5
    with pytest.raises(PageOfAnother):
        searching.find(asked._replace(page=token, question="some"))
    for wrong in (token[:-1], token[:-3] + "AAA", "A" + token, "x", "!", "ü", token.upper(), "A" * 100_000):
        with pytest.raises(PageInvalid):
            searching.find(asked._replace(page=wrong))
    other = tmp_path / "jobd.db"
    write(other)
    with reading(other) as reader, pytest.raises(PageInvalid, match="another's, or was changed"):
        Searching(reader, None, NOW).find(asked._replace(page=token))
    foreign = pages.write(pages.Page("all", None, 5), b"guessed")
    with pytest.raises(PageInvalid):
        searching.find(asked._replace(page=foreign))


@pytest.mark.parametrize("order", [Sort(Field.NAME, descending=True), Sort(Field.NAME, descending=False)])
def test_names_of_any_sign_are_sorted(tmp_path: Path, order: Sort) -> None:
    """None is left out, whatever it begins with, on one page or on many."""
    maker, path = Maker(), tmp_path / "jobd.db"
    names = [" lead", "#tag", "(x)", "!", "'", "-Inf", "0", "a", "\u00e9", "\U0001f3ac"]
    submitted = [maker.submit(number, name) for number, name in enumerate(names, 1)]
    write(path, *((made(job), entries) for job, entries in submitted))
    with contextlib.closing(connect(path)) as connection:
        settling.settle(connection, 100)
    with reading(path) as reader:
        searching, page, found = Searching(reader, None, NOW), "", list[str]()
        for _ in range(len(names)):
            answer = searching.find(Search(EVERYTHING, order, limit=3, page=page))
            found += [job.name for job in answer.jobs]
            page = answer.next_page
            if not page:
                break
    assert found == sorted(names, reverse=order.descending)


def test_sizes_of_pages(filled: Filled) -> None:
    """None at all, more than there are, and a negative number."""
    searching = Searching(filled.reader, None, NOW)
    assert searching.find(Search(EVERYTHING, limit=0)) == ([], "")
    assert len(searching.find(Search(EVERYTHING, limit=LARGEST)).jobs) == JOBS
    with pytest.raises(BadValue, match="-1 is negative"):
        searching.find(Search(EVERYTHING, limit=-1))


@pytest.mark.parametrize(
    ("where", "sort", "index"),
    [
        (EVERYTHING, NEWEST, "SEARCH jobs USING INTEGER PRIMARY KEY|SCAN jobs"),
        (by_flags(name="encode"), NEWEST, "jobs_by_name (name=?)"),
        (by_flags(name="encode", states=(State.FAILED,)), NEWEST, "jobs_by_name (name=?)"),
        (by_flags(states=(State.FAILED,)), NEWEST, "jobs_not_completed (state=?)"),
        (by_flags(states=(State.FAILED,), since=START), NEWEST, "jobs_not_completed (state=? AND id>?)"),
        (by_flags(group="night"), NEWEST, "jobs_by_group (grp=?)"),
        (by_flags(name="*code*"), NEWEST, "SCAN parts VIRTUAL TABLE INDEX"),
        (by_flags(name="*c?d*"), NEWEST, "SCAN words"),
        (by_flags(since=START, until=START), NEWEST, "SEARCH jobs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (Words(("e",)), Sort(Field.DURATION), "jobs_by_duration (duration>?)"),
        (Words((), Field.DURATION, Range(1, 2)), Sort(Field.DURATION), "jobs_by_duration (duration>? AND duration<?)"),
        *((EVERYTHING, Sort(field), walks.INDEXES[field]) for field in walks.INDEXES),
    ],
)
def test_one_index_leads(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, where: Condition, sort: Sort, index: str
) -> None:
    """Each walk uses the index meant for it, in its order: where rows are many they are never sorted."""
    monkeypatch.setattr(leads, "FEW", 0)
    steps = Searching(filled.reader, None, NOW).explain(Search(where, sort)).plan
    assert any(name in step for step in steps for name in index.split("|")), steps
    assert not [step for step in steps if "TEMP B-TREE" in step], steps


def test_the_narrowest_leads(filled: Filled) -> None:
    """Where several conditions have an index, the one with the fewest rows leads; a few are sorted."""

    def lead(where: Condition, sort: Sort = NEWEST) -> str:
        return Searching(filled.reader, None, NOW).explain(Search(where, sort)).plan[0]

    assert "jobs_not_completed" in lead(by_flags(states=(State.CANCELED,), name="enc*"))
    assert "jobs_by_group" in lead(by_flags(states=(State.CANCELED, State.FAILED), group="video"))
    assert "jobs_by_name" in lead(by_flags(name=NAMES[-1]), Sort(Field.DURATION))
    assert "jobs_by_duration" in lead(Words(("ffmpeg",), Field.DURATION, Range(2, None)))


def test_what_a_search_looked_at(filled: Filled) -> None:
    """The rows are counted, however few of them match."""
    searching = Searching(filled.reader, {}, NOW)
    settled = len(filled.reader.settled(range(JOBS + 1)))
    explained = searching.explain(Search(by_flags(name="*"), limit=3))
    assert explained.found == 3
    assert explained.looked <= 5, "one more says whether there is a next page, and Python reads one ahead"
    nothing = searching.explain(Search(by_flags(group="default", name="?"), limit=3))
    assert (nothing.found, nothing.looked) == (0, settled)
    assert nothing.seconds > 0


def test_a_long_history_is_not_walked(tmp_path: Path) -> None:
    """The newest jobs of a state among many others, and a window long ago, cost the same in any history."""

    def looked(count: int) -> list[int]:
        path, maker = tmp_path / f"{count}.db", Maker()
        write(path, *(maker.run(job_id, status=256 * (job_id % 100 == 0)) for job_id in range(1, count + 1)))
        with contextlib.closing(connect(path)) as connection:
            settling.settle(connection, count)
        early = maker.jobs[50].created_at
        asked = [
            Search(by_flags(states=(State.FAILED,)), limit=1),
            Search(by_flags(states=(State.FAILED, State.COMPLETED)), limit=1),
            Search(by_flags(since=early, until=early + timedelta(seconds=20)), limit=5),
            Search(by_flags(name="enc*"), limit=5),
            *(Search(EVERYTHING, Sort(field), 5) for field in Field),
        ]
        with reading(path) as reader:
            return [Searching(reader, {}, NOW).explain(search).looked for search in asked]

    small, large = looked(200), looked(1000)
    assert [few + 2 >= many for few, many in zip(small, large, strict=True)] == [True] * len(small), (small, large)
