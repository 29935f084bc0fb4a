"""The filter that the flags of a command say: `--state failed --name 'backup*'` is `state in (failed) name=backup*`."""

from collections.abc import Iterable
from datetime import datetime

from jobd.core.filters.tree import Comparison, Node
from jobd.core.model import State
from jobd.core.quantities import to_microseconds


def terms(
    states: Iterable[State], name: str | None, group: str | None, since: datetime | None, until: datetime | None
) -> list[Node]:
    """Make a condition of each flag that is given; the times are those of the creation."""
    said: tuple[tuple[object, Comparison], ...] = (
        (states, Comparison("state", "in", tuple(state.value for state in states))),
        (name, _named(name or "")),
        (group, Comparison("group", "=", (group or "",))),
        (since, Comparison("created", ">=", _moment(since))),
        (until, Comparison("created", "<", _moment(until))),
    )
    return [test for value, test in said if value not in (None, ())]


def _named(name: str) -> Comparison:
    """Compare with a name, in which * and ? are wildcards."""
    if "*" in name or "?" in name:
        return Comparison("name", "like", (name.replace("[", "[[]"),))
    return Comparison("name", "=", (name,))


def _moment(time: datetime | None) -> tuple[int, ...]:
    return () if time is None else (to_microseconds(time),)
