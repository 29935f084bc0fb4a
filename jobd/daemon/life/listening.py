"""The door: the socket file of the daemon, bound without a moment in which a client meets a half-open one.

Its path may be longer than an address may be. Whoever bound it takes it away in the end: a socket of the service
manager stays, and clients wait at it.
"""

import json
import os
import socket
from pathlib import Path
from typing import Any

from jobd.config import Paths
from jobd.core.errors import StateDirectoryUnusable
from jobd.daemon.life.service import Taken

BACKLOG = 1024
#: What a daemon calls its own socket when it hands it to its successor.
OURS = "jobd"


class Door:
    """The listening socket of a state directory."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._inode = 0
        self.name = OURS
        self.listener: socket.socket
        #: All there were: who was let in by an earlier one is still served.
        self._listeners: list[socket.socket] = []

    def open(self, taken: list[Taken]) -> socket.socket:
        """Take over a socket that was opened before, by a service manager or by the daemon before this one, or bind.

        Raises StateDirectoryUnusable.
        """
        if not taken:
            return self._bind()
        self.listener, self.name = taken[0]
        self._listeners.append(self.listener)
        self._inode = self._found() or 0
        return self.keep() or self.listener

    def keep(self) -> socket.socket | None:
        """Bind again if the name does not lead here any more; give the new socket. Raises StateDirectoryUnusable."""
        return None if self._is_in_place() else self._bind()

    def problem(self) -> str | None:
        """Say what is wrong with it."""
        return None if self._is_in_place() else f"socket: {self._paths.socket} leads nowhere; it is made again soon"

    def close(self) -> None:
        """Close it, and take the name away if it was bound by a daemon and is still ours."""
        for listener in self._listeners:
            listener.close()
        if self.name == OURS and self._is_in_place():
            self._paths.socket.unlink(missing_ok=True)

    def _bind(self) -> socket.socket:
        try:
            self.listener = listen(self._paths)
        except OSError as error:
            problem = f"no socket can be made: {error.strerror or error}"
            raise StateDirectoryUnusable(path=str(self._paths.state), problem=problem) from error
        self._listeners.append(self.listener)
        self.name = OURS
        self._inode = self._found() or 0
        return self.listener

    def _found(self) -> int | None:
        try:
            return os.stat(self._paths.socket, follow_symlinks=False).st_ino
        except OSError:
            return None

    def _is_in_place(self) -> bool:
        return bool(self._inode) and self._found() == self._inode


def listen(paths: Paths) -> socket.socket:
    """Bind and listen under a temporary name, then rename it into place; 0600 before it has a name. Raises OSError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | getattr(socket, "SOCK_CLOEXEC", 0))
    temporary = f".jobd.sock.{os.getpid()}"
    folder = os.open(paths.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchmod(listener.fileno(), 0o600)
        (paths.state / temporary).unlink(missing_ok=True)
        with_room = f"/proc/self/fd/{folder}/{temporary}"
        listener.bind(with_room if os.path.exists("/proc/self/fd") else str(paths.state / temporary))
        listener.listen(BACKLOG)
        os.rename(temporary, paths.socket.name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(folder)
    return listener


def announce(paths: Paths, about: dict[str, Any]) -> None:
    """Write daemon.json: who serves, for clients and for doctors. Raises OSError."""
    temporary = Path(f"{paths.daemon_json}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w") as file:
        json.dump(about, file)
    os.rename(temporary, paths.daemon_json)
