"""The socket seen from the daemon: who may come in, how many, and what happens when they leave.

The accept loop is our own: that of asyncio goes on for a whole backlog and floods the log when descriptors run out.
"""

import asyncio
import os
import resource
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

from jobd import wire
from jobd.core.errors import JobdError, NotPermitted, ShuttingDown, TooManyConnections
from jobd.core.events.catalogue import Actor
from jobd.daemon.system import peers
from jobd.server.clients import Clients, Limits
from jobd.server.connection import Connection
from jobd.server.dispatch import Dispatcher, Engine, Find

#: Clients let in before those that are in get their turn.
ACCEPTED_AT_ONCE = 32
#: Descriptors that clients leave for jobs, the database and logs.
RESERVED = 64
FEWEST_CONNECTIONS = 8
#: SOL_LOCAL and LOCAL_PEERCRED of <sys/un.h>, and the size of struct xucred, which begins with version and uid (BSD).
LOCAL_PEER = (0, 1, 76)
#: Seconds without accepting when not even a client can be told that there are too many.
PAUSE = 0.1
#: Seconds that an Action has to end by itself when the daemon stops: enough to say that it stops, too short to be felt.
ACTION_TIME = 0.25


class Counts(NamedTuple):
    """Clients now, requests and refused clients since the start."""

    connections: int
    requests: int
    refused: int


class Server:
    """Serves an engine on any number of listening sockets.

    `find` gives the type of a request by its method; `log` names where the details of a bug are written.
    """

    def __init__(self, engine: Engine, find: Find, *, log: str, limits: Limits | None = None) -> None:
        self._dispatcher = Dispatcher(engine, find, log)
        self._clients = Clients(self._dispatcher, limits or Limits())
        self._listening: set[socket.socket] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._most = max(FEWEST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVED)
        self._permitted = {0, os.geteuid()}
        self._refused = 0
        self._spare: int | None = None

    @property
    def counts(self) -> Counts:
        """Tell how busy it is."""
        return Counts(len(self._clients.open), self._dispatcher.requests, self._refused)

    def listen(self, listener: socket.socket) -> None:
        """Accept clients at this socket, which stays the property of the caller."""
        listener.settimeout(0)
        self._listening.add(listener)
        self._keep_spare()
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    async def close_gracefully(self, limit: float) -> None:
        """Let in and read nothing more, end the streams, send the answers that are due, hang up.

        An Action that does not end soon is canceled, a client that has not taken its answers after `limit` seconds is
        hung up on.
        """
        for listener in self._listening:
            asyncio.get_running_loop().remove_reader(listener)
        self._listening.clear()
        await asyncio.gather(*self._starting)
        for connection in list(self._clients.open):
            connection.end(ShuttingDown())
        await self._clients.quiet(min(limit, ACTION_TIME))
        for task in self._clients.tasks:
            task.cancel()
        await self._clients.quiet(limit)
        for connection in list(self._clients.open):
            connection.abort()
        await self._clients.none_open.wait()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                client, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:
                self._accept_with_spare(listener)
                return
            self._admit(client)

    def _admit(self, client: socket.socket) -> None:
        try:
            caller = peer(client)
        except OSError:
            client.close()
            return
        if caller.uid not in self._permitted:
            self._turn_away(client, NotPermitted(problem=f"the daemon belongs to another user than {caller.uid}"))
        elif len(self._clients.open) + self._clients.expected >= self._most:
            self._turn_away(client, TooManyConnections(limit=self._most))
        else:
            client.settimeout(0)
            self._clients.expected += 1
            task = asyncio.get_running_loop().create_task(self._start(client, caller))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start(self, client: socket.socket, caller: Actor) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(lambda: Connection(self._clients, caller), client)
        except OSError:
            self._clients.expected -= 1
            client.close()

    def _turn_away(self, client: socket.socket, error: JobdError) -> None:
        self._refused += 1
        with client, suppress(OSError):
            client.settimeout(0)
            client.send(wire.encode_error(None, error))

    def _accept_with_spare(self, listener: socket.socket) -> None:
        """Descriptors have run out: give up the spare one for a moment, to tell the client why it cannot come in."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        try:
            client, _ = listener.accept()
        except OSError:
            self._pause(listener)
        else:
            self._turn_away(client, TooManyConnections(limit=len(self._clients.open)))
        self._keep_spare()

    def _pause(self, listener: socket.socket) -> None:
        """Leave the clients in the backlog for a moment: there is no way even to refuse them."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        loop.call_later(PAUSE, self._go_on, listener)

    def _go_on(self, listener: socket.socket) -> None:
        if listener in self._listening:
            self.listen(listener)

    def _keep_spare(self) -> None:
        if self._spare is None:
            with suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY)


def peer(client: socket.socket) -> Actor:
    """Ask the kernel who is at the other end, once; the pid is 0 where it does not say. Raises OSError."""
    if hasattr(socket, "SO_PEERCRED"):
        pid, uid, _ = struct.unpack(
            "3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        )
        return Actor(uid, pid, peers.look(pid).command)
    level, option, size = LOCAL_PEER
    _, uid = struct.unpack_from("Ii", client.getsockopt(level, option, size))
    return Actor(uid, 0)
