"""What is committed in one transaction: jobs as they now are, lines of the log, answers to requests, surroundings."""

import asyncio
import sqlite3

from jobd.core.errors import JobdError
from jobd.core.events import Entry
from jobd.core.model import Job
from jobd.daemon import rows
from jobd.daemon.crash import crash_point
from jobd.daemon.rows import Reply


class Commit(asyncio.Future[None]):
    """The moment at which a batch is durable. Many wait for one, so one that gives up must not cancel it for the others."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 -- the signature is asyncio's
        """Decline: who waits is cancelled when the commit is done."""
        return False


class Batch:
    """A transaction in the making. A job that changes several times in it is written once."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job | None] = {}
        self.entries: list[Entry] = []
        self.replies: dict[str, Reply] = {}
        self.surroundings: dict[str, bytes] = {}
        self.job_rows: dict[int, bytes] = {}
        self.entry_rows: list[bytes] = []
        self._commit: Commit | None = None

    def __bool__(self) -> bool:
        return bool(self.jobs or self.replies or self.surroundings)

    def put_job(self, job_id: int, job: Job | None) -> None:
        """Take in a job as it now is; None = it was removed."""
        if job is None:
            self.job_rows.pop(job_id, None)
        else:
            self.job_rows[job_id] = rows.job_row(job)
        self.jobs[job_id] = job

    def put_reply(self, reply: Reply) -> None:
        """Take in the answer to a request."""
        self.replies[reply.id] = reply

    def write(self, connection: sqlite3.Connection) -> None:
        """Write and commit everything, or nothing. Raises sqlite3.Error."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            rows.put(connection, rows.PUT_JOBS, list(self.job_rows.values()))
            rows.remove_jobs(connection, [job_id for job_id, job in self.jobs.items() if job is None])
            rows.put(connection, rows.PUT_ENTRIES, self.entry_rows)
            rows.put(connection, rows.PUT_REPLIES, [rows.reply_row(reply) for reply in self.replies.values()])
            kept = [rows.surroundings_row(digest, body) for digest, body in self.surroundings.items()]
            rows.put(connection, rows.PUT_SURROUNDINGS, kept)
            crash_point("before_commit")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        crash_point("after_commit")

    def when_done(self, loop: asyncio.AbstractEventLoop, *, done: bool = False) -> asyncio.Future[None]:
        """Give the moment at which it is committed."""
        if self._commit is None:
            self._commit = Commit(loop=loop)
        if done:
            self._commit.set_result(None)
        return self._commit

    def succeed(self) -> None:
        """Let everybody who waits go on."""
        if self._commit is not None:
            self._commit.set_result(None)

    def fail(self, error: JobdError) -> None:
        """Tell everybody who waits that it did not come about."""
        if self._commit is not None:
            self._commit.set_exception(error)
            self._commit.exception()
