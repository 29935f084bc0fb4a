"""Memory of the daemon and of shims; the cost of measuring jobs."""

import subprocess
import sys
import time

import psutil

from tests.bench.measure import Figure, daemon, end, private_bytes, resident_bytes, row
from tests.waiting import until

MIB = 1 << 20
#: What an idle daemon has loaded.
SAME_IMPORTS = (
    "import asyncio, sqlite3, msgspec, click, logging, socket, ctypes, json, time; print(flush=True); time.sleep(60)"
)


#: Starts 1,000 sessions of three processes each.
TREES = """
import os, time
for _ in range(1000):
    if os.fork() == 0:
        os.setsid()
        os.fork() and os.fork()
        time.sleep(600)
print(flush=True)
time.sleep(600)
"""


@row("P19", "memory")
def memory() -> list[Figure]:
    """Weigh an idle daemon, one with 1,000 running jobs, and a shim."""
    with subprocess.Popen([sys.executable, "-c", SAME_IMPORTS], stdout=subprocess.PIPE) as plain:
        assert plain.stdout is not None
        plain.stdout.readline()
        floor = resident_bytes(plain.pid)
        end(plain)
    with daemon(JOBD_JOBS_SLOTS="1000") as living:
        living.call("status")
        idle = resident_bytes(living.pid)
        for _ in range(1000):
            living.submit("sleep", "120")
        until(lambda: living.call("status")["counts"].get("running") == 1000, 120)
        time.sleep(3)
        busy = resident_bytes(living.pid)
        shims = [
            p.pid
            for p in psutil.process_iter()
            if p.name() == "jobd-shim" and p.uids().real == psutil.Process().uids().real
        ]
        each = sorted(private_bytes(pid) for pid in shims)[len(shims) // 2]
    return [
        Figure(
            (idle - floor) / MIB, None, "MiB", 4, note=f"idle, above {floor / MIB:.1f} of Python with the same imports"
        ),
        Figure(busy / MIB, None, "MiB", 60, note="1,000 running jobs"),
        Figure(each / MIB, None, "MiB", 0.6, note="private to a shim"),
    ]


@row("P18", "measuring 1,000 jobs with 3,000 processes, against a psutil loop")
def sampling() -> list[Figure]:
    """Measure trees of three processes, as the daemon does and as psutil alone would."""
    from jobd.core.model import Process
    from jobd.daemon.system import processes
    from jobd.daemon.system.trees import Tree
    from jobd.daemon.system.usage import Sampler

    with subprocess.Popen([sys.executable, "-S", "-c", TREES], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        leaders = [child.pid for child in psutil.Process(parent.pid).children()]
        sampler: Sampler[int] = Sampler()
        for pid in leaders:
            found = processes.identify(pid)
            assert isinstance(found, Process)
            sampler.watch(pid, Tree(main=found))
        ours, theirs = [], []
        for _ in range(5):
            begun = time.perf_counter()
            sampler.sample(time.monotonic())
            ours.append((time.perf_counter() - begun) * 1e3)
            theirs.append(psutil_loop(set(leaders)))
        for child in psutil.Process(parent.pid).children(recursive=True):
            child.kill()
        end(parent)
    return [Figure(sorted(ours)[2], sorted(theirs)[2], "ms", 1 / 3)]


_known: dict[int, psutil.Process] = {}


def psutil_loop(leaders: set[int]) -> float:
    """Measure the same with psutil alone, as well as it can: one map of parents, objects kept; milliseconds."""
    begun = time.perf_counter()
    parents = psutil._ppid_map()  # type: ignore[attr-defined]  # noqa: SLF001 -- what children() itself uses
    for pid, parent in parents.items():
        if pid in leaders or parent in leaders:
            process = _known.get(pid) or _known.setdefault(pid, psutil.Process(pid))
            with process.oneshot():
                process.cpu_times()
                process.memory_info()
    return (time.perf_counter() - begun) * 1e3
