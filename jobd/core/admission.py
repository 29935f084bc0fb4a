"""What a message may not carry although its type allows it.

A system call would refuse NUL bytes, base64 that is none and impossible variables long after the job was accepted.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from jobd.core.model import Surroundings
from jobd.core.text import Base64, raw

#: All variables of a job together, in bytes: an eighth of what Linux takes for arguments and environment by default.
LARGEST_ENVIRONMENT = 256 << 10


def flaws(value: Any, where: str = "") -> Iterator[str]:
    """Walk a decoded value and say of each flaw where it is and what is wrong, one line each."""
    if isinstance(value, str):
        if "\0" in value:
            yield f"{where}: must not contain a NUL byte"
    elif isinstance(value, Base64):
        yield from _flaws_of_bytes(value, where)
    else:
        for place, part in _parts(value, where):
            yield from flaws(part, place)
        if isinstance(value, Surroundings):
            yield from _flaws_of_variables(value, where)


def _parts(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield f"{where}.{name}" if where else name, getattr(value, name)
    elif isinstance(value, tuple | list):
        for number, element in enumerate(value):
            yield f"{where}[{number}]", element
    elif isinstance(value, dict):
        for key, element in value.items():
            yield f"a key of {where}", key
            yield f"{where}[{key!r:.50}]", element


def _flaws_of_bytes(value: Base64, where: str) -> Iterator[str]:
    try:
        if b"\0" in raw(value):
            yield f"{where}: must not contain a NUL byte"
    except ValueError as error:
        yield f"{where}: {error}"


def _flaws_of_variables(surroundings: Surroundings, where: str) -> Iterator[str]:
    size = 0
    for number, variable in enumerate(surroundings.environment):
        try:
            text = raw(variable)
        except ValueError:
            continue
        size += len(text) + 1
        if text.find(b"=") < 1:
            yield f"{where}.environment[{number}]: must be NAME=value, with a name"
    if size > LARGEST_ENVIRONMENT:
        yield f"{where}.environment: has {size} bytes, the most is {LARGEST_ENVIRONMENT}"
