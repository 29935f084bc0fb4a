"""What psutil tells of processes, in the shape of `processes.Stat`, for systems without Linux's /proc.

The start of a process is psutil's hash of its identity there: the time of its start is shown moved whenever somebody
sets the clock. So it says "the same" or "another", not which of two is older.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from jobd.core.model import LARGEST

if TYPE_CHECKING:
    import psutil

#: The fields of a `processes.Stat`.
Fields = tuple[int, int, int, int, str, int, int, int, int]

STATES = {"running": "R", "disk-sleep": "D", "stopped": "T", "tracing-stop": "t", "zombie": "Z", "dead": "X"}
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
ASKED = ["ppid", "status", "cpu_times", "memory_info", "num_threads"]
FIRST = 1


def running() -> list[int]:
    """List the numbers of all processes."""
    import psutil

    return psutil.pids()


def look(pids: Iterable[int]) -> Iterator[tuple[int, Fields]]:
    """Look at each of these processes that is there; what may not be seen of one is 0."""
    import psutil

    for pid in pids:
        try:
            yield pid, _fields(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue


def boot() -> str:
    """Name this boot by the start of the first process."""
    import psutil

    return f"first-process-{_start(psutil.Process(FIRST)):x}"


def environment(pid: int) -> bytes:
    """Read the environment of a process, NUL between the variables; empty where it may not be seen."""
    import psutil

    try:
        variables = psutil.Process(pid).environ()
    except psutil.Error:
        return b""
    return b"\0".join(os.fsencode(f"{name}={value}") for name, value in variables.items())


def _fields(process: "psutil.Process") -> Fields:
    seen = process.as_dict(ASKED)
    cpu, memory = seen["cpu_times"], seen["memory_info"]
    return (
        seen["ppid"] or 0,
        _of(os.getpgid, process.pid),
        _of(os.getsid, process.pid),
        _start(process),
        STATES.get(seen["status"] or "zombie", "S"),
        seen["num_threads"] or 1,
        _ticks(cpu, "user", "system"),
        _ticks(cpu, "children_user", "children_system"),
        memory.rss if memory else 0,
    )


def _start(process: "psutil.Process") -> int:
    return hash(process) & LARGEST


def _of(ask: Callable[[int], int], pid: int) -> int:
    try:
        return ask(pid)
    except OSError:
        return 0


def _ticks(cpu: object, *names: str) -> int:
    return round(TICKS_PER_SECOND * sum(getattr(cpu, name, 0.0) for name in names))
