"""What a search is made of: conditions that flags say, orders, and the words of a job."""

from datetime import timedelta
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core import wording
from jobd.core.errors import BadValue
from jobd.core.model import Job, State, Warned
from jobd.core.progress_record import Progress
from jobd.core.searching import (
    EVERYTHING,
    LARGEST_PAGE,
    NEWEST,
    Facts,
    Field,
    Range,
    Sort,
    Which,
    microseconds,
    page_size,
    parse_sort,
)
from tests.core.samples import AT, job_in, moment

NAMES = ("encode", "encoder", "e[n]code", "ENCODE", "50%_off", "straße", "")
PATTERNS = ("enc*", "*code*", "?ncode", "e[n]*", "*", "%*", "*ß*", "", "encode")


@given(
    state=st.sampled_from(State),
    name=st.sampled_from(NAMES),
    which=st.builds(
        Which,
        states=st.lists(st.sampled_from(State), max_size=2).map(tuple),
        name=st.none() | st.sampled_from(PATTERNS),
        group=st.none() | st.sampled_from(("default", "night")),
        since=st.none() | st.integers(-1, 1).map(lambda seconds: AT + timedelta(seconds=seconds)),
        until=st.none() | st.integers(-1, 1).map(lambda seconds: AT + timedelta(seconds=seconds)),
    ),
)
def test_what_flags_mean(state: State, name: str, which: Which) -> None:
    """Each narrows it down, and all that is told the planner is true of every job that is meant."""
    job = replace(job_in(state), name=name)
    meant = (
        (not which.states or state in which.states)
        and (which.name is None or fnmatchcase(name, which.name.replace("[", "[[]")))
        and which.group in (None, "default")
        and (which.since is None or which.since <= AT)
        and (which.until is None or which.until > AT)
    )
    assert which.matches(job, moment(0)) == meant
    if meant:
        assert holds(which.facts, job)


def holds(facts: Facts, job: Job) -> bool:
    """Say whether facts are true of a job."""
    low, high = facts.ranges.get(Field.CREATED, Range())
    created = microseconds(job.created_at)
    return (
        (facts.names is None or job.name in facts.names)
        and (facts.states is None or job.state in facts.states)
        and (facts.groups is None or job.group in facts.groups)
        and all(word in wording.search_text(job) for word in facts.words)
        and (low is None or low <= created)
        and (high is None or created <= high)
    )


def test_nothing_said_is_everything() -> None:
    """Then nothing is known of the jobs, either."""
    assert EVERYTHING.sql() == ("1", ())
    assert EVERYTHING.facts == Facts()
    assert all(EVERYTHING.matches(job_in(state), moment(0)) for state in State)


def test_orders() -> None:
    """By the name of a field, falling with a sign before it."""
    assert parse_sort("-id") == NEWEST
    for field in Field:
        assert (parse_sort(field.value), parse_sort(f"-{field}")) == (Sort(field, False), Sort(field, True))
    for wrong in ("", "-", "--id", "ID", "colour", "id,name"):
        with pytest.raises(BadValue, match="is no order; there are id, created"):
            parse_sort(wrong)


def test_sizes_of_pages() -> None:
    """More than the largest is the largest; a negative number is none."""
    assert [page_size(size) for size in (0, 1, LARGEST_PAGE, LARGEST_PAGE + 1, 10**40)] == [0, 1, *[LARGEST_PAGE] * 3]
    with pytest.raises(BadValue, match="-1 is negative"):
        page_size(-1)


def test_the_words_of_a_job() -> None:
    """All that people look for, a line each, in letters without a case."""
    job = replace(
        job_in(State.FAILED), name="STRASSE", reason="exit:1", detail="Détail", labels={"Env": "Prod"},
        progress=Progress(message="Copying", stage="Two"), warnings=(Warned(AT, "Beware"), Warned(AT, "twice")),
    )  # fmt: skip
    assert wording.search_text(job) == (
        "strasse\nffmpeg -i \\xff\nexit:1\ndétail\ncopying\ntwo\nbeware\ntwice\nenv=prod"
    )
    bare = replace(job_in(State.PENDING), spec=None, command=None, name="x")
    assert wording.search_text(bare) == "x"
    assert wording.search_text(replace(bare, command=("A", "b"))) == "x\na b"
    assert len(wording.search_text(replace(bare, command=("word",) * 100_000))) == wording.LONGEST_TEXT
