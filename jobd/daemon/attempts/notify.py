"""Hear what programs of a job tell their service manager (sd_notify(3)), and pass it on as lines of its report file.

Loaded by shim.py before it forks; standard library only, nothing of jobd. The rule: who is connected is heard as long
as the job lives, whatever becomes of the daemon, and what was heard is in the file before a barrier opens and before
the exit record is written. The socket lies in the attempt's directory, so whose message it is needs no asking, and only
this user and root come near it.

A message becomes `notify WORD MESSAGE` with its newlines replaced: core/notifications.py says what it means.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import posix
import sys
from _signal import SIG_BLOCK, pthread_sigmask
from _socket import AF_UNIX, CMSG_SPACE, MSG_DONTWAIT, MSG_TRUNC, SCM_RIGHTS, SOCK_DGRAM, SOL_SOCKET, socket
from fcntl import F_GETFL, F_SETFL, F_SETOWN, fcntl
from posix import O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY, close, write
from posix import open as open_file

NAME = b"notify"
#: Bytes in the path of a socket (sockaddr_un, less the NUL at its end).
LONGEST_ADDRESS = 107 if sys.platform == "linux" else 103
#: A longer message is refused; service managers take as much.
LONGEST_MESSAGE = 4096
#: What stands in the file for a newline in a message.
SEPARATOR = b"\x1e"
OK, TOO_LONG, STRANGER = b"ok", b"long", b"stranger"
#: Messages that are taken in at once; and when a process of the job has ended: more than can wait in a socket.
MANY, LAST = 64, 1024
#: Descriptors that the kernel lets pass with one message (SCM_MAX_FD), and the bytes of one.
MOST_DESCRIPTORS, INT = 253, 4
#: The option and the kind of message by which Linux names a sender: pid, uid and gid (struct ucred, unix(7)).
SO_PASSCRED, SCM_CREDENTIALS = getattr(_socket, "SO_PASSCRED", 0), getattr(_socket, "SCM_CREDENTIALS", 0)
#: What wakes the process, and how it waits for that; not everywhere can it.
NEWS = (_signal.SIGCHLD, _signal.SIGIO)
O_ASYNC = getattr(posix, "O_ASYNC", 0)
wait = getattr(_signal, "sigwaitinfo", None) if O_ASYNC else None
ROOM = CMSG_SPACE(MOST_DESCRIPTORS * INT) + CMSG_SPACE(3 * INT)


def prepare() -> socket | None:
    """Make a socket, and hold back the signals that tell of a message or of the end of a child; `wait` takes them.

    None where that cannot be done: then nobody is heard. Raises OSError.
    """
    if wait is None:
        return None
    pthread_sigmask(SIG_BLOCK, NEWS)
    return socket(AF_UNIX, SOCK_DGRAM)


def listen(ears: socket, path: bytes) -> None:
    """Put the socket of the parent of this process into the directory of the attempt; where that fails it stays deaf.

    The child does it: what the parent touches is memory of its own for as long as the job runs.
    """
    address = path + b"/" + NAME
    if len(address) > LONGEST_ADDRESS:
        return
    try:
        if SO_PASSCRED:
            ears.setsockopt(SOL_SOCKET, SO_PASSCRED, 1)
        fcntl(ears.fileno(), F_SETOWN, posix.getppid())
        fcntl(ears.fileno(), F_SETFL, O_ASYNC)
        if fcntl(ears.fileno(), F_GETFL) & O_ASYNC:
            bind(ears, address)
    except OSError:
        return


def bind(ears: socket, address: bytes) -> None:
    """Give a socket its name, which may be that of an earlier try. Raises OSError."""
    try:
        ears.bind(address)
    except OSError:
        posix.unlink(address)
        ears.bind(address)


def hear(ears: socket, directory: int, most: int) -> bool:
    """Write down what was sent, so many messages at most; say whether there may be more."""
    said, passed, more = b"", [], True
    for _ in range(most):
        try:
            message, ancillary, flags, _ = ears.recvmsg(LONGEST_MESSAGE, ROOM, MSG_DONTWAIT)
        except OSError:
            more = False
            break
        passed += descriptors(ancillary)
        word = TOO_LONG if flags & MSG_TRUNC else OK if known(ancillary) else STRANGER
        said += b"notify %s %s\n" % (word, message.replace(b"\n", SEPARATOR))
    if said:
        report(directory, said)
    for fd in passed:
        close(fd)
    return more


def report(directory: int, said: bytes) -> None:
    """Append to the report file, whatever the job has made of it; on a full disk it is lost."""
    try:
        fd = open_file(b"report", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600, dir_fd=directory)
    except OSError:
        return
    try:
        while said:
            said = said[write(fd, said) :]
    except OSError:
        return
    finally:
        close(fd)


def descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    """List the descriptors that came with a message."""
    found = []
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
            found += [int.from_bytes(data[at : at + INT], sys.byteorder) for at in range(0, len(data) - INT + 1, INT)]
    return found


def known(ancillary: list[tuple[int, int, bytes]]) -> bool:
    """Say whether a message is of this user or of root."""
    if not SO_PASSCRED:
        return True
    senders = [data for level, kind, data in ancillary if (level, kind) == (SOL_SOCKET, SCM_CREDENTIALS)]
    return any(int.from_bytes(data[INT : 2 * INT], sys.byteorder) in (0, posix.geteuid()) for data in senders)
