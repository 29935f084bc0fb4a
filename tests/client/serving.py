"""A daemon of a few lines: it listens where jobd would; each connection is served by the next function of a list."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

Serve = Callable[["Line"], object]


class Line:
    """One connection as the server sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file = sock.makefile("rwb")

    def hear(self) -> dict[str, Any]:
        """Wait for a message; {} at the end."""
        line = self._file.readline()
        return dict(json.loads(line)) if line else {}

    def hear_to_the_end(self) -> None:
        """Listen without a word."""
        while self.hear():
            continue

    def say(self, message: dict[str, Any] | bytes) -> None:
        """Send a message."""
        self._file.write(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")
        self._file.flush()

    def answer(self, result: Any) -> dict[str, Any]:
        """Wait for a request, answer it and give it."""
        request = self.hear()
        self.say({"jsonrpc": "2.0", "id": request["id"], "result": result})
        return request

    def refuse(self, reason: str) -> dict[str, Any]:
        """Wait for a request, refuse it and give it."""
        request = self.hear()
        error = {"code": 505, "message": "no", "data": {"reason": reason, "hint": ""}}
        self.say({"jsonrpc": "2.0", "id": request["id"], "error": error})
        return request

    def close(self) -> None:
        """Hang up, whether anybody is there or not."""
        with suppress(ConnectionError):
            self._file.close()
        self._socket.close()


class Serving:
    """Listens in a state directory; the first connection gets the first function, and so on."""

    def __init__(self, state: Path, *serve: Serve) -> None:
        self.requests: list[dict[str, Any]] = []
        self._serve = serve
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(state / "jobd.sock"))
        self._listener.listen(16)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        for serve in self._serve:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            line = Line(sock)
            serve(line)
            line.close()
