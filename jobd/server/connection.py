"""One client of the daemon: bytes in, lines out, and the limits in between.

What a chunk of lines asks is done at once and answered in one write, when what it changed is durable. Whoever does not
read is not read from, and is hung up on after a while; nothing is buffered without a limit.
"""

import asyncio
import select
import time
from collections import deque
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, NamedTuple

from jobd import wire
from jobd.core.errors import BadRequest, JobdError, LineTooLong, TooManyRequests
from jobd.core.events.catalogue import Actor
from jobd.server.alarm import Alarm
from jobd.server.clients import Clients, Work
from jobd.server.dispatch import Later, Reply
from jobd.server.listener import Listener
from jobd.server.outlet import Outlet

#: Seconds of work for one client after which others have their turn.
TURN = 0.005
#: Long questions of one client that are answered at a time: their answers are kept until it has read them.
MOST_READS = 8
#: What answers a stream when its items have ended.
END = b"null"


class Running(NamedTuple):
    """An Action or a Stream, and who does it."""

    later: Later
    task: asyncio.Task[bytes]


class Connection(asyncio.Protocol):
    """A client, until it hangs up or is hung up on."""

    def __init__(self, clients: Clients, caller: Actor) -> None:
        self._clients = clients
        self._dispatcher = clients.dispatcher
        self._caller = caller
        self._lines = wire.Lines(clients.limits.longest_line)
        self._waiting: deque[bytes] = deque()
        self._unanswered = 0
        self._running: dict[wire.CallId, Running] = {}
        self._reads = 0
        self._reading = True
        #: Nothing more is read; when all is answered, the last words are said and the connection is closed.
        self._ending = False
        self._farewell: JobdError | None = None
        self._last_words = b""
        self._late = Alarm(clients.limits.line_time, self._line_is_late)
        self._gone = Alarm(clients.limits.look_every, self._look_at_listener)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._outlet = Outlet(transport, self._clients.limits.drain_time)
        self._clients.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop what only this client waits for; a change that it asked for is made all the same."""
        self._ending = True
        self._waiting.clear()
        self._late.stop()
        self._gone.stop()
        self._outlet.stop()
        for running in self._running.values():
            running.task.cancel()
        self._clients.leave(self)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        self._outlet.heard = asyncio.get_running_loop().time()
        had = len(self._waiting)
        try:
            self._waiting.extend(self._lines.feed(data))
        except LineTooLong as error:
            self._refuse(error)
        if len(self._waiting) > had:
            self._late.stop()
        self._work()

    def eof_received(self) -> bool:
        """Answer what was asked, then hang up. The last line may do without its end."""
        if not self._ending:
            self._waiting.append(self._lines.finish())
            self._ending = True
        self._work()
        self._look_at_listener()
        return True

    def pause_writing(self) -> None:
        """Make nothing more until the client has read."""
        self._outlet.pause()

    def resume_writing(self) -> None:
        """Go on."""
        self._outlet.resume()
        self._work()

    def end(self, farewell: JobdError) -> None:
        """Read nothing more, end every stream with the farewell, answer what else was asked, and hang up."""
        self._ending = True
        self._farewell = farewell
        for call_id in self._running:
            self._cancel(call_id)
        self._work()

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def _refuse(self, error: JobdError) -> None:
        """Hang up on a client whose bytes make no sense any more, with the error as last words."""
        self._last_words = wire.encode_error(None, error)
        self.end(error)

    def _work(self) -> None:
        """Do what the lines ask, as much as may be unanswered; then read on, or not."""
        replies: list[Reply] = []
        until = time.monotonic() + TURN
        while self._waiting and len(replies) + self._unanswered < wire.MOST_UNANSWERED and not self._is_busy():
            self._take(self._waiting.popleft(), replies)
            if time.monotonic() > until:
                break
        if replies:
            self._answer(replies)
        if self._waiting and self._unanswered < wire.MOST_UNANSWERED and not self._is_busy():
            asyncio.get_running_loop().call_soon(self._work)
        if self._ending:
            self._close_when_done()
        elif self._waiting or self._is_busy():
            self._stop_reading()
        else:
            self._read_on()

    def _is_busy(self) -> bool:
        """Whether nothing more may be made for now: it is not read, or would have to be kept until it is."""
        return self._outlet.full or self._reads >= MOST_READS

    def _take(self, line: bytes, replies: list[Reply]) -> None:
        outcome = self._dispatcher.take(line, self._caller)
        if isinstance(outcome, Reply):
            replies.append(outcome)
        elif isinstance(outcome, Later):
            try:
                self._begin(outcome)
            except JobdError as error:
                replies.append(Reply(outcome.call_id, wire.encode_error(outcome.call_id, error), is_error=True))
        elif outcome is not None:
            self._cancel(outcome.request)

    def _answer(self, replies: list[Reply]) -> None:
        commit = self._dispatcher.engine.committed()
        if commit.done():
            self._outlet.write(self._dispatcher.finish(replies, commit))
        else:
            self._unanswered += len(replies)
            commit.add_done_callback(partial(self._committed, replies))

    def _committed(self, replies: list[Reply], commit: asyncio.Future[None]) -> None:
        self._unanswered -= len(replies)
        self._outlet.write(self._dispatcher.finish(replies, commit))
        if self._waiting or self._ending:
            # Other replies may be about to be sent after the same commit; what waited comes after them.
            asyncio.get_running_loop().call_soon(self._work)

    def _stop_reading(self) -> None:
        self._transport.pause_reading()
        self._reading = False
        self._late.stop()

    def _read_on(self) -> None:
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        if self._lines.partial:
            self._late.start()

    def _close_when_done(self) -> None:
        self._stop_reading()
        if not (self._waiting or self._unanswered or self._running):
            self._outlet.close(self._last_words)

    def _begin(self, later: Later) -> None:
        """Start what takes its time. Raises BadRequest, TooManyRequests, or the farewell."""
        call_id, request = later
        if self._farewell:
            raise self._farewell
        if call_id in self._running:
            raise BadRequest(problem=f"the id {call_id!r} still names a request that is not answered")
        if len(self._running) >= wire.MOST_UNANSWERED:
            raise TooManyRequests(limit=wire.MOST_UNANSWERED)
        if isinstance(request, wire.Feed):
            work: Work = self._feed(call_id, request)
        elif isinstance(request, wire.Stream):
            work = self._tell(call_id, request)
        else:
            work = self._dispatcher.engine.act(request, self._caller)
        self._reads += isinstance(request, wire.Read)
        task = self._clients.run(work)
        self._running[call_id] = Running(later, task)
        task.add_done_callback(partial(self._ended, later))

    async def _tell(self, call_id: wire.CallId, request: wire.Stream[Any]) -> bytes:
        items = self._dispatcher.engine.stream(request, self._caller)
        try:
            async for item in items:
                self._outlet.queue(wire.encode_item(call_id, item))
                await self._outlet.give_way()
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()
        return END

    async def _feed(self, call_id: wire.CallId, request: wire.Feed[Any]) -> bytes:
        await self._dispatcher.engine.feed(request, self._caller, Listener(wire.encode_id(call_id), self._outlet))
        return END

    def _cancel(self, call_id: wire.CallId) -> None:
        """End a stream; whatever else runs is not ended at the word of a client, nor is what does not run any more."""
        running = self._running.get(call_id)
        if running and isinstance(running.later.request, wire.Stream):
            running.task.cancel()

    def _ended(self, later: Later, task: asyncio.Task[bytes]) -> None:
        del self._running[later.call_id]
        self._reads -= isinstance(later.request, wire.Read)
        outcome: bytes | BaseException
        if task.cancelled():
            is_stream = isinstance(later.request, wire.Stream)
            outcome = self._farewell or (END if is_stream else asyncio.CancelledError())
        else:
            outcome = task.exception() or task.result()
        self._outlet.queue(self._dispatcher.conclude(later, outcome))
        self._work()

    def _line_is_late(self) -> None:
        problem = f"a line must be complete {self._clients.limits.line_time:g} s after its first byte"
        self._refuse(BadRequest(problem=problem))

    def _look_at_listener(self) -> None:
        """Hang up on a client that is gone; the event loop does not see it when it has ended its side before."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), 0)
        if poll.poll(0) and not self._waiting:
            self._transport.abort()
        self._gone.start()
