"""One client of the daemon: bytes in, lines out, and the limits in between.

What a chunk of lines asks is done at once and answered in one write, when what it changed is durable. Whoever does not
read is not read from, and is hung up on after a while; nothing is buffered without a limit.
"""

import asyncio
import select
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar

from jobd import wire
from jobd.core.errors import BadRequest, JobdError, LineTooLong, TooManyRequests
from jobd.core.events import Actor
from jobd.server.alarm import Alarm
from jobd.server.dispatch import Dispatcher, Later, Reply

#: Bytes that wait for a slow reader before nothing more is made for it; the socket itself holds three times as many.
WRITE_BUFFER = 1 << 16
#: Seconds between two looks whether a client that has said its last word is still there to listen.
LOOK_EVERY = 5.0

Value = TypeVar("Value")


class Limits(NamedTuple):
    """What a client may do: bytes of a line, seconds to complete it, seconds to read something of a full buffer."""

    longest_line: int = wire.LONGEST_LINE
    line_time: float = wire.LINE_TIME
    drain_time: float = 30.0


class Clients:
    """The open connections of a server, and what is being done for them."""

    def __init__(self, dispatcher: Dispatcher, limits: Limits) -> None:
        self.dispatcher = dispatcher
        self.limits = limits
        self.open: set[Connection] = set()
        self.none_open = asyncio.Event()
        self.none_open.set()
        #: The event loop itself does not hold its tasks.
        self.tasks: set[asyncio.Task[Any]] = set()

    def enter(self, connection: "Connection") -> None:
        """Count a client in."""
        self.open.add(connection)
        self.none_open.clear()

    def leave(self, connection: "Connection") -> None:
        """Count a client out."""
        self.open.discard(connection)
        if not self.open:
            self.none_open.set()

    def run(self, work: Coroutine[Any, Any, Value], then: Callable[[asyncio.Task[Value]], None]) -> asyncio.Task[Value]:
        """Begin what takes its time, and say what to do when it has ended."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(then)
        return task


class Connection(asyncio.Protocol):
    """A client, until it hangs up or is hung up on."""

    def __init__(self, clients: Clients, caller: Actor) -> None:
        self._clients = clients
        self._dispatcher = clients.dispatcher
        self._caller = caller
        self._lines = wire.Lines(clients.limits.longest_line)
        self._waiting: deque[bytes] = deque()
        self._unanswered = 0
        self._streams: dict[wire.CallId, asyncio.Task[None]] = {}
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._reading = True
        self._choked = False
        self._room = asyncio.Event()
        self._written = 0
        self._read = 0
        #: Nothing more is read; when all is answered, the last words are said and the connection is closed.
        self._ending = False
        self._farewell: JobdError | None = None
        self._last_words = b""
        self._late = Alarm(clients.limits.line_time, self._line_is_late)
        self._stuck = Alarm(clients.limits.drain_time, self._look_at_reader)
        self._gone = Alarm(LOOK_EVERY, self._look_at_listener)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._soon = asyncio.get_running_loop().call_soon
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._clients.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was to be told; what was asked is done all the same."""
        self._ending = True
        self._waiting.clear()
        for alarm in (self._late, self._stuck, self._gone):
            alarm.stop()
        for task in self._streams.values():
            task.cancel()
        self._clients.leave(self)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
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
        self._gone.start()
        self._work()
        return True

    def pause_writing(self) -> None:
        """Make nothing more until the client has read."""
        self._choked = True
        self._room.clear()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Go on."""
        self._choked = False
        self._room.set()
        self._stuck.stop()
        self._work()

    def end(self, farewell: JobdError) -> None:
        """Read nothing more, answer what was asked, end every stream with the farewell, and hang up."""
        self._ending = True
        self._farewell = farewell
        for task in self._streams.values():
            task.cancel()
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
        while self._waiting and len(replies) + self._unanswered < wire.MOST_UNANSWERED and not self._choked:
            self._take(self._waiting.popleft(), replies)
        if replies:
            self._answer(replies)
        if self._waiting and self._unanswered < wire.MOST_UNANSWERED and not self._choked:
            self._soon(self._work)
        if self._ending:
            self._close_when_done()
        elif self._waiting or self._choked:
            self._stop_reading()
        else:
            self._read_on()

    def _take(self, line: bytes, replies: list[Reply]) -> None:
        outcome = self._dispatcher.take(line, self._caller)
        if isinstance(outcome, Reply):
            replies.append(outcome)
        elif isinstance(outcome, Later):
            try:
                self._begin(outcome)
            except JobdError as error:
                replies.append(Reply(outcome.call_id, wire.encode_error(outcome.call_id, error), is_error=True))
        elif outcome is not None and outcome.request in self._streams:
            self._streams[outcome.request].cancel()

    def _answer(self, replies: list[Reply]) -> None:
        commit = self._dispatcher.engine.committed()
        if commit.done():
            self._write(self._dispatcher.finish(replies, commit))
        else:
            self._unanswered += len(replies)
            commit.add_done_callback(partial(self._committed, replies))

    def _committed(self, replies: list[Reply], commit: asyncio.Future[None]) -> None:
        self._unanswered -= len(replies)
        self._write(self._dispatcher.finish(replies, commit))
        self._work()

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
        if self._waiting or self._unanswered or self._streams or self._transport.is_closing():
            return
        self._flush()
        self._write(self._last_words)
        self._transport.close()
        self._watch_reader()

    def _begin(self, later: Later) -> None:
        """Start what takes its time. Raises BadRequest, TooManyRequests, or the farewell."""
        call_id, request = later
        if self._farewell:
            raise self._farewell
        if isinstance(request, wire.Action):
            self._unanswered += 1
            self._clients.run(self._dispatcher.engine.act(request, self._caller), partial(self._acted, later))
            return
        if call_id in self._streams:
            raise BadRequest(problem=f"the id {call_id!r} still names a stream")
        if len(self._streams) >= wire.MOST_UNANSWERED:
            raise TooManyRequests(limit=wire.MOST_UNANSWERED)
        self._streams[call_id] = self._clients.run(self._tell(call_id, request), partial(self._told, later))

    def _acted(self, later: Later, task: asyncio.Task[bytes]) -> None:
        self._unanswered -= 1
        problem = asyncio.CancelledError() if task.cancelled() else task.exception()
        if problem:
            self._write(wire.encode_error(later.call_id, self._dispatcher.explain(problem, later.request.method)))
        else:
            self._write(wire.encode_answer(later.call_id, task.result()))
        self._work()

    async def _tell(self, call_id: wire.CallId, request: wire.Stream[Any]) -> None:
        items = self._dispatcher.engine.stream(request, self._caller)
        try:
            async for item in items:
                self._queue(wire.encode_item(call_id, item))
                if self._out_bytes >= WRITE_BUFFER:
                    self._flush()
                    await asyncio.sleep(0)
                if self._choked:
                    await self._room.wait()
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    def _told(self, later: Later, task: asyncio.Task[None]) -> None:
        del self._streams[later.call_id]
        problem = self._farewell if task.cancelled() else task.exception()
        if problem:
            self._queue(wire.encode_error(later.call_id, self._dispatcher.explain(problem, later.request.method)))
        else:
            self._queue(wire.encode_answer(later.call_id, b"null"))
        self._work()

    def _queue(self, line: bytes) -> None:
        """Write soon, together with what else comes up in this turn of the event loop."""
        if not self._out:
            self._soon(self._flush)
        self._out.append(line)
        self._out_bytes += len(line)

    def _flush(self) -> None:
        lines, self._out, self._out_bytes = self._out, [], 0
        self._write(b"".join(lines))

    def _write(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)
            self._written += len(data)

    def _line_is_late(self) -> None:
        problem = f"a line must be complete {self._clients.limits.line_time:g} s after its first byte"
        self._refuse(BadRequest(problem=problem))

    def _watch_reader(self) -> None:
        self._read = self._written - self._transport.get_write_buffer_size()
        self._stuck.start()

    def _look_at_reader(self) -> None:
        """Hang up on a client that has read nothing for all that time."""
        if self._read == self._written - self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._watch_reader()

    def _look_at_listener(self) -> None:
        """Hang up on a client that is gone; the event loop does not see it when it has ended its side before."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), 0)
        if poll.poll(0):
            self._transport.abort()
        self._gone.start()
