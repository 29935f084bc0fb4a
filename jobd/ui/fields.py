"""Fields of a document: picked for `--json=id,state`, filled in for `--format '{id} {state}'`.

A document is what a command would print as JSON, as plain values. Names go down by dots (`progress.fraction`) and reach
nothing but what the document holds; what it leaves out is null. Which names there can be is told by the type of record.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from jobd.ui.terminal_text import field

if TYPE_CHECKING:
    from msgspec import inspect

#: A doubled brace stands for itself; a single one that opens no name is an error.
TOKENS = r"(\{\{|\}\}|\{[^{}]*\}|[{}])"
NAME = r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*"


class Template:
    """A line to be filled in for each document: `{id} {progress.fraction}`; `{{` and `}}` are braces.

    Raises ValueError for a brace that does not close, or anything but a name between two.
    """

    def __init__(self, text: str) -> None:
        #: Text at the even places, names at the odd ones.
        self._parts = [""]
        for place, token in enumerate(re.split(TOKENS, text)):
            if place % 2 and token not in {"{{", "}}"}:
                self._parts += [_name(token), ""]
            else:
                self._parts[-1] += token[0] if place % 2 else token

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that are filled in."""
        return tuple(self._parts[1::2])

    def fill(self, document: object) -> str:
        """Give the line for a document: text as one harmless line, null as nothing, other values as in JSON."""
        return "".join(_text(reach(document, part)) if place % 2 else part for place, part in enumerate(self._parts))


def reach(document: object, name: str) -> object:
    """Get the value of a field by its dotted name; None if the document leaves it out."""
    value = document
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def missing(kind: type, name: str) -> tuple[str, tuple[str, ...]] | None:
    """Find the step of a dotted name that no record of a kind has, and the fields there are in its place."""
    from msgspec import inspect

    places = [inspect.type_info(kind)]
    for step in name.split("."):
        known: dict[str, list[inspect.Type]] = {}
        values: list[inspect.Type] = []
        for place in _whole(places):
            if isinstance(place, inspect.StructType):
                for part in place.fields:
                    known.setdefault(part.encode_name, []).append(part.type)
                if place.tag_field is not None:
                    known.setdefault(place.tag_field, [])
            elif isinstance(place, inspect.DictType):
                values.append(place.value_type)
        places = known.get(step, []) + values
        if step not in known and not values:
            return step, tuple(known)
    return None


def _whole(places: "Iterable[inspect.Type]") -> "Iterator[inspect.Type]":
    """Take unions apart."""
    for place in places:
        yield from getattr(place, "types", (place,))


def pick(document: object, names: Iterable[str]) -> dict[str, object]:
    """Keep the named fields of a document, each where it stands: `progress.fraction` is in `progress` still."""
    wanted: dict[str, list[str]] = {}
    for name in names:
        head, _, rest = name.partition(".")
        wanted.setdefault(head, []).append(rest)
    picked: dict[str, object] = {}
    for head, below in wanted.items():
        value = reach(document, head)
        picked[head] = value if value is None or "" in below else pick(value, below)
    return picked


def split_names(text: str) -> list[str]:
    """Read `id,state, progress.fraction`. Raises ValueError for what cannot be a field."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        _name(f"{{{name}}}")
    if not names:
        raise ValueError("no field is named; write for instance id,state")
    return names


def _name(token: str) -> str:
    """Take the name out of its braces."""
    if re.fullmatch(NAME, token[1:-1]) and token[0] == "{":
        return token[1:-1]
    if len(token) == 1:
        raise ValueError(f"{token!r} stands alone; a field is {{id}}, a brace is {token * 2}")
    raise ValueError(f"{token[1:-1]!r} is no field; write a name such as {{id}} or {{progress.fraction}}")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return field(value)
    import msgspec

    return msgspec.json.encode(value).decode()
