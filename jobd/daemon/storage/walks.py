"""Statements that walk along one index, put together from conditions and their parameters."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from jobd.core.history.searching import Field, Range

#: Gives the first value of the first row of a statement, None if there is none.
Ask = Callable[..., Any]

#: What is sorted by ids needs no other index.
BY_ID = (Field.ID, Field.CREATED)
COLUMNS = {
    Field.STARTED: "started_at", Field.ENDED: "ended_at", Field.DURATION: "duration", Field.WAIT: "wait",
    Field.CPU: "cpu", Field.MEMORY: "memory", Field.NAME: "name",
}  # fmt: skip
INDEXES = {
    Field.STARTED: "jobs_by_start", Field.ENDED: "jobs_by_end", Field.DURATION: "jobs_by_duration",
    Field.WAIT: "jobs_by_wait", Field.CPU: "jobs_by_cpu", Field.MEMORY: "jobs_by_memory", Field.NAME: "jobs_by_name",
}  # fmt: skip

#: What no column holds.
_RECORD = re.compile(r"\brecord\b")


class Term(NamedTuple):
    """A condition and its parameters."""

    text: str
    values: tuple[object, ...] = ()


class Walk(NamedTuple):
    """A statement, and its parameters."""

    text: str
    values: tuple[object, ...]


def select(what: str, table: str, terms: Sequence[Term], rest: str = "") -> Walk:
    """Select something from a table, and from the records if they are asked of."""
    where = " AND ".join(term.text for term in terms)
    if _RECORD.search(f"{what} {where}"):
        table += " CROSS JOIN records ON records.job = jobs.id"
    return Walk(f"SELECT {what} FROM {table} WHERE {where} {rest}", values_of(terms))  # noqa: S608 -- all by parameters


def values_of(terms: Iterable[Term]) -> tuple[object, ...]:
    """Give the parameters of all of them."""
    return tuple(value for term in terms for value in term.values)


def bounds(column: str, span: Range | None) -> list[Term]:
    """Say that a column is within a range; nothing if any value is."""
    signs = zip((">=", "<="), span or (), strict=False)
    return [Term(f"{column} {sign} ?", (limit,)) for sign, limit in signs if limit is not None]
