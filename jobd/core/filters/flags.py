"""The filter that the flags of a command say: `--state failed --name 'backup*'` is `state in (failed) name=backup*`."""

from collections.abc import Iterable
from datetime import datetime

from jobd.core.filters.tree import Comparison, Node
from jobd.core.model import State
from jobd.core.quantities import to_microseconds
from jobd.core.text import glob


def terms(
    states: Iterable[State], name: str | None, group: str | None, times: str, since: datetime | None,
    until: datetime | None,
) -> list[Node]:  # fmt: skip
    """Make a condition of each flag that is given; `times` is the field that since and until are about."""
    said: tuple[tuple[object, Comparison], ...] = (
        (states, Comparison("state", "in", tuple(state.value for state in states))),
        (name, _named(name or "")),
        (group, Comparison("group", "=", (group or "",))),
        (since, Comparison(times, ">=", _moment(since))),
        (until, Comparison(times, "<", _moment(until))),
    )
    return [test for value, test in said if value not in (None, ())]


def _named(name: str) -> Comparison:
    """Compare with a name, in which * and ? are wildcards, or with what stands behind a %, surely a name."""
    if name.startswith("%"):
        return Comparison("name", "=", (name[1:],))
    if "*" in name or "?" in name:
        return Comparison("name", "like", (glob(name),))
    return Comparison("name", "=", (name,))


def _moment(time: datetime | None) -> tuple[int, ...]:
    return () if time is None else (to_microseconds(time),)
