"""How an orphan ended: the witnesses that remain when the shim of a job was killed.

A status is exact or it is not told: what nobody saw stays unknown.
"""

import fcntl
import os
import select
import struct
import sys
import time
from typing import NamedTuple

from jobd.core.model import Process, Resources
from jobd.daemon.system import processes

#: The kernel counts the peak of resident memory in kilobytes, on macOS in bytes (getrusage(2)).
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
#: ioctl and mask that ask a pidfd for the wait status of a process which somebody else has reaped (Linux 6.15).
PIDFD_GET_INFO = 0xC040FF0B
PIDFD_INFO_EXIT = 8
PIDFD_INFO = struct.Struct("=Q52xi")


class Death(NamedTuple):
    """How an orphan ended: its raw wait status, and what it used if it was this process's own child."""

    status: int
    resources: Resources | None = None


def orphan_status(process: Process, pidfd: int | None, seconds: float = 0.0) -> Death | None:
    """Find out how a process ended whose shim is dead; None = nobody can say, or it has not ended within these seconds.

    In this order: as its parent; while it is a zombie, from its stat; once init has reaped it, from the pidfd.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = processes.stat(process.pid)
        if seen is None or seen.ticks != process.ticks:
            return _reaped(pidfd)
        death = _own(process.pid) if seen.ppid == os.getpid() else _zombie(process)
        if death or pidfd is None or not _wait(pidfd, 0 if seen.dead else select.POLLIN, deadline):
            return death


def reap(pid: int = -1) -> tuple[int, Death] | None:
    """Collect a child that has ended (any, without a pid); None if there is none."""
    try:
        ended, status, used = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    if not ended:
        return None
    resources = Resources(
        user_seconds=used.ru_utime,
        system_seconds=used.ru_stime,
        peak_rss_bytes=used.ru_maxrss * PEAK_UNIT,
        blocks_read=used.ru_inblock,
        blocks_written=used.ru_oublock,
        voluntary_switches=used.ru_nvcsw,
        involuntary_switches=used.ru_nivcsw,
    )
    return ended, Death(status, resources)


def _own(pid: int) -> Death | None:
    collected = reap(pid)
    return collected[1] if collected else None


def _zombie(process: Process) -> Death | None:
    line = processes.read_stat(process.pid) if processes.LINUX else None
    if line is None:
        return None
    seen = processes.parse_stat(line)
    if not seen.dead or seen.ticks != process.ticks:
        return None
    # To those who may not look the kernel shows the status 0; they may not read this link either.
    try:
        os.readlink(f"/proc/{process.pid}/ns/user")
    except OSError:
        return None
    return Death(int(line.split()[-1]))


def _reaped(pidfd: int | None) -> Death | None:
    if pidfd is None:
        return None
    answer = bytearray(PIDFD_INFO.pack(PIDFD_INFO_EXIT, 0))
    try:
        fcntl.ioctl(pidfd, PIDFD_GET_INFO, answer)
    except OSError:
        return None
    told, status = PIDFD_INFO.unpack(answer)
    return Death(status) if told & PIDFD_INFO_EXIT else None


def _wait(pidfd: int, events: int, deadline: float) -> bool:
    """Wait for the end (POLLIN) or for the reaping (0, which leaves POLLHUP) of a process."""
    watch = select.poll()
    watch.register(pidfd, events)
    return bool(watch.poll(max(0.0, deadline - time.monotonic()) * 1000))
