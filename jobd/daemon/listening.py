"""The socket file of the daemon: bound without a moment in which a client meets a half-open one, and never longer than its address may be."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from jobd.config import Paths

BACKLOG = 1024


def listen(paths: Paths) -> socket.socket:
    """Bind and listen under a temporary name, then rename it into place; 0600 before it has a name."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    os.fchmod(listener.fileno(), 0o600)
    temporary = f".jobd.sock.{os.getpid()}"
    folder = os.open(paths.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with_room = f"/proc/self/fd/{folder}/{temporary}"
        listener.bind(with_room if os.path.exists("/proc/self/fd") else str(paths.state / temporary))
        listener.listen(BACKLOG)
        os.rename(temporary, paths.socket.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)
    return listener


def in_place(paths: Paths, listener: socket.socket, inode: int) -> bool:
    """Whether the name still leads to this socket."""
    try:
        return os.stat(paths.socket).st_ino == inode and listener.fileno() >= 0
    except FileNotFoundError:
        return False


def inode(paths: Paths) -> int:
    """Give the inode of the socket file."""
    return os.stat(paths.socket).st_ino


def remove(paths: Paths, mine: int) -> None:
    """Take the name away, if it is still ours."""
    try:
        if os.stat(paths.socket).st_ino == mine:
            os.unlink(paths.socket)
    except FileNotFoundError:
        return


def announce(paths: Paths, about: dict[str, Any]) -> None:
    """Write daemon.json: who serves, for clients and for doctors."""
    temporary = Path(f"{paths.daemon_json}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w") as file:
        json.dump(about, file)
    os.rename(temporary, paths.daemon_json)
