"""Being a service: readiness and watchdog told to the manager (sd_notify(3)), sockets taken over (sd_listen_fds(3))."""

import fcntl
import os
import socket
from collections.abc import MutableMapping
from typing import NamedTuple

#: The first descriptor that a manager, or the daemon before us, hands over (sd_listen_fds(3)).
FIRST_FD = 3


class Taken(NamedTuple):
    """A listening socket, and the name by which it was handed over."""

    socket: socket.socket
    name: str


def notify(environ: MutableMapping[str, str], *lines: str) -> bool:
    """Tell the manager, if there is one; say whether it was told."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.sendall("\n".join(lines).encode())
        except OSError:
            return False
    return True


def watchdog_seconds(environ: MutableMapping[str, str]) -> float | None:
    """Say how often the manager wants a sign of life: half of WATCHDOG_USEC; None = never."""
    wanted, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not wanted.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(wanted) / 2e6


def handed_over(environ: MutableMapping[str, str]) -> list[Taken]:
    """Take over listening sockets; the variables go, so that no child believes they are its own."""
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if not count.isdigit() or pid != str(os.getpid()):
        return []
    taken = []
    for place in range(int(count)):
        os.set_inheritable(FIRST_FD + place, False)
        name = names[place] if place < len(names) else ""
        taken.append(Taken(socket.socket(fileno=FIRST_FD + place), name))
    return taken


def hand_over(environ: MutableMapping[str, str], listener: socket.socket, name: str) -> None:
    """Leave a listening socket to the program that takes the place of this one in the same process."""
    high = fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD_CLOEXEC, FIRST_FD + 1)
    os.dup2(high, FIRST_FD, inheritable=True)
    environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=name)
