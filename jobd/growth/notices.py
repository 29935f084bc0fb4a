"""One-shot notices of the kernel that a file was written to or a directory changed (inotify).

The kernel drops the watch when it fires, so a hot writer pays for one event, not for each write. The rule for whoever
uses this alone: when a notice fires, look every 10 ms until the file is quiet, then arm again and look once more, as
what was written between the last look and the arming raises no notice. Without inotify, look every 50 ms.
"""

import errno
import os
import struct
import sys
from functools import cache
from typing import Any, Self

PathName = str | bytes | os.PathLike[str] | os.PathLike[bytes]

#: From <linux/inotify.h>.
IN_MODIFY, IN_ATTRIB, IN_MOVED, IN_CREATE, IN_DELETE, IN_MOVE_SELF = 0x2, 0x4, 0xC0, 0x100, 0x200, 0x800
IN_Q_OVERFLOW, IN_ONLYDIR, IN_ONESHOT = 0x4000, 0x1000000, 0x80000000
FILE_CHANGED = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_ONESHOT
DIRECTORY_CHANGED = IN_MOVED | IN_CREATE | IN_DELETE | IN_ONLYDIR | IN_ONESHOT
EVENT = struct.Struct("iIII")


@cache
def _libc() -> Any:
    """Load the C library's inotify calls. Raises OSError where there are none."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int | bytes) -> int:
    import ctypes

    result: int = getattr(_libc(), name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class Growth:
    """One-shot notices, on one descriptor that a selector or an event loop can wait for.

    A token is an integer; the same file armed twice has the same one. Where `available` is False there is no
    descriptor, and `arm` raises.
    """

    def __init__(self) -> None:
        self._armed: set[int] = set()
        self._descriptor = -1
        self._reason: OSError | None = None
        try:
            _libc()
            self._descriptor = _call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError) as error:
            self._reason = error if isinstance(error, OSError) else OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def available(self) -> bool:
        """Whether notices can be had here."""
        return self._descriptor >= 0

    def fileno(self) -> int:
        """The descriptor that becomes readable when something fired. Raises OSError if there is none."""
        if not self.available:
            raise self._reason or OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._descriptor

    def arm(self, target: PathName | int) -> int:
        """Ask for one notice: that a file is written to or loses its name, or an entry of a directory comes or goes.

        A number is an open descriptor. Look at the target once more afterwards. Raises OSError if it cannot be
        watched: it is missing, the user has no watch left (ENOSPC), or nothing can be watched here.
        """
        path = os.fsencode(f"/proc/self/fd/{target}" if isinstance(target, int) else target)
        mask = DIRECTORY_CHANGED if os.path.isdir(target) else FILE_CHANGED
        token = _call("inotify_add_watch", self.fileno(), path, mask)
        self._armed.add(token)
        return token

    def disarm(self, token: int) -> None:
        """Take a notice back; nothing happens if it has fired."""
        if token in self._armed:
            self._armed.discard(token)
            try:
                _call("inotify_rm_watch", self._descriptor, token)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise

    def read(self) -> set[int]:
        """Take the tokens that fired since the last call; never waits."""
        fired = set[int]()
        while events := self._events():
            place = 0
            while place < len(events):
                token, mask, _, length = EVENT.unpack_from(events, place)
                place += EVENT.size + length
                fired |= set(self._armed) if mask & IN_Q_OVERFLOW else {token} & self._armed
        self._armed -= fired
        return fired

    def _events(self) -> bytes:
        try:
            return os.read(self.fileno(), 1 << 16)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Give up all notices and the descriptor; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._armed.clear()
