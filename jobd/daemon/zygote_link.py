"""The daemon's end of the zygote: requests out, claims in; a dead zygote is replaced, and what it was asked stays in doubt.

The zygote is a small warm Python that forks one shim an attempt, so that the daemon itself (large, with threads) never forks. It is
started with the first job and dies when this end closes.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from jobd.daemon import crash

logger = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_name("zygote.py")
#: Larger than any answer: a directory's path and a claim.
LONGEST_ANSWER = 16384
LOWEST_SOCKET = 10

#: What came back: the kind (claimed, fenced, failed), the directory, and the claim or the problem.
Answered = Callable[[str, Path, bytes], None]


class Zygote:
    """Ask for shims. `answered` is called for each answer, `died` when the zygote has gone with requests unanswered."""

    def __init__(self, answered: Answered, died: Callable[[], None], log: Path) -> None:
        self._answered = answered
        self._died = died
        self._log = log
        self._socket: socket.socket | None = None
        self._waiting: list[bytes] = []
        self.pid: int | None = None

    def request(self, directory: Path) -> None:
        """Ask for a shim for this directory."""
        if self._socket is None:
            self._start()
        self._waiting.append(os.fsencode(directory))
        self._flush()

    def close(self) -> None:
        """Let the zygote end; shims live on."""
        if self._socket is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket)
            loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None
            self.pid = None

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, open(self._log, "ab") as log:
            actions = [
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
            ]
            argv = [sys.executable, "-I", "-S", str(PROGRAM)]
            self.pid = os.posix_spawn(sys.executable, argv, crash.environment(), file_actions=actions, setsid=True)
        ours.setblocking(False)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _flush(self) -> None:
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        while self._waiting:
            try:
                self._socket.send(self._waiting[0])
            except BlockingIOError:
                loop.add_writer(self._socket, self._flush)
                return
            except OSError:
                self._lost()
                return
            self._waiting.pop(0)
        loop.remove_writer(self._socket)

    def _read(self) -> None:
        assert self._socket is not None
        while self._socket is not None:
            try:
                message = self._socket.recv(LONGEST_ANSWER)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._lost()
                return
            kind, directory, rest = message.split(b"\0", 2)
            self._answered(kind.decode(), Path(os.fsdecode(directory)), rest)

    def _lost(self) -> None:
        logger.warning("the zygote has gone; what it was asked is examined, the next start makes a new one")
        self._waiting.clear()
        self.close()
        self._died()
