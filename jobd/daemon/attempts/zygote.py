"""Fork one shim for every attempt that the daemon asks for, from one small warm process.

A program of its own (``python -I -S zygote.py``, standard input = a SOCK_SEQPACKET socket to the daemon); nothing of
jobd is imported. A request is the path of an attempt's directory; its shim answers, or the zygote if it cannot fork or
the shim was killed. The rule: one thread, everything imported before the first request, nothing outlives the daemon
but the shims.
"""

from __future__ import annotations

import gc
import posix
import sys
from _signal import SIGCHLD, signal  # type: ignore[import-not-found]
from _socket import socket
from fcntl import F_DUPFD_CLOEXEC, fcntl
from posix import WIFSIGNALED, WNOHANG, _exit, waitpid

_folder = __file__.rpartition("/")[0]
sys.path.insert(0, _folder)
shim = __import__("shim")
sys.path.remove(_folder)
process = shim.process

#: Where JOBD_CRASH can kill a zygote; the turn counts requests.
CRASH_POINTS = ("zygote_start", "zygote_received", "zygote_forked")
#: The longest path that the kernel takes.
LONGEST_REQUEST = 4096

#: The directories of the shims that live, by process.
_living: dict[int, bytes] = {}
#: The wait statuses of shims that ended before they were put there.
_ended_early: dict[int, int] = {}


def serve(channel: socket, umask: int) -> None:
    """Answer requests until the daemon closes its end."""
    signal(SIGCHLD, lambda _number, _frame: _reap(channel))
    while True:
        try:
            path = channel.recv(LONGEST_REQUEST)
        except OSError:
            return
        if not path:
            return
        process.crash("zygote_received")
        try:
            pid = posix.fork()
        except OSError as error:
            shim.answer(channel, b"failed", path, shim.explain(error))
        else:
            if not pid:
                _be_shim(path, umask, channel)
            _living[pid] = path
            if pid in _ended_early:
                _ended(channel, _living.pop(pid), _ended_early.pop(pid))
            process.crash("zygote_forked")
        process.turn += 1


def _reap(channel: socket) -> None:
    """Take the wait statuses of shims that have ended."""
    while True:
        try:
            pid, status = waitpid(-1, WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid in _living:
            _ended(channel, _living.pop(pid), status)
        else:
            _ended_early[pid] = status


def _ended(channel: socket, path: bytes, status: int) -> None:
    """Tell of a shim that was killed; whether it had answered before, the daemon knows."""
    if WIFSIGNALED(status):
        shim.answer(channel, b"died", path, b"its shim was killed")


def _be_shim(path: bytes, umask: int, channel: socket) -> None:
    outcome = shim.FAILED
    try:
        posix.setsid()
        outcome = shim.run(path, umask, channel)
    finally:
        _exit(outcome)


def main() -> int:
    """Serve the socket on standard input; return the exit status."""
    try:
        channel = socket(fileno=fcntl(0, F_DUPFD_CLOEXEC, process.OWN_FDS))
    except OSError as error:
        sys.stderr.write(f"zygote.py: standard input must be a socket to the daemon: {error.strerror}\n")
        return 1
    channel.settimeout(None)
    umask = process.settle(channel.fileno())
    process.take_name(b"jobd-zygote")
    gc.collect()
    gc.disable()
    gc.freeze()
    process.crash("zygote_start")
    serve(channel, umask)
    return 0


if __name__ == "__main__":
    _exit(main())
