"""The NOTIFY_SOCKET of each running job: what its programs tell their service manager (sd_notify(3)).

It lies in the attempt's directory, so whose message it is needs no asking, not even after the sender has ended, and
only this user and root come near it. It is bound before the job starts and again by each daemon that adopts it. What is
sent while no daemon reads is lost: the report file is the way that loses nothing.
"""

import asyncio
import logging
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from jobd.core.errors import JobdError
from jobd.core.notifications import Said, refusal, translate
from jobd.daemon.attempts.starting import Key

logger = logging.getLogger(__name__)

VARIABLE = "NOTIFY_SOCKET"
NAME = "notify"
#: Bytes in the path of a socket (sockaddr_un, less the NUL at its end).
LONGEST_ADDRESS = 107 if sys.platform == "linux" else 103
#: A longer message is refused; service managers take as much.
LONGEST_MESSAGE = 4096
#: Descriptors that the kernel lets pass with one message (SCM_MAX_FD).
MOST_DESCRIPTORS = 253
#: Messages read before others get their turn, and read in one go when a job has ended.
MANY, MOST_LAST = 64, 1024
#: Seconds in which messages are gathered, and report lines after which they are told earlier.
GATHER = 0.01
MUCH = 1024
#: pid, uid and gid of the sender (struct ucred, unix(7)).
_CREDENTIALS = struct.Struct("iii")
_ROOM = socket.CMSG_SPACE(MOST_DESCRIPTORS * struct.calcsize("i")) + socket.CMSG_SPACE(_CREDENTIALS.size)

Ancillary = list[tuple[int, int, bytes]]


def address(directory: Path) -> str | None:
    """Name the socket of an attempt; None where the path is longer than an address may be."""
    path = f"{directory}/{NAME}"
    return path if len(os.fsencode(path)) <= LONGEST_ADDRESS else None


class _Receiver:
    """One socket, and what it brought that has not been told."""

    __slots__ = ("key", "passed", "said", "socket", "timer")

    def __init__(self, key: Key, path: str) -> None:
        self.key = key
        self.said = Said([], [])
        #: Descriptors of a barrier: closed when what came before it has been told.
        self.passed: list[int] = []
        self.timer: asyncio.TimerHandle | None = None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            if sys.platform == "linux":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            Path(path).unlink(missing_ok=True)
            self.socket.bind(path)
        except OSError:
            self.socket.close()
            raise

    def take(self) -> bool:
        """Receive one message; False if there is none. Raises OSError."""
        try:
            message, ancillary, flags, _ = self.socket.recvmsg(LONGEST_MESSAGE, _ROOM)
        except BlockingIOError:
            return False
        self.passed += _descriptors(ancillary)
        problem = _problem(ancillary, flags)
        lines, refused = Said([], [refusal(message, problem)]) if problem else translate(message)
        self.said.lines.extend(lines)
        self.said.refused.extend(refused)
        return True

    def release(self) -> None:
        """Close what came with the messages: who waits at a barrier goes on."""
        for descriptor in self.passed:
            os.close(descriptor)
        self.passed.clear()


class NotifySockets:
    """Receive the messages of running attempts; `told` records them and may raise if it cannot."""

    def __init__(self, told: Callable[[Key, Said], None]) -> None:
        self._told = told
        self._receivers: dict[Key, _Receiver] = {}
        self._followed: set[Key] = set()

    def bind(self, key: Key, directory: Path) -> None:
        """Make the socket of an attempt; where that cannot be done, the job is not heard on it."""
        path = address(directory)
        if key in self._receivers or path is None:
            return
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._receivers[key] = _Receiver(key, path)
        except OSError as error:
            logger.warning("attempt %d.%d has no NOTIFY_SOCKET: %s", *key, error)

    def follow(self, key: Key, directory: Path) -> None:
        """Receive what a running attempt sends; one that is followed already is none."""
        self.bind(key, directory)
        receiver = self._receivers.get(key)
        if receiver is not None and key not in self._followed:
            self._followed.add(key)
            asyncio.get_running_loop().add_reader(receiver.socket, self._readable, receiver)

    def finish(self, key: Key) -> Said:
        """Receive what was sent until now and nothing more; what it brings is returned, not told."""
        receiver = self._receivers.pop(key, None)
        if receiver is None:
            return Said([], [])
        self._silence(receiver)
        try:
            for _ in range(MOST_LAST):
                if not receiver.take():
                    break
                receiver.release()
        except OSError as error:
            logger.warning("the messages of attempt %d.%d cannot be read to their end: %s", *key, error)
        receiver.release()
        receiver.socket.close()
        return receiver.said

    def close(self) -> None:
        """Tell what was sent, and receive no more."""
        for key in list(self._receivers):
            self._tell(key, self.finish(key))

    def _readable(self, receiver: _Receiver) -> None:
        try:
            for _ in range(MANY):
                if receiver.passed or not receiver.take():
                    break
        except OSError as error:
            logger.warning("attempt %d.%d is not heard any more: %s", *receiver.key, error)
            self._silence(receiver)
        if receiver.passed or len(receiver.said.lines) + len(receiver.said.refused) >= MUCH:
            self._flush(receiver)
        elif receiver.timer is None:
            receiver.timer = asyncio.get_running_loop().call_later(GATHER, self._flush, receiver)

    def _flush(self, receiver: _Receiver) -> None:
        if receiver.timer is not None:
            receiver.timer.cancel()
            receiver.timer = None
        said, receiver.said = receiver.said, Said([], [])
        self._tell(receiver.key, said)
        receiver.release()

    def _tell(self, key: Key, said: Said) -> None:
        if not (said.lines or said.refused):
            return
        try:
            self._told(key, said)
        except JobdError as error:
            logger.debug("messages of attempt %d.%d are lost: %s", *key, error)

    def _silence(self, receiver: _Receiver) -> None:
        if receiver.key in self._followed:
            self._followed.discard(receiver.key)
            asyncio.get_running_loop().remove_reader(receiver.socket)
        if receiver.timer is not None:
            receiver.timer.cancel()
            receiver.timer = None


def _descriptors(ancillary: Ancillary) -> list[int]:
    found: list[int] = []
    size = struct.calcsize("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found += struct.unpack_from(f"{len(data) // size}i", data)
    return found


def _problem(ancillary: Ancillary, flags: int) -> str | None:
    """Say why a message is refused."""
    if flags & socket.MSG_TRUNC:
        return f"more than {LONGEST_MESSAGE} bytes were sent to NOTIFY_SOCKET"
    if sys.platform == "linux":
        senders = [_CREDENTIALS.unpack(data) for _, kind, data in ancillary if kind == socket.SCM_CREDENTIALS]
        if not any(uid in (0, os.geteuid()) for _, uid, _ in senders):
            return "a stranger has sent to NOTIFY_SOCKET"
    return None
