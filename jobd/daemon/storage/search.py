"""A query as SQL that walks along one index, newest first, and stops at the limit.

The rule: the narrowest condition that has an index leads, and the others (marked by a `+`) only filter. The planner,
which knows nothing of the numbers, would sometimes sort a million rows instead. Ids grow with time, so times become
bounds of ids.
"""

from typing import NamedTuple

from jobd.core.errors import BadValue
from jobd.core.model import LARGEST
from jobd.core.selection import Query
from jobd.daemon.system.clock import to_microseconds


class Condition(NamedTuple):
    """A condition and its parameters."""

    text: str
    values: tuple[object, ...]


_SINCE = "id >= (SELECT id FROM jobs WHERE created_at >= ? ORDER BY created_at, id LIMIT 1)"
_UNTIL = "id <= (SELECT id FROM jobs WHERE created_at < ? ORDER BY created_at DESC, id DESC LIMIT 1)"


def statement(query: Query) -> tuple[str, list[object]]:
    """Say it in SQL, giving id and record of jobs: a walk for each leading condition, joined. Raises BadValue."""
    limit, filters = bounded(query.limit), _filters(query)
    walks, values = list[str](), list[object]()
    for lead in _leads(query):
        conditions = [*lead, *filters]
        where = f"WHERE {' AND '.join(condition.text for condition in conditions)}" if conditions else ""
        walks.append(f"SELECT id FROM (SELECT id FROM jobs {where} ORDER BY id DESC LIMIT ?)")  # noqa: S608
        values += [value for condition in conditions for value in condition.values]
        values.append(limit)
    ids = " UNION ALL ".join(walks)
    return f"SELECT id, record FROM jobs WHERE id IN ({ids}) ORDER BY id DESC LIMIT ?", [*values, limit]  # noqa: S608


def bounded(number: int) -> int:
    """Fit a number into SQLite's 64 bits. Raises BadValue for a negative one."""
    if number < 0:
        raise BadValue(field="number", problem=f"{number} is negative")
    return min(number, LARGEST)


def _is_pattern(name: str) -> bool:
    return any(wildcard in name for wildcard in "*?")


def _leads(query: Query) -> list[list[Condition]]:
    if query.name is not None and not _is_pattern(query.name):
        return [[Condition("name = ?", (query.name,))]]
    if query.states:
        return [[Condition("state = ?", (state.value,))] for state in dict.fromkeys(query.states)]
    if query.group not in (None, "default"):
        return [[Condition("grp = ? AND grp <> 'default'", (query.group,))]]
    return [[]]


def _filters(query: Query) -> list[Condition]:
    conditions: list[Condition] = []
    if query.name is not None and _is_pattern(query.name):
        conditions.append(Condition("+name GLOB ?", (query.name.replace("[", "[[]"),)))
    elif query.name is not None and query.states:
        marks = ", ".join("?" * len(query.states))
        conditions.append(Condition(f"+state IN ({marks})", tuple(state.value for state in query.states)))
    if query.group is not None:
        conditions.append(Condition("+grp = ?", (query.group,)))
    if query.since is not None:
        conditions.append(Condition(_SINCE, (to_microseconds(query.since),)))
    if query.until is not None:
        conditions.append(Condition(_UNTIL, (to_microseconds(query.until),)))
    if query.before is not None:
        conditions.append(Condition("id < ?", (bounded(query.before),)))
    return conditions
