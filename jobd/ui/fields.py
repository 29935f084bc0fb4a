"""Fields of a document: picked for `--json=id,state`, filled in for `--format '{id} {state}'`.

A document is what a command would print as JSON, as plain values. Names go down by dots (`progress.fraction`) and reach
nothing but what the document holds. Below a null there are only nulls.
"""

import re
from collections.abc import Iterable, Mapping

from jobd.ui.terminal_text import field

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
        """Give the line for a document: text as one harmless line, null as nothing, other values as in JSON.

        Raises ValueError for a field the document does not have.
        """
        return "".join(_text(reach(document, part)) if place % 2 else part for place, part in enumerate(self._parts))


def reach(document: object, name: str) -> object:
    """Get the value of a field by its dotted name. Raises ValueError, naming the fields there are."""
    value = document
    for step in name.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping) or step not in value:
            known = (
                f"there are: {', '.join(value)}" if isinstance(value, Mapping) else f"nothing is below {value!r:.60}"
            )
            raise ValueError(f"no field {name!r}; {known}")
        value = value[step]
    return value


def pick(document: object, names: Iterable[str]) -> dict[str, object]:
    """Keep the named fields of a document, each where it stands: `progress.fraction` is in `progress` still.

    Raises ValueError for a field the document does not have.
    """
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
