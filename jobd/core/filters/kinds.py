"""What values can be: how each kind is read from the text of a filter, and written back.

The value that is read compares with what a field gives and with what its SQL gives: a text, a number, or for a time the
microseconds since 1970. Whoever reads raises ValueError with a sentence that says what is expected.
"""

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from signal import Signals
from typing import Any, NamedTuple

from jobd.core.filters.complaints import meant, shown
from jobd.core.model import LARGEST, STATE_SPELLINGS, State
from jobd.core.quantities import (
    EPOCH,
    parse_duration,
    parse_period,
    parse_size,
    to_microseconds,
    write_duration,
    write_size,
)

Value = str | int | float

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")
_FLAGS = {"yes": 1, "true": 1, "on": 1, "1": 1, "no": 0, "false": 0, "off": 0, "0": 0}


class Asker(NamedTuple):
    """Who asks, and when: their user id if it is known, the time in their zone, and what gives a time its zone."""

    at: datetime
    local: Callable[[datetime], datetime]
    uid: int | None = None


class Kind(NamedTuple):
    """A kind of value: what it is called, how it is read and written, and what a person may write."""

    name: str
    read: Callable[[str, Asker], Any]
    write: Callable[[Any], str]
    help: str


def _integer(text: str, _: Asker) -> int:
    number = int(text) if _WHOLE.fullmatch(text) else None
    if number is None or abs(number) > LARGEST:
        raise ValueError(f"{shown(text)} is no whole number")
    return number


def _exact(text: str, what: str) -> Decimal:
    if not _DECIMAL.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(f"{shown(text)} is no {what}")
    return Decimal(text)


def _share(text: str, _: Asker) -> float:
    if text.endswith("%"):
        return float(_exact(text[:-1].rstrip(), "percentage; write 50%").scaleb(-2))
    return float(_exact(text, "number; write 0.5 or 50%"))


def _percent(text: str, _: Asker) -> float:
    return float(_exact(text.removesuffix("%").rstrip(), "percentage; write 50%").scaleb(-2))


def _write_percent(share: float) -> str:
    return f"{Decimal(repr(share)).scaleb(2):f}%"


def _seconds(text: str, _: Asker) -> float:
    return round(parse_duration(text), 9)


def _write_seconds(seconds: float) -> str:
    text = write_duration(seconds)
    return text if parse_duration(text) == seconds else f"{Decimal(repr(seconds)):f}s"


def _period(text: str, asker: Asker) -> tuple[int, int]:
    """Read a time as the microseconds at which it begins, and those at which it is over."""
    first, after = parse_period(text, asker.at, asker.local)
    return to_microseconds(first), to_microseconds(after)


def _write_time(microseconds: int) -> str:
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def _state(text: str, _: Asker) -> str:
    word = STATE_SPELLINGS.get(text.lower(), text.lower())
    if word not in list(State):
        close = meant(word, (*State, *STATE_SPELLINGS)) or f"; there are {', '.join(State)}"
        raise ValueError(f"{shown(text)} is no state{close}")
    return word


def _flag(text: str, _: Asker) -> int:
    if text.lower() not in _FLAGS:
        raise ValueError(f"{shown(text)} is neither yes nor no")
    return _FLAGS[text.lower()]


def _signal(text: str, _: Asker) -> int:
    name = text.upper().removeprefix("SIG")
    if name.isascii() and name.isdecimal() and len(name) <= len("999"):
        return int(name)
    number = next((signal.value for signal in Signals if signal.name == f"SIG{name}"), None)
    if number is None:
        raise ValueError(f"{shown(text)} is no signal; write a name such as KILL, or a number")
    return number


def _user(text: str, asker: Asker) -> int:
    if text.lower() != "me":
        return _integer(text, asker)
    if asker.uid is None:
        raise ValueError("nobody knows who asks; write the number of the user")
    return asker.uid


def _as_it_is(text: str, _: Asker) -> str:
    return text


TEXT = Kind("text", _as_it_is, str, "Words, in quotes if there is a space in them.")
STATE = Kind("state", _state, str, f"One of {', '.join(State)}; also {', '.join(STATE_SPELLINGS)}.")
INTEGER = Kind("whole number", _integer, str, "As in 3 or -5.")
NUMBER = Kind("number", lambda text, _: float(_exact(text, "number")), repr, "As in 3, -0.5 or 1e6.")
SHARE = Kind("share", _share, repr, "A number or a percentage: 1.5 is 150%.")
PERCENT = Kind("percentage", _percent, _write_percent, "As in 50%; the sign may be left out.")
DURATION = Kind("duration", _seconds, _write_seconds, "As in 90s, 5m, 2h30m, 3d or 12:00:00.")
SIZE = Kind("size", lambda text, _: parse_size(text), write_size, "As in 4G or 512MiB, in powers of 1024; or bytes.")
TIME = Kind(
    "time", _period, _write_time, "As in 2026-11-20, 2026-11-20T14:30:00Z, 14:30, today, yesterday, -2h or now."
)
FLAG = Kind("yes or no", _flag, {1: "yes", 0: "no"}.__getitem__, "As in yes, no, true or false.")
SIGNAL = Kind("signal", _signal, str, "A name or a number: KILL, SIGKILL, 9.")
USER = Kind("user", _user, str, "The number of a user, or me.")
LABELS = Kind("labels", _as_it_is, str, "The name of a label.")
