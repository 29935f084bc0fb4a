"""Recorded runs of real programs, in two sets: one that estimates were tuned with, one that only judges them.

`python -m tests.bench.traces [--held-out] [FAMILY …]` records them anew, a minute or more for each family. A family is a
kind of work done at several sizes, as a job of one name is. Each program runs once for each size, one after the other,
on a machine that others use, too. Its trace says at which second how much was done; the seconds end when the program
did.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

FOLDER = Path(__file__).parents[1] / "data" / "traces"
#: Where the runs of a set lie, below the folder.
SETS = {"tuning": FOLDER, "held out": FOLDER / "held_out"}
#: Runs of a family in the set that is held out; their sizes are drawn between the smallest and the largest.
HELD_OUT_RUNS = 12
#: Points kept of a trace; closer ones say nothing more.
POINTS = 100
#: What steps yield when all is prepared and the program is about to start.
READY = (0.0, 0.0)

Steps = Callable[[float, Path, random.Random], Iterator[tuple[float, float]]]


class Trace(msgspec.Struct, frozen=True):
    """One run: how long it took, of how much work, and what was done when (seconds, amount)."""

    seconds: float
    total: float
    points: list[tuple[float, float]]


class Work(NamedTuple):
    """What a family does: its steps yield what is done and the total; `sizes` has one run each."""

    steps: Steps
    sizes: tuple[float, ...]
    held_out: bool


FAMILIES: dict[str, Work] = {}


def family(*sizes: float, held_out: bool = False) -> Callable[[Steps], Steps]:
    """Register the steps of a family under the name of the function; one held out is not in the tuning set."""

    def register(steps: Steps) -> Steps:
        FAMILIES[steps.__name__.rstrip("_")] = Work(steps, sizes, held_out)
        return steps

    return register


def families(wanted: str) -> dict[str, list[Trace]]:
    """Read the recorded runs of a set by family."""
    files = sorted(SETS[wanted].glob("*.json"))
    return {file.stem: msgspec.json.decode(file.read_bytes(), type=list[Trace]) for file in files}


def record(steps: Iterator[tuple[float, float]]) -> Trace:
    """Run a program to its end and keep when how much was done."""
    begun, total, points = 0.0, 0.0, list[tuple[float, float]]()
    for done, whole in steps:
        if (done, whole) == READY:
            begun = time.monotonic()
            continue
        total = whole
        points.append((time.monotonic() - begun, done))
    return thinned(time.monotonic() - begun, total, points)


def thinned(seconds: float, total: float, points: list[tuple[float, float]]) -> Trace:
    """Keep the points that are a hundredth of the run apart, and the last."""
    kept: list[tuple[float, float]] = []
    for at, done in points:
        if not kept or at - kept[-1][0] >= seconds / POINTS:
            kept.append((at, done))
    kept = [*kept[: -1 if len(kept) > POINTS else None], points[-1]] if kept[-1] != points[-1] else kept
    return Trace(round(seconds, 3), total, [(round(at, 3), done) for at, done in kept])


def drawn(name: str, work: Work) -> list[tuple[float, random.Random]]:
    """Draw the sizes of a family's runs that are held out, and what else is chance in each."""
    chances = [random.Random(f"{name} held out {number}") for number in range(HELD_OUT_RUNS)]
    return [(chance.uniform(min(work.sizes), max(work.sizes)), chance) for chance in chances]


def main(wanted: list[str]) -> int:
    """Record the families named, or all of the set."""
    from tests.bench import more_work, work

    assert work, more_work
    held_out = "--held-out" in wanted
    names = [name for name in wanted if not name.startswith("-")]
    folder = SETS["held out" if held_out else "tuning"]
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or [name for name, found in FAMILIES.items() if held_out or not found.held_out]:
        found = FAMILIES[name]
        tuning = [(size, random.Random(f"{name} {number}")) for number, size in enumerate(found.sizes)]
        traces = []
        for size, chance in drawn(name, found) if held_out else tuning:
            with tempfile.TemporaryDirectory(prefix="jobd-trace-") as place:
                traces.append(record(found.steps(size, Path(place), chance)))
            print(f"{name:10} {size:6g} {traces[-1].seconds:7.2f} s {len(traces[-1].points):4} points", flush=True)
        lines = b",\n".join(msgspec.json.encode(trace) for trace in traces)
        (folder / f"{name}.json").write_bytes(b"[\n" + lines + b"\n]\n")
    return 0


if __name__ == "__main__":
    from tests.bench import traces

    sys.exit(traces.main(sys.argv[1:]))
