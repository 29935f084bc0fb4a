"""What leads a search: of the conditions that have an index the one with the fewest rows, counted as far as FEW."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jobd.core.history.searching import Facts, Field, Range, Sort
from jobd.core.model import FINAL, State
from jobd.daemon.storage.walks import BY_ID, COLUMNS, INDEXES, Ask, Term, bounds, select

#: Rows that are rather collected and sorted than looked for along another index.
FEW = 10_000
#: Walks that are joined; a longer list of names is no lead.
MOST_WALKS = 64
#: Parts of three letters that are asked for: those of a long word overlap.
PART, MOST_PARTS = 3, 8

#: A run of signs that can be looked for: no surrogate is in a database.
_FINDABLE = re.compile(rf"[^\x00\ud800-\udfff]{{{PART},}}")


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


_ALL = Way((Lead("jobs NOT INDEXED"),))


def choose(facts: Facts, sort: Sort | None, ids: Range, ask: Ask) -> tuple[Way, bool]:
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


def ids_of(facts: Facts, ask: Ask) -> Range:
    """Say between which ids all jobs are that match; times when they were created become ids."""
    ids, created = facts.ranges.get(Field.ID, Range()), facts.ranges.get(Field.CREATED, Range())
    low = None if created.low is None else first_id(int(created.low), ask)
    high = None if created.high is None else first_id(int(created.high) + 1, ask) - 1
    return ids.narrowed(Range(low, high))


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
            terms = (Term("settled = 1"), *bounds(COLUMNS[field], span))
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
        terms = (*lead.terms, *(bounds(lead.id, ids) if way.by_id else ()))
        walk = select("1", lead.table.partition(" CROSS JOIN ")[0], terms, "LIMIT ?")
        total += ask(f"SELECT count(*) FROM ({walk.text})", *walk.values, most - total)  # noqa: S608 -- the same
    return total
