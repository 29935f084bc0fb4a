"""Messages of the protocol: whatever bytes come in, they are understood or refused in one clear line."""

from collections import deque
from itertools import chain
from random import Random
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Raw

from jobd import wire
from jobd.core.admission import LARGEST_ENVIRONMENT
from jobd.core.errors import (
    BadJson,
    BadParameters,
    BadRequest,
    JobdError,
    JobNotFound,
    LineTooLong,
    Refused,
    Unavailable,
    every,
)
from jobd.core.model import LARGEST, Id, State, Surroundings
from jobd.core.text import Base64, Lossless, raw


class Put(wire.Mutation[int], frozen=True):
    """Put a command somewhere."""

    method: ClassVar = "put"

    argv: tuple[Lossless, ...] = ()
    name: str | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    job: Id | None = None
    fraction: float | None = None
    states: tuple[State, ...] = ()
    tags: Annotated[tuple[str, ...], Meta(max_length=3)] = ()
    surroundings: Surroundings = Surroundings()


class Ask(wire.Read[tuple[int, ...]], frozen=True):
    """Ask for numbers, with no bytes in the question."""

    method: ClassVar = "ask"

    text: str = ""
    limit: Annotated[int, Meta(ge=1, le=10)] = 1


def take(line: bytes, kind: type[wire.Request[Any]] = Put) -> wire.Request[Any]:
    """Understand a line as the daemon does."""
    return wire.decode_parameters(kind, wire.decode_call(line))


def complaint_of(line: bytes, kind: type[wire.Request[Any]]) -> JobdError | None:
    """Give the error that a line is refused with."""
    try:
        take(line, kind)
    except JobdError as error:
        return error
    return None


def call(parameters: str) -> bytes:
    """Write a call with these parameters."""
    return b'{"id":1,"method":"put","params":' + parameters.encode() + b"}"


# Lines that are no call: (line, error, what it says)
BROKEN: dict[str, tuple[bytes, type[JobdError], str]] = {
    "nothing": (b"{}", BadRequest, "missing required field method"),
    "text": (b"hello", BadJson, "malformed"),
    "deep nesting": (b'{"method":"put","params":' + b"[" * 60_000, BadJson, "nested too deeply"),
    "deep nesting elsewhere": (b"[" * 200_000, BadRequest, "more than 65536 values"),
    "5,000 levels": (b'{"method":"put","params":' + b"[" * 5_000 + b"]" * 5_000 + b"}", BadJson, "nested too deeply"),
    "bad UTF-8": (b'{"method":"\xff\xfe"}', BadJson, "not UTF-8"),
    "NUL byte": (b"\0\0\0", BadJson, "malformed"),
    "NUL in a string": (b'{"method":"a\0b"}', BadJson, "invalid character"),
    "BOM": (b'\xef\xbb\xbf{"method":"put"}', BadJson, "invalid character (byte 0)"),
    "trailing garbage": (b'{"method":"put"} x', BadJson, "trailing characters"),
    "two objects": (b'{"method":"put"}{"method":"put"}', BadJson, "trailing characters"),
    "cut off": (b'{"method":"put"', BadJson, "truncated"),
    "lone surrogate": (b'{"method":"\\udc00"}', BadJson, "surrogate"),
    "no object": (b"3", BadRequest, "expected object, got int"),
    "a batch": (b'[{"id":1,"method":"put"}]', BadRequest, "batches are not taken; write one object a line"),
    "an empty batch": (b" []", BadRequest, "batches"),
    "null id": (b'{"id":null,"method":"put"}', BadRequest, "id: expected int | str, got null"),
    "fraction as id": (b'{"id":1.5,"method":"put"}', BadRequest, "id: expected int | str, got float"),
    "huge id": (b'{"id":' + b"9" * 1000 + b',"method":"put"}', BadRequest, "id: expected int <= 922337203"),
    "id out of range": (b'{"id":9223372036854775808,"method":"put"}', BadRequest, "id: expected int <= 922337203"),
    "long id": (b'{"id":"' + b"x" * 129 + b'","method":"put"}', BadRequest, "id: must have at most 128 characters"),
    "other version": (b'{"jsonrpc":"1.0","id":1,"method":"put"}', BadRequest, "jsonrpc: invalid enum value '1.0'"),
    "no method": (b'{"id":1}', BadRequest, "missing required field method"),
    "long method": (b'{"method":"' + b"m" * 65 + b'"}', BadRequest, "method: must have at most 64 characters"),
    "unknown member": (b'{"id":1,"method":"put","parms":{}}', BadRequest, "contains unknown field parms"),
    "member of many lines": (b'{"method":"put","a\\nb":1}', BadRequest, "contains unknown field a b"),
    "long unknown member": (b'{"method":"put","' + b"x" * 900 + b'":1}', BadRequest, "contains unknown field xxx"),
    "many values": (b'{"method":"put","params":[' + b'"a",' * 70_000 + b'"a"]}', BadRequest, "more than 65536 values"),
    "many members": (b'{"method":"put","params":{' + b'"a":1,' * 70_000, BadRequest, "more than 65536 values"),
    "NaN": (b'{"method":"put","params":{"fraction":NaN}}', BadJson, "invalid character"),
}

