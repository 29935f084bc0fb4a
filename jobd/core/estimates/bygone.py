"""What stays of completed runs that are removed: as much as an estimate of later runs of the same name can use.

The rule: the latest runs count, so only they are kept, and of their progress only as many points as show its shape.
"""

from collections.abc import Sequence

from jobd.core.estimates.past import Run

#: Runs kept of a name, and points of progress kept of a run.
MOST_RUNS, MOST_POINTS = 50, 25


def kept(earlier: Sequence[Run], later: Sequence[Run]) -> tuple[Run, ...]:
    """Add runs to those that are kept; both are in order, the newest last."""
    return (*earlier, *map(thinned, later))[-MOST_RUNS:]


def thinned(run: Run) -> Run:
    """Leave out points between others; the first and the last stay."""
    points, last = run.samples, MOST_POINTS - 1
    if len(points) <= MOST_POINTS:
        return run
    chosen = (points[place * (len(points) - 1) // last] for place in range(MOST_POINTS))
    return run._replace(samples=tuple(chosen))
