"""A question as SQL that walks along one index, in the order asked for, and stops when there is enough.

The rule: the narrowest of the conditions that have an index leads, and all others only filter. SQLite's own planner
knows nothing of the numbers, and would sometimes sort a million rows instead; so each walk names its index, and where
several could lead they are counted first, as far as FEW. Few rows are sorted, many are walked in the order of the
answer. A page begins behind a job, wherever that is by now: nothing is ever skipped by counting.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from jobd.core.history.searching import Ended, Field, Range, Sort, Value
from jobd.core.model import Job
from jobd.daemon.storage.functions import IN_RECORD, IN_TEXT
from jobd.daemon.storage.leads import Lead, choose, ids_of
from jobd.daemon.storage.walks import BY_ID, COLUMNS, INDEXES, Ask, Term, Walk, bounds, select, values_of

#: Less than every number, and than every text, but more than NULL.
_LEAST, _LEAST_TEXT = "-9e999", "''"

#: A job that matches, as it is compared with others: what it is sorted by (see `sort_key`), its id; and the job or its
#: record, if either is known already: a record would be carried through the sorting of all rows where they are sorted.
Candidate = tuple[Any, int, Job | str | None]

#: Walks to go one after the other.
Chain = tuple[Walk, ...]

#: The jobs that are not settled, with the index that has nothing else: those that have ended, and those that live.
UNSETTLED = {
    False: ("jobs INDEXED BY jobs_unsettled", (Term("ended_at IS NOT NULL"), Term("settled = 0"))),
    True: ("jobs INDEXED BY jobs_living", (Term("ended_at IS NULL"),)),
}


class Place(NamedTuple):
    """A job behind which the answer begins: what it is sorted by, and its id."""

    value: Value
    id: int


def plan(where: Ended, sort: Sort, after: Place | None, ask: Ask) -> list[Chain]:
    """Plan how to find the settled jobs that match: chains to be walked side by side, each of them in order."""
    ids = ids_of(where.facts, ask)
    if after is not None and sort.field in BY_ID:
        ids = ids.narrowed(Range(None, after.id - 1) if sort.descending else Range(after.id + 1, None))
    way, few = choose(where.facts, sort, ids, ask)
    falling = " DESC" if sort.descending else ""

    def walk(lead: Lead, record: str, order: str, *terms: Term) -> Walk:
        every = (*lead.terms, *bounds(lead.id, ids), *terms, Term("settled = 1"), _filter(where))
        return select(_candidate(sort, lead.id, record), lead.table, every, f"ORDER BY {order}{falling}")

    if sort.field in BY_ID:
        record, sign = ("record", "") if way.by_id else ("NULL", "+")
        return [(walk(lead, record, f"{sign}{lead.id}"),) for lead in way.leads]
    column, segments = COLUMNS[sort.field], _segments(sort, after)
    if few:
        beyond = () if after is None else (_either(segments),)
        order = f"{column} IS NULL, +{column}{falling}, id"
        return [(walk(lead, "NULL", order, *beyond),) for lead in way.leads]
    along = Lead(f"jobs INDEXED BY {INDEXES[sort.field]}")
    limits = bounds(column, where.facts.ranges.get(sort.field))
    return [tuple(walk(along, "record", f"{column}{falling}, id", part, *limits) for part in segments)]


@cache
def unsettled(sort: Sort, *, living: bool) -> Walk:
    """Go through the jobs that are not settled: those that live, or those that have ended."""
    falling = " DESC" if sort.descending else ""
    if sort.field in BY_ID:
        return select(_candidate(sort, "id", "record"), *UNSETTLED[living], f"ORDER BY id{falling}")
    column = COLUMNS[sort.field]
    order = f"ORDER BY {column} IS NULL, {column}{falling}, id{falling}"
    return select(_candidate(sort, "id", "NULL"), *UNSETTLED[living], order)


def count(where: Ended, without: Sequence[int], ask: Ask) -> list[Walk]:
    """Plan how to count the settled jobs that match, the sum of these; not those with one of some ids."""
    other = [Term("id NOT IN (SELECT value FROM json_each(?))", (str(list(without)),))] if without else []
    return [select("count(*)", table, (*other, *terms)) for table, terms in _sources(where, ask)]


def ended(what: Term, where: Ended, ask: Ask) -> Walk:
    """Select something of all jobs that have ended and match, settled or not, in no order."""
    table, terms = UNSETTLED[False]
    text, parameters = where.sql()
    sources = (*_sources(where, ask), (table, (*terms, Term(f"({text})", parameters))))
    walks = [select(what.text, table, terms) for table, terms in sources]
    values = tuple(value for walk in walks for value in (*what.values, *walk.values))
    return Walk(" UNION ALL ".join(walk.text for walk in walks), values)


def sort_key(value: Value, sort: Sort) -> Any:
    """Say as what a value is sorted: one that is not known comes last, whatever the order. Of ids it is always 0."""
    if sort.field in BY_ID:
        return 0
    return (-math.inf if sort.descending else math.inf) if value is None else value


def _sources(where: Ended, ask: Ask) -> Iterator[tuple[str, tuple[Term, ...]]]:
    """Give tables and conditions that together give the settled jobs that match, each once."""
    ids = ids_of(where.facts, ask)
    way, _ = choose(where.facts, None, ids, ask)
    for lead in way.leads:
        yield lead.table, (*lead.terms, *bounds(lead.id, ids), Term("settled = 1"), _filter(where))


def _candidate(sort: Sort, id_column: str, record: str) -> str:
    key = "0" if sort.field in BY_ID else f"ifnull({COLUMNS[sort.field]}, {'-' if sort.descending else ''}9e999)"
    return f"{key}, {id_column}, {record}"


def _filter(where: Ended) -> Term:
    text, values = where.sql()
    return Term(f"({text.replace(IN_RECORD, IN_TEXT)})", values)


def _segments(sort: Sort, after: Place | None) -> list[Term]:
    """Divide what comes after a place, or all, so that each part is a walk along the index of the column."""
    column, sign = COLUMNS[sort.field], "<" if sort.descending else ">"
    least = _LEAST_TEXT if sort.field is Field.NAME else _LEAST
    if after is None:
        return [Term(f"{column} >= {least}"), Term(f"{column} IS NULL")]
    if after.value is None:
        return [Term(f"{column} IS NULL AND id {sign} ?", (after.id,))]
    return [
        Term(f"{column} = ? AND id {sign} ?", (after.value, after.id)),
        Term(f"{column} {sign} ? AND {column} >= {least}", (after.value,)),
        Term(f"{column} IS NULL"),
    ]


def _either(terms: list[Term]) -> Term:
    return Term(f"({' OR '.join(f'({term.text})' for term in terms)})", values_of(terms))
