"""What goes out to one client: gathered into few writes, and never much more than it reads."""

import asyncio
import os

from jobd.server.alarm import Alarm

#: Bytes of lines that are gathered before they are written.
MOST_GATHERED = 1 << 16


class Outlet:
    """The writing side of a connection. A client that reads nothing of what waits for `drain_time` is hung up on.

    The socket holds some 200 KiB for a slow reader; while anything else waits, nothing more is made for it.
    """

    def __init__(self, transport: asyncio.Transport, drain_time: float) -> None:
        self._transport = transport
        self._descriptor: int = transport.get_extra_info("socket").fileno()
        self._gone = False
        self._soon = asyncio.get_running_loop().call_soon
        self._lines: list[bytes] = []
        self._bytes = 0
        self._room = asyncio.Event()
        self._written = 0
        self._read = 0
        self._stuck = Alarm(drain_time, self._look)
        #: Whether nothing more should be made until the client has read.
        self.full = False
        #: When the client gave a sign of life last, by the clock of the loop.
        self.heard = asyncio.get_running_loop().time()
        transport.set_write_buffer_limits(high=0)

    def write(self, data: bytes) -> None:
        """Write now; nothing if the connection is gone."""
        if data and not self._transport.is_closing():
            self._transport.write(data)
            self._written += len(data)

    def offer(self, data: bytes) -> bool:
        """Write now, unless something waits already: then say False.

        What many are told goes past the transport, which takes half the time.
        """
        if self.full:
            return False
        if self._gone:
            return True
        try:
            sent = os.write(self._descriptor, data)
        except OSError:
            sent = 0
        if sent < len(data):
            self.write(data[sent:])
        return True

    def queue(self, line: bytes) -> None:
        """Write soon, together with what else comes up in this turn of the event loop."""
        if not self._lines:
            self._soon(self.flush)
        self._lines.append(line)
        self._bytes += len(line)

    def flush(self) -> None:
        """Write what is queued."""
        lines, self._lines, self._bytes = self._lines, [], 0
        self.write(b"".join(lines))

    async def give_way(self) -> None:
        """Wait until the client has read, and let others have their turn if this one has much to say."""
        if self._bytes >= MOST_GATHERED:
            self.flush()
            await asyncio.sleep(0)
        await self.wait_for_room()

    async def wait_for_room(self) -> None:
        """Wait until the client has read."""
        if self.full:
            await self._room.wait()

    def pause(self) -> None:
        """Note that something waits."""
        self.full = True
        self._room.clear()
        self._watch()

    def resume(self) -> None:
        """Note that the client has read."""
        self.full = False
        self._room.set()
        if not self._transport.is_closing():
            self._stuck.stop()

    def close(self, last_words: bytes) -> None:
        """Write everything, and the last words, then hang up."""
        if not self._transport.is_closing():
            self.queue(last_words)
            self.flush()
            self._transport.close()
            self._watch()

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def stop(self) -> None:
        """Forget the client; it is gone."""
        self._gone = True
        self._stuck.stop()

    def _watch(self) -> None:
        self._read = self._written - self._transport.get_write_buffer_size()
        self._stuck.start()

    def _look(self) -> None:
        if self._read == self._written - self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._watch()
