"""One connection to the daemon: who is at the other end, lines out, answers in.

The daemon's uid is checked before anything is sent: a request may carry an environment. `_socket` is a third of a
millisecond to import, `socket` three.
"""

import _signal  # type: ignore[import-not-found]
import errno
import os
import stat
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from jobd import wire
from jobd.config import Paths
from jobd.core.errors import (
    ConnectionLost,
    ForeignDaemon,
    JobdError,
    LineTooLong,
    NoAnswer,
    StateDirectoryUnusable,
    Unavailable,
)
from jobd.core.text import lossless, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import _socket as sockets
except ImportError:
    import socket as sockets  # type: ignore[no-redef]

SOCKET = "jobd.sock"
CHUNK = 1 << 16
#: No answer is longer: a million jobs.
LONGEST_ANSWER = 1 << 31
#: What sun_path holds, without its final NUL: 108 on Linux, 104 elsewhere.
LONGEST_PATH = 107 if sys.platform == "linux" else 103
#: No socket, or nobody who listens at it.
NOBODY = frozenset({errno.ENOENT, errno.ECONNREFUSED})
#: SOL_LOCAL and LOCAL_PEERCRED of <sys/un.h>, and struct xucred: version, uid, groups (BSD and macOS).
LOCAL_PEER = (0, 1, 76)


class Peer(NamedTuple):
    """Who listens at the other end; the pid is 0 where the system does not say."""

    uid: int
    pid: int


class Connection:
    """An open connection: numbered requests out, answers in.

    All of it raises ConnectionLost when the daemon goes away.
    """

    def __init__(self, sock: sockets.socket, peer: Peer) -> None:
        self.peer = peer
        self._socket = sock
        self._lines = wire.Lines(LONGEST_ANSWER)
        self._arrived: Iterator[bytes] = iter(())
        self._sent = 0

    def send(self, request: wire.Request[Any]) -> int:
        """Send a request and give its number. Raises LineTooLong."""
        self._sent += 1
        line = wire.encode_call(request, self._sent)
        if len(line) > wire.LONGEST_LINE:
            raise LineTooLong(limit=wire.LONGEST_LINE)
        self._write(line)
        with _uninterrupted():
            wire.prepare(type(request))
        return self._sent

    def cancel(self, number: int) -> None:
        """Ask for the end of a stream."""
        self._write(wire.encode_cancel(number))

    def ping(self) -> None:
        """Say that one is there."""
        self._write(wire.encode_ping())

    def silent(self, seconds: float) -> bool:
        """Wait for anything to come, and say whether nothing did for so many seconds; `receive` gives what came."""
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(1, sockets.MSG_PEEK)
        except TimeoutError:
            return True
        except OSError as error:
            raise ConnectionLost from error
        return False

    def receive(self, number: int, seconds: float | None = None) -> wire.Message:
        """Wait for the answer to a request, or for the next item of a stream; raise it if it is an error.

        Raises NoAnswer after so many seconds without a sign of the daemon.
        """
        self._socket.settimeout(seconds)
        while True:
            message = wire.decode_message(self._line())
            if message.error and message.id in (number, None):
                raise message.error.revive()
            if number in (message.id, message.params and message.params.request):
                return message

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _write(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise ConnectionLost from error

    def _line(self) -> bytes:
        while (line := next(self._arrived, None)) is None:
            try:
                chunk = self._socket.recv(CHUNK)
            except TimeoutError:
                raise NoAnswer(pid=self.peer.pid) from None
            except OSError as error:
                raise ConnectionLost from error
            if not chunk:
                raise ConnectionLost
            self._arrived = self._lines.feed(chunk)
        return line


@contextmanager
def _uninterrupted() -> "Iterator[None]":
    """Let an interrupt wait: what makes decoders would take it for a missing attribute, and nobody would hear of it."""
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT,))
    try:
        yield
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def connect(paths: Paths, deadline: float) -> Connection | None:
    """Connect to the daemon of a state directory; None if nobody listens.

    A full backlog is tried again until the deadline (of `time.monotonic`). Raises StateDirectoryUnusable, ForeignDaemon
    and Unavailable.
    """
    if not check_directory(os.fspath(paths.root)):
        return None
    while True:
        sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        try:
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            _dial(sock, paths)
            return Connection(sock, _checked_peer(sock, os.path.join(paths.root, SOCKET)))
        except OSError as error:
            sock.close()
            if error.errno in NOBODY:
                return None
            if not isinstance(error, BlockingIOError) or time.monotonic() > deadline:
                raise Unavailable(problem=f"{os.path.join(paths.root, SOCKET)}: {error.strerror or error}") from error
        except JobdError:
            sock.close()
            raise
        pause()


def pause() -> None:
    """Wait 5 to 20 ms: as long as another attempt is worth waiting for, but not in step with other clients."""
    time.sleep(0.005 + os.urandom(1)[0] * 0.015 / 255)


def check_directory(path: str) -> bool:
    """Say whether the state directory exists, and refuse one that others could have their hands in.

    Raises StateDirectoryUnusable.
    """
    if any("\udc80" <= letter <= "\udcff" for letter in path):
        raise StateDirectoryUnusable(path=plain(lossless(path)), problem="its name is not UTF-8")
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StateDirectoryUnusable(path=path, problem=error.strerror) from error
    problem = ""
    if stat.S_ISLNK(found.st_mode):
        problem = "it is a symbolic link"
    elif not stat.S_ISDIR(found.st_mode):
        problem = "it is not a directory"
    elif found.st_uid != os.geteuid():
        problem = f"it belongs to user {found.st_uid}"
    elif found.st_mode & 0o077:
        problem = f"its mode {stat.S_IMODE(found.st_mode):04o} lets others in (chmod 700 {path})"
    if problem:
        raise StateDirectoryUnusable(path=path, problem=problem)
    return True


def _dial(sock: sockets.socket, paths: Paths) -> None:
    path = os.path.join(paths.root, SOCKET)
    if len(os.fsencode(path)) <= LONGEST_PATH:
        sock.connect(path)
        return
    if not os.path.isdir("/proc/self/fd"):
        if not (short := told(paths).get("socket")):
            raise FileNotFoundError(errno.ENOENT, "no daemon.json says where the socket is")
        sock.connect(short)
        return
    directory = os.open(paths.root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        sock.connect(f"/proc/self/fd/{directory}/{SOCKET}")
    finally:
        os.close(directory)


def told(paths: Paths) -> dict[str, Any]:
    """Read what the daemon says of itself in daemon.json; nothing if it is not there or half there."""
    try:
        with open(os.path.join(paths.root, "daemon.json"), "rb") as file:
            said = msgspec.json.decode(file.read())
    except (OSError, msgspec.DecodeError):
        return {}
    return said if isinstance(said, dict) else {}


def _checked_peer(sock: sockets.socket, path: str) -> Peer:
    peer = _peer(sock)
    if peer.uid not in (0, os.geteuid()):
        raise ForeignDaemon(path=path, uid=peer.uid)
    return peer


def _peer(sock: sockets.socket) -> Peer:
    if hasattr(sockets, "SO_PEERCRED"):
        raw = sock.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, 12)
        pid, uid = (int.from_bytes(raw[at : at + 4], sys.byteorder) for at in (0, 4))
        return Peer(uid, pid)
    return Peer(int.from_bytes(sock.getsockopt(*LOCAL_PEER)[4:8], sys.byteorder), 0)
