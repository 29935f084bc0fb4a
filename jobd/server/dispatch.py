"""From a line to what answers it, without a socket.

A Read or a Mutation is done at once; what takes its time is only understood here. Whatever goes wrong becomes the error
that the client is told: what was refused as it is, a bug without its details, which go to the log.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from jobd import wire
from jobd.core.errors import BadRequest, InternalError, JobdError, ShuttingDown, UnknownMethod
from jobd.core.events.catalogue import Actor

Find = Callable[[str], type[wire.Request[Any]] | None]


logger = logging.getLogger(__name__)


class Engine(Protocol):
    """What answers requests, in JSON. All of it may raise a JobdError; anything else is a bug."""

    def perform_now(self, request: Any, caller: Actor) -> bytes:
        """Answer a Read or a Mutation at once."""

    def committed(self) -> asyncio.Future[None]:
        """Give the moment at which everything recorded so far is durable."""

    def act(self, request: Any, caller: Actor) -> Coroutine[Any, Any, bytes]:
        """Answer an Action, or a Read that may take long."""

    def stream(self, request: Any, caller: Actor) -> AsyncIterator[bytes]:
        """Give the items of a Stream."""

    def feed(self, request: Any, caller: Actor, listener: Any) -> Coroutine[Any, Any, None]:
        """Write the items of a Feed to the listener."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A line that may be sent when what it tells of is durable. An error stays what it is if that fails."""

    call_id: wire.CallId | UnsetType
    line: bytes
    is_error: bool = False


class Later(NamedTuple):
    """An Action, a Stream or a long Read that is yet to be done."""

    call_id: wire.CallId
    request: wire.Request[Any]


class Dispatcher:
    """Understands what clients say and hands it to the engine. `log` is where the details of a bug are found."""

    def __init__(self, engine: Engine, find: Find, log: str) -> None:
        self.engine = engine
        self.requests = 0
        self._find = find
        self._log = log

    def take(self, line: bytes, caller: Actor) -> Reply | Later | wire.Cancel | None:
        """Answer a line, or say what is still to be done; None if it wants no answer."""
        if not line or line.isspace():
            return None
        self.requests += 1
        try:
            call = wire.decode_call(line)
        except JobdError as error:
            return Reply(UNSET, wire.encode_error(wire.find_id(line), error), is_error=True)
        try:
            return self._perform(call, caller)
        except Exception as problem:  # noqa: BLE001 -- whatever it is, this client is told and all others are served
            call_id = None if call.id is UNSET else call.id
            return Reply(call.id, wire.encode_error(call_id, self.explain(problem, call.method)), is_error=True)

    def finish(self, replies: list[Reply], commit: asyncio.Future[None]) -> bytes:
        """Give the lines of replies whose commit has ended: as they are, or as the error that it ended with."""
        problem = asyncio.CancelledError() if commit.cancelled() else commit.exception()
        if problem is None:
            return b"".join([reply.line for reply in replies])
        error = self.explain(problem, "commit")
        return b"".join(
            reply.line if reply.is_error or reply.call_id is UNSET else wire.encode_error(reply.call_id, error)
            for reply in replies
        )

    def conclude(self, later: Later, outcome: bytes | BaseException) -> bytes:
        """Give the line that ends what took its time."""
        if isinstance(outcome, bytes):
            return wire.encode_answer(later.call_id, outcome)
        return wire.encode_error(later.call_id, self.explain(outcome, later.request.method))

    def explain(self, problem: BaseException, what: str) -> JobdError:
        """Give the error to tell of a problem; a bug goes to the log with all that is known."""
        if isinstance(problem, JobdError):
            return problem
        if isinstance(problem, asyncio.CancelledError):
            return ShuttingDown()
        logger.error("%s: %s", what, problem, exc_info=problem)
        text = f"{type(problem).__name__}: {problem}".partition("\n")[0][:200]
        return InternalError(problem=text, log=self._log)

    def _perform(self, call: wire.Call, caller: Actor) -> Reply | Later | wire.Cancel | None:
        kind = self._find(call.method)
        if kind is None:
            return _control(call)
        if call.id is UNSET:
            return self._perform_silently(kind, call, caller)
        request = wire.decode_parameters(kind, call)
        if _takes_time(request):
            return Later(call.id, request)
        return Reply(call.id, wire.encode_answer(call.id, self.engine.perform_now(request, caller)))

    def _perform_silently(self, kind: type[wire.Request[Any]], call: wire.Call, caller: Actor) -> Reply:
        if not issubclass(kind, wire.Mutation):
            problem = f"{call.method} needs an id: only what changes something can be told without one"
            raise BadRequest(problem=problem)
        try:
            self.engine.perform_now(wire.decode_parameters(kind, call), caller)
        except Exception as problem:  # noqa: BLE001 -- whoever sends no id wants no answer, but a bug must be logged
            self.explain(problem, call.method)
        return Reply(UNSET, b"")


def _takes_time(request: wire.Request[Any]) -> bool:
    return isinstance(request, wire.Action | wire.Stream) or (isinstance(request, wire.Read) and request.long)


def _control(call: wire.Call) -> Reply | wire.Cancel | None:
    """Understand what belongs to the protocol itself; of that, unknown notifications are passed over."""
    if call.method == wire.Ping.method and call.id is not UNSET:
        wire.decode_parameters(wire.Ping, call)
        return Reply(call.id, wire.encode_answer(call.id, b"null"))
    if call.method == wire.Cancel.method:
        if call.id is not UNSET:
            raise BadRequest(problem=f"{call.method} is never answered, so it has no id; the stream answers")
        cancel = wire.decode_parameters(wire.Cancel, call)
        assert isinstance(cancel, wire.Cancel)
        return cancel
    if call.method.startswith("$/") and call.id is UNSET:
        return None
    raise UnknownMethod(method=call.method)
