"""An engine that counts, in memory: the server knows no more of the real one. The test can hold its commits."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from jobd import wire
from jobd.core.errors import Refused
from jobd.core.events.catalogue import Actor
from jobd.server.listener import Listener

UNLUCKY = 13


class Add(wire.Mutation[int], frozen=True):
    """Add to the sum."""

    method: ClassVar = "add"
    number: int


class Total(wire.Read[int], frozen=True):
    """Tell the sum, after so many seconds of work."""

    method: ClassVar = "total"
    text: str = ""
    seconds: float = 0.0


class Rest(wire.Action[str], frozen=True):
    """Take a rest until the test says otherwise, or fail at once."""

    method: ClassVar = "rest"
    fail: bool = False


class Count(wire.Stream[str], frozen=True):
    """Count up to a number, or for ever; `wide` makes an item long, `unlucky` fails at thirteen."""

    method: ClassVar = "count"
    to: int | None = None
    wide: int = 0
    unlucky: bool = False


class Hear(wire.Feed[str], frozen=True):
    """Hear what the test tells."""

    method: ClassVar = "hear"
    fail: bool = False


KINDS = {kind.method: kind for kind in (Add, Total, Rest, Count, Hear)}


class Engine:
    """Adds, and can be told to be slow: `hold` lets commits wait until `release`, which may fail them."""

    def __init__(self) -> None:
        self.total = 0
        self.added = 0
        self.commits_asked = 0
        self.counted = 0
        self.resting = 0
        self.streams_ended = 0
        self.callers: list[Actor] = []
        self.awake = asyncio.Event()
        self.listeners: list[Listener] = []
        self._held: asyncio.Future[None] | None = None

    def hold(self) -> None:
        """Let commits wait from now on."""
        self._held = asyncio.get_running_loop().create_future()

    def release(self, problem: Exception | None = None) -> None:
        """Let all that waits be committed, or fail."""
        held, self._held = self._held, None
        assert held is not None
        if problem is None:
            held.set_result(None)
        else:
            held.set_exception(problem)

    def perform_now(self, request: Any, caller: Actor) -> bytes:
        """Add, or tell the sum; thirteen is refused when it is added, and minus thirteen is a bug."""
        self.callers.append(caller)
        if isinstance(request, Total):
            time.sleep(request.seconds)
        if isinstance(request, Add):
            if request.number == UNLUCKY:
                raise Refused(problem="thirteen is unlucky")
            if request.number == -UNLUCKY:
                raise ZeroDivisionError("a bug\nof two lines")
            self.total += request.number
            self.added += 1
        return str(self.total).encode()

    def committed(self) -> asyncio.Future[None]:
        """Give the commit that is held, or one that is done."""
        self.commits_asked += 1
        if self._held is not None:
            return self._held
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def act(self, request: Any, caller: Actor) -> bytes:
        """Rest."""
        if request.fail:
            raise Refused(problem=f"{caller.uid} may not rest")
        self.resting += 1
        try:
            await self.awake.wait()
        finally:
            self.resting -= 1
        return b'"rested"'

    async def stream(self, request: Any, caller: Actor) -> AsyncIterator[bytes]:
        """Count; without an end it waits after the tenth until the test says otherwise."""
        try:
            number = 0
            while request.to is None or number < request.to:
                number += 1
                if request.unlucky and number == UNLUCKY:
                    raise Refused(problem="thirteen is unlucky")
                self.counted += 1
                yield b'"%d%s"' % (number, b" " * request.wide)
                if request.to is None and number == 10:
                    await self.awake.wait()
        finally:
            self.streams_ended += 1

    async def feed(self, request: Hear, caller: Actor, listener: Listener) -> None:
        """Let the test tell the listener, until the client is gone or wants no more."""
        if request.fail:
            raise Refused(problem="there is nothing to hear")
        self.listeners.append(listener)
        try:
            await asyncio.Event().wait()
        finally:
            self.listeners.remove(listener)
