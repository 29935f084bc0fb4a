"""A server that runs in a thread of the test, and clients that talk to it over a real socket."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from jobd.server import Server
from jobd.server.clients import Limits
from tests.living import short_directory
from tests.server.counting import KINDS, Engine
from tests.waiting import until

Value = TypeVar("Value")
PATIENCE = 30.0


class Client:
    """One connection: lines out, lines in."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self._file = self.socket.makefile("rb")

    def send(self, *messages: dict[str, Any] | bytes) -> None:
        """Send messages in one piece; bytes as they are."""
        lines = [
            message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n" for message in messages
        ]
        self.socket.sendall(b"".join(lines))

    def receive(self) -> dict[str, Any]:
        """Wait for the next line; {} at the end."""
        line = self._file.readline()
        return json.loads(line) if line else {}

    def ask(self, method: str, **parameters: Any) -> Any:
        """Ask and give the result, or the reason of the error."""
        self.send({"id": method, "method": method, "params": parameters})
        answer = self.receive()
        assert answer.get("id") == method, answer
        return answer["result"] if "result" in answer else answer["error"]["data"]["reason"]

    def heard_nothing(self) -> bool:
        """Say whether not a byte has arrived."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) is None
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.socket.close()


class Serving:
    """A server at work: its engine, its path, and ways to reach into its thread."""

    def __init__(self, path: str, limits: Limits) -> None:
        self.path = path
        self._limits = limits
        self._clients: list[Client] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self.engine = Engine()
        self.server = Server(self.engine, KINDS.get, log="the log", limits=self._limits)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(1024)
            self.server.listen(listener)
            self._ready.set()
            await self._over.wait()
            await self.server.close_gracefully(5.0)

    def client(self) -> Client:
        """Connect."""
        client = Client(self.path)
        self._clients.append(client)
        return client

    def run(self, act: Callable[[], Value]) -> Value:
        """Do something in the thread of the server."""

        async def run() -> Value:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE)

    def close(self, limit: float) -> None:
        """Close gracefully, and wait for the end of it."""
        asyncio.run_coroutine_threadsafe(self.server.close_gracefully(limit), self.loop).result(PATIENCE)

    def everything_arrived(self) -> None:
        """Wait until what was sent before has been taken in: a client that came later has been answered."""
        other = self.client()
        assert other.ask("rest", fail=True) == "REFUSED"

    def stop(self) -> None:
        """Hang up and end the thread."""
        for client in self._clients:
            client.close()
        self.loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@pytest.fixture
def serve(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Serving]]:
    """Start servers, with other limits if need be; whatever a client does, they say nothing on stderr or in the log."""
    begun: list[Serving] = []
    with short_directory() as folder:

        def start(**limits: float) -> Serving:
            serving = Serving(str(folder / f"{len(begun)}.sock"), Limits(**limits))  # type: ignore[arg-type]
            begun.append(serving)
            return serving

        yield start
        for serving in begun:
            serving.stop()
    assert capfd.readouterr().err == ""
    assert [record.getMessage() for record in caplog.records if record.name != "jobd.server.dispatch"] == []


@pytest.fixture
def serving(serve: Callable[..., Serving]) -> Serving:
    """Start a server with the usual limits."""
    return serve()


def wait_for(condition: Callable[[], Any], what: str) -> None:
    """Wait until something is so, at most as long as a client waits."""
    until(condition, PATIENCE, what=what)
