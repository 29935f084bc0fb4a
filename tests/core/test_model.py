"""Records: what is written is read the same, what cannot be is refused, and nobody changes one in place."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import jobd.core
from jobd.core import lifecycle
from jobd.core.events import catalogue as happened
from jobd.core.model import (
    ALIVE,
    FINAL,
    LARGEST,
    Attempt,
    Ending,
    Job,
    Process,
    Resources,
    Spec,
    State,
    Surroundings,
    Usage,
    Warned,
)
from jobd.core.text import Base64
from tests.core.samples import AT, BOOT, ENDED, EVENTS, MAIN, ORIGIN, SPEC, USAGE, USUAL, entry, job_in


def full() -> Job:
    """Make a job in which every part has something."""
    job = replace(
        job_in(State.RUNNING), usual=USUAL, labels={"a": "b"}, group="g", priority=-5, detail="d", reason="r", parent=3
    )
    for kind in (happened.Progressed, happened.ReportRejected, happened.Measured, happened.PauseAsked, happened.Paused):
        changed = lifecycle.fold(job, entry(EVENTS[kind]))
        assert changed is not None
        job = changed
    for event in (EVENTS[happened.CancelAsked], EVENTS[happened.Canceled]):
        changed = lifecycle.fold(job, entry(event))
        assert changed is not None
        job = changed
    return job


def test_a_full_record_comes_back() -> None:
    """All of a job, its attempt, progress, figures and warnings, is read as it was written."""
    job = full()
    bare = [name for name in job.__struct_fields__ if getattr(job, name) in (None, (), {}, 0, "")]
    assert bare == "watched command heartbeat retries detail withdrawn retried not_before resumes renewed_at".split()
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job


def test_a_record_of_an_older_jobd() -> None:
    """A record without the fields that came later is read with their defaults, one with unknown fields without them."""
    line = (
        b'{"id":1,"name":"x","state":"pending","created_at":"2026-03-01T12:00:00Z","origin":{"uid":1,"pid":2},"new":3}'
    )
    job = msgspec.json.decode(line, type=Job)
    assert (job.id, job.numbered, job.attempts, job.origin.tty) == (1, 0, (), None)


def test_little_is_written_of_a_young_job() -> None:
    """What has its default takes no room: a waiting job is a short line."""
    job = lifecycle.fold(None, entry(happened.Submitted(name="x", origin=ORIGIN, spec=SPEC)))
    assert len(msgspec.json.encode(job)) < 400


names = st.text(max_size=20)
figures = st.none() | st.integers(0, LARGEST)
attempts = st.builds(
    Attempt, number=st.integers(1, LARGEST), boot=names, opened_at=st.just(AT),
    main=st.none() | st.builds(Process, st.integers(1, LARGEST), st.integers(0, LARGEST)),
    ending=st.none() | st.builds(Ending, status=st.none() | st.integers(), elapsed=st.none() | st.floats(0, 1e9)),
    paused_seconds=st.floats(0, 1e12), shim_lost=st.booleans(),
)  # fmt: skip
jobs = st.builds(
    Job, id=st.integers(1, LARGEST), name=names, state=st.sampled_from(State), created_at=st.just(AT),
    origin=st.just(ORIGIN), spec=st.none() | st.just(SPEC), labels=st.dictionaries(names, names, max_size=3),
    attempts=st.lists(attempts, max_size=2).map(tuple), usage=st.none() | st.builds(Usage, rss_bytes=figures),
    warnings=st.lists(st.builds(Warned, st.just(AT), names), max_size=2).map(tuple),
)  # fmt: skip


@given(jobs)
def test_any_record_comes_back(job: Job) -> None:
    """Whatever the texts and numbers, the JSON of a record gives the same record."""
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job


IMPOSSIBLE: list[tuple[type, Any]] = [
    (Process, {"pid": 0, "ticks": 1}),
    (Process, {"pid": LARGEST + 1, "ticks": 1}),
    (Process, {"pid": 1, "ticks": -1}),
    (Attempt, {"number": 0, "boot": "b", "opened_at": "2026-03-01T12:00:00Z"}),
    (Ending, {"status": 0.5}),
    (Spec, {"argv": ["x"], "cwd": "/", "grace": -0.5}),
    (Spec, {"argv": ["x"], "cwd": "/", "grace": 1e300}),
    (Spec, {"argv": ["x"], "cwd": "/", "output_limit": LARGEST + 1}),
    (Spec, {"argv": "x", "cwd": "/"}),
    (Surroundings, {"umask": 0o1000}),
    (Surroundings, {"shell": "sh"}),
    (Base64, {"b64": "", "b32": ""}),
]


@pytest.mark.parametrize(("kind", "fields"), IMPOSSIBLE, ids=lambda part: getattr(part, "__name__", str(part)))
def test_impossible_records(kind: type, fields: Any) -> None:
    """What no system knows is refused where it is read, not where it is used."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(fields), type=kind)


@pytest.mark.parametrize(("record", "name"), [(MAIN, "pid"), (SPEC, "argv"), (USAGE, "rss_bytes"), (ENDED, "status")])
def test_records_are_frozen(record: Any, name: str) -> None:
    """A change is a copy."""
    with pytest.raises(AttributeError):
        setattr(record, name, None)
    with pytest.raises(AttributeError):
        setattr(job_in(State.RUNNING), "state", State.FAILED)  # noqa: B010 -- mypy knows that this cannot be


def test_states_are_whole() -> None:
    """A job waits, lives, or has ended."""
    assert {State.PENDING} | ALIVE | FINAL == set(State)
    assert not ALIVE & FINAL


@pytest.mark.parametrize("state", State)
def test_open_and_done(state: State) -> None:
    """A job is open as long as its latest attempt has no end, done as soon as its state is final."""
    job = job_in(state)
    assert (job.open, job.done) == (state not in FINAL, state in FINAL)
    assert job.attempt is job.attempts[-1]
    bare = replace(job, attempts=())
    assert (bare.open, bare.attempt) == (False, None)
    over = replace(job, attempts=(Attempt(number=1, boot=BOOT, opened_at=AT, ending=Ending()),))
    assert not over.open


def test_defaults_are_not_shared() -> None:
    """What one record holds by default belongs to it alone."""
    first, second = Surroundings(), Surroundings()
    assert first.limits is not second.limits
    assert Resources() == Resources()


def structs() -> Iterator[type[msgspec.Struct]]:
    """Give all records of the core that have no dictionary of their own, which a collector would have to look into."""
    for module in pkgutil.walk_packages(jobd.core.__path__, "jobd.core."):
        for kind in vars(importlib.import_module(module.name)).values():
            own = isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.name
            if own and not kind.__struct_config__.dict:
                yield kind


def test_the_garbage_collector_leaves_records_out() -> None:
    """Frozen as they are, none can be part of a cycle."""
    found = list(structs())
    assert Job in found
    assert [kind for kind in found if kind.__struct_config__.gc or not kind.__struct_config__.frozen] == []
