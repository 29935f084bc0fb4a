"""One daemon for a state directory: the lock, and what its process must be like.

The lock is a flock on the state directory itself: it cannot be deleted under us, and it is kept across the exec of a
restart.
"""

import ctypes
import fcntl
import json
import os
import resource
import sys
from collections.abc import MutableMapping
from typing import Any

from jobd.config import Paths
from jobd.core.errors import DaemonAlreadyRunning

#: The lock's descriptor, handed over by a daemon that becomes its own successor, above those of the standard streams
#: and of the listening socket.
_LOCK_VARIABLE = "JOBD_LOCK_FD"
_ABOVE = 10
#: Descriptors a daemon can use: each job takes three, each client one.
MOST_DESCRIPTORS = 65536
_PR_SET_CHILD_SUBREAPER = 36


def take_lock(paths: Paths, environ: MutableMapping[str, str]) -> int:
    """Become the daemon of a state directory, for as long as the descriptor is open. Raises DaemonAlreadyRunning."""
    inherited = environ.pop(_LOCK_VARIABLE, "")
    if inherited.isdigit():
        lock = int(inherited)
        os.set_inheritable(lock, False)
        return lock
    lock = os.open(paths.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise DaemonAlreadyRunning(state=str(paths.state), pid=_serving(paths)) from None
    return lock


def is_ours(lock: int, paths: Paths) -> bool:
    """Say whether the state directory still is the one that is locked; it is not if it was deleted or moved away."""
    try:
        return os.path.samestat(os.fstat(lock), os.stat(paths.state))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def hand_over_lock(lock: int, environ: MutableMapping[str, str]) -> None:
    """Leave the lock to the program that takes the place of this one in the same process."""
    environ[_LOCK_VARIABLE] = str(fcntl.fcntl(lock, fcntl.F_DUPFD, _ABOVE))


def raise_descriptor_limit() -> tuple[int, int]:
    """Allow this process as many descriptors as it may have; give the limits (soft, hard) that were there before."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if before[1] == resource.RLIM_INFINITY else min(before[1], MOST_DESCRIPTORS)
    if before[0] != resource.RLIM_INFINITY and before[0] < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    return before


def lower_descriptor_limit(before: tuple[int, int]) -> None:
    """Put back the limits that were there before, for a program that takes the place of this one."""
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def become_subreaper() -> None:
    """Be the next parent of jobs whose shim is killed, so that their status is not lost (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _serving(paths: Paths) -> Any:
    try:
        return json.loads(paths.daemon_json.read_text())["pid"]
    except (OSError, ValueError, KeyError):
        return "unknown"
