"""Estimates of the end against real ends: recorded runs of real programs, replayed, and other ways to estimate.

An error is the distance between the estimated and the real end as a share of the whole run, averaged over evenly spread
moments of its life. No estimate, or one further off than the whole run, counts as an error of 100 %: useless. A run is
judged with the others of its family as history, or with the five before it, or with none.
"""

import statistics
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from jobd.core import past
from jobd.core.eta import estimate
from jobd.core.progress import NOTHING, Report, advance
from jobd.core.progress_record import Progress
from jobd.core.usual import Usual
from tests.bench.measure import Figure, row
from tests.bench.traces import FOLDER, Trace, families

AT = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = 40
FEW = 5
#: The least seconds between two updates of tqdm's speed, and the weight of the latest (its defaults).
TQDM_INTERVAL, TQDM_SMOOTHING = 0.1, 0.3
#: The share of real ends that a band should hold.
BAND = 0.8


class Moment(NamedTuple):
    """What is known at some second of a run."""

    elapsed: float
    left: float
    done: float
    total: float
    speed: float | None
    progress: Progress
    usual: Usual | None


class Score(NamedTuple):
    """Mean error of each estimator, and the share of jobd's bands that held the real end."""

    errors: dict[str, float]
    covered: float


def by_jobd(moment: Moment) -> float | None:
    """Ask jobd."""
    eta = estimate(moment.progress, moment.elapsed, moment.usual)
    return eta.seconds if eta else None


def by_smoothing(moment: Moment) -> float | None:
    """Do as tqdm: what is left through the exponentially weighted mean of the speed."""
    return (moment.total - moment.done) / moment.speed if moment.speed else None


def by_share(moment: Moment) -> float | None:
    """Take the time so far for the share done."""
    return moment.elapsed * (moment.total / moment.done - 1) if moment.done else None


def by_median(moment: Moment) -> float | None:
    """Take the median of earlier runs."""
    return max(0.0, moment.usual.p50 - moment.elapsed) if moment.usual else None


ESTIMATORS: dict[str, Callable[[Moment], float | None]] = {
    "jobd": by_jobd,
    "tqdm": by_smoothing,
    "share": by_share,
    "median": by_median,
}


def _families() -> dict[str, list[Trace]]:
    """Read the recorded runs by family."""
    files = sorted(FOLDER.glob("*.json"))
    return {file.stem: msgspec.json.decode(file.read_bytes(), type=list[Trace]) for file in files}


def replay(trace: Trace, usual: Usual | None) -> Iterator[Moment]:
    """Live through a run again, looking at it at evenly spread moments."""
    progress, points, place, tqdm, done = NOTHING, trace.points, 0, Smoothing(), 0.0
    for number in range(MOMENTS):
        elapsed = trace.seconds * (number + 0.5) / MOMENTS
        while place < len(points) and points[place][0] <= elapsed:
            at, done = points[place]
            progress = advance(progress, Report(done=done, total=trace.total), 1, at, AT)
            tqdm.see(at, done)
            place += 1
        yield Moment(elapsed, trace.seconds - elapsed, done, trace.total, tqdm.speed, progress, usual)


class Smoothing:
    """tqdm's mean of the speed: exponentially weighted amounts through exponentially weighted times."""

    def __init__(self) -> None:
        self.at = self.done = self.amounts = self.times = 0.0

    def see(self, at: float, done: float) -> None:
        """Take a number in, unless the last one was just before."""
        if at - self.at >= TQDM_INTERVAL:
            self.amounts += TQDM_SMOOTHING * (done - self.done - self.amounts)
            self.times += TQDM_SMOOTHING * (at - self.at - self.times)
            self.at, self.done = at, done

    @property
    def speed(self) -> float | None:
        """Units a second; None before the first."""
        return self.amounts / self.times if self.times and self.amounts else None


def usual_of(traces: list[Trace]) -> Usual | None:
    """Sum up runs as the daemon does."""
    runs = []
    for trace in traces:
        *_, last = replay(trace, None)
        runs.append(past.Run(trace.seconds, last.progress.samples, trace.total))
    return past.sum_up(runs)


def score(traces: list[Trace], earlier: int) -> Score:
    """Judge all estimators over all runs of a family, each with so many others as its history."""
    errors: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    covered = []
    for number, trace in enumerate(traces):
        others = [traces[number - back] for back in range(1, earlier + 1)]
        for moment in replay(trace, usual_of(others)):
            for name, estimator in ESTIMATORS.items():
                seconds = estimator(moment)
                error = 1.0 if seconds is None else abs(seconds - moment.left) / trace.seconds
                errors[name].append(min(1.0, error))
            eta = estimate(moment.progress, moment.elapsed, moment.usual)
            if eta:
                covered.append(eta.low <= moment.left <= eta.high)
    return Score({name: statistics.fmean(values) for name, values in errors.items()}, statistics.fmean(covered))


@row("ETA", "error of the end of recorded runs, against the best of tqdm's smoothing, elapsed/fraction, usual median")
def estimates() -> list[Figure]:
    """Print the errors of all for each family, without history and with it; give jobd's against the best other's."""
    figures = []
    for name, traces in families().items():
        for earlier in (0, FEW, len(traces) - 1):
            errors, covered = score(traces, earlier)
            best = min(error for other, error in errors.items() if other != "jobd")
            shown = "  ".join(f"{other} {error:6.1%}" for other, error in errors.items())
            print(f"     {name:10} {earlier:2} earlier runs: {shown}  in band {covered:4.0%}", flush=True)
            note = f"{name}, {earlier} earlier runs"
            figures.append(Figure(errors["jobd"] * 100, best * 100, "% off", 1.0, note=note))
            if earlier >= FEW:
                missed = abs(covered - BAND) * 100
                figures.append(
                    Figure(missed, None, "points", 5, note=f"{covered:.0%} in the band of {BAND:.0%}, {note}")
                )
    return figures
