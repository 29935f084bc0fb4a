"""What is remembered: the jobs that live from memory, the others from the file.

All that only reads is answered from here. The rule: it works the same without a daemon, with nothing in memory.
"""

import os
from collections.abc import Iterable, Mapping, Sized
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from jobd.config import Paths
from jobd.core import showing
from jobd.core.errors import BadValue, JobNotFound, NothingMatched, TooManyMeant
from jobd.core.estimates.usual import Usual
from jobd.core.events.catalogue import Created, Entry
from jobd.core.history import pages, selection
from jobd.core.history.searching import Condition, Explained, Search, Sort
from jobd.core.history.selection import ANYBODY, Reach, Selection, Who
from jobd.core.history.stats import Scope, StatisticsReport
from jobd.core.model import ACTIVE, Job, Moment, State, Surroundings, Usage
from jobd.core.quantities import to_microseconds
from jobd.core.subscriptions.rooms import Sight
from jobd.core.text import lossless, plain
from jobd.core.views import JobView, OutputView, Watcher
from jobd.daemon.attempts import output
from jobd.daemon.remembered import asking, past
from jobd.daemon.remembered.learning import Learning
from jobd.daemon.remembered.searching import Found, Searching
from jobd.daemon.storage import statistics
from jobd.daemon.storage.reader import Reader
from jobd.daemon.system.clock import Stopped

if TYPE_CHECKING:
    from jobd.core.filters import Filter
    from jobd.daemon.system.clock import Clock
    from jobd.daemon.telling.presence import Presence

Many = TypeVar("Many", bound=Sized)

#: Surroundings that are kept in memory; they may have 256 KiB each.
MOST_SURROUNDINGS = 32


