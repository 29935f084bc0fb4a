"""One filter says the same of a job in three ways: as SQL, as a predicate, and as the simplest reading of its words.

`FILTER_EXAMPLES=5000` asks for more of them than the few that keep the tests quick.
"""

import os
import sqlite3
from contextlib import closing
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.errors import FilterInvalid
from jobd.core.filters import FIELDS, Asker, Filter, parse, search_text
from jobd.core.filters.fields import known
from jobd.core.filters.tree import All, Either, Node, Not
from jobd.core.model import Job
from jobd.daemon.storage import rows
from tests.core.filters import oracle
from tests.core.filters.oracle import Clock, Operand
from tests.core.filters.random_filters import EXPRESSIONS, SYMBOLS, TIMES, TYPED, trees, typed_text, written
from tests.core.filters.reading import database
from tests.core.filters.zoo import NOW, Zoo

EXAMPLES = int(os.environ.get("FILTER_EXAMPLES", "60"))
JOBS, ZOOS = 40, 40
CLOCK = Clock(*NOW)


class Filled(NamedTuple):
    """A database, the jobs in it, and their JSON."""

    connection: sqlite3.Connection
    jobs: list[Job]
    documents: list[dict[str, Any]]


@lru_cache(ZOOS)
def filled(seed: int) -> Filled:
    """Fill a database with a zoo."""
    jobs = Zoo(seed).jobs(JOBS)
    connection = database()
    rows.put_jobs(connection, jobs)
    return Filled(connection, jobs, [msgspec.json.decode(msgspec.json.encode(job)) for job in jobs])


def read(text: str) -> Filter:
    """Read a filter as user 1000 in Greenwich; one that is nested too deeply is none of the test."""
    try:
        return parse(text, Asker(NOW.wall, lambda naive: naive.replace(tzinfo=NOW.wall.tzinfo), 1000))
    except FilterInvalid as error:
        assume("within one another" not in error.message)
        raise


def found_by_sql(found: Filled, which: Filter) -> list[int]:
    """Ask the database for jobs that have ended."""
    text, values = which.sql()
    ended = "state IN ('completed', 'failed', 'canceled')"
    query = f"SELECT id FROM {rows.WHOLE_JOBS} WHERE {ended} AND {text} ORDER BY id"  # noqa: S608
    return [row[0] for row in found.connection.execute(query, values)]


def hold_all_three(tree: Any, seed: int, style: int = 0) -> list[int]:
    """Ask in all three ways, and give the ids that are meant."""
    found = filled(seed)
    which = read(written(tree, style))
    pairs = zip(found.jobs, found.documents, strict=True)
    meant = [job.id for job, document in pairs if oracle.holds(tree, document, CLOCK)]
    assert [job.id for job in found.jobs if which.matches(job, NOW)] == meant
    ended = {job.id for job in found.jobs if job.done}
    assert found_by_sql(found, which) == [number for number in meant if number in ended]
    return meant


@settings(max_examples=EXAMPLES)
@given(tree=trees, style=st.integers(0, 15), seed=st.integers(0, ZOOS - 1))
@example(tree=("not", ("compare", "exit_code", "!=", [Operand("0", 0)])), style=0, seed=1)
@example(tree=("words", "\u212aelvin"), style=0, seed=1)
@example(tree=("words", "e\n"), style=0, seed=0)
def test_all_three_agree(tree: Any, style: int, seed: int) -> None:
    """Whatever is asked of whatever jobs, and whatever is not known of them."""
    hold_all_three(tree, seed, style)


#: A field of each kind of value, with values of it that some job has.
KINDS = {
    "message": [
        Operand(typed_text(means, '"'), means)
        for means in (
            [None, "c", "o", "d", "e", "c", None],
            list("100% done"),
            ["1", True, True, None],
            [],
            [None],
            list("[x]"),
        )
    ],
    "created": TIMES[::4],
    "updated": TIMES[1::4],
    "exit_code": [],
    "fraction": [],
    "progress": [],
    "done": [],
    "duration": [],
    "memory": [],
    "state": [],
    "begun": [],
    "signal": [],
    "uid": [],
}


