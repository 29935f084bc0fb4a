"""Who needs the surroundings that jobs share: counted with each job that comes or goes, so that none outlive the last.

They may hold secrets, and each program that submits jobs of its own brings others.
"""

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from jobd.daemon.storage import rows

_NAMED = "CASE WHEN json_valid(record) THEN json_extract(record, '$.spec.surroundings') END"
_GONE = f"SELECT {_NAMED}, count(*) FROM records WHERE job IN (SELECT value FROM json_each(?)) GROUP BY 1"  # noqa: S608
_RECOUNT = (
    f"CREATE TEMP TABLE needed AS SELECT {_NAMED} AS digest, count(*) AS jobs FROM records GROUP BY 1",  # noqa: S608
    "CREATE UNIQUE INDEX needed_by_digest ON needed (digest)",
    "UPDATE surroundings SET jobs = ifnull((SELECT jobs FROM needed WHERE needed.digest = surroundings.digest), 0)",
    "DROP TABLE needed",
    "DELETE FROM surroundings WHERE jobs = 0",
)


def keep(connection: sqlite3.Connection, bodies: Mapping[str, str], needed: Iterable[str], gone: list[int]) -> None:
    """Keep surroundings by their digests, name those that new jobs need, and the jobs that are about to be deleted.

    What no job needs any more is deleted. Raises sqlite3.Error.
    """
    rows.put(connection, rows.SURROUNDINGS, list(bodies.items()))
    connection.executemany("UPDATE surroundings SET jobs = jobs + 1 WHERE digest = ?", [(one,) for one in needed])
    left = connection.execute(_GONE, (_json(gone),)).fetchall() if gone else []
    connection.executemany("UPDATE surroundings SET jobs = jobs - ? WHERE digest = ?", [pair[::-1] for pair in left])
    if concerned := [*bodies, *(digest for digest, _ in left if digest is not None)]:
        among = "digest IN (SELECT value FROM json_each(?))"
        connection.execute(f"DELETE FROM surroundings WHERE jobs <= 0 AND {among}", (_json(concerned),))  # noqa: S608


def recount(connection: sqlite3.Connection) -> None:
    """Count anew, within a transaction, who needs what. Raises sqlite3.Error."""
    for statement in _RECOUNT:
        connection.execute(statement)


def _json(values: list[int] | list[str]) -> str:
    return msgspec.json.encode(values).decode()
