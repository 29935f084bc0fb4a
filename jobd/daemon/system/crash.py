"""Die at a named point, so that tests can look at what a kill at the worst moment leaves behind.

JOBD_CRASH="name:nth,…" kills this process by SIGKILL when it passes the point for the nth time (the first without a
number); JOBD_CRASH_LOG names a file that is told first. Without it a point costs one look into an empty dictionary.
Names that are not in `POINTS` belong to the other processes and are left to them.
"""

import os
import signal
from functools import cache

#: The points of the daemon, in the order in which a job passes them.
POINTS = (
    *("before_recovery", "after_recovery"),
    *("before_commit", "after_commit", "submitted"),
    *("before_intent", "after_intent", "after_directory", "after_spec", "after_request", "answered"),
    *("before_started", "after_started", "cancel_committed"),
    *("exit_seen", "before_terminal", "after_terminal", "after_cleanup"),
)


@cache
def _planned() -> dict[str, list[int]]:
    """Read "name:nth,…" into the turns at which each point kills."""
    planned: dict[str, list[int]] = {}
    for word in filter(None, os.environ.get("JOBD_CRASH", "").split(",")):
        name, _, turn = word.partition(":")
        if name in POINTS:
            planned.setdefault(name, []).append(int(turn or 1))
    return planned


_passed: dict[str, int] = {}


def crash_point(name: str) -> None:
    """Pass a point, or die there."""
    turns = _planned().get(name)
    if turns is None:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] in turns:
        _tell(name)
        os.kill(os.getpid(), signal.SIGKILL)


def environment() -> dict[str, str]:
    """Give the environment for a zygote: the plan goes to the first one only, else each new one would die as well."""
    _planned()  # its own plan is read before it goes
    handed_on = dict(os.environ)
    os.environ.pop("JOBD_CRASH", None)
    return handed_on


def _tell(name: str) -> None:
    path = os.environ.get("JOBD_CRASH_LOG")
    if path:
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.write(log, f"{name}\n".encode())
        os.close(log)
