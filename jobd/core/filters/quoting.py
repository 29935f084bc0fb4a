"""Texts written so that `scanning.py` reads them as the same: the other direction of its pieces."""

import re
from collections.abc import Iterable

from jobd.core.filters.scanning import WILDCARDS

_BARE = re.compile(r"[A-Za-z0-9_./:%+@-]+")
_ALWAYS = '\\"'
_CONTROLS = {"\n": "\\n", "\t": "\\t"}


def quote(text: str) -> str:
    """Write a text in quotes."""
    return _quoted(_escaped(sign, _ALWAYS) for sign in text)


def write_value(text: str, *, literally: bool = False) -> str:
    """Write a value, bare where that is possible; where wildcards are read, `literally` takes their meaning away."""
    if _BARE.fullmatch(text) and text.lower() != "null":
        return text
    special = _ALWAYS + WILDCARDS if literally else _ALWAYS
    return _quoted(_escaped(sign, special) for sign in text)


def write_pattern(pattern: str) -> str:
    """Write a pattern with wildcards."""
    parts = re.findall(r"\[([*?[])\]|(.)", pattern, re.DOTALL)
    return _quoted(_escaped(literal, _ALWAYS + WILDCARDS) or _escaped(sign, _ALWAYS) for literal, sign in parts)


def write_regex(regex: str) -> str:
    """Write a regular expression; its backslashes are its own."""
    return _quoted('\\"' if sign == '"' else sign for sign in regex)


def _quoted(parts: Iterable[str]) -> str:
    return f'"{"".join(parts)}"'


def _escaped(sign: str, special: str) -> str:
    return f"\\{sign}" if sign and sign in special else _CONTROLS.get(sign, sign)
