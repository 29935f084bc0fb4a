"""Bytes in JSON without loss: text where the bytes are UTF-8, {"b64": …} where they are not.

Nothing here raises but ValueError, and nothing is ever dropped: what cannot be shown becomes a backslash escape.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class Base64(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Bytes that are not UTF-8, as base64 (RFC 4648, section 4)."""

    b64: str


class Place(NamedTuple):
    """A part of a text, in characters: from `start` up to `end`."""

    text: str
    start: int
    end: int


#: An argument, a path or a variable: any bytes without NUL.
Lossless = str | Base64


def lossless(raw: bytes | str) -> Lossless:
    """Put bytes (or a string of the operating system, with surrogates) into their JSON form."""
    if isinstance(raw, str):
        raw = raw.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Base64(base64.b64encode(raw).decode())


def raw(text: Lossless) -> bytes:
    """Give the bytes back. Raises ValueError if the base64 is broken."""
    if isinstance(text, str):
        return text.encode()
    try:
        return base64.b64decode(text.b64, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def plain(text: Lossless) -> str:
    """Show the bytes to a person; what is not UTF-8 becomes backslash escapes."""
    return raw(text).decode("utf-8", "backslashreplace")


def path(text: Lossless) -> str:
    """Give the string the operating system's calls take, with surrogates for bytes that are not UTF-8."""
    return raw(text).decode("utf-8", "surrogateescape")


def single_line(text: str) -> str:
    """Put text on one line that any encoder takes: control characters and lone surrogates become backslash escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def glob(name: str) -> str:
    """Write a name, in which * and ? match any, as fnmatch and SQLite's GLOB read it; %NAME is surely a name."""
    if name.startswith("%"):
        return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name[1:])
    return name.replace("[", "[[]")


def place(details: Mapping[str, object]) -> Place | None:
    """Find in the details of an error the place that it is about (`text`, `start`, `end`); None if they name none."""
    text, start, end = (details.get(name) for name in Place._fields)
    if isinstance(text, str) and isinstance(start, int) and isinstance(end, int):
        return Place(text, start, end) if 0 <= start <= end <= len(text) else None
    return None