# Parameters that are refused: (JSON, what is said)
REFUSED: dict[str, tuple[str, str]] = {
    "a list": ('["make"]', "expected object, got array"),
    "null": ("null", "expected object, got null"),
    "unknown field": ('{"prio":1}', "contains unknown field prio"),
    "wrong type": ('{"name":3}', "name: expected str | null, got int"),
    "wrong type inside": ('{"argv":["a",3]}', "argv[1]: expected str | object, got int"),
    "wrong value of a label": ('{"labels":{"a":1}}', "labels[...]: expected str, got int"),
    "unknown word": ('{"states":["dead"]}', "states[0]: invalid enum value 'dead'"),
    "too many": ('{"tags":["a","b","c","d"]}', "tags: must have at most 3 values"),
    "zero": ('{"job":0}', "job: expected int >= 1"),
    "2**63": (f'{{"job":{LARGEST + 1}}}', "job: expected int <= 9223372036854775807"),
    "a thousand digits": ('{"job":' + "9" * 1000 + "}", "job: expected int <= 922337203"),
    "1e999": ('{"fraction":1e999}', "fraction: number out of range"),
    "empty request id": ('{"request_id":""}', "request_id: must have at least 1 character"),
    "NUL in an argument": ('{"argv":["a","b\\u0000c"]}', "argv[1]: must not contain a NUL byte"),
    "NUL in base64": ('{"argv":[{"b64":"AA=="}]}', "argv[0]: must not contain a NUL byte"),
    "no base64": ('{"argv":[{"b64":"%%%"}]}', "argv[0]: not base64"),
    "base64 beyond ASCII": ('{"argv":[{"b64":"ä"}]}', "argv[0]: "),
    "NUL in a name": ('{"name":"\\u0000"}', "name: must not contain a NUL byte"),
    "NUL in a label": ('{"labels":{"\\u0000":"x"}}', "a key of labels: must not contain a NUL byte"),
    "NUL in a value": ('{"labels":{"a":"\\u0000"}}', "labels['a']: must not contain a NUL byte"),
    "variable without a name": (
        '{"surroundings":{"environment":["A=1","=2"]}}',
        "surroundings.environment[1]: must be NAME=value, with a name",
    ),
    "variable without a value": (
        '{"surroundings":{"environment":["PATH"]}}',
        "surroundings.environment[0]: must be NAME=value, with a name",
    ),
    "empty variable": ('{"surroundings":{"environment":[""]}}', "surroundings.environment[0]: must be NAME=value"),
    "NUL in a variable": (
        '{"surroundings":{"environment":["A=\\u0000"]}}',
        "surroundings.environment[0]: must not contain a NUL byte",
    ),
    "no base64 in a variable": ('{"surroundings":{"environment":[{"b64":"?"}]}}', "environment[0]: not base64"),
    "large environment": (
        '{"surroundings":{"environment":["A=' + "x" * LARGEST_ENVIRONMENT + '"]}}',
        f"surroundings.environment: has {LARGEST_ENVIRONMENT + 3} bytes, the most is {LARGEST_ENVIRONMENT}",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_lines_are_refused_in_one_line(name: str) -> None:
    """Whatever is wrong with a line, the error has the right class, says what, and is short."""
    line, kind, said = BROKEN[name]
    with pytest.raises(JobdError) as caught:
        wire.decode_call(line)
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert len(caught.value.message.splitlines()) == 1
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("name", REFUSED)
def test_refused_parameters_name_the_field(name: str) -> None:
    """What is wrong with parameters is said with its place, and the method."""
    parameters, said = REFUSED[name]
    with pytest.raises(BadParameters) as caught:
        take(call(parameters))
    assert caught.value.message.startswith("put: ")
    assert said in caught.value.message
    assert "\0" not in caught.value.message


def test_broken_utf8_in_parameters_is_seen_there() -> None:
    """Parameters are only read for a known method, and refused if they are no text."""
    line = b'{"id":1,"method":"put","params":{"name":"\xff"}}'
    with pytest.raises(BadParameters, match="put: not UTF-8"):
        take(line)


def test_a_type_without_bytes_is_searched_for_nul_too() -> None:
    """The search is spared only where an escape is missing."""
    assert take(b'{"method":"ask","params":{"text":"a\\\\u0000"}}', Ask) == Ask(text="a\\u0000")
    with pytest.raises(BadParameters, match="text: must not contain a NUL byte"):
        take(b'{"method":"ask","params":{"text":"a\\u0000"}}', Ask)


def test_what_is_taken() -> None:
    """The envelope may be short; a key given twice counts as it was said last; ids are numbers or texts."""
    assert wire.decode_call(b'{"method":"put"}') == wire.Call("put")
    assert wire.decode_call(b'{"method":"put"}').id is UNSET
    assert wire.decode_call(b' {"jsonrpc":"2.0","id":"a","method":"put"}\r').id == "a"
    assert wire.decode_call(f'{{"id":{-LARGEST - 1},"method":"put"}}'.encode()).id == -LARGEST - 1
    assert take(call('{"name":"a","name":"b"}')) == Put(name="b")
    assert take(b'{"method":"put"}') == Put()


def test_commas_in_text_are_no_values() -> None:
    """A long text full of commas, brackets and quotes is one value."""
    text = ',[{\\"' * 40_000
    assert take(call(f'{{"name":"{text}"}}')) == Put(name=',[{"' * 40_000)


def test_the_largest_environment_is_taken() -> None:
    """The limit itself is allowed, each variable with its NUL counted."""
    variable = "A=" + "x" * (LARGEST_ENVIRONMENT - 3)
    request = take(call(f'{{"surroundings":{{"environment":["{variable}"]}}}}'))
    assert isinstance(request, Put)
    assert request.surroundings.environment == (variable,)


def test_the_id_is_found_in_a_call_that_makes_no_sense() -> None:
    """An error reaches the call it belongs to wherever its id can be read."""
    assert wire.find_id(b'{"id":7,"parms":{}}') == 7
    assert wire.find_id(b'{"id":"a","jsonrpc":"1.0","method":"put"}') == "a"
    assert [wire.find_id(line) for line in (b"{", b"[]", b'{"id":null}', b'{"id":1.5}', b"\xff", b"[" * 99_999)] == [
        None
    ] * 6


SOUND = [
    call('{"argv":["make","-j4"],"labels":{"a":"b"},"job":7,"fraction":0.5,"states":["failed"],"request_id":"r"}'),
    call('{"surroundings":{"environment":["A=1",{"b64":"QT0x"}],"umask":18,"limits":{"CPU":[1,-1]}},"name":null}'),
    b'{"jsonrpc":"2.0","id":"a","method":"$/cancel","params":{"request":9223372036854775807}}',
    *(line for line, *_ in BROKEN.values() if len(line) < 1000),
    *(call(parameters) for parameters, _ in REFUSED.values() if len(parameters) < 1000),
]
NOISE = [
    b"\0",
    b"\xff",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b",",
    b":",
    b"null",
    b"1e999",
    b"-",
    b"\\ud800",
    b"\\u0000",
    b"0" * 30,
]


def garble(line: bytes, chance: Random) -> bytes:
    """Cut, repeat or replace parts of a line, and put noise into it."""
    for _ in range(chance.randint(1, 4)):
        start, end = sorted(chance.choices(range(len(line) + 1), k=2))
        part = chance.choice([b"", line[start:end] * 2, chance.randbytes(2), *chance.choices(NOISE, k=5)])
        line = line[: chance.choice([start, end])] + part + line[end:]
    return line


@given(st.randoms(use_true_random=True))
def test_no_line_raises_anything_but_a_jobd_error(chance: Random) -> None:
    """Of garbled calls each is understood or refused with an error that can be sent."""
    for line in [garble(chance.choice(SOUND), chance) for _ in range(10)]:
        for kind in (Put, Ask, wire.Cancel):
            error = complaint_of(line, kind)
            sent = wire.decode_message(wire.encode_error(wire.find_id(line), error)).error if error else None
            assert sent == (wire.failure(error) if error else None)


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)), st.integers(1, 64), st.binary())
def test_lines_arrive_as_they_were_sent_however_they_are_cut(sent: list[bytes], step: int, rest: bytes) -> None:
    """The pieces in which bytes come make no difference, and what has no end is kept for later."""
    rest = rest.replace(b"\n", b"")
    data = b"".join(line + b"\n" for line in sent) + rest
    lines = wire.Lines()
    arrived = [line for at in range(0, len(data), step) for line in lines.feed(data[at : at + step])]
    assert arrived == sent
    assert lines.partial == bool(rest)
    assert lines.finish() == rest


