"""Rooms mean the jobs they name, and no others."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.errors import BadValue
from jobd.core.model import Job, Moment, State
from jobd.core.subscriptions import rooms
from jobd.core.subscriptions.rooms import Known, Sight
from tests.core.samples import AT, ORIGIN, job_in


class Begins(NamedTuple):
    """A filter: a name that begins so."""

    text: str
    moves: bool = False

    def matches(self, job: Job, _: Moment) -> bool:
        """Look at the name."""
        return job.name.startswith(self.text)


KNOWN = Known({"ann": 1000, "bob": 1001}.get, Begins)
NOW = Moment(AT, 0, "")


def a_job(job_id: int, **fields: object) -> Job:
    """Make a job."""
    return replace(job_in(State.RUNNING, job_id=job_id), **fields)


#: A family: 1 asked for 2 and 3, 3 asked for 4; 5 is nobody's, 6 a child of one that nobody knows.
JOBS = {
    1: a_job(1, name="build", group="ci"),
    2: a_job(2, name="build-docs", parent=1),
    3: a_job(3, name="b[1]", parent=1, origin=replace(ORIGIN, uid=1001)),
    4: a_job(4, name="deploy", group="ci", parent=3),
    5: a_job(5, name="backup"),
    6: a_job(6, name="lost", parent=0),
}
HELD = {
    "all": {1, 2, 3, 4, 5, 6, 7},
    "job:3": {3},
    "job:7": {7},
    "group:ci": {1, 4},
    "group:default": {2, 3, 5, 6},
    "filter:b": {1, 2, 3, 5},
    "filter:state": set(),
    "name:build": {1},
    "name:b*": {1, 2, 3, 5},
    "name:b[1]": {3},
    "name:?uild": {1},
    "user:ann": {1, 2, 4, 5, 6},
    "user:1001": {3},
    "tree:1": {1, 2, 3, 4},
    "tree:3": {3, 4},
    "tree:5": {5},
    "tree:7": {7},
}
REFUSED = {
    "": "'' is none; it is one of all, job:ID, group:GROUP, name:NAME, user:USER, filter:FILTER, tree:ID",
    "nowhere": "is none; it is one of",
    "jobs:1": "is none; it is one of",
    "all:1": "all takes nothing after it",
    "job:": "job takes the id of a job",
    "job:x": "job takes the id of a job",
    "job:0": "job takes the id of a job",
    f"job:{2**63}": "job takes the id of a job",
    "job:²": "job takes the id of a job",
    "tree:-1": "tree takes the id of a job",
    "name:": "name takes a name",
    "group:": "group takes a name",
    "user:": "there is no ''",
    "user:eve": "there is no 'eve'",
}


@pytest.mark.parametrize("text", HELD)
def test_who_is_in_a_room(text: str) -> None:
    """By id, group, name, user or family; a job that nobody knows is only where its number says enough."""
    room = rooms.parse(text, KNOWN)
    assert room.text == text
    assert {job_id for job_id in range(1, 8) if room.holds(job_id, Sight(JOBS.get, NOW))} == HELD[text]


@pytest.mark.parametrize("text", REFUSED)
def test_no_room(text: str) -> None:
    """A slip of the finger names no room, and it is said what would."""
    with pytest.raises(BadValue) as refused:
        rooms.parse(text, KNOWN)
    assert REFUSED[text] in refused.value.message


def test_what_a_room_names() -> None:
    """One job by its id, or a job and those below it; everything is everything."""
    found = {text: rooms.parse(text, KNOWN) for text in ("job:3", "tree:3", "name:x", "all")}
    assert [room.job for room in found.values()] == [3, None, None, None]
    assert [room.names for room in found.values()] == [3, 3, None, None]
    assert [room.everything for room in found.values()] == [False, False, False, True]
    assert rooms.job(3) == found["job:3"]


@given(st.dictionaries(st.integers(1, 30), st.one_of(st.none(), st.integers(0, 40)), max_size=30), st.integers(1, 30))
def test_any_family(parents: dict[int, int | None], root: int) -> None:
    """Whatever is said of parents, even what cannot be, a family is found and the search ends."""
    jobs = {job_id: a_job(job_id, parent=parent) for job_id, parent in parents.items()}
    room = rooms.parse(f"tree:{root}", KNOWN)
    held = {job_id for job_id in range(1, 31) if room.holds(job_id, Sight(jobs.get, NOW))}
    assert root in held
    for job_id in held - {root}:
        parent = parents[job_id]
        assert parent is not None
        assert parent < job_id
        assert parent in held
