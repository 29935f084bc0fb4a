"""The store: what the engine saves becomes durable in batches, one transaction each, by one thread that writes.

The rule: nobody is told of a change before the transaction that holds it is committed. What is saved between two
turns of the loop stays together; what arrives while a transaction is being committed makes up the next one.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from jobd.core.errors import JobdError, OutcomeUnknown, StorageFull
from jobd.core.events.catalogue import Entry
from jobd.core.model import Job
from jobd.daemon.storage import database, filesystem, memory, opening, rows, safekeeping, settling
from jobd.daemon.storage.batch import Batch
from jobd.daemon.storage.checkpoints import Checkpoints, passive
from jobd.daemon.storage.opening import Opened
from jobd.daemon.storage.replies import Replies
from jobd.daemon.storage.rows import Reply

#: Commits that failed one after the other, for no known reason, until the store is given up.
MOST_FAILURES = 3
#: Bytes that a probe writes: a disk that is full to the last page would take an empty commit.
PROBE_BYTES = 65536
#: Answers are kept for a day, and not more than these.
REQUESTS_AGE, REQUESTS_KEPT = timedelta(days=1), 100_000
#: Seconds between two chunks of a long deletion, for others to write.
PAUSE = 0.002

T = TypeVar("T")
Act = Callable[[sqlite3.Connection], T]


class Store:
    """The SQLite file of a daemon. Both callbacks are called in the thread of the loop.

    `on_committed` gets each batch that became durable, before those who wait for it go on; `on_failed` is told when a
    commit failed and everything saved since the last good one is void.
    """

    def __init__(
        self,
        path: Path,
        *,
        durability: str = "full",
        on_committed: Callable[[Batch], None],
        on_failed: Callable[[JobdError], None],
    ) -> None:
        self.path = path
        #: Why nothing can be saved at present.
        self.fault: JobdError | None = None
        self._durability = durability
        self._on_committed = on_committed
        self._on_failed = on_failed
        self._current = Batch()
        self._flying: Batch | None = None
        #: Running jobs as they were saved last: what changes often is mostly the record alone.
        self._saved: dict[int, Job] = {}
        self._scheduled = False
        self._failures = 0
        self._damaged = False
        self._closing = threading.Event()
        self._tasks: SimpleQueue[tuple[Act[Any], Callable[[Any, BaseException | None], None]] | None] = SimpleQueue()
        self._replies = Replies(path)
        self._checkpoints = Checkpoints(path, durability, lambda: self._tasks.put((passive, lambda *_: None)))

    @property
    def hopeless(self) -> bool:
        """Whether only a restart can help: commits keep failing, or the database is damaged."""
        return self._damaged or self._failures >= MOST_FAILURES

    def open(self) -> Opened:
        """Make, bring up to date or repair the file. Raises DatabaseTooNew, StorageBroken, StorageFull."""
        self._connection, opened = opening.open_database(self.path, self._durability)
        self._unchecked = opened.unchecked
        self._replies.load()
        return opened

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to write."""
        self._loop = loop
        self._threads = [threading.Thread(target=self._work, name="store", daemon=True)]
        if self._unchecked:
            self._threads.append(threading.Thread(target=self._check, name="store-check", daemon=True))
        for thread in self._threads:
            thread.start()
        self._checkpoints.start()

    async def close(self) -> None:
        """Write what is left, then close the file."""
        while self._flying is not None or self._current:
            await asyncio.wait([self.committed()])
        self._closing.set()
        self._checkpoints.close()
        self._replies.close()
        try:
            await self._run(_leave)
        finally:
            self._tasks.put(None)
            for thread in self._threads:
                thread.join()
            memory.remove(self.path)

    def save(self, job_id: int, job: Job | None, entries: Iterable[Entry]) -> None:
        """Put a job as it now is (None: removed) and its new entries into the batch. Raises `fault` if there is one."""
        self._open_batch().put(job_id, job, entries, self._saved.get(job_id))
        if job is not None and job.started_at is not None and job.ended_at is None:
            self._saved[job_id] = job
        else:
            self._saved.pop(job_id, None)
        self._schedule()

    def remember(self, request_id: str, method: str, at: datetime, reply: bytes) -> None:
        """Keep the answer to a request in the same batch as what it changed."""
        self._open_batch().replies[request_id] = Reply(request_id, method, at, reply)
        self._schedule()

    def keep(self, digest: str, body: bytes) -> None:
        """Keep surroundings under their digest; those that are there stay."""
        self._open_batch().surroundings[digest] = body.decode()
        self._schedule()

    def save_preset(self, name: str, text: str | None) -> None:
        """Save a filter under a name, or take it away."""
        self._open_batch().presets[name] = text
        self._schedule()

    def reply(self, request_id: str) -> Reply | None:
        """Find what was answered to a request, even if that is not yet durable."""
        for batch in (self._current, self._flying):
            if batch is not None and request_id in batch.replies:
                return batch.replies[request_id]
        return self._replies.find(request_id)

    def committed(self) -> asyncio.Future[None]:
        """Give the moment at which everything saved so far is durable; it fails if that cannot be."""
        batch = self._current or self._flying
        if batch is not None:
            return batch.when_done(self._loop)
        durable = self._loop.create_future()
        durable.set_result(None)
        return durable

    async def probe(self) -> bool:
        """Try whether the store works again; if so it takes changes from now on."""
        if self.fault is None:
            return True
        try:
            await self._run(lambda connection: opening.try_to_write(connection, PROBE_BYTES))
        except JobdError:
            return False
        self.fault = None
        return True

    async def settle(self, chunk: int) -> int:
        """Take some of the jobs that have ended into the indexes; say how many. Raises what the store suffers from."""
        return await self._run(lambda connection: settling.settle(connection, chunk))

    async def vacuum(self) -> None:
        """Make the file as small as it can be; what is to be written waits. Raises what the store suffers from."""
        await self._run(safekeeping.shrink)

    async def trim_events(self, last: int, chunk: int) -> int:
        """Remove up to `chunk` of the oldest events, up to the number `last`; say how many."""
        return await self._run(lambda connection: rows.trim_events(connection, last, chunk))

    async def trim_requests(self, chunk: int = 1000) -> int:
        """Forget answers that are older than a day, or not among the newest; say how many."""
        before, trimmed = datetime.now(UTC) - REQUESTS_AGE, 0
        while done := await self._run(lambda connection: rows.trim_requests(connection, before, REQUESTS_KEPT, chunk)):
            trimmed += done
            await asyncio.sleep(PAUSE)
        return trimmed

    def _open_batch(self) -> Batch:
        if self.fault is not None:
            raise self.fault.with_traceback(None)
        return self._current

    def _schedule(self) -> None:
        if not self._scheduled and self._flying is None:
            self._scheduled = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._scheduled = False
        if self._flying is None and self._current:
            batch, self._current = self._current, Batch()
            self._flying = batch
            self._tasks.put((batch.write, lambda _, error: self._finished(batch, error)))

    def _finished(self, batch: Batch, error: BaseException | None) -> None:
        self._flying = None
        if error is not None:
            self._fail(batch, error)
            return
        self._failures = 0
        self._hand_over()
        self._replies.add(batch.replies)
        try:
            self._on_committed(batch)
        finally:
            batch.succeed()

    def _fail(self, batch: Batch, cause: BaseException) -> None:
        error = database.failed_commit(cause, self.path)
        if isinstance(error, StorageFull):
            self.fault = error
        elif database.is_damage(cause):
            self._suspect()
        elif not database.is_lock(cause):
            self._failures += 1
        self._void([batch, self._current], error)

    def _void(self, batches: list[Batch], error: JobdError) -> None:
        self._current = Batch()
        self._saved.clear()
        try:
            self._on_failed(error)
        finally:
            for batch in batches:
                batch.fail(error)

    def _check(self) -> None:
        """Look through a large database while it is being used (in a thread of its own)."""
        problems = safekeeping.check(self.path, stopped=self._closing.is_set)
        if problems:
            self._loop.call_soon_threadsafe(self._found_damage, problems[0])

    def _found_damage(self, problem: str) -> None:
        self._suspect()
        self._void([self._current], OutcomeUnknown(problem=f"the database is damaged: {problem}"))

    def _suspect(self) -> None:
        """See to it that the next start looks through the database before it uses it."""
        self._damaged = True
        with contextlib.suppress(OSError):
            filesystem.put_mark(filesystem.suspect_mark(self.path))

    def _run(self, act: Act[T]) -> asyncio.Future[T]:
        """Do something in the writing thread, between two batches; what SQLite complains of becomes a JobdError."""
        future: asyncio.Future[T] = self._loop.create_future()

        def deliver(result: T, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(database.failed_commit(error, self.path))

        self._tasks.put((act, deliver))
        return future

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            act, deliver = task
            result, failure = None, None
            try:
                result = act(self._connection)
            except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait are told
                failure = error
            self._checkpoints.count()
            self._loop.call_soon_threadsafe(deliver, result, failure)


def _leave(connection: sqlite3.Connection) -> None:
    """Close the file, all of it in one piece if there is room for that, even if somebody else still reads."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
