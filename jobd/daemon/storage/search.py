"""A question as SQL that walks along one index, in the order asked for, and stops when there is enough.

The rule: the narrowest of the conditions that have an index leads, and all others only filter. SQLite's own planner
knows nothing of the numbers, and would sometimes sort a million rows instead; so each walk names its index, and where
several could lead they are counted first, as far as FEW. Few rows are sorted, many are walked in the order of the
answer. A page begins behind a job, wherever that is by now: nothing is ever skipped by counting.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from jobd.core.history.searching import Ended, Facts, Field, Range, Sort, Value
from jobd.core.model import FINAL, State
from jobd.daemon.storage.functions import IN_RECORD, IN_TEXT

#: Rows that are rather collected and sorted than looked for along another index.
FEW = 10_000
#: Walks that are joined; a longer list of names is no lead.
MOST_WALKS = 64
#: Parts of three letters that are asked for: those of a long word overlap.
PART, MOST_PARTS = 3, 8

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

#: Less than every number, and than every text, but more than NULL.
_LEAST, _LEAST_TEXT = "-9e999", "''"
#: A run of signs that can be looked for: no surrogate is in a database.
_FINDABLE = re.compile(rf"[^\x00\ud800-\udfff]{{{PART},}}")


#: What no column holds.
_RECORD = re.compile(r"\brecord\b")


class Term(NamedTuple):
    """A condition and its parameters."""

    text: str
    values: tuple[object, ...] = ()


class Walk(NamedTuple):
    """A statement that gives jobs in order: id, what they are sorted by (NULL if that is the id), and the record.

    Where rows have to be sorted the record is NULL: it would be carried through the sorting of all of them.
    """

    text: str
    values: tuple[object, ...]


class Place(NamedTuple):
    """A job behind which the answer begins: what it is sorted by, and its id."""

    value: Value
    id: int


class Lead(NamedTuple):
    """A table with the index that leads, and the conditions that it answers."""

    table: str
    terms: tuple[Term, ...] = ()
    #: The column of the table that holds the ids.
    id: str = "id"


class Way(NamedTuple):
    """Leads that together give every job that matches; those of `by_id` give them in the order of ids."""

    leads: tuple[Lead, ...]
    by_id: bool = True


#: The jobs that are not settled, with the index that has nothing else: those that have ended, and those that live.
UNSETTLED = {
    False: ("jobs INDEXED BY jobs_unsettled", (Term("ended_at IS NOT NULL"), Term("settled = 0"))),
    True: ("jobs INDEXED BY jobs_living", (Term("ended_at IS NULL"),)),
}

#: Walks to go one after the other.
Chain = tuple[Walk, ...]

_ALL = Way((Lead("jobs NOT INDEXED"),))


def plan(where: Ended, sort: Sort, after: Place | None, ask: Ask) -> list[Chain]:
    """Plan how to find the settled jobs that match: chains to be walked side by side, each of them in order."""
    ids = _ids(where.facts, ask)
    if after is not None and sort.field in BY_ID:
        ids = _narrowed(ids, Range(None, after.id - 1) if sort.descending else Range(after.id + 1, None))
    way, few = _choose(where.facts, sort, ids, ask)
    falling = " DESC" if sort.descending else ""

    def walk(lead: Lead, column: str, record: str, order: str, *terms: Term) -> Walk:
        every = (*lead.terms, *_bounds(lead.id, ids), *terms, Term("settled = 1"), _filter(where))
        return _select(f"{lead.id}, {column}, {record}", lead.table, every, f"ORDER BY {order}{falling}")

    if sort.field in BY_ID:
        record, sign = ("record", "") if way.by_id else ("NULL", "+")
        return [(walk(lead, "NULL", record, f"{sign}{lead.id}"),) for lead in way.leads]
    column, segments = COLUMNS[sort.field], _segments(sort, after)
    if few:
        beyond = () if after is None else (_either(segments),)
        order = f"{column} IS NULL, +{column}{falling}, id"
        return [(walk(lead, column, "NULL", order, *beyond),) for lead in way.leads]
    along = Lead(f"jobs INDEXED BY {INDEXES[sort.field]}")
    bounds = _bounds(column, where.facts.ranges.get(sort.field))
    return [tuple(walk(along, column, "record", f"{column}{falling}, id", part, *bounds) for part in segments)]


@cache
def unsettled(sort: Sort, *, living: bool) -> Walk:
    """Go through the jobs that are not settled: those that live, or those that have ended."""
    falling = " DESC" if sort.descending else ""
    if sort.field in BY_ID:
        return _select("id, NULL, record", *UNSETTLED[living], f"ORDER BY id{falling}")
    column = COLUMNS[sort.field]
    return _select(
        f"id, {column}, NULL", *UNSETTLED[living], f"ORDER BY {column} IS NULL, {column}{falling}, id{falling}"
    )


def count(where: Ended, without: Sequence[int], ask: Ask) -> list[Walk]:
    """Plan how to count the settled jobs that match, the sum of these; not those with one of some ids."""
    other = [Term("id NOT IN (SELECT value FROM json_each(?))", (str(list(without)),))] if without else []
    return [_select("count(*)", table, (*other, *terms)) for table, terms in _sources(where, ask)]


def ended(what: str, where: Ended, ask: Ask) -> Walk:
    """Select something of all jobs that have ended and match, settled or not, in no order."""
    table, terms = UNSETTLED[False]
    text, values = where.sql()
    sources = (*_sources(where, ask), (table, (*terms, Term(f"({text})", values))))
    walks = [_select(what, table, terms) for table, terms in sources]
    return Walk(" UNION ALL ".join(walk.text for walk in walks), tuple(v for walk in walks for v in walk.values))


def _sources(where: Ended, ask: Ask) -> Iterator[tuple[str, tuple[Term, ...]]]:
    """Give tables and conditions that together give the settled jobs that match, each once."""
    ids = _ids(where.facts, ask)
    way, _ = _choose(where.facts, None, ids, ask)
    for lead in way.leads:
        yield lead.table, (*lead.terms, *_bounds(lead.id, ids), Term("settled = 1"), _filter(where))


def first_id(created: int, ask: Ask) -> int:
    """Find the first id that a job of this time (microseconds) or a later one can have: times grow with ids."""
    low, high = 0, (ask("SELECT max(id) FROM jobs") or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = ask("SELECT created_at FROM jobs WHERE id >= ? ORDER BY id LIMIT 1", middle)
        if found is None or found >= created:
            high = middle
        else:
            low = middle + 1
    return low


def parts(words: Iterable[str]) -> str:
    """Say which parts of three letters are in every text with these words, as FTS5 wants it; empty if none is."""
    found: dict[str, None] = {}
    for word in words:
        for run in _FINDABLE.findall(word):
            starts = [*range(0, len(run) - PART, PART), len(run) - PART]
            found.update(dict.fromkeys(run[start : start + PART] for start in starts))
    quoted = ('"' + part.replace('"', '""') + '"' for part in list(found)[:MOST_PARTS])
    return " AND ".join(quoted)


def _filter(where: Ended) -> Term:
    text, values = where.sql()
    return Term(f"({text.replace(IN_RECORD, IN_TEXT)})", values)


def _select(what: str, table: str, terms: Sequence[Term], rest: str = "") -> Walk:
    where = " AND ".join(term.text for term in terms)
    if _RECORD.search(f"{what} {where}"):
        table += " CROSS JOIN records ON records.job = jobs.id"
    return Walk(f"SELECT {what} FROM {table} WHERE {where} {rest}", _values(terms))  # noqa: S608 -- all by parameters


def _values(terms: Iterable[Term]) -> tuple[object, ...]:
    return tuple(value for term in terms for value in term.values)


def _choose(facts: Facts, sort: Sort | None, ids: Range, ask: Ask) -> tuple[Way, bool]:
    """Choose what leads (without an order, for counting); say whether the rows are few."""
    ways = list(_ways(facts, None if sort is None else sort.field))
    ordered = [way for way in ways if way.by_id or sort is None] or [_scan(facts)]
    if (sort is None or sort.field in BY_ID) and ways in ([], ordered[:1]):
        return ordered[0], False
    best, least = None, FEW
    for way in ways:
        number = _number(way, ids, ask, least)
        if number < least:
            best, least = way, number
    if best is not None:
        return best, True
    return ordered[0], ids.low is not None and ids.high is not None and ids.high - ids.low < FEW


def _ways(facts: Facts, sorted_by: Field | None) -> Iterator[Way]:
    """List what could lead, what is mostly the narrowest first; nothing is narrower than names."""
    if facts.names is not None and len(facts.names) <= MOST_WALKS:
        yield _equal("jobs INDEXED BY jobs_by_name", "name = ?", facts.names)
        return
    if facts.groups is not None and "default" not in facts.groups and len(facts.groups) <= MOST_WALKS:
        yield _equal("jobs INDEXED BY jobs_by_group", "settled = 1 AND grp = ? AND grp <> 'default'", facts.groups)
    if facts.states is not None and not facts.states >= FINAL:
        completed = State.COMPLETED in facts.states
        table, more = ("jobs_by_state", "") if completed else ("jobs_not_completed", " AND state <> 'completed'")
        states = {state.value for state in facts.states & FINAL}
        yield _equal(f"jobs INDEXED BY {table}", f"settled = 1 AND state = ?{more}", states)
    if wanted := parts(facts.words):
        table = "parts CROSS JOIN jobs ON jobs.id = parts.rowid"
        yield Way((Lead(table, (Term("parts MATCH ?", (wanted,)),), "parts.rowid"),))
    for field, span in facts.ranges.items():
        if field not in BY_ID and field is not sorted_by:
            terms = (Term("settled = 1"), *_bounds(COLUMNS[field], span))
            yield Way((Lead(f"jobs INDEXED BY {INDEXES[field]}", terms),), by_id=False)


def _equal(table: str, text: str, values: Iterable[str]) -> Way:
    return Way(tuple(Lead(table, (Term(text, (value,)),)) for value in sorted(values)))


def _scan(facts: Facts) -> Way:
    """Go through all; for words too short for the index through their texts, which are much smaller than the jobs."""
    if not facts.words:
        return _ALL
    terms = tuple(Term("instr(words.text, ?) > 0", (word,)) for word in facts.words)
    return Way((Lead("words CROSS JOIN jobs ON jobs.id = words.job", terms, "words.job"),))


def _number(way: Way, ids: Range, ask: Ask, most: int) -> int:
    """Count the rows that a way would look at, as far as `most`."""
    total = 0
    for lead in way.leads:
        terms = (*lead.terms, *(_bounds(lead.id, ids) if way.by_id else ()))
        walk = _select("1", lead.table.partition(" CROSS JOIN ")[0], terms, "LIMIT ?")
        total += ask(f"SELECT count(*) FROM ({walk.text})", *walk.values, most - total)  # noqa: S608 -- the same
    return total


def _ids(facts: Facts, ask: Ask) -> Range:
    """Say between which ids all jobs are that match; times when they were created become ids."""
    ids, created = facts.ranges.get(Field.ID, Range()), facts.ranges.get(Field.CREATED, Range())
    low = None if created.low is None else first_id(int(created.low), ask)
    high = None if created.high is None else first_id(int(created.high) + 1, ask) - 1
    return _narrowed(ids, Range(low, high))


def _narrowed(one: Range, other: Range) -> Range:
    lows, highs = ([limit for limit in pair if limit is not None] for pair in zip(one, other, strict=True))
    return Range(max(lows, default=None), min(highs, default=None))


def _bounds(column: str, span: Range | None) -> list[Term]:
    signs = zip((">=", "<="), span or (), strict=False)
    return [Term(f"{column} {sign} ?", (limit,)) for sign, limit in signs if limit is not None]


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
    return Term(f"({' OR '.join(f'({term.text})' for term in terms)})", _values(terms))
