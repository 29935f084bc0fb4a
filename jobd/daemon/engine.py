"""The gate: everything that changes a job passes through `record`; what follows from it happens after the commit.

The engine holds the jobs that have not ended, so it reads its own uncommitted writes. The parts (store, executor,
control, reports, meter, hub) know the rules and not one another. No await stands between loading a job and recording
about it.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from jobd.core import recording, schedule
from jobd.core.errors import JobdError, JobNotFound, OutcomeUnknown, RequestReused
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Entry, Event
from jobd.core.history.selection import Reach, Who
from jobd.core.model import Job, Surroundings, Usage
from jobd.core.quantities import EPOCH
from jobd.core.views import JobView
from jobd.daemon.attempts import abandoned
from jobd.daemon.remembered.archive import Archive
from jobd.daemon.remembered.families import Families
from jobd.daemon.remembered.items import Items
from jobd.daemon.remembered.reading import Reading
from jobd.daemon.storage import filesystem
from jobd.daemon.system.crash import crash_point
from jobd.daemon.telling.channels import Channels
from jobd.daemon.telling.hub import Hub
from jobd.daemon.telling.members import Listener
from jobd.daemon.telling.presence import Presence
from jobd.wire import Action, Feed, Mutation, Read, Stream

if TYPE_CHECKING:
    from jobd.config import Config, Paths
    from jobd.daemon.storage.batch import Batch
    from jobd.daemon.storage.opening import Opened
    from jobd.daemon.storage.reader import Reader
    from jobd.daemon.storage.store import Store
    from jobd.daemon.system.clock import Clock

logger = logging.getLogger(__name__)

_encoder = msgspec.json.Encoder()


class Engine:
    """The jobs of one state directory, and the one way to change them."""

    def __init__(
        self, *, store: "Store", opened: "Opened", reader: "Reader", clock: "Clock", paths: "Paths", config: "Config"
    ) -> None:
        clock.not_before(opened.last_at or EPOCH)
        self.store = store
        self.config = config
        self.clock = clock
        self.paths = paths
        self.jobs: dict[int, Job] = {job.id: job for job in opened.live}
        self.usage: dict[int, Usage] = {}
        self.archive = Archive(reader, clock, paths, live=self.jobs, usage=self.usage)
        self.reading = Reading(self.archive, lambda: self.config.storage.slow_query)
        self.hub = Hub(self.archive)
        self.archive.presence = self.presence = Presence(self.archive.sight)
        self.channels = Channels(self.hub, self.presence, self.archive.recall)
        self.items = Items(reader)
        self.families = Families(reader, self.jobs)
        #: What follows from an event once it is durable.
        self.consequences: dict[type[Event], Callable[[Job, Event], None]] = {}
        #: Called with each batch that has become durable.
        self.observers: list[Callable[[Batch], None]] = []
        #: Looks at what may be wrong with the daemon, each by a part of it.
        self.concerns: list[Callable[[], str | None]] = [self._storage, lambda: filesystem.scarcity(paths.state)]
        #: Called after jobs were loaded anew because a commit had failed.
        self.mend: Callable[[], None] = lambda: None
        #: Called when a job may be started.
        self.wake: Callable[[], None] = lambda: None
        #: Called with the number of jobs whose end has become durable.
        self.over: Callable[[int], None] = lambda _: None
        #: Called when a job comes into being.
        self.busy: Callable[[], None] = lambda: None
        #: End the daemon, or let it become its own successor; set by whoever lives its life.
        self.stop: Callable[[], None] = lambda: None
        self.restart: Callable[[], None] = lambda: None
        self.started_at = clock.now()
        #: Jobs that are removed but not yet durably so, as they were last.
        self._removed: dict[int, Job] = {}
        self._seq = opened.last_seq
        self._last_job_id = opened.last_job_id
        self._arrange_queue()

    @property
    def seq(self) -> int:
        """The number of the last entry that was recorded, durable or not yet."""
        return self._seq

    def job(self, job_id: int) -> Job:
        """Find a job as it now is. Raises JobNotFound."""
        if job_id in self._removed:
            raise JobNotFound(job=job_id, newest=self._last_job_id)
        return self.archive.job(job_id)

    def record(self, job: Job, events: Iterable[Event], by: Actor | None = None) -> Job:
        """Number the events, fold them into the job, and put both into the batch that is committed next.

        Returns the job as it now is. Raises IllegalChange, or what the store suffers from; then nothing has changed.
        """
        events = list(events)
        if any(isinstance(event, happened.Ended) for event in events):
            events = [*self.families.news(job, self.clock.now()), *events]
        folded = self._fold(job.id, job, events, by)
        return folded if folded is not None else job

    def create(self, event: happened.Created, by: Actor | None = None, job_id: int | None = None) -> Job:
        """Bring a job into being; an id is only given for one that had it before.

        A parent learns of its first child in the same transaction.
        """
        if job_id is None:
            job_id = self._last_job_id + 1
        job = self._fold(job_id, None, [event], by)
        assert job is not None
        self._last_job_id = max(self._last_job_id, job_id)
        parent = self.jobs.get(job.parent) if job.parent is not None else None
        if parent is not None and parent.progress.children is None:
            self.record(parent, self.families.news(parent, self.clock.now()))
        self.busy()
        return job

    def change(
        self, words: tuple[str, ...], reach: Reach, decide: Callable[[Job], list[Event]], by: Actor, zone: str = "", *,
        only_decide: bool = False,
    ) -> tuple[JobView, ...]:  # fmt: skip
        """Change a selection of jobs, all or none: first everything is decided, then everything recorded.

        `reach` says which jobs are meant that are not named one by one, `zone` in which time zone a filter is read.
        Raises what `decide` refuses with.
        """
        there = reach._replace(applies=lambda job: job.id not in self._removed and reach.applies(job))
        chosen = self.archive.select(words, there, Who(by.uid, zone))
        for job in chosen:
            if job.id in self._removed:
                raise JobNotFound(job=job.id, newest=self._last_job_id)
        plans = [(job, decide(job)) for job in chosen]
        changed = chosen if only_decide else [self.record(job, events, by) for job, events in plans]
        return tuple(map(self.archive.view, changed))

    def keep_surroundings(self, surroundings: Surroundings) -> str:
        """Keep environment, umask and limits once for all jobs that share them; the digest is their name."""
        body = _encoder.encode(surroundings)
        digest = hashlib.blake2b(body, digest_size=16).hexdigest()
        self.store.keep(digest, body)
        return digest

    def alive(self, job: Job) -> tuple[str, ...]:
        """List the processes of a job that has ended (it was abandoned) and that its shim still waits for."""
        return abandoned.alive(self.paths, job)

    def perform_now(self, request: Read[Any] | Mutation[Any], caller: Actor) -> bytes:
        """Answer a request that waits for nothing; the reply may be shown when `committed()` is done."""
        if isinstance(request, Read):
            return self.reading.answer(request, caller)
        if request.request_id is None:
            return _encoder.encode(request.answer(self, caller))
        known = self.store.reply(request.request_id)
        if known is not None:
            if known.method != request.method:
                raise RequestReused(request_id=request.request_id, method=known.method)
            return known.reply
        reply = _encoder.encode(request.answer(self, caller))
        self.store.remember(request.request_id, request.method, self.clock.now().wall, reply)
        return reply

    async def act(self, request: Action[Any] | Read[Any], caller: Actor) -> bytes:
        """Answer a request that takes its time."""
        if isinstance(request, Read):
            reply = await self.reading.answer_beside(request, caller)
        else:
            reply = _encoder.encode(await request.answer(self, caller))
        if isinstance(request, Read) or request.records:
            await self.committed()
        return reply

    async def stream(self, request: Stream[Any], caller: Actor) -> AsyncIterator[bytes]:
        """Tell the items of a stream."""
        async for item in request.answer(self, caller):
            yield _encoder.encode(item)

    def feed(self, request: Feed[Any], caller: Actor, listener: Listener) -> Coroutine[Any, Any, None]:
        """Tell a listener the items of a stream that many hear."""
        return request.tell(self, caller, listener)

    def committed(self) -> asyncio.Future[None]:
        """Give the moment at which everything recorded so far is durable."""
        return self.store.committed()

    def on_committed(self, batch: "Batch") -> None:
        """Tell everybody what has become durable, and let follow what follows."""
        self.hub.publish(batch.entries)
        if any(isinstance(entry.event, happened.Submitted) for entry in batch.entries):
            crash_point("submitted")
        for entry in batch.entries:
            follow = self.consequences.get(type(entry.event))
            if follow is not None:
                self._follow_up(follow, entry, batch)
        for observe in self.observers:
            self._show(observe, batch)
        over = 0
        for job_id, job in batch.jobs.items():
            if job is None:
                self._removed.pop(job_id, None)
            elif job.done and self.jobs.get(job_id) is job:
                del self.jobs[job_id]
                self.usage.pop(job_id, None)
                self.items.forget(job_id)
                over += 1
        if over:
            self.over(over)

    def on_failed(self, error: JobdError) -> None:
        """Forget what could not be made durable: load jobs and numbers from the file again."""
        logger.error("a commit failed: %s", error)
        self._removed.clear()
        self.hub.versions.clear()
        self.items.forget()
        reader = self.archive.reader
        self.jobs.clear()
        self.jobs.update({job.id: job for job in reader.live()})
        self._seq = reader.last_seq()
        self._arrange_queue()
        self.families.load()
        if isinstance(error, OutcomeUnknown) and self.store.hopeless:
            logger.critical("the database does not confirm anything any more; giving up so that a fresh start can try")
            os._exit(1)
        self.mend()

    def health(self) -> list[str]:
        """Name what is wrong with the daemon; empty = all is well."""
        return [problem for look in self.concerns if (problem := look())]

    def _fold(self, job_id: int, job: Job | None, events: Iterable[Event], by: Actor | None) -> Job | None:
        at = self.clock.now().wall
        entries, before = [], job
        for seq, event in enumerate(events, self._seq + 1):
            entry, now = recording.enter(job, Entry(seq, at, job_id, event, by))
            entries.append(entry)
            self.hub.versions[seq] = job, now
            job = now
        if entries:
            self.store.save(job_id, job, entries)
            self.items.take(job_id, entries)
            self._seq += len(entries)
            self._hold(job_id, job, before)
            self.families.take(job_id, job, before)
        return job

    def _hold(self, job_id: int, job: Job | None, before: Job | None) -> None:
        if job is not None:
            self.jobs[job_id] = job
        elif before is not None:
            self.jobs.pop(job_id, None)
            self._removed[job_id] = before
        self.queue.consider(job_id, job)
        if len(self.queue):
            self.wake()

    def _follow_up(self, follow: Callable[[Job, Event], None], entry: Entry, batch: "Batch") -> None:
        """Let follow what follows from one entry; what goes wrong with it harms no other."""
        job = self.jobs.get(entry.job) or batch.jobs.get(entry.job) or self._removed.get(entry.job)
        if job is None:
            return
        try:
            follow(job, entry.event)
        except Exception:
            logger.exception("job %d: what follows from %s failed", entry.job, type(entry.event).__name__)

    def _show(self, observe: Callable[["Batch"], None], batch: "Batch") -> None:
        """Show what is durable to one who looks; what goes wrong with that harms no other."""
        try:
            observe(batch)
        except Exception:
            logger.exception("what has become durable could not be looked at")

    def _arrange_queue(self) -> None:
        self.queue = schedule.Queue()
        for job in self.jobs.values():
            self.queue.consider(job.id, job)

    def _storage(self) -> str | None:
        return f"storage: {self.store.fault.message}" if self.store.fault else None
