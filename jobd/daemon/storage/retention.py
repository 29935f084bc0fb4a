"""Which jobs and events are too old, or too many, to be kept.

The rule: only jobs that have ended and are settled are named, the oldest first; a name with a rule of its own is spared
by the general limits.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

import msgspec

from jobd.core.history import retention
from jobd.core.history.retention import Rule
from jobd.core.text import glob
from jobd.daemon.storage.leads import first_id
from jobd.daemon.storage.reader import Reader

SECOND = 1_000_000


class Limits(NamedTuple):
    """How long jobs are kept (seconds), how many, and the rules of names; 0 = no limit."""

    age: float
    most: int
    rules: tuple[Rule, ...]


def jobs_due(reader: Reader, limits: Limits, now: int, most: int) -> list[int]:
    """Name up to so many jobs that are to be removed; `now` is in microseconds."""
    with reader.asking():
        due = dict.fromkeys(_too_old(reader, limits, now, most))
        excess = _excess(reader, limits) - len(due)
        if excess > 0:
            oldest = _ids(reader, *_oldest(limits.rules), "ORDER BY ended_at, id LIMIT ?", most + len(due))
            due.update(dict.fromkeys(islice((job_id for job_id in oldest if job_id not in due), excess)))
        return list(islice(_once(chain(_by_rules(reader, limits.rules, now, most), due)), most))


def ends(reader: Reader, jobs: Iterable[int]) -> dict[int, float]:
    """Say when jobs ended, in seconds since 1970; one that has not, or is not there, is left out."""
    some = msgspec.json.encode(list(jobs)).decode()
    text = "SELECT id, ended_at FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND ended_at IS NOT NULL"
    with reader.asking():
        return {job_id: ended / SECOND for job_id, ended in reader.walk(text, (some,))}


def last_event_due(reader: Reader, age: float, count: int, now: int) -> int:
    """Give the number of the last event that is to be removed, 0 if there is none; the newest always stays."""
    last = reader.last_seq()
    by_count = last - count if count else 0
    by_age = reader.seq_before(now - int(age * SECOND)) if age else 0
    return max(0, min(max(by_count, by_age), last - 1))


def _oldest(rules: tuple[Rule, ...]) -> tuple[str, tuple[object, ...]]:
    """Select the jobs that no rule spares, to be put in the order of their ends."""
    spared = "".join(" AND NOT name GLOB ?" for _ in rules)
    patterns = tuple(glob(rule.pattern) for rule in rules)
    return f"SELECT id FROM jobs INDEXED BY jobs_by_end WHERE settled = 1{spared}", patterns  # noqa: S608


def _too_old(reader: Reader, limits: Limits, now: int, most: int) -> Iterator[int]:
    if not limits.age:
        return iter(())
    before = now - int(limits.age * SECOND)
    return _ids(reader, *_oldest(limits.rules), "AND ended_at < ? ORDER BY ended_at LIMIT ?", before, most)


def _excess(reader: Reader, limits: Limits) -> int:
    """Say how many jobs there are too many, of those that no rule spares."""
    if not limits.most:
        return 0
    total: int = reader.ask("SELECT count(*) FROM jobs INDEXED BY jobs_by_state WHERE settled = 1")
    return total - limits.most - _spared(reader, limits.rules)


def _spared(reader: Reader, rules: tuple[Rule, ...]) -> int:
    """Count the settled jobs whose names have rules of their own: all of a name by its index, but those not settled."""
    if not rules:
        return 0
    rest = (
        "SELECT name, count(*) FROM (SELECT name FROM jobs INDEXED BY jobs_living WHERE ended_at IS NULL UNION ALL"
        " SELECT name FROM jobs INDEXED BY jobs_unsettled WHERE ended_at IS NOT NULL AND settled = 0) GROUP BY name"
    )
    unsettled: dict[str, int] = dict(reader.walk(rest))
    spared = [name for name in _names(reader) if retention.own(rules, name) is not None]
    every: int = sum(reader.ask("SELECT count(*) FROM jobs WHERE name = ?", name) for name in spared)
    return every - sum(unsettled.get(name, 0) for name in spared)


def _by_rules(reader: Reader, rules: tuple[Rule, ...], now: int, most: int) -> Iterator[int]:
    settled = "FROM jobs INDEXED BY jobs_by_name WHERE name = ? AND settled = 1"
    found = f"SELECT id {settled}"
    for name in _names(reader) if any(rule.age or rule.count for rule in rules) else ():
        rule = retention.own(rules, name)
        if rule is not None and rule.age:
            before = now - int(rule.age * SECOND)
            bounds = first_id(before, reader.ask), before
            yield from _ids(reader, found, (name,), "AND id < ? AND ended_at < ? ORDER BY id LIMIT ?", *bounds, most)
        if rule is not None and rule.count:
            excess = reader.ask(f"SELECT count(*) {settled}", name) - rule.count
            yield from _ids(reader, found, (name,), "ORDER BY ended_at, id LIMIT ?", max(0, min(excess, most)))


def _once(ids: Iterable[int]) -> Iterator[int]:
    """Give each of them once."""
    given = set[int]()
    for job_id in ids:
        if job_id not in given:
            given.add(job_id)
            yield job_id


def _names(reader: Reader) -> Iterator[str]:
    """Go through all names, by a look at the index for each."""
    name = reader.ask("SELECT min(name) FROM jobs")
    while name is not None:
        yield name
        name = reader.ask("SELECT min(name) FROM jobs WHERE name > ?", name)


def _ids(reader: Reader, text: str, first: tuple[object, ...], rest: str, *others: object) -> Iterator[int]:
    return (row[0] for row in reader.walk(f"{text} {rest}", (*first, *others)))
