"""Before and after a decoder: how much a JSON text holds, and how a refusal is said in one line."""

import re

import msgspec

#: What a decoder raises, whatever bytes it is given.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: What msgspec says of bytes that are not UTF-8 since 0.23 begins so; before, it was the error of Python's own decoder.
_NO_TEXT = "Invalid UTF-8"
_LENGTH = re.compile(r"^[Ee]xpected (str|array|object) of length (<=|>=) (\d+)$")
_PARTS = {"str": "character", "array": "value", "object": "value"}
_PLACE = re.compile(r" - at (?:`key` in )?`\$\.?([^`]*)`$")


def count_values(line: bytes) -> int:
    """Count the values in lists and objects of a JSON text: outside strings each follows a comma or a bracket."""
    plain = line.replace(rb"\\", b"").replace(rb"\"", b"")
    outside = b"".join(plain.split(b'"')[::2])
    return sum(outside.count(sign) for sign in (b",", b"[", b"{"))


def complaint(error: Exception) -> str:
    """Make one short line of what a decoder says, the place first."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    text = str(error)
    if isinstance(error, UnicodeDecodeError) or text.startswith(_NO_TEXT):
        return "not UTF-8"
    place = _PLACE.search(text)
    where = f"{place[1]}: " if place and place[1] else ""
    said = (text[: place.start()] if place else text).replace("`", "").removeprefix("Object ")
    said = _LENGTH.sub(_length, said)
    said = said if said[:2].isupper() else said[:1].lower() + said[1:]
    return "".join(sign if sign.isprintable() else " " for sign in where + said)[:200]


def _length(said: re.Match[str]) -> str:
    bound = "at most" if said[2] == "<=" else "at least"
    return f"must have {bound} {said[3]} {_PARTS[said[1]]}{'' if said[3] == '1' else 's'}"
