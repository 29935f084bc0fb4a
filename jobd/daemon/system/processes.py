"""The processes of this machine: which one it is, whether it lives, a signal only it gets, all of them in one pass.

A process is its number and its start together; a number alone is never trusted and never signalled. Any process may
vanish between two lines of this file: that is an answer (None or False). Being unable to look (no descriptor left) is
none, and is raised.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import NamedTuple

from jobd.core.model import Process
from jobd.daemon.system import portable

LINUX = sys.platform == "linux"
TICKS_PER_SECOND = portable.TICKS_PER_SECOND
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: Longer than any line of /proc/PID/stat: 52 numbers and a name.
STAT_BYTES = 2048
#: What looking at a process raises that has ended, or that is hidden from this user (proc(5), hidepid).
UNSEEN = (FileNotFoundError, ProcessLookupError, PermissionError)
#: What opening a pidfd fails with if the number is nobody's, or by now that of a thread.
NO_PROCESS = (errno.ESRCH, errno.EINVAL, errno.ENOENT)


class Stat(NamedTuple):
    """What /proc/PID/stat says of a process (proc_pid_stat(5)).

    `ticks` is its start in clock ticks since boot; `cpu_ticks` is the CPU time of its own, `ended_ticks` that of the
    children it has waited for, and of theirs.
    """

    ppid: int
    pgid: int
    sid: int
    ticks: int
    state: str
    threads: int
    cpu_ticks: int
    ended_ticks: int
    rss_bytes: int

    @property
    def dead(self) -> bool:
        """Whether nothing runs any more. A main thread that ended before the others looks like a zombie, too."""
        return self.state in "ZX" and self.threads <= 1


class Snapshot(dict[int, Stat]):
    """All processes at about one moment, by number; looked up in for any number of trees."""

    def __init__(self, stats: Iterable[tuple[int, Stat]] = ()) -> None:
        super().__init__(stats)
        #: What was read of each, so that the next look need not take apart what is the same.
        self.lines: dict[int, bytes] = {}

    @cached_property
    def children(self) -> dict[int, list[int]]:
        """The processes by parent."""
        return self._grouped(lambda stat: stat.ppid)

    @cached_property
    def groups(self) -> dict[int, list[int]]:
        """The processes by process group."""
        return self._grouped(lambda stat: stat.pgid)

    @cached_property
    def sessions(self) -> dict[int, list[int]]:
        """The processes by session."""
        return self._grouped(lambda stat: stat.sid)

    def shows(self, process: Process) -> bool:
        """Whether this very process was there and alive."""
        stat = self.get(process.pid)
        return stat is not None and stat.ticks == process.ticks and not stat.dead

    def _grouped(self, key: Callable[[Stat], int]) -> dict[int, list[int]]:
        groups: dict[int, list[int]] = {}
        for pid, stat in self.items():
            groups.setdefault(key(stat), []).append(pid)
        return groups


@cache
def boot_id() -> str:
    """Name the present boot of the machine."""
    if not LINUX:
        return portable.boot()
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def stat(pid: int) -> Stat | None:
    """Look at one process; None = there is none of this number."""
    return snapshot([pid]).get(pid)


def identify(pid: int) -> Process | None:
    """Name the process that has this number now, zombie or not."""
    seen = stat(pid)
    return None if seen is None else Process(pid, seen.ticks)


def alive(process: Process) -> bool:
    """Whether this very process runs or could run; a zombie does not."""
    return snapshot([process.pid]).shows(process)


def running() -> list[int]:
    """List the numbers of all processes."""
    if not LINUX:
        return portable.running()
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def snapshot(pids: Iterable[int] | None = None, before: Snapshot | None = None) -> Snapshot:
    """Look at all processes, or at these, in one pass; sooner done if most are as they were `before`."""
    wanted = running() if pids is None else pids
    if not LINUX:
        return Snapshot((pid, Stat(*fields)) for pid, fields in portable.look(wanted))
    seen, known = Snapshot(), before or Snapshot()
    for pid in wanted:
        line = read_stat(pid)
        if line:
            seen.lines[pid] = line
            seen[pid] = known[pid] if known.lines.get(pid) == line else parse_stat(line)
    return seen


def read_stat(pid: int) -> bytes | None:
    """Read the line /proc/PID/stat; None = there is no process of this number."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except UNSEEN:
        return None
    try:
        return os.read(descriptor, STAT_BYTES)
    except UNSEEN:
        return None
    finally:
        os.close(descriptor)


def parse_stat(line: bytes) -> Stat:
    """Take apart a line of /proc/PID/stat; the name in it may hold anything, brackets and line ends too."""
    fields = line[line.rindex(b")") + 2 :].split(b" ", 22)
    state, ppid, pgid, sid = fields[:4]
    user, system, ended_user, ended_system = map(int, fields[11:15])
    return Stat(
        int(ppid), int(pgid), int(sid), int(fields[19]), state.decode(), int(fields[17]),
        user + system, ended_user + ended_system, int(fields[21]) * PAGE_BYTES,
    )  # fmt: skip


def descendants(roots: Iterable[int], snapshot: Snapshot) -> list[int]:
    """List what is below the roots, parents before children; not oneself, nor what one has started."""
    found: list[int] = []
    level, known = list(roots), {*roots, os.getpid()}
    while level:
        level = [child for pid in level for child in snapshot.children.get(pid, ()) if child not in known]
        known.update(level)
        found += level
    return found


def children(pid: int) -> list[int]:
    """List the children of a process without looking at all others; a moving target unless all of them are stopped."""
    if not _has_children_files():
        return snapshot().children.get(pid, [])
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except UNSEEN:
        return []
    return [int(child) for thread in threads for child in _read_all(f"/proc/{pid}/task/{thread}/children").split()]


def below(root: int) -> Snapshot:
    """Look at a process and all below it without looking at all others, each one before its children are listed."""
    if not _has_children_files():
        return snapshot()
    seen = snapshot([root])
    level = list(seen)
    while level:
        listed = {child for pid in level for child in children(pid)}
        fresh = snapshot(listed - seen.keys() - {os.getpid()})
        seen.update(fresh)
        level = list(fresh)
    return seen


def environment(pid: int) -> bytes:
    """Read the environment a process was started with, NUL between the variables; empty where it may not be read."""
    return _read_all(f"/proc/{pid}/environ") if LINUX else portable.environment(pid)


def open_pidfd(process: Process) -> int | None:
    """Get hold of this very process; None = it is gone, or the system has no pidfds. Close it. Raises OSError."""
    if not _has_pidfds():
        return None
    try:
        pidfd = os.pidfd_open(process.pid)
    except OSError as error:
        if error.errno not in NO_PROCESS:
            raise
        return None
    if identify(process.pid) != process:
        os.close(pidfd)
        return None
    return pidfd


def send(process: Process, number: int) -> bool:
    """Send a signal to this very process and no other. Raises OSError.

    False: it is gone, it is init or oneself, or it belongs to somebody whom we may not signal.
    """
    if process.pid <= 1 or process.pid == os.getpid():
        return False
    pidfd = open_pidfd(process)
    try:
        if pidfd is not None:
            signal.pidfd_send_signal(pidfd, number)
        elif not _has_pidfds() and alive(process):
            os.kill(process.pid, number)
        else:
            return False
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if pidfd is not None:
            os.close(pidfd)
    return True


def _read_all(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except UNSEEN:
        return b""


@cache
def _has_children_files() -> bool:
    return os.path.exists("/proc/thread-self/children")


@cache
def _has_pidfds() -> bool:
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return error.errno not in (errno.ENOSYS, errno.EPERM)
    return True
