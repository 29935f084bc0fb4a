"""JSON-RPC 2.0 over JSON lines, without a socket: messages in and out, limits.

What can be asked are the types in `requests.py`, which are part of this module. Bytes of any kind raise nothing but a
JobdError.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from jobd.core import admission, decoding
from jobd.core.decoding import UNREADABLE, complaint
from jobd.core.errors import BadJson, BadParameters, BadRequest, JobdError, LineTooLong, Unavailable, revive
from jobd.core.text import Base64
from jobd.wire.requests import Action, CallId, Cancel, Feed, Mutation, Ping, Read, Request, RequestId, Result, Stream

#: What can be asked is part of this module: whoever speaks the protocol imports only this one.
__all__ = ["Action", "CallId", "Cancel", "Feed", "Mutation", "Ping", "Read", "Request", "RequestId", "Result", "Stream"]

PROTOCOL = 1
#: A longer line is refused and the connection closed. Precedents: Redis inline 64 KiB, bodies in nginx 1 MiB, LSP none.
LONGEST_LINE = 1 << 20
#: Seconds in which a line must be complete after its first byte.
LINE_TIME = 10.0
#: Seconds in which a client must read something of what waits for it.
DRAIN_TIME = 30.0
#: Unanswered requests a connection may have; beyond that it is not read.
MOST_UNANSWERED = 256
#: Values in all lists and objects of one line together: a line of `1,` would become thirty times its size in memory.
MOST_ELEMENTS = 1 << 16


class Lines:
    """Cut bytes into lines, however they arrive. `longest` is the limit of a line in bytes, its end not counted."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._rest = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the lines that these bytes complete. Raises LineTooLong, after the lines before the long one."""
        *ended, rest = data.split(b"\n")
        for line in ended:
            if self._rest:
                self._rest += line
                line = bytes(self._rest)  # noqa: PLW2901 -- the whole line in place of its end
                self._rest.clear()
            if len(line) > self._longest:
                raise LineTooLong(limit=self._longest)
            yield line
        self._rest += rest
        if len(self._rest) > self._longest:
            raise LineTooLong(limit=self._longest)

    def finish(self) -> bytes:
        """Give what came after the last line, when no more can come."""
        return bytes(self._rest)


