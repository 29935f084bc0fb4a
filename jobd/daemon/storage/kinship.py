"""Reading which children jobs have, and how these stand; no more of a record than that is decoded."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobd.core import families
from jobd.core.families import Standing
from jobd.core.model import State
from jobd.daemon.storage import rows
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.rows import Row
from jobd.daemon.system.clock import from_microseconds

#: Ids of children are larger than those of their parents. Of a damaged record nothing is counted.
CHILDREN = f"""
SELECT id, parent, created_at, state, json_extract(record, '$.weight'), json_extract(record, '$.progress.fraction')
FROM {rows.WHOLE_JOBS}
WHERE id > ? AND parent IN (SELECT value FROM json_each(?)) AND json_valid(record) ORDER BY id
"""  # noqa: S608 -- of constants


class Child(NamedTuple):
    """A child of a job: when it came into being, and what is counted of it."""

    id: int
    parent: int
    born: datetime
    standing: Standing


def children(reader: Reader, parents: Sequence[int]) -> list[Child]:
    """List the children of jobs, oldest first. Raises StorageBroken, TryAgain if it takes too long."""
    if not parents:
        return []
    with reader.asking():
        return [_child(row) for row in reader.walk(CHILDREN, (min(parents), str(list(parents))))]


def _child(row: Row) -> Child:
    child, parent, created_at, state, weight, fraction = row
    standing = families.standing(State(state), 1.0 if weight is None else weight, fraction)
    return Child(child, parent, from_microseconds(created_at), standing)
