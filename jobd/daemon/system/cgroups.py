"""Control groups (cgroup2) of jobs: killing and freezing a whole group at once, where the system lets us have one.

A group is named by its directory. Killing and freezing need no controllers. Where the system has no cgroup2 (all but
Linux) or gives us no part of it, everything here silently goes without.
"""

import contextlib
import errno
import os
import time
from collections.abc import Container
from functools import cache
from glob import glob

#: How the names of the groups of jobs begin.
PREFIX = "jobd-"
ROOTS = "/proc/self/mountinfo"
MEMBERSHIP = "/proc/self/cgroup"
#: Seconds for a group to stand still; it takes 0.1 ms unless a process waits for a disk.
FREEZE_TIME = 0.05
PAUSE = 0.001
#: What says nothing about the group, only about us.
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@cache
def own() -> str | None:
    """Find the directory of the cgroup2 this process was first seen in; None = there is none, or it is out of sight."""
    return _own("")


def create(name: str) -> str | None:
    """Make a group below one's own and return its directory; None = not possible here.

    The name must be new on this machine: a group that exists already is somebody else's.
    """
    parent = own()
    if parent is None:
        return None
    path = f"{parent}/{PREFIX}{name}"
    try:
        os.mkdir(path)
    except OSError:
        return None
    return path


def remove(path: str) -> bool:
    """Remove a group and the groups a job has made in it; False = processes are left in it."""
    try:
        for directory, _, _ in os.walk(path, topdown=False):
            os.rmdir(directory)
    except OSError:
        return False
    return True


def sweep(keep: Container[str | None], age: float) -> None:
    """Remove groups of jobs that are empty and were made so many seconds ago: what was left in them has ended.

    Not those to be kept; others may be those of another daemon, for a moment before something runs in them.
    """
    for path in glob(f"{own() or ''}/{PREFIX}*"):
        with contextlib.suppress(OSError):
            if path not in keep and os.stat(path).st_ctime < time.time() - age and not populated(path):
                remove(path)


def kill(path: str) -> bool:
    """Kill all processes of a group (Linux 5.14), frozen or not."""
    return _write(f"{path}/cgroup.kill", "1")


def freeze(path: str) -> bool:
    """Make all processes of a group stand still (Linux 5.2); wait until they do, for 50 ms at most."""
    return _write(f"{path}/cgroup.freeze", "1") and _await(path, still=True)


def thaw(path: str) -> bool:
    """Let the processes of a frozen group go on; wait until they do, for 50 ms at most."""
    return _write(f"{path}/cgroup.freeze", "0") and _await(path, still=False)


def frozen(path: str) -> bool:
    """Whether all processes of a group stand still."""
    return _counts(f"{path}/cgroup.events").get("frozen") == 1


def held(path: str) -> bool:
    """Whether a group was told to stand still, even if some process of it does not yet."""
    return _text(f"{path}/cgroup.freeze").strip() == "1"


def populated(path: str) -> bool:
    """Whether a process lives in a group or in one below it."""
    return _counts(f"{path}/cgroup.events").get("populated") == 1


def pids(path: str) -> set[int]:
    """List the processes in a group and in those below it."""
    return {int(pid) for directory, _, _ in os.walk(path) for pid in _text(f"{directory}/cgroup.procs").split()}


def oom_kills(path: str | None) -> int | None:
    """Count the processes killed for want of memory in a group; None = not counted.

    Without a path: in the memory group this process is in, of either version. It is shared with everything else in that
    group, so it says something only in comparison with an earlier count.
    """
    if path is not None:
        return _counts(f"{path}/memory.events").get("oom_kill")
    counts = (_counts(f"{_own('memory')}/memory.oom_control"), _counts(f"{_own('')}/memory.events"))
    return next((count["oom_kill"] for count in counts if "oom_kill" in count), None)


def locate(controller: str, mounts: str, membership: str) -> str | None:
    """Find the directory of a group from a mountinfo and a cgroup file of /proc (proc_pid_mountinfo(5), cgroups(7)).

    The controller is one of version 1, or "" for cgroup2.
    """
    entries = (line.split(":", 2) for line in membership.splitlines())
    place = next((path for _, names, path in entries if controller in names.split(",")), None)
    for line in mounts.splitlines():
        mount, _, kind = line.partition(" - ")
        system, _, options = kind.split(" ", 2)
        root, point = map(_unescape, mount.split(" ")[3:5])
        if place is None or not _holds(controller, system, options):
            continue
        top = root.rstrip("/")
        below = place.removeprefix(top).rstrip("/")
        if f"{place}/".startswith(f"{top}/") and not below.startswith("/.."):
            return point + below
    return None


def _holds(controller: str, system: str, options: str) -> bool:
    return system == "cgroup" and controller in options.split(",") if controller else system == "cgroup2"


def _await(path: str, *, still: bool) -> bool:
    deadline = time.monotonic() + FREEZE_TIME
    while frozen(path) != still:
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True


def _own(controller: str) -> str | None:
    path = locate(controller, _mounts(), _text(MEMBERSHIP))
    return path if path is not None and os.path.isdir(path) else None


@cache
def _mounts() -> str:
    return _text(ROOTS)


def _unescape(field: str) -> str:
    for code in ("\\040", "\\011", "\\012", "\\134"):
        field = field.replace(code, chr(int(code[1:], 8)))
    return field


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        return ""


def _counts(path: str) -> dict[str, int]:
    pairs = (line.split() for line in _text(path).splitlines())
    return {name: int(number) for name, number in pairs}


def _write(path: str, text: str) -> bool:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        return False
    return True
