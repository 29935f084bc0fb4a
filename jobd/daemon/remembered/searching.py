"""A search: jobs in memory are judged by the condition, settled ones found by SQL, those between judged by record.

The rule: each source gives its jobs in the order asked for, one by one, and they are joined as they come, so nothing is
looked at beyond what the limit needs. Memory goes before the file: a job that is in both is as memory has it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import chain, islice
from typing import Any, NamedTuple

from jobd.core import figures
from jobd.core.errors import PageOfAnother
from jobd.core.history import pages
from jobd.core.history.pages import Page
from jobd.core.history.searching import Condition, Explained, Field, Search, Sort, Value, page_size
from jobd.core.model import Job, Moment
from jobd.core.quantities import to_microseconds
from jobd.daemon.storage import search as sql
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.search import BY_ID, Place, Walk


class Found(NamedTuple):
    """The jobs of a page, and the token of the next one; empty: there is none."""

    jobs: list[Job]
    next_page: str


class Candidate(NamedTuple):
    """A job that matches, as it is compared with others: a value that is not known comes last, whatever the order."""

    ahead: bool
    value: Any
    id: int
    #: The job, or its record, as far as either is known already.
    job: Job | None = None
    record: str | None = None


class Searching:
    """Answers questions from a reader and from the jobs in memory; None = there is no memory, the file has them all."""

    def __init__(self, reader: Reader, live: Mapping[int, Job] | None, now: Moment) -> None:
        self._reader = reader
        self._memory: Mapping[int, Job] = {} if live is None else live
        #: Whether living jobs are looked for in the file.
        self._offline = live is None
        self._now = now

    def find(self, search: Search) -> Found:
        """Give a page of jobs. Raises BadValue, PageInvalid, PageOfAnother."""
        with self._reader.asking():
            after, limit = self._place(search), page_size(search.limit)
            chosen = list(islice(self._candidates(search.where, search.sort, after), limit + 1)) if limit else []
            jobs = self._made(chosen[:limit])
            token = ""
            if len(chosen) > limit:
                last = chosen[limit - 1]
                known = last.ahead is search.sort.descending and search.sort.field not in BY_ID
                page = Page(search.question, last.value if known else None, last.id)
                token = pages.write(page, self._reader.page_key())
        return Found(jobs, token)

    def newest(self, where: Condition, most: int) -> list[Job]:
        """Give the newest jobs that match, but not more than this."""
        with self._reader.asking():
            return self._made(list(islice(self._candidates(where, Sort(), None), most)))

    def count(self, where: Condition) -> int:
        """Count all jobs that match."""
        with self._reader.asking():
            found = sum(where.matches(job, self._now) for job in self._memory.values())
            found += sum(1 for tail in self._tails(Sort()) for _ in self._tail(tail, where, Sort(), None))
            walks = sql.count(where, self._reader.settled(self._memory), self._reader.ask)
            return found + sum(int(self._reader.ask(walk.text, *walk.values)) for walk in walks)

    def explain(self, search: Search) -> Explained:
        """Search, and say how that was done."""
        looked = 0

        def look() -> bool:
            nonlocal looked
            looked += 1
            return True

        with self._reader.counting(look):
            where = _Watched(search.where)
            begun = time.perf_counter()
            found = self.find(search._replace(where=where))
            seconds = time.perf_counter() - begun
        with self._reader.asking():
            plan = sql.plan(where, search.sort, self._place(search), self._reader.ask)
            steps = [step for walk in chain(*plan) for step in self._reader.steps(*walk)]
        return Explained(tuple(dict.fromkeys(steps)), looked, len(found.jobs), seconds)

    def _place(self, search: Search) -> Place | None:
        if not search.page:
            return None
        page = pages.read(search.page, self._reader.page_key())
        if page.question != search.question:
            raise PageOfAnother
        return Place(page.value, page.id)

    def _made(self, chosen: list[Candidate]) -> list[Job]:
        """Give the jobs; one whose record makes no sense must not hide the others."""
        unread = [candidate for candidate in chosen if candidate.job is None]
        records = {candidate.id: candidate.record for candidate in unread if candidate.record is not None}
        if len(records) < len(unread):
            records |= self._reader.records(candidate.id for candidate in unread if candidate.record is None)
        read = self._reader.read(records)
        jobs = (candidate.job or read.get(candidate.id) for candidate in chosen)
        return [job for job in jobs if job is not None]

    def _candidates(self, where: Condition, sort: Sort, after: Place | None) -> Iterator[Candidate]:
        plan = sql.plan(where, sort, after, self._reader.ask)
        sources: list[Iterator[Candidate]] = [
            self._live(where, sort, after),
            *(self._tail(tail, where, sort, after) for tail in self._tails(sort)),
            *(self._walked(walks, sort) for walks in plan),
        ]
        return merge(*sources, reverse=sort.descending)

    def _live(self, where: Condition, sort: Sort, after: Place | None) -> Iterator[Candidate]:
        for candidate in _behind(after, self._in_memory(sort), sort):
            if where.matches(job := self._memory[candidate.id], self._now):
                yield candidate._replace(job=job)

    def _in_memory(self, sort: Sort) -> Iterator[Candidate]:
        if sort.field in BY_ID:
            return (_candidate(None, job_id, sort) for job_id in sorted(self._memory, reverse=sort.descending))
        found = (_candidate(value(job, sort.field), job.id, sort) for job in self._memory.values())
        return iter(sorted(found, reverse=sort.descending))

    def _tails(self, sort: Sort) -> list[Walk]:
        return [sql.unsettled(sort, living=living) for living in (False, True) if self._offline or not living]

    def _tail(self, walk: Walk, where: Condition, sort: Sort, after: Place | None) -> Iterator[Candidate]:
        for candidate in _behind(after, self._walked((walk,), sort), sort):
            self._reader.hurry()
            for job in self._made([candidate]):
                if where.matches(job, self._now):
                    yield candidate._replace(job=job)

    def _walked(self, walks: Iterable[Walk], sort: Sort) -> Iterator[Candidate]:
        memory = self._memory
        for job_id, found, record in chain.from_iterable(self._reader.walk(*walk) for walk in walks):
            if job_id not in memory:
                yield _candidate(found, job_id, sort, record)


def value(job: Job, field: Field) -> Value:
    """Give what a job is sorted by, as the column of the database has it; None for its id."""
    if field in BY_ID:
        return None
    if field is Field.NAME:
        return job.name
    if field in (Field.STARTED, Field.ENDED):
        time = job.started_at if field is Field.STARTED else job.ended_at
        return None if time is None else to_microseconds(time)
    found: Value = getattr(figures.of(job), field.value)
    return found


def _candidate(value: Value, job_id: int, sort: Sort, record: str | None = None) -> Candidate:
    if value is None:
        return Candidate(not sort.descending, 0, job_id, None, record)
    return Candidate(sort.descending, value, job_id, None, record)


def _behind(after: Place | None, candidates: Iterator[Candidate], sort: Sort) -> Iterator[Candidate]:
    """Leave out what does not come behind a place."""
    if after is None:
        return candidates
    first = _candidate(after.value, after.id, sort)[:3]
    return (one for one in candidates if (one[:3] < first if sort.descending else one[:3] > first))


class _Watched:
    """A condition that counts the rows for which SQL asks it."""

    def __init__(self, where: Condition) -> None:
        self.matches = where.matches
        self.facts = where.facts
        self._sql = where.sql()

    def sql(self) -> tuple[str, tuple[object, ...]]:
        """Count first."""
        text, values = self._sql
        return f"CASE WHEN jobd_looked() THEN ({text}) END", values
