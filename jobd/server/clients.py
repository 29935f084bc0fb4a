"""All clients that are connected: the limits they have in common, and the work that is being done for them."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from jobd import wire
from jobd.core.errors import JobdError
from jobd.server.dispatch import Dispatcher

#: What takes its time, and answers in the end.
Work = Coroutine[Any, Any, bytes]


class Limits(NamedTuple):
    """What a client may do: bytes of a line, seconds to complete it, seconds to read something of a full buffer.

    One that has said its last word is looked after every so many seconds: it may be gone.
    """

    longest_line: int = wire.LONGEST_LINE
    line_time: float = wire.LINE_TIME
    drain_time: float = wire.DRAIN_TIME
    look_every: float = 5.0


class Connected(Protocol):
    """A client that is connected."""

    def end(self, farewell: JobdError) -> None:
        """Read nothing more, answer what was asked, and hang up."""

    def abort(self) -> None:
        """Hang up at once."""


class Clients:
    """The open connections of a server, and the tasks that work for them."""

    def __init__(self, dispatcher: Dispatcher, limits: Limits) -> None:
        self.dispatcher = dispatcher
        self.limits = limits
        self.open: set[Connected] = set()
        self.expected = 0  # let in, and not open yet
        self.none_open = asyncio.Event()
        self.none_open.set()
        #: The event loop itself does not hold its tasks.
        self.tasks: set[asyncio.Task[bytes]] = set()

    def enter(self, connection: Connected) -> None:
        """Count a client in."""
        self.expected -= 1
        self.open.add(connection)
        self.none_open.clear()

    def leave(self, connection: Connected) -> None:
        """Count a client out."""
        self.open.discard(connection)
        if not self.open:
            self.none_open.set()

    async def quiet(self, seconds: float) -> None:
        """Wait until everybody has left and nothing is being done any more, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.none_open.wait()
                while self.tasks:
                    await asyncio.wait(self.tasks)

    def run(self, work: Work) -> asyncio.Task[bytes]:
        """Begin what takes its time."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
