"""Settling: what has ended is taken into the indexes by which it is searched, a while later and many jobs at a time.

The rule: a job that is not settled is looked at by itself, so a search finds it as surely. That leaves the transaction
in which a job ends as short as if there were no index: one for each of many jobs would take several times as long.
A job that is run again, or removed, is taken out in the same transaction.
"""

import logging
import sqlite3
from collections.abc import Iterable

from msgspec import json

from jobd.daemon.storage import rows
from jobd.daemon.storage.database import transaction

logger = logging.getLogger(__name__)

_UNSETTLED = (
    "SELECT id, record FROM jobs INDEXED BY jobs_unsettled CROSS JOIN records ON records.job = jobs.id"
    " WHERE ended_at IS NOT NULL AND settled = 0 ORDER BY id DESC LIMIT ?"
)
_AMONG = "IN (SELECT value FROM json_each(?))"
_TAKE_IN = f"INSERT INTO parts (rowid, text) SELECT job, text FROM words WHERE job {_AMONG}"  # noqa: S608
_NEXT = "SELECT job FROM words WHERE job > ? ORDER BY job LIMIT ?"
_MARK = f"UPDATE jobs SET settled = 1 WHERE id {_AMONG}"  # noqa: S608

#: Pages of the index that are merged with a change, and with each job that it is about: as many as are needed, for a
#: page is merged seven times in a history of 1,000,000 jobs, and five jobs fill one.
MERGED, MERGED_EACH = 1, 1
#: Jobs that make up a segment of an index that is made anew.
REBUILT = 100


def settle(connection: sqlite3.Connection, most: int) -> int:
    """Settle the newest of the jobs that have ended; say how many were. Raises sqlite3.Error."""
    with transaction(connection):
        found = connection.execute(_UNSETTLED, (most,)).fetchall()
        ids = [job_id for job_id, _ in found]
        unsettle(connection, ids)
        rows.put(connection, rows.WORDS, [(job_id, _text(job_id, record)) for job_id, record in found])
        among = (json.encode(ids).decode(),)
        connection.execute(_TAKE_IN, among)
        connection.execute(_MARK, among)
        merge(connection, len(ids))
    return len(ids)


def unsettle(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Take the texts of jobs out of the index; their rows are written by whoever changes them. Raises sqlite3.Error."""
    _remove(connection, _AMONG, json.encode(list(ids)).decode())


def merge(connection: sqlite3.Connection, jobs: int) -> None:
    """Go on with merging the index after a change that was about so many jobs. Raises sqlite3.Error."""
    pages = MERGED + MERGED_EACH * jobs
    connection.execute("INSERT INTO parts (parts, rank) VALUES ('merge', ?)", (pages,))


def mend(connection: sqlite3.Connection) -> bool:
    """Make the index of words anew if it is damaged, and say whether it was. Raises sqlite3.Error."""
    try:
        connection.execute("INSERT INTO parts (parts) VALUES ('integrity-check')")
    except sqlite3.DatabaseError:
        rebuild(connection)
        return True
    return False


def rebuild(connection: sqlite3.Connection) -> None:
    """Make the index of words anew, within one transaction. Raises sqlite3.Error.

    It becomes as if it had grown: FTS5's own rebuild leaves large segments among the newest, which are then merged with
    every few jobs that come or go, and some of these merges take seconds.
    """
    with transaction(connection):
        connection.execute("INSERT INTO parts (parts) VALUES ('delete-all')")
        last = 0
        while ids := [job for (job,) in connection.execute(_NEXT, (last, REBUILT))]:
            # What has gathered in memory is put into a segment of its own when a savepoint is set.
            connection.execute("SAVEPOINT chunk")
            connection.execute(_TAKE_IN, (json.encode(ids).decode(),))
            connection.execute("RELEASE chunk")
            merge(connection, len(ids))
            last = ids[-1]


def tidy(connection: sqlite3.Connection) -> None:
    """Take out the texts of all jobs that are not settled, or not there. Raises sqlite3.Error."""
    _remove(connection, "NOT IN (SELECT id FROM jobs WHERE settled = 1)")


def _remove(connection: sqlite3.Connection, which: str, *values: str) -> None:
    where = f"FROM words WHERE job {which}"
    connection.execute(f"INSERT INTO parts (parts, rowid, text) SELECT 'delete', job, text {where}", values)
    connection.execute(f"DELETE {where}", values)


def _text(job_id: int, record: str) -> str:
    from jobd.core.filters import folded_text

    text = folded_text(record)
    if text is None:
        logger.error("the record of job %d makes no sense", job_id)
    return text or ""
