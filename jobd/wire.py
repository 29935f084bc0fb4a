"""JSON-RPC 2.0 over JSON lines, without a socket: requests as types, messages in and out, limits.

A request is a type with a sentence; the class says its method, its parameters and its result. What it answers is a method of the
same class, `answer`, so that a verb stays in one file.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

import msgspec
from msgspec import Meta

from jobd.core.errors import JobdError

PROTOCOL = 1
#: A longer line is refused and the connection closed: precedents are 1 MiB (Redis inline: 64 KiB, LSP: none, nginx bodies: 1 MiB).
LONGEST_LINE = 1 << 20
#: Seconds in which a line must be complete after its first byte.
LINE_TIME = 10.0
#: Unanswered requests a connection may have; beyond that it is not read.
MOST_UNANSWERED = 256

Result = TypeVar("Result")

RequestId = Annotated[str, Meta(min_length=1, max_length=128)]


class Request(
    msgspec.Struct, Generic[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Something that can be asked: one of the four kinds below."""

    method: ClassVar[str]

    @classmethod
    def result_type(cls) -> Any:
        """Give the type of the answer (of an item, for a stream), from the declaration of the class."""
        return next(get_args(base)[0] for base in cls.__orig_bases__ if get_args(base))  # type: ignore[attr-defined]


class Read(Request[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that only reads what is remembered; it is answered even if no daemon runs."""

    def answer(self, archive: Any, caller: Any) -> Result:
        """Answer from the archive."""
        raise TypeError(f"{type(self).__name__} says no answer")


class Mutation(Request[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that changes jobs; the answer is sent when the change is durable.

    Repeating a request with the same `request_id` gives the same answer and changes nothing more.
    """

    request_id: RequestId | None = None

    def answer(self, engine: Any, caller: Any) -> Result:
        """Refuse, or record the change and say what became of it. Never awaits: nothing comes between looking and recording."""
        raise TypeError(f"{type(self).__name__} says no answer")


class Action(Request[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that only a running daemon can do or know; it may take its time."""

    async def answer(self, engine: Any, caller: Any) -> Result:
        """Do it."""
        raise TypeError(f"{type(self).__name__} says no answer")


class Stream(Request[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that is told bit by bit: items of the result type, until it ends or is canceled."""

    def answer(self, engine: Any, caller: Any) -> AsyncIterator[Result]:
        """Yield the items."""
        raise TypeError(f"{type(self).__name__} says no answer")


def failure(error: JobdError) -> dict[str, Any]:
    """Put an error into its JSON-RPC form."""
    data = {"reason": error.reason(), "hint": error.hint, **error.details}
    return {"code": error.code, "message": error.message, "data": data}
