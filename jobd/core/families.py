"""Parents and children: a job may be a part of another, and its progress a part of that one's.

A job says whose child it is when it comes into being, and of a job that is there; so an id is always larger than that
of its parent, and nobody is his own ancestor. Children count from when their parent was last run again. A child that is
over counts as done, however it ended. What a parent says itself goes before its children (`progress.py`); when it ends,
its count of them stays as it is, and they go on.
"""

from datetime import datetime
from typing import NamedTuple

from jobd.core import clocks
from jobd.core.events.happening import Event
from jobd.core.events.observations import ChildrenCounted
from jobd.core.model import FINAL, Job, Moment, State
from jobd.core.work.children import Children


class Standing(NamedTuple):
    """What is counted of a child: its state, its weight, and how much of that is behind it."""

    state: State
    weight: float
    reached: float


def standing(state: State, weight: float, fraction: float | None) -> Standing:
    """Say what is counted of a child."""
    return Standing(state, weight, weight if state in FINAL else weight * (fraction or 0.0))


def counts(parent: Job, born: datetime) -> bool:
    """Whether a child that came into being then is counted: by a parent that has not ended, since it was last run."""
    return not parent.done and (parent.renewed_at is None or born >= parent.renewed_at)


def counted(parent: Job, children: Children, now: Moment) -> list[Event]:
    """Note the count of a job's children, if it is news."""
    if parent.done or children == (parent.progress.children or Children()):
        return []
    return [ChildrenCounted(children=children, elapsed=clocks.worked(parent, now))]
