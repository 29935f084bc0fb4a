"""The description of the protocol for programs says what the types say, and follows OpenRPC."""

import re
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from msgspec import Meta

from jobd import commands, wire
from jobd.core.errors import every
from jobd.openrpc import discover, kind_of

DOCUMENT = discover(commands.every())
METHODS: dict[str, dict[str, Any]] = {method["name"]: method for method in DOCUMENT["methods"]}


class Point(msgspec.Struct, frozen=True):
    """A place."""

    x: int


class Walk(wire.Stream[Point], frozen=True, kw_only=True):
    """Walk somewhere.

    Step by step,
    until there.
    """

    method: ClassVar = "walk"
    speed: Annotated[int, Meta(ge=1)] = 1
    to: Point


class Jump(wire.Mutation[int], frozen=True):
    """Jump."""

    method: ClassVar = "jump"


def test_a_method_is_described() -> None:
    """Sentences, parameters (those that must be given first), results and items come from the type."""
    document = discover([Walk, Jump])
    jump, walk = document["methods"]
    assert jump["name"] == "jump"
    assert jump["summary"] == "Jump."
    assert "description" not in jump
    assert [parameter["name"] for parameter in jump["params"]] == ["request_id"]
    assert jump["result"] == {"name": "result", "schema": {"type": "integer"}}
    assert (jump["x-kind"], jump["x-stream"]) == ("mutation", False)
    assert (walk["summary"], walk["description"]) == ("Walk somewhere.", "Step by step,\nuntil there.")
    assert walk["params"] == [
        {"name": "to", "required": True, "schema": {"$ref": "#/components/schemas/Point"}},
        {"name": "speed", "required": False, "schema": {"type": "integer", "minimum": 1, "default": 1}},
    ]
    assert walk["result"]["schema"] == {"type": "null"}
    assert walk["x-item"]["schema"] == {"$ref": "#/components/schemas/Point"}
    assert (walk["x-kind"], walk["x-stream"]) == ("stream", True)
    assert list(document["components"]["schemas"]) == ["Point"]


@pytest.mark.parametrize("kind", commands.every(), ids=lambda kind: kind.method)
def test_every_method_is_in_it(kind: type[wire.Request[Any]]) -> None:
    """All methods are there with all their parameters."""
    method = METHODS[kind.method]
    assert {parameter["name"] for parameter in method["params"]} == set(kind.__struct_fields__)
    assert method["paramStructure"] == "by-name"
    assert method["x-stream"] == issubclass(kind, wire.Stream) == ("x-item" in method)
    assert method["x-kind"] == kind_of(kind)
    assert method["summary"].endswith(".")
    required = [parameter["required"] for parameter in method["params"]]
    assert required == sorted(required, reverse=True)


def test_it_is_complete() -> None:
    """It can be sent, has what OpenRPC demands, and each reference leads somewhere."""
    text = msgspec.json.encode(DOCUMENT).decode()
    assert DOCUMENT["openrpc"].startswith("1.3.")
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert referred == set(DOCUMENT["components"]["schemas"])
    assert sorted(METHODS) == [method["name"] for method in DOCUMENT["methods"]]


def test_every_error_is_in_it() -> None:
    """Code, message, hint and exit status of all errors, by their reasons."""
    errors = DOCUMENT["components"]["errors"]
    assert set(errors) == {error.reason() for error in every()}
    assert errors["JOB_NOT_FOUND"]["code"] == 201
    assert errors["JOB_NOT_FOUND"]["message"] == "no job {job}; the newest is {newest}"
    assert errors["JOB_NOT_FOUND"]["x-exit-status"] == 66
