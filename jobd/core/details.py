"""The details of an error: they fill its message, and travel on the wire, so that it is the same at the other end."""

import math
import string
from typing import Any

from jobd.core.text import single_line

Details = dict[str, Any]


class _Filler(string.Formatter):
    """Fill a template whatever the details are: an error must never fail to say what is wrong."""

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(key, f"({key} unknown)")

    def format_field(self, value: Any, format_spec: str) -> str:
        try:
            return str(super().format_field(value, format_spec))
        except (TypeError, ValueError):
            return str(value)


_filler = _Filler()


def fill(template: str, details: Details) -> str:
    """Put the details into a template, on one line."""
    return single_line(_filler.vformat(template, (), details))


def sendable(value: Any) -> Any:
    """Make of a value what JSON can hold; anything else becomes its text."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, dict):
        return {sendable(str(key)): sendable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [sendable(item) for item in value]
    return str(value).encode("utf-8", "backslashreplace").decode()
