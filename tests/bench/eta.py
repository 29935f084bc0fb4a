"""Estimates of the end against real ends: recorded runs of real programs, replayed, and other ways to estimate.

An error is the distance between the estimated and the real end as a share of the whole run, averaged over evenly spread
moments of its life. No estimate, or one further off than the whole run, counts as an error of 100 %: useless. A run is
judged with those before it in its family as its history, and with others drawn by chance from all the others.

There are two sets of runs: jobd was tuned with one, and never with the one that is held out. Ten families of that are
of other kinds, eight are fresh runs of the same.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from random import Random
from statistics import fmean
from typing import NamedTuple

from jobd.core.estimates import past
from jobd.core.estimates.eta import estimate
from jobd.core.estimates.usual import Experience
from jobd.core.work.progress import NOTHING, Report, advance
from jobd.core.work.progress_record import Progress
from tests.bench.measure import Figure, row
from tests.bench.traces import SETS, Trace, families

AT = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = 40
#: The numbers of earlier runs that are judged with a goal; -1 = all the others. And those that a table shows.
JUDGED, SHOWN = (0, 5, -1), (1, 2, 3, 5, 10)
#: Histories drawn by chance, besides the runs before.
DRAWN = 2
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


class Life(NamedTuple):
    """A run lived through: its moments, and what its record says of it."""

    seconds: float
    moments: tuple[Moment, ...]
    run: past.Run


class Score(NamedTuple):
    """Mean error of each estimator, and the share of jobd's bands that held the real end."""

    errors: dict[str, float]
    covered: float

    @property
    def best(self) -> float:
        """The error of the best of the others."""
        return min(error for name, error in self.errors.items() if name != "jobd")


def by_smoothing(moment: Moment, usual: Experience | None) -> float | None:  # noqa: ARG001 -- all estimators are asked alike
    """Do as tqdm: what is left through the exponentially weighted mean of the speed."""
    return (moment.total - moment.done) / moment.speed if moment.speed else None


def by_share(moment: Moment, usual: Experience | None) -> float | None:  # noqa: ARG001 -- all estimators are asked alike
    """Take the time so far for the share done."""
    return moment.elapsed * (moment.total / moment.done - 1) if moment.done else None


def by_median(moment: Moment, usual: Experience | None) -> float | None:
    """Take the median of earlier runs."""
    return max(0.0, usual.p50 - moment.elapsed) if usual else None


OTHERS: dict[str, Callable[[Moment, Experience | None], float | None]] = {
    "tqdm": by_smoothing,
    "share": by_share,
    "median": by_median,
}


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


def lives(traces: list[Trace]) -> list[Life]:
    """Live through runs again, looking at each at evenly spread moments."""
    return [Life(trace.seconds, tuple(moments(trace)), recorded(trace)) for trace in traces]


def moments(trace: Trace) -> Iterator[Moment]:
    """Let a run report as it did, and look at it now and then."""
    progress, place, tqdm, done = NOTHING, 0, Smoothing(), 0.0
    for number in range(MOMENTS):
        elapsed = trace.seconds * (number + 0.5) / MOMENTS
        while place < len(trace.points) and trace.points[place][0] <= elapsed:
            at, done = trace.points[place]
            progress = advance(progress, Report(done=done, total=trace.total), 1, at, AT)
            tqdm.see(at, done)
            place += 1
        yield Moment(elapsed, trace.seconds - elapsed, done, trace.total, tqdm.speed, progress)


def recorded(trace: Trace) -> past.Run:
    """Give what is kept of a run when it has ended."""
    progress = NOTHING
    for at, done in trace.points:
        progress = advance(progress, Report(done=done, total=trace.total), 1, at, AT)
    return past.Run(trace.seconds, progress.samples, trace.total)