@pytest.mark.parametrize("end", [b"", b"\n", b"\nmore\n"])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_long_line_is_refused_after_the_lines_before_it(step: int, end: bytes) -> None:
    """What came before it is given, what comes after it is not; the limit itself is allowed."""
    data = b"one\n" + b"x" * 10 + b"\n" + b"y" * 11 + end
    lines, arrived = wire.Lines(longest=10), deque[bytes]()
    pieces = (lines.feed(data[at : at + step]) for at in range(0, len(data), step))
    with pytest.raises(LineTooLong, match="longer than 10 bytes"):
        arrived.extend(chain.from_iterable(pieces))
    assert list(arrived) == [b"one", b"x" * 10]


@given(
    st.builds(
        Put,
        argv=st.lists(
            st.binary(min_size=1).filter(lambda text: b"\0" not in text).map(lambda text: Base64(_base64(text))),
            max_size=3,
        ).map(tuple),
        name=st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        job=st.none() | st.integers(1, LARGEST),
        fraction=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.none() | st.integers(-LARGEST - 1, LARGEST) | st.text(st.characters(codec="utf-8"), max_size=128),
)
def test_requests_arrive_as_they_were_sent(request: Put, call_id: int | str | None) -> None:
    """Both halves of the wire agree on every request and every id."""
    line = wire.encode_call(request, call_id)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    call = wire.decode_call(line[:-1])
    assert call.id == (UNSET if call_id is None else call_id)
    assert wire.decode_parameters(Put, call) == request


def _base64(text: bytes) -> str:
    return msgspec.to_builtins(text)  # type: ignore[no-any-return]


def test_bytes_arrive_as_they_were_sent() -> None:
    """What is not UTF-8 keeps every byte."""
    request = take(call('{"argv":[{"b64":"' + _base64(b"\xff\xfe/x") + '"}]}'))
    assert isinstance(request, Put)
    assert raw(request.argv[0]) == b"\xff\xfe/x"


@pytest.mark.parametrize(("name", "shown"), [("\udcff", r"\\xff"), ("a\ud800", r"a\\ud800")])
def test_text_with_surrogates_is_not_sent(name: str, shown: str) -> None:
    """What the shell could not decode, or a program made up, is refused before it leaves."""
    with pytest.raises(BadParameters, match=rf"put: '{shown}' is not UTF-8"):
        wire.encode_call(Put(name=name), 1)


def test_answers_and_items_are_read() -> None:
    """Results and items come as the type that the request declares."""
    message = wire.decode_message(wire.encode_answer("a", b"[1,2]"))
    assert message.id == "a"
    assert isinstance(message.result, Raw)
    assert wire.decode_result(Ask, message.result) == (1, 2)
    item = wire.decode_message(wire.encode_item(7, b"[3]")).params
    assert item is not None
    assert (item.request, wire.decode_result(Ask, item.item)) == (7, (3,))
    assert wire.decode_message(wire.encode_answer(1, b"null")).result == Raw(b"null")


def test_an_answer_that_does_not_fit_is_no_traceback() -> None:
    """A newer daemon, or something that is none, is named as what it is."""
    with pytest.raises(Unavailable, match="ask was answered with what is unknown to this version"):
        wire.decode_result(Ask, b'["a"]')
    for line in (b"HTTP/1.1 400", b"[]", b"\xff", b'{"id":{}}', b"[" * 99_999):
        with pytest.raises(Unavailable, match="what answers is no jobd daemon"):
            wire.decode_message(line)


@pytest.mark.parametrize("kind", list(every()), ids=lambda kind: kind.__name__)
def test_every_error_arrives_as_it_was_raised(kind: type[JobdError]) -> None:
    """Class, message, hint and details are the same at the other end."""
    error = kind(job=3, name="encode", problem="disk\nfull", path="/x", limit=5, seconds=1.5, uid=7)
    failure = wire.decode_message(wire.encode_error(3, error)).error
    assert failure is not None
    revived = failure.revive()
    assert type(revived) is kind
    assert (revived.message, revived.hint, revived.details) == (error.message, error.hint, error.details)


def test_an_error_of_a_newer_daemon_keeps_its_message() -> None:
    """An unknown reason is shown with the words of the daemon."""
    line = b'{"id":1,"error":{"code":999,"message":"the moon is full","data":{"reason":"MOON_FULL","hint":""}}}'
    failure = wire.decode_message(line).error
    assert failure is not None
    assert type(failure.revive()) is JobdError
    assert "the moon is full" in failure.revive().message


def test_the_form_of_an_error() -> None:
    """Code, message, reason, hint and details stand where the manual says."""
    line = wire.encode_error(None, JobNotFound(job=9, newest=4))
    assert msgspec.json.decode(line) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": 201,
            "message": "no job 9; the newest is 4",
            "data": {"reason": "JOB_NOT_FOUND", "hint": JobNotFound(job=9).hint, "job": 9, "newest": 4},
        },
    }


def test_an_error_can_always_be_sent() -> None:
    """Details that are no JSON become text, and what is not UTF-8 backslash escapes."""
    line = wire.encode_error(1, Refused(problem="\udcff", other=Raw, names={"a"}))
    message = msgspec.json.decode(line)
    assert message["error"]["data"]["problem"] == "\\udcff"


def test_cancel_is_a_notification() -> None:
    """What ends a stream has no id of its own."""
    call = wire.decode_call(wire.encode_cancel("a")[:-1])
    assert (call.method, call.id) == ("$/cancel", UNSET)
    assert wire.decode_parameters(wire.Cancel, call) == wire.Cancel(request="a")


def test_the_types_of_results_are_known() -> None:
    """The declaration of a request says what its answer is."""
    assert (Put.result_type(), Ask.result_type()) == (int, tuple[int, ...])
