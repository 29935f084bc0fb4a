"""The facts that a filter gives to whoever chooses an index: as many as can be had, none that may be wrong."""

import pytest

from jobd.core.history.searching import Facts, Field, Range
from jobd.core.model import FINAL, State
from jobd.core.quantities import parse_time, to_microseconds
from tests.core.filters.reading import NOW, read

FAILED, CANCELED = State.FAILED, State.CANCELED


def at(text: str) -> int:
    """Give a time in microseconds."""
    return to_microseconds(parse_time(text, NOW))


def ids(low: int | None, high: int | None) -> Facts:
    """Say that the ids are from one to another."""
    return Facts(ranges={Field.ID: Range(low, high)})


def created(since: str, until: str) -> Facts:
    """Say when the jobs were created; just before the second time at the latest."""
    return Facts(ranges={Field.CREATED: Range(at(since), at(until) - 1)})


FOUND = {
    "name = a": Facts(names=frozenset("a")),
    "name in (a, b)": Facts(names=frozenset("ab")),
    "name in (a, b*)": Facts(),
    "name = a*": Facts(words=("a",)),
    "name = A?b*[c": Facts(words=("a", "b", "c")),
    'name ^= Ab name $= "c d" name *= E': Facts(words=("ab", "c d", "e")),
    "message = a*": Facts(),
    "name != a": Facts(),
    "name:aB": Facts(words=("ab",)),
    "name !~ a": Facts(),
    "name=a name=b": Facts(names=frozenset()),
    "name in (a, b) name in (b, c)": Facts(names=frozenset("b")),
    "name=a OR name=b": Facts(names=frozenset("ab")),
    "name=a OR id=3": Facts(),
    "NOT name=a": Facts(),
    "state = failed": Facts(states=frozenset({FAILED})),
    "state != failed state != canceled": Facts(states=frozenset(State) - {FAILED, CANCELED}),
    "@ended": Facts(states=FINAL),
    "@active": Facts(states=frozenset(State) - FINAL),
    "@failed OR @canceled": Facts(states=frozenset({FAILED, CANCELED, State.CANCELING})),
    "group=night (name=a OR name=b)": Facts(groups=frozenset({"night"}), names=frozenset("ab")),
    "id = 5": ids(5, 5),
    "id in (7, 3)": ids(3, 7),
    "id > 3 id <= 9": ids(4, 9),
    "id >= 3 id < 9 id between 1 and 8": ids(3, 8),
    "id = 5 OR id > 7": ids(5, None),
    "id != 5": Facts(),
    "id not in (5)": Facts(),
    "id not between 5 and 6": Facts(),
    "id is set": Facts(),
    "created >= 2026-11-01 created < 2026-11-03": created("2026-11-01", "2026-11-03"),
    "created = yesterday": created("yesterday", "today"),
    "created in (2026-11-01, 2026-11-05)": created("2026-11-01", "2026-11-06"),
    "created != yesterday": Facts(),
    "ended >= -2h": Facts(ranges={Field.ENDED: Range(at("-2h"), None)}),
    "duration > 5s memory < 1k": Facts(ranges={Field.DURATION: Range(5.0, None), Field.MEMORY: Range(None, 1023)}),
    "cpu between 1s and 2s OR cpu in (9s, 4s)": Facts(ranges={Field.CPU: Range(1.0, 9.0)}),
    "cpu > 1s OR cpu < 1s": Facts(),
    "cpu > 1s OR wait > 1s": Facts(),
    'Disk "full Of" -x': Facts(words=("disk", "full of")),
    "disk disk": Facts(words=("disk",)),
    "(a b) OR (b c)": Facts(words=("b",)),
    "a (b OR c) name=n": Facts(words=("a",), names=frozenset("n")),
    "NOT (a b)": Facts(),
}


@pytest.mark.parametrize(("text", "facts"), FOUND.items())
def test_facts(text: str, facts: Facts) -> None:
    """What holds for all that is meant, and nothing else."""
    assert read(text).facts == facts
