"""What a program says, as lines of a report file.

Whatever it says becomes a line that `core.work.report` takes: texts are cut and made one line, numbers brought into
range.
"""

import json
import math
from collections.abc import Mapping
from typing import TypedDict

from jobd.reporting.doubts import doubt

#: As in core.work.report; bytes are counted so that a line with all of its texts stays below 4096.
LONGEST_TEXT, LONGEST_UNIT, LONGEST_KEY, LONGEST_BYTES = 1000, 100, 200, 3000
#: What a report may count to, and the longest rate limit in seconds.
LARGEST, LONGEST_LIMIT = 1e15, 7 * 86400
#: What a part of a work may weigh.
SMALLEST, HEAVIEST = 1e-9, 1e9
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], " ")

BEAT = "beat"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Numbers(TypedDict, total=False):
    """How far a job is; what is not in it stays as it was said before."""

    done: float
    total: float
    fraction: float
    unit: str
    message: str
    restart: bool


def text(said: object, longest: int = LONGEST_TEXT) -> str:
    """Make one line of at most so many characters, which is UTF-8."""
    plain = str(said)
    if plain.isascii() and plain.isprintable():
        return plain.strip()[:longest]
    line = plain.translate(_CONTROLS).strip()[:longest].encode("utf-8", "backslashreplace")
    return line[:LONGEST_BYTES].decode("utf-8", "ignore")[:longest]


def amount(number: float, what: str = "", most: float = LARGEST) -> float:
    """Bring a number into the range from 0 to `most`, with a warning if it has a name. Raises ValueError for NaN."""
    if math.isnan(number):
        raise ValueError("NaN is no amount of work")
    mended = min(max(number, 0), most)
    if what and mended != number and not math.isclose(mended, number, abs_tol=1e-9):
        doubt(what, f"{what} cannot be {number:.15g}; it is taken as {mended:.15g}")
    return mended


def total(number: float | None) -> float | None:
    """Bring a total into range; None if it is not known: no number, an infinite one, or one below 0, with a warning."""
    if number is None or number == math.inf:
        return None
    if number < 0:
        doubt("total", f"total cannot be {number:.15g}; it is taken as not known")
        return None
    return amount(number, "total")


def share(weight: float) -> float:
    """Bring a weight into the range that a part of a work may have. Raises ValueError for NaN."""
    return min(max(amount(weight), SMALLEST), HEAVIEST)


def numbers(said: Numbers) -> str:
    """Say how far a job is: plain `3/10 message` where that says it all, else an object."""
    said = said.copy()
    if "done" in said and said["done"] > said.get("total", LARGEST):
        said["total"] = said["done"]
    if said.get("total") == 0:
        said = Numbers(**{**said, "fraction": 1.0, "done": 0})
        del said["total"]
    if {"done", "total"} <= said.keys() <= {"done", "total", "message"} and all(map(_is_plain, said.values())):
        return f"{said['done']}/{said['total']} {said.get('message', '')}".rstrip()
    return _encode(said)


class ItemWords(TypedDict, total=False):
    """What is said of one item; its key must be there."""

    item: str
    state: str
    fraction: float
    weight: float
    message: str
    error: str


def item(said: ItemWords) -> str:
    """Say something of one item."""
    return _encode(said)


def stages(weights: Mapping[str, float]) -> str:
    """Say which stages there will be, and how much each weighs. Raises ValueError for a name of more than a word."""
    for name in weights:
        if not name or ":" in name or len(name.split()) != 1:
            raise ValueError(f"{name!r} is no name of a stage: it must be one word without a colon")
    return "stages " + " ".join(f"{text(name)}:{amount(weight):g}" for name, weight in weights.items())


def stage(name: str) -> str:
    """Say what is being done now."""
    return f"stage {text(name)}"


def note(message: object) -> str:
    """Say something in words."""
    return _encode({"message": text(message)})


def limit(seconds: float, why: object = None) -> str:
    """Say that for so many seconds somebody's rate limit is waited for. Raises ValueError for NaN."""
    return f"rate_limited {min(amount(seconds), LONGEST_LIMIT):.15g} {text(why or '')}".rstrip()


def failure(error: BaseException) -> str:
    """Put an exception into one line."""
    return text(f"{type(error).__name__}: {error}".rstrip(": "))


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)
