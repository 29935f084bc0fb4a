"""Following output that grows quickly, against tail(1)."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.measure import Figure, cpu_seconds, daemon, end, jobd, row
from tests.waiting import until

#: Writes 64 KiB blocks at about 200 MB/s for five seconds; prints the bytes.
WRITER = """
import sys, time
block, total, begun = b"x" * 63 + b"\\n", 0, time.monotonic()
block *= 1024
out = sys.stdout.buffer.raw
while (now := time.monotonic()) - begun < 5:
    if total < (now - begun) * 200e6:
        total += out.write(block)
    else:
        time.sleep(0.0005)
print(total, file=sys.stderr)
"""


def followed(command: list[str], path: Path, environ: dict[str, str]) -> float:
    """Follow a file while it grows into a pipe that is read; give the CPU seconds of the follower a GB."""
    with subprocess.Popen(["sh", "-c", "cat > /dev/null"], stdin=subprocess.PIPE) as sink, path.open("rb") as output:
        follower = subprocess.Popen(command, stdout=sink.stdin, env=environ)
        before = output.seek(0, os.SEEK_END)
        time.sleep(4)
        used, size = cpu_seconds(follower.pid), output.seek(0, os.SEEK_END) - before
        end(follower)
        if sink.stdin:
            sink.stdin.close()
    return used / size * 1e9


@row("P15", "`jobd tail -f` of a log that grows at 200 MB/s")
def tail() -> list[Figure]:
    """Compare its CPU with that of tail -f, and the daemon's with nothing."""
    environ = dict(os.environ)
    with daemon(JOBD_JOBS_OUTPUT_LIMIT="0") as living:
        environ["JOBD_DIR"] = str(living.state)
        ours: list[float] = []
        theirs: list[float] = []
        loads: list[float] = []
        for _ in range(3):
            for figures, follow in ((ours, jobd("tail", "-f", "last")), (theirs, None)):
                job = living.submit(sys.executable, "-c", WRITER)["id"]
                until(lambda job=job: (living.job(job)["output"] or {}).get("bytes"))  # type: ignore[misc]
                path = Path(living.job(job)["output"]["path"])
                before = cpu_seconds(living.pid)
                figures.append(followed(follow or ["tail", "-f", str(path)], path, environ))
                loads.append((cpu_seconds(living.pid) - before) / 4)
                living.ended(job)
                living.call("rm", jobs=[str(job)])
    middle = len(ours) // 2
    return [
        Figure(sorted(ours)[middle], sorted(theirs)[middle], "CPU s/GB", 0.6),
        Figure(max(loads), None, "of a CPU", 0.05, note="the daemon meanwhile"),
    ]
