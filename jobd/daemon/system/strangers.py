"""Processes that jobd did not start: what one runs, where, for whom and since when; and how it ended.

Only its parent is told how a process ended. The kernel says it to others, too: in /proc/PID/stat until the parent has
asked, and from Linux 6.15 on to whoever holds a descriptor of the process (PIDFD_GET_INFO, linux/pidfd.h).
"""

import fcntl
import os
import struct
from typing import NamedTuple

from jobd.core.model import Moment, Process
from jobd.core.text import Lossless, lossless
from jobd.daemon.system import processes

NANOSECONDS = 1_000_000_000
#: _IOWR(0xFF, 11, struct pidfd_info) in its first size; the mask comes first, the wait status last.
_GET_INFO = 0xC040FF0B
_INFO = struct.Struct("=Q52xi")
#: PIDFD_INFO_EXIT
_EXIT = 1 << 3


class Stranger(NamedTuple):
    """What is seen of a process.

    `argv` is empty and `cwd` None if they are hidden; `boottime` is its start in nanoseconds of CLOCK_BOOTTIME.
    """

    process: Process
    uid: int
    argv: tuple[Lossless, ...]
    cwd: Lossless | None
    boottime: int


def look(pid: int, now: Moment) -> Stranger | None:
    """Look at the living process that has this number; None = there is none."""
    import psutil

    process = processes.identify(pid)
    try:
        seen = psutil.Process(pid)
        uid, started = seen.uids().real, seen.create_time()
        known = seen.as_dict(["cmdline", "cwd"])
    except psutil.Error:
        return None
    if process is None or not processes.alive(process):
        return None
    argv = tuple(lossless(word) for word in known["cmdline"] or ())
    cwd = lossless(known["cwd"]) if known["cwd"] else None
    since = now.boottime - int((now.wall.timestamp() - started) * NANOSECONDS)
    if processes.LINUX:
        since = process.ticks * NANOSECONDS // processes.TICKS_PER_SECOND
    return Stranger(process, uid, argv, cwd, min(since, now.boottime))


def status(pidfd: int, process: Process) -> int | None:
    """Give the wait status of a process that has ended, by a descriptor of it; None = the kernel does not tell."""
    told = _told(pidfd)
    if told is None:
        told = _left(process)
    return _told(pidfd) if told is None else told


def _told(pidfd: int) -> int | None:
    answer = bytearray(_INFO.size)
    _INFO.pack_into(answer, 0, _EXIT, 0)
    try:
        fcntl.ioctl(pidfd, _GET_INFO, answer)
    except OSError:
        return None
    mask, wait_status = _INFO.unpack(answer)
    return int(wait_status) if mask & _EXIT else None


def _left(process: Process) -> int | None:
    """Read the status of a zombie, which is the last field of its line: 0 means nothing if it is hidden from us."""
    line = processes.read_stat(process.pid)
    if not line:
        return None
    seen, wait_status = processes.parse_stat(line), int(line.split()[-1])
    if not seen.dead or seen.ticks != process.ticks:
        return None
    return wait_status if wait_status or _is_open(process.pid) else None


def _is_open(pid: int) -> bool:
    """Whether a process has shown us all: its ids, real, effective and saved, are our own (ptrace(2))."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            lines = file.read().splitlines()
    except processes.UNSEEN:
        return False
    ids = {line[:4]: {int(number) for number in line[4:].split()[:3]} for line in lines if line[1:4] == b"id:"}
    return ids.get(b"Uid:") == {os.geteuid()} and ids.get(b"Gid:") == {os.getegid()}
