"""Progress from scripts: lines into the report file, seen by the daemon and by whoever follows."""

import json
import socket
import statistics
import subprocess
import threading
import time

from tests.bench.measure import Figure, daemon, row
from tests.living import FINAL, Living
from tests.waiting import until

LINES = 100_000
LOOP = "i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i/%d >&8; done"
TIMED = "begun=$(date +%%s%%N); %s; echo $(( $(date +%%s%%N) - begun ))"


@row("P1", "a shell loop of reports, followed, against the same loop into a plain file")
def flood() -> list[Figure]:
    """Write 100,000 lines from dash, and look when all of them are durable."""
    script = TIMED % (LOOP % (LINES, LINES))
    ours, theirs, delays = [], [], []
    with daemon() as living:
        for _ in range(5):
            job = living.submit("sh", "-c", script)
            ended = living.ended(job["id"], 120)
            assert ended["progress"]["reports"] == LINES
            assert ended["progress"]["fraction"] == 1.0
            ours.append(int(living.output(job["id"])) / 1e9)
            delays.append(durable_after(living, job["id"]))
            plain = subprocess.run(
                ["sh", "-c", f"exec 8>/tmp/jobd-bench-plain; {script}"], capture_output=True, check=True
            )
            theirs.append(int(plain.stdout) / 1e9)
    seconds = statistics.median(ours)
    return [
        Figure(seconds, statistics.median(theirs), "s", 1.2),
        Figure(LINES / seconds, None, "lines/s", 100_000, more_is_better=True, note="as fast as the shell writes"),
        Figure(statistics.median(delays), None, "ms", 50, note="from the end of the job to its durable last report"),
    ]


def durable_after(living: Living, job_id: int) -> float:
    """Measure from the end that the shim saw to the entry of the log, in milliseconds."""
    last = living.call("events", job=job_id, limit=1000)[-1]
    ended = living.job(job_id)["ended_at"]
    return (seconds_of(last["at"]) - seconds_of(ended)) * 1e3


def seconds_of(text: str) -> float:
    """Read a time."""
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


@row("P2", "a report until a subscriber has it, 100 jobs running")
def latency() -> list[Figure]:
    """Let 100 jobs report the time now and then, and look at the clock when it arrives."""
    script = 'for n in 1 2 3 4 5 6 7 8; do sleep 0.5; echo "message $(date +%s%N)" >&8; done'
    delays: list[float] = []
    with daemon(JOBD_JOBS_SLOTS="100") as living:
        following = threading.Event()
        threading.Thread(target=follow, args=(living, delays, following), daemon=True).start()
        following.wait(10)
        ids = [living.submit("sh", "-c", script)["id"] for _ in range(100)]
        until(lambda: all(living.job(job)["state"] in FINAL for job in ids), 60)
    delays.sort()
    return [
        Figure(statistics.median(delays), None, "ms", 50, note="median"),
        Figure(delays[int(len(delays) * 0.99)], None, "ms", 200, note=f"p99 of {len(delays)}"),
    ]


def follow(living: Living, delays: list[float], following: threading.Event) -> None:
    """Follow the log and note how old each message is."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(living.state / "jobd.sock"))
        sock.sendall(b'{"id":1,"method":"events.follow"}\n')
        following.set()
        for line in sock.makefile("rb"):
            event = json.loads(line).get("params", {}).get("item", {}).get("event", {})
            message = event.get("report", {}).get("message")
            if event.get("type") == "progressed" and message:
                delays.append((time.time_ns() - int(message)) / 1e6)