@pytest.mark.parametrize("field", KINDS)
def test_each_operator_on_each_kind(field: str) -> None:
    """Every sign that fits a kind of value, with many values; each finds something and leaves something out."""
    kind = oracle.kind(field)
    operands = KINDS[field] or [Operand(*pair) for pair in TYPED[kind].items()]
    for symbol in SYMBOLS[kind]:
        if symbol in ("~", "!~"):
            continue
        counts = set[int]()
        for first, second in zip(operands, [*operands[1:], operands[0]], strict=True):
            values = sorted((first, second), key=lambda operand: operand.means) if "between" in symbol else [first]
            counts.add(len(hold_all_three(("compare", field, symbol, values), seed=1)))
        assert counts - {0, JOBS}, symbol


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_expression(expression: str) -> None:
    """Regular expressions are found, and not found, in texts that have all sorts of characters."""
    operand = Operand('"' + expression.replace('"', '\\"') + '"', expression)
    for field in ("name", "message", "command"):
        for symbol in ("~", "!~"):
            hold_all_three(("compare", field, symbol, [operand]), seed=2)


@settings(max_examples=EXAMPLES)
@given(tree=trees, style=st.integers(0, 15))
def test_its_text_is_read_as_the_same(tree: Any, style: int) -> None:
    """A filter writes itself so that it is read as the same, by anybody and at any time."""
    which = read(written(tree, style))
    again = parse(str(which), Asker(NOW.wall.replace(year=2030), lambda naive: naive.astimezone()))
    assert again == which
    assert str(again) == str(which)
    assert hash(again) == hash(which)


@settings(max_examples=EXAMPLES)
@given(tree=trees, seed=st.integers(0, ZOOS - 1))
def test_facts_hold_of_all_that_are_meant(tree: Any, seed: int) -> None:
    """An index that is chosen by the facts leaves out no job that is meant."""
    which = read(written(tree))
    facts = which.facts
    for job in filled(seed).jobs:
        if which.matches(job, NOW):
            assert facts.names is None or job.name in facts.names
            assert facts.states is None or job.state in facts.states
            assert facts.groups is None or job.group in facts.groups
            for field, (low, high) in facts.ranges.items():
                value = known(field.value).get(job, NOW)
                assert isinstance(value, int | float)
                assert low is None or low <= value
                assert high is None or value <= high
            assert all(word in search_text(job).casefold() for word in facts.words)


@pytest.mark.parametrize("name", [field.name for field in FIELDS if field.name != "labels"])
def test_each_field_is_the_same_in_sql(name: str) -> None:
    """What a field gives of an ended job, and what its SQL gives of its row, is the same value, or both nothing."""
    (field,) = (field for field in FIELDS if field.name == name)
    known = 0
    for seed in range(5):
        found = filled(seed)
        query = f"SELECT id, {field.sql} FROM {rows.WHOLE_JOBS}"  # noqa: S608
        values = dict(found.connection.execute(query, field.parameters).fetchall())
        ended = [job for job in found.jobs if job.done]
        assert {job.id: values[job.id] for job in ended} == {job.id: field.get(job, NOW) for job in ended}
        known += sum(values[job.id] is not None for job in ended)
    assert known or field.sql == "NULL"


@pytest.mark.parametrize("record", ["", "{", "null", "[]", "{}", '{"labels": 3}', "\x00"])
def test_a_damaged_record_hides_no_other(record: str) -> None:
    """A row whose record makes no sense does not end a search; what is in its columns can still be asked for."""
    job = replace(next(job for job in Zoo(3).jobs(JOBS) if job.done), id=1)
    with closing(database()) as connection:
        rows.put_jobs(connection, [job])
        rows.put(connection, rows.JOBS, [(2, *rows.job_row(job)[1:])])
        rows.put(connection, rows.RECORDS, [(2, record)])
        for name in [*(field.name for field in FIELDS), "label.env", 'label."\\""']:
            which = read(f"{name} is null OR 1001")
            condition, values = which.sql()
            found = connection.execute(f"SELECT id FROM {rows.WHOLE_JOBS} WHERE {condition}", values).fetchall()  # noqa: S608
            assert ((1,) in found) == which.matches(job, NOW), name


def test_the_cheap_is_asked_first() -> None:
    """Columns before looks into the record, and these before functions, whatever is written first."""
    _, values = read("(codec OR message = m) command = c label.a = b -(stage = s OR name ~ n) name = d").sql()
    assert values == ("d", '$.labels."a"', "b", "n", "s", "m", "codec", "c")


@pytest.mark.parametrize(("tree", "meant"), [(All(()), True), (Not(All(())), False), (Either(()), False)])
def test_no_conditions_at_all(tree: Node, meant: bool) -> None:  # noqa: FBT001
    """Nothing that must hold means all jobs; nothing of which one must hold means none."""
    found = filled(1)
    assert {Filter(tree).matches(job, NOW) for job in found.jobs} == {meant}
    assert bool(found_by_sql(found, Filter(tree))) is meant


def test_every_field_is_known_to_the_oracle() -> None:
    """A new field is tested, too."""
    assert {field.name for field in FIELDS} == {*oracle.FIELDS, "labels"}
