"""Bounded series of points: old shape survives, in less detail."""

from typing import TypeVar

#: Points kept in a series; thinning halves it, so between 50 and 100 are there.
LONGEST = 100

Point = TypeVar("Point")


def thin(points: tuple[Point, ...], longest: int = LONGEST) -> tuple[Point, ...]:
    """Keep a series bounded: when it is full every second point goes, the first and the latest stay."""
    if len(points) <= longest:
        return points
    return (*points[:-1][::2], points[-1])
