"""The pages of the tables: every state, event, method, error and record is told, in words that are right."""

import re
import shutil
import subprocess
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
import pytest

from jobd import wire
from jobd.core.errors import every
from jobd.core.events.catalogue import Event, leaves
from jobd.core.model import State
from jobd.core.states import TABLE
from jobd.manual import reference, shapes
from jobd.manual.protocol import concrete, protocol_page
from jobd.manual.reference import events_page, states_page


class Color(StrEnum):
    """A color."""

    RED = "red"  #: like blood
    BLUE = "blue"  #: like the sky


class Point(NamedTuple):
    """A point."""

    x: float
    y: float


class Thing(msgspec.Struct, frozen=True):
    """Something."""

    color: Color
    points: tuple[Point, ...] = ()
    name: str | None = None


class Fruit(msgspec.Struct, frozen=True, tag=True):
    """What grows."""


class Apple(Fruit, frozen=True, tag=True):
    """A fruit."""

    weight: Annotated[int, msgspec.Meta(ge=0)]


class Pear(Fruit, frozen=True, tag=True):
    """Another one."""

    basket: Thing


class Told(msgspec.Struct, frozen=True):
    """Something with a meaning."""

    told: int  #: what it means


class Bare(Told, frozen=True):
    """Something of which one part has none."""

    more: str = "#: none"  #: of the one below
    untold: int = 0


class Look(wire.Read[tuple[Thing, ...]], frozen=True, kw_only=True):
    """Look at things carefully.

    They do not change.
    """

    method: ClassVar = "look"

    kind: Literal["a", "b"] = "a"
    at: datetime


class Change(wire.Mutation[dict[str, int]], frozen=True):
    """Change things."""

    method: ClassVar = "change"


class Follow(wire.Stream[Apple | Pear], frozen=True):
    """Follow fruit."""

    method: ClassVar = "fruit.follow"


class Answer(msgspec.Struct, frozen=True, tag="yes", tag_field="type"):
    """Something that says what it is."""

    why: str


KINDS: list[type[wire.Request[Any]]] = [Look, Change, Follow]
PAGES = {"states": states_page(), "events": events_page(), "protocol": protocol_page(KINDS)}


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_correct_mdoc(name: str) -> None:
    """Mandoc has nothing to warn of."""
    run = ["mandoc", "-T", "lint", "-W", "warning"]
    assert subprocess.run(run, input=PAGES[name], capture_output=True, text=True, check=False).stdout == ""


@pytest.mark.parametrize("state", State)
def test_every_state_is_told_with_its_events(state: State) -> None:
    """Each state has its meaning, where it leads to, and nothing that cannot happen in it."""
    text = PAGES["states"]
    part = text.partition(f".It Cm {state}\n")[2].partition("\n.It ")[0].partition("\n.Sh ")[0]
    assert part
    for event, row in TABLE.items():
        assert (f".Ql {event.title()}\n" in part or f".Ql {event.title()} " in part) == (state in row), event
    for after in {row[state] for row in TABLE.values() if state in row} - {state, None}:
        assert f"leads to {after}" in part


@pytest.mark.parametrize("event", leaves(), ids=lambda event: event.title())
def test_every_event_is_told_with_its_fields(event: type[Event]) -> None:
    """Each kind of event has its meaning, its severity, whether it is frequent, and its own fields with theirs."""
    text = PAGES["events"].replace("\n", " ")
    part = text.partition(f" .It Cm {event.title()} ")[2].partition(" .It Cm")[0].partition(" .Sh")[0]
    assert f"Severity: {event.severity}." in part
    assert ("It comes often" in part) == event.frequent
    own = [name for name in event.__struct_fields__ if name not in Event.__struct_fields__]
    told = re.findall(r"\.It Va (\S+) \([^)]+\) [A-Z][^.]+\.", part)
    assert told == own


