"""The facts that a filter gives to whoever chooses an index: as many as can be had, none that may be wrong."""

import pytest

from jobd.core.filters import Facts
from jobd.core.model import FINAL, State
from jobd.core.quantities import parse_time, to_microseconds
from tests.core.filters.reading import NOW, read

FAILED, CANCELED = State.FAILED, State.CANCELED


def at(text: str) -> int:
    """Give a time in microseconds."""
    return to_microseconds(parse_time(text, NOW))


FOUND = {
    "name = a": Facts(names=frozenset("a")),
    "name in (a, b)": Facts(names=frozenset("ab")),
    "name in (a, b*)": Facts(),
    "name = a*": Facts(),
    "name != a": Facts(),
    "name:a": Facts(),
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
    "id = 5": Facts(first_id=5, last_id=5),
    "id in (7, 3)": Facts(first_id=3, last_id=7),
    "id > 3 id <= 9": Facts(first_id=4, last_id=9),
    "id >= 3 id < 9 id between 1 and 8": Facts(first_id=3, last_id=8),
    "id = 5 OR id > 7": Facts(first_id=5),
    "id != 5": Facts(),
    "id not in (5)": Facts(),
    "id not between 5 and 6": Facts(),
    "id is set": Facts(),
    "created >= 2026-11-01 created < 2026-11-03": Facts(since=at("2026-11-01"), until=at("2026-11-03")),
    "created = yesterday": Facts(since=at("yesterday"), until=at("today")),
    "created in (2026-11-01, 2026-11-05)": Facts(since=at("2026-11-01"), until=at("2026-11-06")),
    "created != yesterday": Facts(),
    "ended > -2h": Facts(),
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
