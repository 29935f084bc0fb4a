"""Clients of the daemon: the program at the other end of a connection, the terminal it runs on, and users by name.

To be shown, and for nothing else: by the time it is read, a number may belong to another process.
"""

import os
from typing import NamedTuple

from jobd.core.text import single_line
from jobd.daemon.system import processes

#: The devices of pseudo terminals (Unix98, eight times 256 of them) and of consoles, as Documentation/admin-guide/
#: devices.txt of Linux numbers them.
PSEUDO, PSEUDO_END, CONSOLE, CONSOLES = 136, 144, 4, 64


class Peer(NamedTuple):
    """The name of the program (15 bytes of it on Linux) and the path of its terminal; None if that is not known."""

    command: str | None
    terminal: str | None


NOBODY = Peer(None, None)


def look(pid: int) -> Peer:
    """Look at the process that has this number."""
    if pid <= 0:
        return NOBODY
    if not processes.LINUX:
        return _portably(pid)
    line = processes.read_stat(pid)
    if not line:
        return NOBODY
    name, _, rest = line.partition(b"(")[2].rpartition(b") ")
    return Peer(single_line(name.decode("utf-8", "backslashreplace")), _terminal(int(rest.split(b" ", 5)[4])))


def user_id(name: str) -> int | None:
    """Find the number of a user; None = there is none of this name."""
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def _terminal(device: int) -> str | None:
    major, minor = os.major(device), os.minor(device)
    if PSEUDO <= major < PSEUDO_END:
        return f"/dev/pts/{(major - PSEUDO) * 256 + minor}"
    return f"/dev/tty{minor}" if major == CONSOLE and minor < CONSOLES else None


def _portably(pid: int) -> Peer:
    import psutil

    try:
        process = psutil.Process(pid)
        return Peer(process.name(), process.terminal())
    except psutil.Error:
        return NOBODY