class Archive:
    """All jobs and the log. `live` are the jobs in memory, as they will be saved, `usage` what was last measured."""

    def __init__(
        self,
        reader: Reader,
        clock: "Clock | Stopped",
        paths: Paths,
        *,
        live: Mapping[int, Job] | None = None,
        usage: Mapping[int, Usage] | None = None,
    ) -> None:
        self.reader = reader
        self._clock = clock
        self.paths = paths
        self._live = live
        self._usage: Mapping[int, Usage] = {} if usage is None else usage
        self.learning = Learning()
        self._surroundings: dict[str, Surroundings] = {}
        #: Who watches; set by a daemon.
        self.presence: Presence | None = None

    def now(self) -> Moment:
        """Read the clocks."""
        return self._clock.now()

    def snapshot(self, reader: Reader) -> "Archive":
        """Give the same as it is now, to be asked in another thread with a reader of its own."""
        live = None if self._live is None else dict(self._live)
        archive = Archive(reader, Stopped(self.now()), self.paths, live=live, usage=dict(self._usage))
        archive.learning = self.learning
        return archive

    def job(self, job_id: int) -> Job:
        """Find a job by its id. Raises JobNotFound."""
        job = (self._live or {}).get(job_id) or self.reader.job(job_id)
        if job is None:
            raise self._missing(job_id)
        return job

    def is_there(self, job_id: int) -> bool:
        """Whether there is a job of this id, which was not removed."""
        return job_id in (self._live or {}) or self.reader.job(job_id) is not None

    def recall(self, job_id: int) -> Job | None:
        """Find a job by its id; one that was removed as it was last; None = nobody remembers it."""
        return (self._live or {}).get(job_id) or self.reader.job(job_id) or past.removed(self.reader, job_id)

    def before(self, entry: Entry) -> Job | None:
        """Give a job as it was before an entry of the log, as it is now if that is not kept; None = there was none."""
        if isinstance(entry.event, Created):
            return None
        return past.before(self.reader, entry) or self.recall(entry.job)

    def sight(self) -> Sight:
        """Say how jobs are seen now."""
        return Sight(self.recall, self.now())

    def watchers(self, job_id: int | None = None) -> tuple[Watcher, ...]:
        """List who watches a job, or anything; nobody can without a daemon."""
        if self.presence is None:
            return ()
        return self.presence.all() if job_id is None else self.presence.of_job(job_id)

    def select(self, words: tuple[str, ...], reach: Reach = selection.READING, by: Who = ANYBODY) -> list[Job]:
        """Find the jobs that words name; `reach` says what `all` and a filter alone mean, `by` is who asks.

        Raises BadValue, JobNotFound, FilterInvalid, TooManyMeant.
        """
        chosen = selection.parse(words)
        if chosen.where:
            return self._filtered(words, chosen, reach, by)
        found = {job_id: self.job(job_id) for job_id in _bounded(chosen.ids, reach)}
        for named in chosen.named:
            job = self._by_name(named.name, named.back)
            found[job.id] = job
        if chosen.last:
            newest = self._newest()
            found[newest] = self.job(newest)
        if chosen.all:
            found.update({job.id: job for job in self._all(reach)})
        return _bounded(list(found.values()), reach)

    def one(self, word: str) -> Job:
        """Find the one job that a word names. Raises BadValue if it names several or none, JobNotFound."""
        found = self.select((word,))
        if len(found) != 1:
            raise BadValue(field="job", problem=f"name one job; this names {len(found)}")
        return found[0]

    def _filtered(self, words: tuple[str, ...], chosen: Selection, reach: Reach, by: Who) -> list[Job]:
        where = self.filter(chosen.where, by=by)
        if not chosen.names_none:
            named = tuple(word for word in words if not word.startswith(selection.WHERE))
            now = self.now()
            return [job for job in self.select(named, reach) if where.matches(job, now)]
        return self._reached(where.also(self.filter(states=reach.by_filter)), reach)

    def _all(self, reach: Reach) -> list[Job]:
        if ACTIVE.issuperset(reach.by_all):
            return [job for job in self._living() if job.state in reach.by_all and reach.applies(job)]
        return self._reached(self.filter(states=reach.by_all), reach)

    def _reached(self, where: Condition, reach: Reach) -> list[Job]:
        found = _bounded(self.matching(where, reach.most + 1), reach)
        return [job for job in found if reach.applies(job)]

    def filter(self, texts: Iterable[str] = (), *, by: Who = ANYBODY, **flags: Any) -> "Filter":
        """Read filters and flags (see `filters.by_flags`), all of which must mean a job. Raises FilterInvalid."""
        from jobd.core import filters

        who = asking.asker(self.now().wall, by.zone, os.getuid() if by.uid is None else by.uid)
        return filters.parse_all(tuple(texts), who, self.presets).also(filters.by_flags(**flags))

    def presets(self) -> dict[str, str]:
        """Give the saved filters, by their names."""
        return self.reader.presets()

    def find(self, search: Search) -> Found:
        """Search: give a page of jobs. Raises BadValue, PageInvalid, PageOfAnother, TryAgain if it takes too long."""
        return self._searching().find(search)

    def matching(self, where: Condition, limit: int) -> list[Job]:
        """List the newest jobs that match. Raises TryAgain if it takes too long."""
        return self._searching().newest(where, limit)

    def newest(self, limit: int, *states: State) -> list[Job]:
        """List the newest jobs in some states, or in any."""
        return self.matching(self.filter(states=states), limit)

    def active(self, where: "Filter", limit: int) -> list[Job]:
        """List jobs that match and have not ended, newest first: those at work before those that wait for longest."""
        found = self.matching(where.also(self.filter(states=ACTIVE - {State.PENDING})), limit)
        waiting = Search(where.also(self.filter(states=(State.PENDING,))), Sort(descending=False), limit - len(found))
        return sorted([*found, *self.find(waiting).jobs], key=attrgetter("id"), reverse=True)

    def count(self, where: Condition) -> int:
        """Count all jobs that match. Raises TryAgain if it takes too long."""
        return self._searching().count(where)

    def explain(self, search: Search) -> Explained:
        """Search, and say how that was done."""
        return self._searching().explain(search)

    def report(self, scope: Scope, most: int, by: Who = ANYBODY) -> StatisticsReport:
        """Make the statistics of runs, for so many keys at most. Raises BadValue, FilterInvalid, TryAgain."""
        where = self.filter(
            filter(None, (scope.where,)), by=by, name=scope.name, group=scope.group, since=scope.since,
            until=scope.until, by_end=True,
        )  # fmt: skip
        local = partial(asking.local, zone=by.zone)
        return statistics.report(self.reader, scope, where, self.now().wall, most, local)

    def last_day(self, name: str, states: Iterable[State]) -> str | None:
        """Say on which day (UTC) the latest run of a name ended that retention has removed; None if there is none."""
        return statistics.last_day(self.reader, name, states)

    def question(self, page: str) -> str:
        """Give the question to which a page belongs. Raises PageInvalid."""
        return pages.read(page, self.reader.page_key()).question

    def entries(self, after: int, limit: int, job: int | None = None) -> list[Entry]:
        """Read on in the log, oldest first; of a single job the frequent kinds of event are left out."""
        return self.reader.entries(after, limit, job)

    def first_seq(self) -> int:
        """Give the number of the first line of the log that is kept; 0 if there is none."""
        return self.reader.first_seq()

    def last_seq(self) -> int:
        """Give the number of the last durable line of the log."""
        return self.reader.last_seq()

    def seq_before(self, at: datetime) -> int:
        """Give the number of the last line of the log before a time; 0 if there is none. The times never go back."""
        return self.reader.seq_before(to_microseconds(at))

    def counts(self, since: datetime | None = None) -> dict[State, int]:
        """Count the jobs by state, all or those submitted since then."""
        return self.reader.counts(since)

    def usual(self, name: str) -> Usual | None:
        """Say how long completed runs of a name took; None if there was none."""
        return self.learning.usual(name, self.reader)

    def surroundings(self, digest: str) -> Surroundings:
        """Find the surroundings kept under a digest. Raises NothingMatched."""
        found = self._surroundings.get(digest) or self.reader.surroundings(digest)
        if found is None:
            raise NothingMatched(what=f"surroundings {digest}")
        self._surroundings[digest] = found
        if len(self._surroundings) > MOST_SURROUNDINGS:
            del self._surroundings[next(iter(self._surroundings))]
        return found

    def view(self, job: Job) -> JobView:
        """Show a job to the world, with the latest measurement, the size of its output, and when it will end."""
        experience = self.learning.experience(job.name, self.reader) if job.open and job.usual else None
        return showing.view(job, self.now(), self._usage.get(job.id), self._output(job), experience)

    def latest(self, job_id: int, limit: int) -> list[Entry]:
        """Read the last entries of a job's log, oldest first; the frequent kinds of event are left out."""
        return self.reader.latest(job_id, limit)

    def _output(self, job: Job) -> OutputView | None:
        """Say where the output is: of a job that has just ended where it will be when its end is durable."""
        moves = job.done and job.id in (self._live or {})
        sizes, shown = 0, {}
        for name, (path, size) in output.found(self.paths, job).items():
            final = output.kept(self.paths, job.id, job.attempts[-1].number, name) if moves else path
            sizes += size
            shown[name] = plain(lossless(os.fsencode(final)))
        return OutputView(path=next(iter(shown.values())), bytes=sizes, files=shown) if shown else None

    def _searching(self) -> Searching:
        return Searching(self.reader, self._live, self.now())

    def _living(self) -> list[Job]:
        jobs = self.reader.live() if self._live is None else self._live.values()
        return [job for job in jobs if not job.done]

    def _by_name(self, name: str, back: int) -> Job:
        saved = self.reader.ids_by_name(name, back + 1)
        fresh = [job.id for job in self._unsaved() if job.name == name]
        ids = sorted({*saved, *fresh}, reverse=True)
        if len(ids) <= back:
            raise self._missing(f"{name}~{back}" if back else name)
        return self.job(ids[back])

    def _newest(self) -> int:
        newest = max((job.id for job in self._unsaved()), default=0) or self.reader.newest_id()
        if newest is None:
            raise self._missing("last")
        return newest

    def _unsaved(self) -> list[Job]:
        """List the jobs that are so new that the file does not have them, oldest first."""
        live, newest = self._live or {}, self.reader.newest_id() or 0
        return [live[job_id] for job_id in sorted(job_id for job_id in live if job_id > newest)]

    def _missing(self, what: object) -> JobNotFound:
        return JobNotFound(job=what, newest=self.reader.newest_id() or "none")


def _bounded(jobs: Many, reach: Reach) -> Many:
    """Refuse what are too many jobs at once. Raises TooManyMeant."""
    if len(jobs) > reach.most:
        raise TooManyMeant(most=reach.most)
    return jobs


def children_of(parent: int) -> str:
    """Say as a filter whose children are meant; their ids are larger than that of their parent."""
    return f"parent={parent} id>{parent}"
