"""A loop of Python that says how far it is."""

import io
import os
import time
from collections.abc import Iterable
from tempfile import NamedTemporaryFile

import jobd
from tests.bench.measure import Figure, Missing, in_turn, row

TURNS = 1_000_000


@row("P22", "jobd.track, what it adds to a turn of a loop, against tqdm")
def looping() -> Figure:
    """Go through a range, plain, tracked for a job, and with tqdm; subtract the plain loop."""
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
    return Figure(ours, theirs, "ns", 0.6)


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
