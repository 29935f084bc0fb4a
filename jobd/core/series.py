"""Bounded series of points in time: the shape of all that was is kept, evenly, in less and less detail."""

from typing import Protocol, TypeVar

#: Points kept in a series; thinning halves it.
LONGEST = 100
#: The closest that points may come, in shares of the distance they would have if the series were full and even.
CLOSEST = 1.5


class Timed(Protocol):
    """A point of a series: it knows its time in seconds into the attempt."""

    @property
    def elapsed(self) -> float:
        """Seconds into the attempt."""


AnyPoint = TypeVar("AnyPoint")
Point = TypeVar("Point", bound=Timed)


def thin(points: tuple[AnyPoint, ...], longest: int = LONGEST) -> tuple[AnyPoint, ...]:
    """Keep a series bounded: when it is full every second point goes, the first and the latest stay."""
    if len(points) <= longest:
        return points
    return (*points[:-1][::2], points[-1])


def extend(points: tuple[Point, ...], point: Point, longest: int = LONGEST) -> tuple[Point, ...]:
    """Add the latest point; it takes the place of the last one if that is close to the one before it.

    A point from before the last is left out. The first and the latest are always there.
    """
    if not points:
        return (point,)
    last = points[-1].elapsed
    if point.elapsed < last:
        return points
    if len(points) > 1 and (last - points[-2].elapsed) * longest < CLOSEST * (point.elapsed - points[0].elapsed):
        return (*points[:-1], point)
    return thin((*points, point), longest)
