"""Recorded runs of real programs, in two sets: one that estimates were tuned with, one that only judges them.

A family is a kind of work done at several sizes, as a job of one name is. Each program ran once for each size, one
after the other, on a machine that others use, too. Its trace says at which second how much was done; the seconds end
when the program did. `python -m tests.bench.record` records them anew.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

FOLDER = Path(__file__).parents[1] / "data" / "traces"
#: Where the runs of a set lie, below the folder.
SETS = {"tuning": FOLDER, "held out": FOLDER / "held_out"}
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
