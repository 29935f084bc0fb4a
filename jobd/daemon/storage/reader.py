"""Reading the SQLite file, beside a daemon that writes it or without one.

The rule: nothing here writes, and every search is a walk along an index that stops at its limit.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from jobd.core.errors import BadValue, StorageBroken
from jobd.core.events.catalogue import Entry
from jobd.core.model import LARGEST, Job, State, Surroundings
from jobd.core.work.items import Item, ItemState
from jobd.daemon.storage import leads, rows
from jobd.daemon.storage.questions import Questions
from jobd.daemon.storage.rows import Reply
from jobd.daemon.system.clock import from_microseconds, to_microseconds

#: How jobs are counted by state: each part from an index that holds it.
COUNTS = (
    "jobs INDEXED BY jobs_living WHERE ended_at IS NULL",
    "jobs INDEXED BY jobs_unsettled WHERE ended_at IS NOT NULL AND settled = 0",
    "jobs INDEXED BY jobs_by_state WHERE settled = 1",
)

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Reader(Questions):
    """Finds jobs, lines of the log and what else is kept. All raise StorageBroken, TryAgain as Questions do."""

    _page_key: bytes | None = None

    def job(self, job_id: int) -> Job | None:
        """Find a job by its id."""
        found = self.rows("SELECT record FROM records WHERE job = ?", job_id) if 0 < job_id <= LARGEST else []
        return self._made(rows.read_job, found[0][0], f"the record of job {job_id}") if found else None

    def live(self) -> list[Job]:
        """List the jobs that have not ended, oldest first."""
        living = "jobs INDEXED BY jobs_living CROSS JOIN records ON records.job = jobs.id WHERE ended_at IS NULL"
        return list(self.read(dict(self.rows(f"SELECT id, record FROM {living} ORDER BY id"))).values())  # noqa: S608

    def jobs(self, ids: Iterable[int]) -> dict[int, Job]:
        """Find jobs by their ids; those that are not there, or make no sense, are left out."""
        return self.read(self.records(ids))

    def records(self, ids: Iterable[int]) -> dict[int, str]:
        """Find the records of jobs by their ids."""
        among = msgspec.json.encode(list(ids)).decode()
        return dict(self.rows("SELECT job, record FROM records WHERE job IN (SELECT value FROM json_each(?))", among))

    def read(self, records: Mapping[int, str]) -> dict[int, Job]:
        """Read records; one that makes no sense must not hide the others."""
        jobs = {job_id: self.made(job_id, record) for job_id, record in records.items()}
        return {job_id: job for job_id, job in jobs.items() if job is not None}

    def made(self, job_id: int, record: str) -> Job | None:
        """Read a record; None if it makes no sense, which is only said in the log."""
        try:
            return rows.read_job(record)
        except (ValueError, TypeError) as error:
            logger.error("%s", self._senseless(f"the record of job {job_id}", error))  # noqa: TRY400 -- it says all
            return None

    def ids_by_name(self, name: str, limit: int) -> list[int]:
        """List the ids of the newest jobs of a name, newest first."""
        return self.column("SELECT id FROM jobs WHERE name = ? ORDER BY id DESC LIMIT ?", name, bounded(limit))

    def newest_id(self) -> int | None:
        """Give the id of the newest job that is still there."""
        newest: int | None = self.rows("SELECT max(id) FROM jobs")[0][0]
        return newest

    def last_job_id(self) -> int:
        """Give the highest id a job ever had; 0 if there was none."""
        highest: int = self.rows("SELECT max(seq) FROM sqlite_sequence WHERE name = 'jobs'")[0][0] or 0
        return max(highest, self.newest_id() or 0)

    def entries(self, after: int, limit: int, job: int | None = None) -> list[Entry]:
        """Read on in the log, oldest first; of a single job the frequent kinds of event are left out."""
        values = [bounded(after), bounded(limit)]
        if job is None:
            where = "seq > ?"
        else:
            where, values = "job = ? AND frequent = 0 AND seq > ?", [bounded(job), *values]
        return self._entries(f"{where} ORDER BY seq LIMIT ?", *values)

    def latest(self, job: int, limit: int) -> list[Entry]:
        """Read the last lines of a job's log, oldest first; the frequent kinds of event are left out."""
        where = "job = ? AND frequent = 0 ORDER BY seq DESC LIMIT ?"
        return self._entries(where, bounded(job), bounded(limit))[::-1]

    def items(self, job: int, states: tuple[ItemState, ...] = (), after: str = "", limit: int = LARGEST) -> list[Item]:
        """List the items of a job by key, those in the states (all without any), from the one after a key on."""
        chosen = ", ".join(f"'{state.value}'" for state in states or ItemState)
        where = f"job = ? AND key > ? AND json_extract(record, '$.state') IN ({chosen})"
        text = f"SELECT record FROM items WHERE {where} ORDER BY key LIMIT ?"  # noqa: S608
        found = self.rows(text, bounded(job), after, bounded(limit))
        return [self._made(rows.read_item, row[0], f"an item of job {job}") for row in found]

    def first_seq(self) -> int:
        """Give the number of the first line of the log that is kept; 0 if it is empty."""
        first: int = self.rows("SELECT min(seq) FROM events")[0][0] or 0
        return first

    def last_seq(self) -> int:
        """Give the number of the last line of the log; 0 if it is empty."""
        last: int = self.rows("SELECT max(seq) FROM events")[0][0] or 0
        return last

    def seq_before(self, at: int) -> int:
        """Give the number of the last line of the log before a time (microseconds), 0 if there is none.

        The times never go back.
        """
        low, high = max(0, self.first_seq() - 1), self.last_seq()
        while low < high:
            middle = (low + high + 1) // 2
            found = self.rows("SELECT seq, at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1", middle)
            if found and found[0][1] < at:
                low = found[0][0]
            else:
                high = middle - 1
        return low

    def surroundings(self, digest: str) -> Surroundings | None:
        """Find the surroundings kept under a digest."""
        found = self.rows("SELECT body FROM surroundings WHERE digest = ?", digest)
        return self._made(rows.read_surroundings, found[0][0], f"what is kept under {digest}") if found else None

    def reply(self, request_id: str) -> Reply | None:
        """Find what was answered to a request."""
        found = self.rows(f"SELECT {rows.REPLY_COLUMNS} FROM requests WHERE id = ?", request_id)  # noqa: S608
        return self._made(rows.read_reply, found[0], f"the answer to request {request_id}") if found else None

    def reply_ids(self, limit: int) -> list[str]:
        """List the ids of the latest requests that were answered, oldest first."""
        found = self.rows("SELECT id FROM requests ORDER BY rowid DESC LIMIT ?", bounded(limit))
        return [row[0] for row in reversed(found)]

    def counts(self, since: datetime | None = None) -> dict[State, int]:
        """Count the jobs by state, all or those submitted since then."""
        parts = list(COUNTS)
        if since is not None:
            parts = [f"jobs NOT INDEXED WHERE id >= {leads.first_id(to_microseconds(since), self.ask)}"]
        counts = dict.fromkeys(State, 0)
        for part in parts:
            for state, count in self.rows(f"SELECT state, count(*) FROM {part} GROUP BY state"):  # noqa: S608
                counts[State(state)] += count
        return counts

    def settled(self, ids: Iterable[int]) -> list[int]:
        """List those of the ids that belong to settled jobs."""
        among = msgspec.json.encode(list(ids)).decode()
        text = "SELECT id FROM jobs WHERE settled = 1 AND id IN (SELECT value FROM json_each(?))"
        return self.column(text, among)

    def page_key(self) -> bytes:
        """Give the key with which tokens of pages are made; it never changes."""
        if self._page_key is None:
            self._page_key = bytes(self.ask("SELECT value FROM meta WHERE key = 'page_key'"))
        return self._page_key

    def presets(self) -> dict[str, str]:
        """Give the saved filters, by their names."""
        return {key.removeprefix(rows.PRESET): value for key, value in self.rows(rows.PRESETS)}

    def next_birth(self, job_id: int) -> datetime | None:
        """Say when the job came into being that has the next higher number than this; None if there is none."""
        at = self.ask("SELECT created_at FROM jobs WHERE id > ? ORDER BY id LIMIT 1", job_id)
        return None if at is None else from_microseconds(at)

    def _entries(self, where: str, *values: object) -> list[Entry]:
        found = self.rows(f"SELECT {rows.ENTRY_COLUMNS} FROM events WHERE {where}", *values)  # noqa: S608
        return [self._made(rows.read_entry, row, f"line {row[0]} of the log") for row in found]

    def _made(self, make: Callable[[Any], T], row: Any, what: str) -> T:
        try:
            return make(row)
        except (ValueError, TypeError) as error:
            raise self._senseless(what, error) from None

    def _senseless(self, what: str, error: Exception) -> StorageBroken:
        return StorageBroken(path=str(self.path), problem=f"{what} makes no sense: {error}")


def bounded(number: int) -> int:
    """Fit a number into SQLite's 64 bits. Raises BadValue for a negative one."""
    if number < 0:
        raise BadValue(field="number", problem=f"{number} is negative")
    return min(number, LARGEST)