class Call(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a client says: a request, or without an id a notification, which is never answered."""

    method: Annotated[str, Meta(max_length=64)]
    id: CallId | UnsetType = UNSET
    params: Raw = Raw(b"{}")
    jsonrpc: Literal["2.0"] = "2.0"


class _Identified(msgspec.Struct, frozen=True, gc=False):
    id: CallId | None = None


class Item(msgspec.Struct, frozen=True, gc=False):
    """The parameters of `$/item`: one item of the stream that the request began."""

    request: CallId
    item: Raw


class Failure(msgspec.Struct, frozen=True, gc=False):
    """An error in its JSON-RPC form; `data` holds the reason, the hint and the details of the error."""

    code: int
    message: str
    data: dict[str, Any] = {}

    def revive(self) -> JobdError:
        """Make the error again."""
        details = {name: value for name, value in self.data.items() if name not in ("reason", "hint")}
        error = revive(str(self.data.get("reason", "")), {"message": self.message, **details})
        error.details.pop("message", None)
        return error


class Message(msgspec.Struct, frozen=True, gc=False):
    """What a daemon says: the answer to the call with this id (null: it could not be read), or an item of a stream."""

    id: CallId | None = None
    result: Raw | UnsetType = UNSET
    error: Failure | None = None
    params: Item | None = None


_calls = msgspec.json.Decoder(Call)
_identified = msgspec.json.Decoder(_Identified)
_messages = msgspec.json.Decoder(Message)
_encoder = msgspec.json.Encoder()


def decode_call(line: bytes) -> Call:
    """Read one line of a client. Raises BadJson, BadRequest."""
    if len(line) > 2 * MOST_ELEMENTS and decoding.count_values(line) > MOST_ELEMENTS:
        raise BadRequest(problem=f"more than {MOST_ELEMENTS} values in one line")
    try:
        return _calls.decode(line)
    except msgspec.ValidationError as error:
        if line.lstrip().startswith(b"["):
            problem = "batches are not taken; write one object a line, without waiting for the answers"
            raise BadRequest(problem=problem) from None
        raise BadRequest(problem=complaint(error)) from None
    except UNREADABLE as error:
        raise BadJson(problem=complaint(error)) from None


def decode_parameters(kind: type[Request[Any]], call: Call) -> Request[Any]:
    """Read the parameters of a call. Raises BadParameters, which names the field."""
    decoder, delicate = _decoder(kind)
    try:
        request: Request[Any] = decoder.decode(call.params)
    except UNREADABLE as error:
        raise BadParameters(method=kind.method, problem=complaint(error)) from None
    if delicate or b"\\" in bytes(call.params):
        for flaw in admission.flaws(request):
            raise BadParameters(method=kind.method, problem=flaw)
    return request


def find_id(line: bytes) -> CallId | None:
    """Find the id in a line that is no call, so that the error reaches who asked; None if there is none."""
    try:
        return _identified.decode(line).id
    except UNREADABLE:
        return None


def decode_message(line: bytes) -> Message:
    """Read one line of a daemon. Raises Unavailable if it is none."""
    try:
        return _messages.decode(line)
    except UNREADABLE as error:
        raise Unavailable(problem=f"what answers is no jobd daemon: {complaint(error)}") from None


def prepare(kind: type[Request[Any]]) -> None:
    """Make what reads the results of such a request, so that this takes no time when one comes."""
    _result_decoder(kind)


def decode_result(kind: type[Request[Result]], result: Raw | bytes) -> Result:
    """Read a result, or an item, of such a request. Raises Unavailable if a newer daemon says what is unknown here."""
    try:
        value: Result = _result_decoder(kind).decode(result)
        return value
    except UNREADABLE as error:
        problem = f"{kind.method} was answered with what is unknown to this version: {complaint(error)}"
        raise Unavailable(problem=problem) from None


def encode_call(request: Request[Any], call_id: CallId | None) -> bytes:
    """Write a request as a line, without an id as a notification. Raises BadParameters for text that is not UTF-8."""
    try:
        params = Raw(_encoder.encode(request))
    except UnicodeEncodeError as error:
        raise BadParameters(method=request.method, problem=f"'{_readable(error.object)}' is not UTF-8") from None
    named = {} if call_id is None else {"id": call_id}
    return _line({"jsonrpc": "2.0", **named, "method": request.method, "params": params})


def encode_cancel(call_id: CallId) -> bytes:
    """Write the notification that ends a stream."""
    return encode_call(Cancel(request=call_id), None)


def encode_ping() -> bytes:
    """Write the notification that says that the client is there."""
    return encode_call(Ping(), None)


def encode_answer(call_id: CallId, result: bytes) -> bytes:
    """Write the line that answers a call; the result is JSON already."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (_encoder.encode(call_id), result)


def encode_item(call_id: CallId, item: bytes) -> bytes:
    """Write the line with one item of a stream; the item is JSON already."""
    return encode_items(encode_id(call_id), (item,))


def encode_id(call_id: CallId) -> bytes:
    """Write an id as JSON."""
    return _encoder.encode(call_id)


def encode_items(call_id: bytes, items: Sequence[bytes]) -> bytes:
    """Write a line for each item of a stream; items and id are JSON already."""
    head, tail = b'{"jsonrpc":"2.0","method":"$/item","params":{"request":%b,"item":' % call_id, b"}}\n"
    return b"%b%b%b" % (head, (tail + head).join(items), tail) if items else b""


def encode_error(call_id: CallId | None, error: JobdError) -> bytes:
    """Write the line that refuses a call; the id is null if it could not be read."""
    return _line({"jsonrpc": "2.0", "id": call_id, "error": failure(error)})


def failure(error: JobdError) -> Failure:
    """Put an error into its JSON-RPC form."""
    return Failure(error.code, error.message, {"reason": error.reason(), "hint": error.hint, **error.details})


@cache
def _decoder(kind: type[Request[Any]]) -> tuple[msgspec.json.Decoder[Any], bool]:
    """Give what reads the parameters, and whether they may have a flaw even without an escaped character."""
    _, records = msgspec.json.schema_components([kind])
    return msgspec.json.Decoder(kind), Base64.__name__ in records


@cache
def _result_decoder(kind: type[Request[Any]]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind.result_type())


def _readable(text: str) -> str:
    """Show the bytes that stand behind a text, and what stands for no byte, as backslash escapes."""
    try:
        raw = text[:50].encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text[:50].encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def _line(message: dict[str, Any]) -> bytes:
    return _encoder.encode(message) + b"\n"
