"""Every error says in one line what is wrong, is known by its number, and is the same error at the other end."""

import json
import string
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core import errors
from jobd.core.errors import JobdError, every, revive

KINDS = list(every())
#: What the manual promises of exit statuses.
DOCUMENTED = {1, 65, 66, 69, 70, 74, 75, 77, 78, 124, 126, 127}
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def fields(kind: type[JobdError]) -> set[str]:
    """Name the details that the message and the hint of an error are filled with."""
    first = (kind.__doc__ or "").partition("\n")[0]
    return {name for text in (first, kind.hint_template) for _, name, _, _ in string.Formatter().parse(text) if name}


def filled(kind: type[JobdError]) -> JobdError:
    """Make an error with all its details, numbers where the message counts."""
    return kind(**{name: 1.5 if name in ("seconds", "limit") else f"<{name}>" for name in fields(kind)})


def test_codes_and_reasons_are_distinct() -> None:
    """No two errors share their number or their name on the wire."""
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert len({kind.reason() for kind in KINDS}) == len(KINDS)


@each_kind
def test_each_ends_a_command_in_a_documented_way(kind: type[JobdError]) -> None:
    """The exit status of an error is one of those the manual explains."""
    assert kind.exit_status in DOCUMENTED


def test_own_codes_stay_out_of_json_rpc() -> None:
    """Only the errors that JSON-RPC defines have numbers from its range."""
    reserved = {kind.__name__ for kind in KINDS if -32768 <= kind.code <= -32000}
    assert reserved == {"BadJson", "BadRequest", "UnknownMethod", "BadParameters", "InternalError"}


def test_families_end_alike() -> None:
    """The exit statuses of the families are those that the head of the module draws."""
    drawn = [line.split() for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert {name: int(status) for _, name, status, *_ in drawn} == {
        kind.__name__: kind.exit_status for kind in JobdError.__subclasses__() if kind is not errors.InternalError
    }


@each_kind
def test_each_can_be_filled(kind: type[JobdError]) -> None:
    """With its details an error says all it has to say, on one line, the hint too."""
    error = filled(kind)
    assert error.message
    assert error.message == str(error)
    for text in (error.message, error.hint):
        assert "\n" not in text
        assert "unknown)" not in text
        assert "{" not in text


@each_kind
def test_each_can_be_told_without_details(kind: type[JobdError]) -> None:
    """A detail that is missing, or of another kind than expected, is no reason to fail while failing."""
    assert kind().message
    assert isinstance(kind().hint, str)
    odd = kind(**{name: ["a", None] for name in fields(kind)})
    assert "unknown)" not in odd.message + odd.hint


@each_kind
def test_details_keep_out_of_the_way_of_the_wire(kind: type[JobdError]) -> None:
    """What the wire says of every error is no detail of one."""
    assert not fields(kind) & {"reason", "hint", "message", "code"}


@each_kind
def test_each_comes_back_the_same(kind: type[JobdError]) -> None:
    """An error that travelled as reason and details is equal to the one that was raised."""
    error = filled(kind)
    revived = revive(error.reason(), json.loads(msgspec.json.encode(error.details)))
    assert revived == error
    assert hash(revived) == hash(error)
    assert (revived.message, revived.hint) == (error.message, error.hint)


def test_messages() -> None:
    """What people read most often reads well."""
    said = {
        errors.JobNotFound(job=999, newest=144): ("no job 999; the newest is 144",),
        errors.IllegalChange(job=5, name="x", state="paused", event="pause"): (
            "job 5 (x) is paused; pause is not possible now",
            "jobd status 5",
        ),
        errors.BadValue(field="a\nb", problem="\x1b[2J"): ("a\\nb: \\x1b[2J",),
        errors.WaitTimedOut(state="running", seconds=2.50): ("still running after 2.5 s",),
        errors.BadProgress(text="3/0", problem="the total is 0"): (
            "cannot read the progress report '3/0': the total is 0",
        ),
        errors.JobFinished(job=1, name="a", state="failed", verb="paused"): (
            "job 1 (a) has already ended (failed); only a job that has not ended can be paused",
            "jobd status 1 · run it again: jobd retry 1",
        ),
    }
    for error, (message, *hint) in said.items():
        assert error.message == message
        assert not hint or error.hint == hint[0]


def test_a_missing_detail_is_named() -> None:
    """A message whose detail is missing says which."""
    assert errors.JobNotFound(job=7).message == "no job 7; the newest is (newest unknown)"
    assert errors.WaitTimedOut(state="running").message == "still running after (seconds unknown) s"


def test_a_reason_from_the_future() -> None:
    """What a newer jobd refuses with is still an error, with the sentence it came with."""
    error = revive("PHASE_OF_THE_MOON", {"message": "not while the moon is new"})
    assert type(error) is JobdError
    assert error.message == "jobd failed: not while the moon is new"
    assert revive("PHASE_OF_THE_MOON", {}).message == "jobd failed: PHASE_OF_THE_MOON"


def test_errors_differ_by_class_and_details() -> None:
    """Equality looks at what an error is, not only at its words."""
    assert errors.CannotStart(command="x", problem="y") != errors.CommandNotFound(command="x", problem="y")
    assert errors.BadValue(field="x", problem="y") != errors.BadValue(field="x", problem="z")
    assert errors.BadValue(field="x", problem="y") != "x: y"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
anything = json_values | st.binary() | st.builds(Path, st.just("/tmp")) | st.sets(st.integers()) | st.builds(object)


@given(kind=st.sampled_from(KINDS), value=anything)
def test_any_detail_can_be_said_and_sent(kind: type[JobdError], value: Any) -> None:
    """Whatever a detail is, the message is one printable line and the details are JSON that gives the same error."""
    error = kind(**dict.fromkeys({*fields(kind), "self", "kind"}, value))
    assert error.message.isprintable()
    assert error.hint.isprintable()
    assert revive(error.reason(), msgspec.json.decode(msgspec.json.encode(error.details))) == error
