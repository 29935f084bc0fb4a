"""Requests as types: what can be asked is a class with a sentence; it says its method, parameters and result.

What it answers is a method of the same class, `answer`, so that a verb stays in one file.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

import msgspec
from msgspec import Meta

from jobd.core.model import LARGEST

Result = TypeVar("Result")

RequestId = Annotated[str, Meta(min_length=1, max_length=128)]
#: What names a call on its connection.
CallId = Annotated[int, Meta(ge=-LARGEST - 1, le=LARGEST)] | Annotated[str, Meta(max_length=128)]


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
    """Something that only reads what is remembered; it is answered even if no daemon runs.

    What may take `long` is answered beside the daemon's other work.
    """

    long: ClassVar[bool] = False

    def answer(self, archive: Any, caller: Any) -> Result:
        """Answer from the archive."""
        raise TypeError(f"{type(self).__name__} says no answer")


class Mutation(Request[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that changes jobs; the answer is sent when the change is durable.

    Repeating a request with the same `request_id` gives the same answer and changes nothing more.
    """

    request_id: RequestId | None = None

    def answer(self, engine: Any, caller: Any) -> Result:
        """Refuse, or record the change and say what became of it.

        Never awaits: nothing comes between looking and recording.
        """
        raise TypeError(f"{type(self).__name__} says no answer")


class Action(Request[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that only a running daemon can do or know.

    One that `waits` takes its time. It is answered when all that was recorded before is on the disk, if it `records`.
    """

    waits: ClassVar[bool] = False
    records: ClassVar[bool] = True

    async def answer(self, engine: Any, caller: Any) -> Result:
        """Do it."""
        raise TypeError(f"{type(self).__name__} says no answer")


class Stream(Request[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that is told bit by bit: items of the result type, until it ends or is canceled."""

    def answer(self, engine: Any, caller: Any) -> AsyncIterator[Result]:
        """Yield the items."""
        raise TypeError(f"{type(self).__name__} says no answer")


class Feed(Stream[Result], frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A stream that many hear at once: it is written to listeners, so that what all are told is made once."""

    @property
    def longest_silence(self) -> float | None:
        """The seconds after which whoever hears nothing else is told that the daemon is there; None = for ever."""
        return None

    async def tell(self, engine: Any, caller: Any, listener: Any) -> None:
        """Write the items to the listener, until it wants no more. Raises what ends the stream."""
        raise TypeError(f"{type(self).__name__} tells nothing")


class Cancel(Request[None], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """End a stream. Sent without an id; methods with a leading `$/` belong to the protocol itself."""

    method: ClassVar = "$/cancel"
    request: CallId


class Ping(Request[None], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say that one is there: with an id it is answered with null, without one it is a sign of life and no more."""

    method: ClassVar = "$/ping"