def histories(family: list[Life], number: int, earlier: int) -> Iterator[list[past.Run]]:
    """Choose so many runs as the history of one: those before it, the latest first, and some drawn by chance."""
    yield [family[number - back].run for back in range(1, earlier + 1)]
    others, chance = [life.run for life in family[:number] + family[number + 1 :]], Random(number)  # noqa: S311 -- so
    for _ in range(DRAWN if 0 < earlier < len(others) else 0):
        yield chance.sample(others, earlier)


def score(family: list[Life], earlier: int) -> Score:
    """Judge all estimators over all runs of a family, each with so many others as its history."""
    errors: dict[str, list[float]] = {name: [] for name in ("jobd", *OTHERS)}
    covered = []
    for number, life in enumerate(family):
        for usual in map(past.sum_up, histories(family, number, earlier)):
            for moment in life.moments:
                eta = estimate(moment.progress, moment.elapsed, usual)
                said = {name: other(moment, usual) for name, other in OTHERS.items()}
                for name, seconds in {"jobd": eta.seconds if eta else None, **said}.items():
                    error = 1.0 if seconds is None else abs(seconds - moment.left) / life.seconds
                    errors[name].append(min(1.0, error))
                if eta:
                    covered.append(eta.low <= moment.left <= eta.high)
    return Score({name: fmean(values) for name, values in errors.items()}, fmean(covered))


@cache
def scores(wanted: str) -> dict[tuple[str, int], Score]:
    """Judge all families of a set with all numbers of earlier runs; -1 = with all the others."""
    found = {}
    for name, traces in families(wanted).items():
        family = lives(traces)
        for earlier in {*JUDGED, *SHOWN}:
            found[name, earlier] = score(family, min(earlier, len(family) - 1) if earlier >= 0 else len(family) - 1)
    return found


def show(wanted: str) -> None:
    """Print the errors of all for each family, and a table of errors and bands by the number of earlier runs."""
    found = scores(wanted)
    names = list(dict.fromkeys(name for name, _ in found))
    print(f"     {wanted}: error of the end as a share of the run, and how many of the bands of 80 % held it")
    for name in names:
        for earlier in JUDGED:
            errors, covered = found[name, earlier]
            shown = "  ".join(f"{other} {error:6.1%}" for other, error in errors.items())
            print(f"     {name:9} {history(earlier):15} {shown}  in band {covered:4.0%}", flush=True)
    columns = (0, *SHOWN)
    print(f"     {wanted}: error of jobd / of the best other, and in band, by the number of earlier runs")
    print(" " * 14 + "".join(f"{earlier:>21}" for earlier in columns))
    for name in names:
        cells = [found[name, earlier] for earlier in columns]
        print(
            f"     {name:9}" + "".join(f"{one.errors['jobd']:8.1%} /{one.best:6.1%}{one.covered:5.0%}" for one in cells)
        )
    means = [[found[name, earlier] for name in names] for earlier in columns]
    print(
        "     mean     "
        + "".join(
            f"{fmean(one.errors['jobd'] / one.best for one in some):16.2f}{fmean(one.covered for one in some):5.0%}"
            for some in means
        ),
        flush=True,
    )


def history(earlier: int) -> str:
    """Say how many earlier runs there are."""
    return f"{earlier} earlier runs" if earlier >= 0 else "all other runs"


@row("ETA", "error of the end of recorded runs, against the best of tqdm's smoothing, elapsed/fraction, usual median")
def estimates() -> list[Figure]:
    """Give jobd's error against the best other's, and its bands, for each family of both sets."""
    figures = []
    for wanted in SETS:
        show(wanted)
        for (name, earlier), one in scores(wanted).items():
            if earlier in JUDGED:
                note = f"{wanted}, {name}, {history(earlier)}"
                figures.append(Figure(one.errors["jobd"] * 100, one.best * 100, "% off", 1.0, note=note))
                missed, note = abs(one.covered - BAND) * 100, f"{one.covered:.0%} in the band of {BAND:.0%}, {note}"
                figures += [Figure(missed, None, "points", 5, note=note)] if earlier else []
    return figures
