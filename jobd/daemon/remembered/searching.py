"""A search: jobs in memory are judged by the condition, settled ones found by SQL, those between judged by record.

The rule: each source gives its jobs in the order asked for, one by one, and they are joined as they come, so nothing is
looked at beyond what the limit needs. Memory goes before the file: a job that is in both is as memory has it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import chain, islice
from typing import NamedTuple

from jobd.core import figures
from jobd.core.errors import PageOfAnother
from jobd.core.history import pages
from jobd.core.history.pages import Page
from jobd.core.history.searching import Condition, Explained, Field, Search, Sort, Value, page_size
from jobd.core.model import Job, Moment
from jobd.core.quantities import to_microseconds
from jobd.daemon.storage import search as sql
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.search import Candidate, Place, sort_key
from jobd.daemon.storage.walks import BY_ID, Walk


class Found(NamedTuple):
    """The jobs of a page, and the token of the next one; empty: there is none."""

    jobs: list[Job]
    next_page: str


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
                key, job_id, _ = chosen[limit - 1]
                page = Page(search.question, None if key == sort_key(None, search.sort) else key, job_id)
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
        unknown = [job_id for _, job_id, known in chosen if known is None]
        records = self._reader.records(unknown) if unknown else {}
        found = ((job_id, known or records.get(job_id)) for _, job_id, known in chosen)
        jobs = [self._reader.made(job_id, one) if isinstance(one, str) else one for job_id, one in found]
        return [job for job in jobs if job is not None]

    def _candidates(self, where: Condition, sort: Sort, after: Place | None) -> Iterator[Candidate]:
        plan = sql.plan(where, sort, after, self._reader.ask)
        sources: list[Iterator[Candidate]] = [
            self._live(where, sort, after),
            *(self._tail(tail, where, sort, after) for tail in self._tails(sort)),
            *(self._walked(walks) for walks in plan),
        ]
        return merge(*sources, reverse=sort.descending)

    def _live(self, where: Condition, sort: Sort, after: Place | None) -> Iterator[Candidate]:
        for key, job_id, _ in _behind(after, self._in_memory(sort), sort):
            if where.matches(job := self._memory[job_id], self._now):
                yield key, job_id, job

    def _in_memory(self, sort: Sort) -> Iterator[Candidate]:
        if sort.field in BY_ID:
            return ((0, job_id, None) for job_id in sorted(self._memory, reverse=sort.descending))
        found = ((sort_key(value(job, sort.field), sort), job.id, None) for job in self._memory.values())
        return iter(sorted(found, reverse=sort.descending))

    def _tails(self, sort: Sort) -> list[Walk]:
        return [sql.unsettled(sort, living=living) for living in (False, True) if self._offline or not living]

    def _tail(self, walk: Walk, where: Condition, sort: Sort, after: Place | None) -> Iterator[Candidate]:
        for candidate in _behind(after, self._walked((walk,)), sort):
            self._reader.hurry()
            for job in self._made([candidate]):
                if where.matches(job, self._now):
                    yield *candidate[:2], job

    def _walked(self, walks: Iterable[Walk]) -> Iterator[Candidate]:
        memory = self._memory
        rows = chain.from_iterable(self._reader.walk(*walk) for walk in walks)
        return (row for row in rows if row[1] not in memory)


def value(job: Job, field: Field) -> Value:
    """Give what a job is sorted by, as the column of the database has it."""
    if field in BY_ID:
        return job.id
    if field is Field.NAME:
        return job.name
    if field in (Field.STARTED, Field.ENDED):
        time = job.started_at if field is Field.STARTED else job.ended_at
        return None if time is None else to_microseconds(time)
    found: Value = getattr(figures.of(job), field.value)
    return found


def _behind(after: Place | None, candidates: Iterator[Candidate], sort: Sort) -> Iterator[Candidate]:
    """Leave out what does not come behind a place."""
    if after is None:
        return candidates
    first = sort_key(after.value, sort), after.id
    return (one for one in candidates if (one[:2] < first if sort.descending else one[:2] > first))


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
