"""How a row is measured: jobd's side and its reference in turn, several rounds after a warm-up; medians and ratio.

Only ratios taken in one run count: a machine's speed drifts. A reference that is not installed is reported as missing.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.living import Living

ROUNDS = 7


class Figure(NamedTuple):
    """What came out: both medians, the goal for their ratio (without a reference for jobd's alone), what is better."""

    ours: float
    reference: float | None
    unit: str
    goal: float
    more_is_better: bool = False
    note: str = ""

    @property
    def value(self) -> float:
        """What is compared with the goal: the ratio, or the figure itself where there is no reference."""
        return self.ours / self.reference if self.reference else self.ours

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal


class Missing(Exception):
    """A reference is not installed; the text names its package."""


Measure = Callable[[], "Figure | list[Figure]"]

#: All rows by name, in the order of their definition.
ROWS: dict[str, tuple[str, Measure]] = {}


def row(name: str, what: str) -> Callable[[Measure], Measure]:
    """Register a measurement under the name of its row."""

    def register(measure: Measure) -> Measure:
        ROWS[name] = (what, measure)
        return measure

    return register


def needed(program: str, package: str) -> str:
    """Find a reference program. Raises Missing."""
    found = shutil.which(program)
    if found is None:
        raise Missing(package)
    return found


def in_turn(ours: Callable[[], float], theirs: Callable[[], float], rounds: int = ROUNDS) -> tuple[float, float]:
    """Measure both in turn after a warm-up of each; give both medians."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def wall(argv: list[str], environ: dict[str, str] | None = None, **options: object) -> float:
    """Time a whole process, in milliseconds, its output thrown away."""
    begun = time.perf_counter()
    subprocess.run(argv, env=environ, stdout=subprocess.DEVNULL, check=True, **options)  # type: ignore[call-overload]
    return (time.perf_counter() - begun) * 1e3


def python(code: str) -> list[str]:
    """Make the command line of a reference interpreter."""
    return [sys.executable, "-c", code]


def jobd(*words: str) -> list[str]:
    """Make the command line of the program: the installed script if there is one."""
    script = Path(sys.executable).with_name("jobd")
    return [str(script), *words] if script.exists() else [sys.executable, "-m", "jobd", *words]


@contextmanager
def daemon(**settings: str) -> Iterator[Living]:
    """Run a daemon in a directory of its own; settings are JOBD_* variables."""
    with TemporaryDirectory(prefix="jobd-bench-", dir="/tmp") as folder:
        os.chmod(folder, 0o700)
        living = Living(Path(folder), executed=True).start(settings)
        try:
            yield living
        finally:
            for job in living.call("list", limit=1000):
                if not job["done"] and job["argv"] is not None:
                    living.call("cancel", jobs=[str(job["id"])], grace=0)
            living.stop()


def cpu_seconds(pid: int) -> float:
    """Read the CPU time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def private_bytes(pid: int) -> int:
    """Read the memory that a process shares with nobody."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))


def resident_bytes(pid: int) -> int:
    """Read the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process of a benchmark."""
    process.send_signal(signal.SIGKILL)
    process.wait()
