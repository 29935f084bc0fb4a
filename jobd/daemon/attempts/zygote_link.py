"""The daemon's end of the zygote: requests out, claims in; a dead zygote is replaced, what it was asked is in doubt.

The zygote is a small warm Python that forks one shim an attempt, so that the daemon itself (large, with threads) never
forks. It is started with the first job and dies when this end closes.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_name("zygote.py")
#: Larger than any answer: a directory's path and a claim.
LONGEST_ANSWER = 16384
#: Bytes after which the log of zygotes that could not start begins anew.
LARGEST_LOG = 1 << 16

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
        self._environ = dict(os.environ)
        self.pid: int | None = None

    def request(self, directory: Path) -> None:
        """Ask for a shim for this directory. Raises OSError if no zygote can be started."""
        if self._socket is None:
            self._start()
        self._waiting.append(os.fsencode(directory))
        self._flush()

    def close(self) -> None:
        """Let the zygote end; shims live on."""
        self._waiting.clear()
        if self._socket is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket)
            loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None
            self.pid = None

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self.pid = self._spawn(theirs.fileno())
        except OSError:
            ours.close()
            raise
        ours.setblocking(False)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _spawn(self, channel: int) -> int:
        log = self._open_log()
        try:
            actions = [(os.POSIX_SPAWN_DUP2, channel, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
            argv = [sys.executable, "-I", "-S", str(PROGRAM)]
            return os.posix_spawn(sys.executable, argv, self._environ, file_actions=actions, setsid=True)
        finally:
            os.close(log)

    def _open_log(self) -> int:
        """Open what a zygote says that cannot start; on a full disk nobody hears it."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            log = os.open(self._log, flags, 0o600)
            if os.fstat(log).st_size > LARGEST_LOG:
                os.truncate(log, 0)
        except OSError as error:
            logger.warning("%s: %s", self._log, error.strerror)
            return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        return log

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
        self._environ.pop("JOBD_CRASH", None)
        self.close()
        self._died()