@pytest.mark.parametrize("event", leaves(), ids=lambda event: event.title())
def test_every_event_is_told_with_what_it_does_to_states(event: type[Event]) -> None:
    """What the table says, and nothing else: each state before is named once, with the state after."""
    text = PAGES["events"].replace("\n", " ")
    part = text.partition(f" .It Cm {event.title()} ")[2].partition("State: ")[2].partition(". .")[0]
    found: dict[str, str] = {}
    for said in part.rstrip(".").split("; "):
        befores, verb, after = re.fullmatch(r"(.+?) (is|becomes|stays|no longer,)(.*)", said).groups()  # type: ignore[union-attr]
        for before in list(State) if befores == "any" else re.split(", | or ", befores):
            found[before] = {"stays": str(before), "no longer,": "None"}.get(verb, after.strip())
    wanted = {"a new job" if before is None else str(before): str(after) for before, after in TABLE[event].items()}
    assert found == wanted


def test_a_field_without_a_meaning_is_found_out() -> None:
    """Whoever adds one says beside it what it means."""
    assert shapes.meanings(Bare) == {"told": "what it means", "more": "of the one below"}
    with pytest.raises(LookupError, match=r"Bare\.untold: say beside it what it means"):
        reference._fields(Bare)


def test_every_error_is_told_with_its_code() -> None:
    """A client in another language finds all reasons and codes."""
    text = PAGES["protocol"]
    for error in concrete():
        assert f".It Er {error.reason()} Pq {error.code}\n" in text
    assert {error for error in every() if not error.__subclasses__()} == set(concrete())
    assert "{" not in text.partition(".Sh ERROR CODES")[2].partition(".Sh EXAMPLES")[0]


METHODS = """
.It Cm look
Look at things carefully.
It only reads.
They do not change.
Parameters: [kind: "a" or "b"]; at: time.
Result: array of Thing.
.It Cm change
Change things.
It changes something, and is answered when the change is on disk.
Parameters: [request_id: string or null].
Result: object of integer.
.It Cm fruit.follow
Follow fruit.
It is a stream of items.
Parameters: No fields.
Item: Fruit.
.It Va Apple
A fruit.
weight: integer.
.It Va Color
One of red, blue.
.It Va Thing
color: Color; [points: array of [x: number, y: number]]; [name: string or null].
"""


@pytest.mark.parametrize("line", METHODS.strip().splitlines())
def test_methods_are_told_from_their_types(line: str) -> None:
    """Each request has its sentence, its promise, its parameters and its result; the records they lead to follow."""
    assert line in " ".join(PAGES["protocol"].split())


def test_limits_are_those_of_the_wire() -> None:
    """Numbers in the page come from the code."""
    text = " ".join(PAGES["protocol"].split())
    for limit in (wire.LONGEST_LINE, wire.MOST_ELEMENTS, wire.MOST_UNANSWERED, int(wire.LINE_TIME)):
        assert f" {limit} " in text


def test_words_of_a_choice_are_read_from_beside_them() -> None:
    """What is written beside the words of a choice is their meaning."""
    assert shapes.documented(Color) == {"red": "like blood", "blue": "like the sky"}
    assert shapes.documented(State).keys() == set(State)


def test_records_are_found_through_everything() -> None:
    """Records inside tuples, unions and other records are found, each once."""
    assert shapes.named([Follow.result_type(), dict[str, list[Thing]]]) == [Apple, Color, Pear, Thing]


def test_defaults_are_seen() -> None:
    """What may be left out is known from its default."""
    found = {shape.name: shape.default for shape in shapes.fields(Thing)}
    assert found == {"color": None, "points": "[]", "name": "null"}


def test_a_record_that_says_what_it_is() -> None:
    """Its word is told first."""
    assert shapes.told(Answer) == 'type: "yes"; why: string.'


def test_what_is_no_record_has_no_fields() -> None:
    """Asking for the fields of something else is a mistake in the program."""
    with pytest.raises(TypeError, match="is no record"):
        shapes.fields(int)  # type: ignore[type-var]
