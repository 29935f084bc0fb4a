"""Durations, sizes and points in time as people write them, and back.

One way of reading for the command line, the configuration and filters. Whatever cannot be read raises ValueError with a
sentence that says what is expected. What `write_*` gives, `parse_*` reads as the same value.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

#: Seconds of each unit, longest first.
UNITS = dict(zip("w d h m s ms".split(), map(Decimal, "604800 86400 3600 60 1 0.001".split()), strict=True))
#: Bytes of each unit, smallest first; the powers are those of 1024 however they are spelled.
SIZES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}

#: Ten years: nothing jobd waits for takes longer, and it keeps sums of times within the calendar.
LONGEST = 10 * 365 * 86400
LARGEST = 2**63 - 1

NANOSECOND = Decimal("1e-9")

#: Patterns are compiled when first used: most commands read none of this.
NUMBER = r"[0-9]{1,30}(?:\.[0-9]{1,30})?"
PART = rf"({NUMBER})(ms|[wdhms])"
PARTS = rf"(?:{NUMBER}(?:ms|[wdhms]))+"
CLOCK = r"(?:([0-9]{1,4})-)?([0-9]{1,5})(?::([0-5]?[0-9]))?(?::([0-5]?[0-9]))?"
SIZE = rf"({NUMBER}) ?(?:([kmgtp])i?)?b?"
TIME_OF_DAY = r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?"
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
DATE_AND_TIME = rf"{DATE}(?:[T ]{TIME}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})?)?"
DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def parse_duration(text: str, *, bare_unit: str | None = None) -> float:
    """Read `90s`, `2h30m`, `3d`, `HH:MM:SS` or `D-HH[:MM[:SS]]` as seconds; a bare number only if its unit is given.

    Zero needs no unit. Raises ValueError.
    """
    text = text.strip()
    if re.fullmatch(PARTS, text):
        seconds = _sum(text)
    elif clock := _clock(text):
        seconds = sum((int(part or 0) * UNITS[unit] for part, unit in zip(clock, "dhms", strict=True)), Decimal())
    elif re.fullmatch(NUMBER, text) and (bare_unit or not Decimal(text)):
        seconds = Decimal(text) * UNITS[bare_unit or "s"]
    else:
        unit = f"a number ({bare_unit})" if bare_unit else "HH:MM:SS"
        message = f"{text!r} is no duration; write 90s, 5m, 2h30m, 3d or {unit}"
        raise ValueError(message)
    if seconds > LONGEST:
        message = f"{text!r} is too long; the longest duration is {write_duration(LONGEST)}"
        raise ValueError(message)
    return float(seconds)


def write_duration(seconds: float) -> str:
    """Write seconds with units, to the nanosecond: 9000 is `2h30m`, 0.25 is `250ms`, 0 is `0s`."""
    left, parts = Decimal(repr(seconds)).quantize(NANOSECOND), []
    for unit, length in list(UNITS.items())[1:]:
        count = left // length if unit != "ms" else left / length
        if count:
            parts.append(f"{count.normalize():f}{unit}")
            left -= count * length
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """Read `512M`, `4G`, `1.5Gi` or a bare number as bytes; units are powers of 1024. Raises ValueError."""
    text = text.strip()
    match = re.fullmatch(SIZE, text.lower())
    if not match:
        message = f"{text!r} is no size; write a number of bytes, or 64K, 512M, 1.5G, 2T"
        raise ValueError(message)
    size = int(Decimal(match[1]) * SIZES[match[2] or ""])
    if size > LARGEST:
        message = f"{text!r} is too large; the largest size is {LARGEST} bytes"
        raise ValueError(message)
    return size


def write_size(size: int) -> str:
    """Write bytes with the largest unit that leaves a whole number: 1073741824 is `1G`, 1000 is `1000`."""
    for unit, length in reversed(SIZES.items()):
        if size and size % length == 0:
            return f"{size // length}{unit.upper()}"
    return "0"


def parse_time(text: str, now: datetime, local: Callable[[datetime], datetime] | None = None) -> datetime:
    """Read RFC 3339, `2026-11-20`, `14:30` (today), `yesterday`, `-2h`, `2h` (ago), `+3h` or `now` as a time in UTC.

    `now` is aware and in the reader's zone. `local` gives a time without zone its zone (`datetime.astimezone` for the
    machine's own, summer time included); without it the offset of `now` holds for all. Raises ValueError.
    """
    text = text.strip()
    try:
        found = _moment(text, now, local or (lambda naive: naive.replace(tzinfo=now.tzinfo)))
        if found:
            return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        message = f"{text!r} is no time: {error}"
        raise ValueError(message) from error
    message = f"{text!r} is no time; write 2026-11-20, 2026-11-20T14:30:00Z, 14:30, yesterday, -2h or +3h"
    raise ValueError(message)


def _moment(text: str, now: datetime, local: Callable[[datetime], datetime]) -> datetime | None:
    word = text.lower()
    midnight = datetime.combine(now.date(), time())
    if word == "now":
        return now
    if word in DAYS:
        return local(midnight + timedelta(days=DAYS[word]))
    if match := re.fullmatch(TIME_OF_DAY, word):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return local(midnight.replace(hour=hours, minute=minutes, second=seconds))
    if re.fullmatch(DATE_AND_TIME, text.upper()):
        found = datetime.fromisoformat(text.upper())
        return found if found.tzinfo else local(found)
    if re.fullmatch(PARTS, text.lstrip("+-")) and len(text) - len(text.lstrip("+-")) <= 1:
        distance = timedelta(seconds=parse_duration(text.lstrip("+-")))
        return now + distance if text.startswith("+") else now - distance
    return None


def _sum(text: str) -> Decimal:
    """Add up `2h30m`; the units must fall, so that `30m2h` or `5m5m` is seen as a slip."""
    parts = [(Decimal(number), unit) for number, unit in re.findall(PART, text)]
    order = [list(UNITS).index(unit) for _, unit in parts]
    if order != sorted(set(order)):
        message = f"{text!r} is no duration; write the longer units first and each once, as in 2h30m"
        raise ValueError(message)
    return sum((number * UNITS[unit] for number, unit in parts), Decimal())


def _clock(text: str) -> tuple[str | None, ...] | None:
    """Take HH:MM:SS and D-HH[:MM[:SS]] apart; anything shorter could mean two things."""
    match = re.fullmatch(CLOCK, text)
    if match and (match[1] is not None or match[4] is not None):
        return match.groups()
    return None
