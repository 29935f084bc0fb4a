"""Starting and finishing many jobs, and taking over those that run."""

import json
import os
import socket
import statistics
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import filling
from tests.bench.measure import Figure, daemon, needed, row
from tests.living import SEARCH_PATH, Living
from tests.waiting import until

JOBS = 1000


def drained() -> float:
    """Drain a queue of jobs that wait behind a gate; give jobs a second."""
    with daemon(JOBD_JOBS_SLOTS="2") as living:
        gate = living.state / "gate"
        gate.touch()
        hold = f"while [ -e {gate} ]; do sleep 0.01; done"
        blockers = [living.submit("sh", "-c", hold)["id"] for _ in range(2)]
        last = submit_many(living, JOBS)
        begun = time.perf_counter()
        gate.unlink()
        living.call("wait", jobs=[f"{blockers[0]}-{last}"])
        rate = JOBS / (time.perf_counter() - begun)
        assert living.call("status")["counts"] == {"completed": JOBS + 2}
    return rate


def submit_many(living: Living, count: int) -> int:
    """Submit many commands on one connection; give the last id."""
    params = {"argv": ["true"], "cwd": "/", "surroundings": {"environment": [SEARCH_PATH]}}
    line = json.dumps({"id": 1, "method": "submit", "params": params}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(living.state / "jobd.sock"))
        answers = sock.makefile("rb")
        for _ in range(count // 50):
            sock.sendall(line * 50)
            replies = [answers.readline() for _ in range(50)]
        answers.close()
    return int(json.loads(replies[-1])["result"]["id"])


def spooled() -> float:
    """Drain the same queue with task-spooler."""
    program = needed("tsp", "task-spooler")
    with TemporaryDirectory(dir="/tmp") as folder:
        gate = Path(folder, "gate")
        gate.touch()
        environ = {**os.environ, "TS_SOCKET": f"{folder}/socket", "TMPDIR": folder, "TS_MAXCONN": "1200"}

        def tsp(*words: str) -> str:
            done = subprocess.run([program, *words], env=environ, capture_output=True, text=True, check=True)
            return done.stdout.strip()

        tsp("-S", "2")
        for _ in range(2):
            tsp("sh", "-c", f"while [ -e {gate} ]; do sleep 0.01; done")
        last = ""
        for _ in range(900):
            last = tsp("true")
        begun = time.perf_counter()
        gate.unlink()
        tsp("-w", last)
        rate = 900 / (time.perf_counter() - begun)
        tsp("-K")
    return rate


def paralleled() -> float:
    """Run as many commands with GNU parallel."""
    program = needed("parallel", "parallel")
    begun = time.perf_counter()
    numbers = "\n".join(str(n) for n in range(JOBS))
    subprocess.run([program, "-j2", "true", "{}"], input=numbers.encode(), capture_output=True, check=True)
    return JOBS / (time.perf_counter() - begun)


@row("P11", "a queue of 1,000 jobs drained with 2 slots")
def queue() -> list[Figure]:
    """Run `true` many times, each recorded, with its own log and exact status."""
    ours = statistics.median(drained() for _ in range(3))
    return [
        Figure(
            ours, statistics.median(spooled() for _ in range(3)), "jobs/s", 1, more_is_better=True, note="task-spooler"
        ),
        Figure(
            ours, statistics.median(paralleled() for _ in range(3)), "jobs/s", 2, more_is_better=True, note="parallel"
        ),
    ]


def ready(living: Living) -> float:
    """Kill the daemon and time the start of the next one until it serves, in milliseconds."""
    living.kill()
    begun = time.perf_counter()
    living.start({"JOBD_JOBS_SLOTS": "400"})
    living.call("status")
    return (time.perf_counter() - begun) * 1e3


@row("P21", "restart after kill -9, against an empty start")
def restart() -> list[Figure]:
    """Start with nothing, with 300 running jobs, and with 1,000,000 in the history."""
    with daemon() as living:
        empty = statistics.median(ready(living) for _ in range(5))
    with daemon(JOBD_JOBS_SLOTS="400") as living:
        for _ in range(300):
            living.submit("sleep", "300")
        until(lambda: living.call("status")["counts"].get("running") == 300, 60)
        running = statistics.median(ready(living) for _ in range(5))
    with daemon() as living:
        living.stop()
        filling.copy(living.state / "jobd.db")
        remembered = statistics.median(ready(living) for _ in range(5))
    return [
        Figure(running, empty, "ms", 2, note="300 running jobs"),
        Figure(remembered, empty, "ms", 1.5, note=f"{filling.JOBS:,} jobs in the history"),
    ]
