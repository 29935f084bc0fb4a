"""What is committed in one transaction: jobs as they now are, lines of the log, answers, surroundings, presets."""

import asyncio
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jobd.core.errors import JobdError
from jobd.core.events.catalogue import Created, Entry, ItemsChanged, Removed, Retried
from jobd.core.model import Job
from jobd.daemon.storage import database, rows, settling, summaries, surroundings
from jobd.daemon.system.crash import crash_point

if TYPE_CHECKING:
    from jobd.core.work.items import Item
    from jobd.daemon.storage.rows import Reply


class Batch:
    """A transaction in the making. A job that changes several times in it is written once."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job | None] = {}
        self.entries: list[Entry] = []
        self.replies: dict[str, Reply] = {}
        self.surroundings: dict[str, str] = {}
        self.presets: dict[str, str | None] = {}
        self._rows: list[rows.Row] = []
        self._items: dict[tuple[int, str], Item] = {}
        #: Jobs that are removed or run again: what indexes know of their end goes; and those whose items go, too.
        self._unsettled: set[int] = set()
        self._without_items: set[int] = set()
        #: Jobs that are removed, but whose figures stay.
        self._summed: set[int] = set()
        self._changed: set[int] = set()
        #: Which surroundings new jobs need.
        self._needed: dict[int, str] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def __bool__(self) -> bool:
        return bool(self.jobs or self.replies or self.surroundings or self.presets)

    def put(self, job_id: int, job: Job | None, entries: Iterable[Entry], saved: Job | None = None) -> None:
        """Take in a job as it now is (None: removed), as it was saved before, and what happened to it.

        All that a job says came with an event, so what cannot be put into JSON is found out here and harms nobody
        else's changes.
        """
        lines = list(entries)
        self._rows += [rows.entry_row(entry) for entry in lines]
        self.entries += lines
        for entry in lines:
            if isinstance(entry.event, Created) and entry.event.spec is not None:
                self._needed[job_id] = entry.event.spec.surroundings
            elif isinstance(entry.event, ItemsChanged):
                self._items.update({(job_id, change.item.key): change.item for change in entry.event.changes})
            elif isinstance(entry.event, (Retried, Removed)):
                self._unsettled.add(job_id)
                if not (isinstance(entry.event, Retried) and entry.event.resumes):
                    self._items = {key: item for key, item in self._items.items() if key[0] != job_id}
                    self._without_items.add(job_id)
                if isinstance(entry.event, Removed) and entry.event.why is not None:
                    self._summed.add(job_id)
        self.jobs[job_id] = job
        if job is None or saved is None or not rows.same_columns(saved, job):
            self._changed.add(job_id)

    def write(self, connection: sqlite3.Connection) -> None:
        """Write and commit everything, or nothing. Raises sqlite3.Error."""
        with database.transaction(connection):
            self._fill(connection)
            crash_point("before_commit")
        crash_point("after_commit")

    def _fill(self, connection: sqlite3.Connection) -> None:
        if self._summed:
            summaries.remember(connection, self._summed)
        changed = {job_id: self.jobs[job_id] for job_id in self._changed}
        if self._unsettled:
            settling.unsettle(connection, self._unsettled)
            settling.merge(connection, len(self._unsettled))
        if self._without_items:
            rows.remove_items(connection, sorted(self._without_items))
        rows.put(connection, rows.JOBS, [rows.job_row(job) for job in changed.values() if job is not None])
        rows.put(connection, rows.RECORDS, [rows.record_row(job) for job in self.jobs.values() if job is not None])
        items = [rows.item_row(job_id, item) for (job_id, _), item in self._items.items()]
        rows.put(connection, rows.ITEMS, items)
        gone = [job_id for job_id, job in changed.items() if job is None]
        needed = [digest for job_id, digest in self._needed.items() if self.jobs[job_id] is not None]
        surroundings.keep(connection, self.surroundings, needed, gone)
        rows.remove_jobs(connection, gone)
        rows.put(connection, rows.EVENTS, self._rows)
        rows.put(connection, rows.REQUESTS, [rows.reply_row(reply) for reply in self.replies.values()])
        if self.presets:
            rows.put_presets(connection, self.presets)

    def when_done(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """Give the moment at which it is committed: one for each who asks, so that giving up harms nobody else."""
        future = loop.create_future()
        self._waiting.append(future)
        return future

    def succeed(self) -> None:
        """Let everybody who waits go on."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def fail(self, error: JobdError) -> None:
        """Tell everybody who waits that it did not come about; who asked and did not wait needs no warning of it."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()
