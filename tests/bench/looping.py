"""A loop of Python that says how far it is."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from tempfile import NamedTemporaryFile, TemporaryFile

import jobd
from tests.bench.measure import Figure, Missing, daemon, in_turn, row
from tests.bench.measure import jobd as program
from tests.living import Living

TURNS = 1_000_000
#: A program that knows nothing of jobd: it goes through a loop, and prints how many seconds that took.
BAR_TURNS = 10_000_000
BAR = f"""
import time
from tqdm import tqdm
begun = time.perf_counter()
for _ in tqdm(range({BAR_TURNS})): pass
print(time.perf_counter() - begun)
"""


@row("P22", "a loop: what a turn costs more by jobd.track than by tqdm, and by tqdm under --progress=auto than alone")
def looping() -> list[Figure]:
    """Go through a range, plain, tracked for a job, and with tqdm (subtract the plain loop); then let a job do so."""
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        raise Missing("python3-tqdm") from None
    with NamedTemporaryFile() as report:
        os.environ["JOBD_REPORT"] = report.name
        try:
            ours, theirs = in_turn(lambda: added(jobd.track(range(TURNS))), lambda: added(bar(tqdm)))
        finally:
            del os.environ["JOBD_REPORT"]
    with daemon() as living:
        under, alone = in_turn(lambda: as_a_job(living), by_itself, 5)
    return [Figure(ours, theirs, "ns", 0.6), Figure(under, alone, "ns", 1.05, note="its progress is exact in the end")]


def as_a_job(living: Living) -> float:
    """Run the program as a job whose output is read, and see that nothing of it was missed; nanoseconds a turn."""
    words = program("run", "--progress=auto", "--", sys.executable, "-c", BAR)
    done = subprocess.run(words, env={**os.environ, "JOBD_DIR": str(living.state)}, capture_output=True, check=True)
    progress = living.call("list", limit=1)[0]["progress"]
    assert (progress["done"], progress["total"], progress["fraction"]) == (BAR_TURNS, BAR_TURNS, 1.0)
    return float(done.stdout.split()[-1]) / BAR_TURNS * 1e9


def by_itself() -> float:
    """Run the program with its output in a file; nanoseconds a turn."""
    with TemporaryFile() as file:
        done = subprocess.run([sys.executable, "-c", BAR], stdout=subprocess.PIPE, stderr=file, check=True)
    return float(done.stdout) / BAR_TURNS * 1e9


def bar(tqdm: type) -> Iterable[object]:
    """Make a bar that is drawn into memory."""
    shown: Iterable[object] = tqdm(range(TURNS), file=io.StringIO())
    return shown


def added(loop: Iterable[object]) -> float:
    """Measure what a turn takes more than one of a plain loop, in nanoseconds."""
    return (seconds(loop) - seconds(range(TURNS))) / TURNS * 1e9


def seconds(loop: Iterable[object]) -> float:
    """Go through a loop."""
    begun = time.perf_counter()
    for _ in loop:
        pass
    return time.perf_counter() - begun
