"""Record runs of real programs: `python -m tests.bench.record [--held-out] [FAMILY …]`, a minute or more a family."""

# ruff: noqa: S311 -- nothing here is secret

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from tests.bench import more_work, work
from tests.bench.traces import FAMILIES, READY, SETS, Trace, Work

#: The families register themselves.
ROOMS = (work, more_work)
#: Runs of a family in the set that is held out; their sizes are drawn between the smallest and the largest.
HELD_OUT_RUNS = 12
#: Points kept of a trace; closer ones say nothing more.
POINTS = 100


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


def drawn(name: str, work: Work) -> list[tuple[float, Random]]:
    """Draw the sizes of a family's runs that are held out, and what else is chance in each."""
    chances = [Random(f"{name} held out {number}") for number in range(HELD_OUT_RUNS)]
    return [(chance.uniform(min(work.sizes), max(work.sizes)), chance) for chance in chances]


def main(wanted: list[str]) -> int:
    """Record the families named, or all of the set."""
    held_out = "--held-out" in wanted
    names = [name for name in wanted if not name.startswith("-")]
    folder = SETS["held out" if held_out else "tuning"]
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or [name for name, found in FAMILIES.items() if held_out or not found.held_out]:
        found = FAMILIES[name]
        tuning = [(size, Random(f"{name} {number}")) for number, size in enumerate(found.sizes)]
        traces = []
        for size, chance in drawn(name, found) if held_out else tuning:
            with tempfile.TemporaryDirectory(prefix="jobd-trace-") as place:
                traces.append(record(found.steps(size, Path(place), chance)))
            print(f"{name:10} {size:6g} {traces[-1].seconds:7.2f} s {len(traces[-1].points):4} points", flush=True)
        lines = b",\n".join(msgspec.json.encode(trace) for trace in traces)
        (folder / f"{name}.json").write_bytes(b"[\n" + lines + b"\n]\n")
    return 0


if __name__ == "__main__":
    assert ROOMS
    sys.exit(main(sys.argv[1:]))
