"""A process that has loaded the program, and becomes it as often as it is asked to: most of a start is loading.

It reads calls from the socket whose descriptor is its argument, one a message, with the descriptors that the call is to
have; for each it forks, says the pid, and when the call ends its wait status on the last descriptor that came along.
What an interpreter does before it runs a program is done again in the child: streams, signals, arguments, environment.
"""

import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, NoReturn, TextIO, cast

import jobd
from jobd.client import environment
from jobd.core.text import lossless
from tests.calling import JOBD
from tests.forking import LONGEST_CALL

MOST_DESCRIPTORS = 32
#: Where descriptors wait until each can take its place.
ASIDE = 256
#: Programs of their own, which load nothing of jobd.
APART = {"jobd.daemon.attempts.zygote", "jobd.daemon.attempts.shim"}


def load() -> None:
    """Load all of the program."""
    for module in walk_packages(jobd.__path__, "jobd."):
        if module.name not in APART:
            import_module(module.name)


def become(call: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Be the program, as if it had been executed."""
    aside = [_aside(descriptor) for descriptor in descriptors]
    os.closerange(0, ASIDE)
    for place, descriptor in zip(call["places"], aside, strict=True):
        os.dup2(descriptor, place)
    os.closerange(ASIDE, ASIDE + MOST_DESCRIPTORS)
    if call["session"]:
        os.setsid()
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["environ"])
    _tell_environment()
    sys.orig_argv[:] = [*JOBD, *call["words"]]
    sys.argv[:] = [JOBD[-1], *call["words"]]
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, descriptor, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        stream = _stream(descriptor, mode, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    from jobd.__main__ import main

    main()
    raise AssertionError("the program ends its process")


def _tell_environment() -> None:
    """Say what the kernel would say of a program that was executed: of a fork it says what its parent began with."""
    found = tuple(lossless(name + b"=" + value) for name, value in os.environb.items())
    environment.inherited = lambda: found


def _stream(descriptor: int, mode: str, like: TextIO) -> TextIO:
    """Open a standard stream: errors are written line by line, and so is what a terminal shows."""
    by_line = mode == "w" and (like is sys.stderr or os.isatty(descriptor))
    return cast("TextIO", os.fdopen(descriptor, mode, 1 if by_line else -1, like.encoding, like.errors))


def _aside(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD, ASIDE)


def serve(calls: socket.socket) -> None:
    """Fork for each call, and tell of each end, until nobody can ask any more."""
    noticed, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([calls.fileno(), noticed], [], [])
        if noticed in ready:
            os.read(noticed, 4096)
            _tell_ends(waiting)
        if calls.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(calls, 2 * LONGEST_CALL, MOST_DESCRIPTORS)
            if not message:
                return
            end = descriptors.pop()
            pid = os.fork()
            if pid == 0:
                become(json.loads(message), descriptors)
            waiting[pid] = end
            for descriptor in descriptors:
                os.close(descriptor)
            calls.send(str(pid).encode())


def _tell_ends(waiting: dict[int, int]) -> None:
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        end = waiting.pop(pid)
        with suppress(BrokenPipeError):  # nobody wants to know any more
            os.write(end, str(status).encode())
        os.close(end)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
