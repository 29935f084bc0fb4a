"""Durations, sizes and points in time as people write them, and back.

One way of reading for the command line, the configuration and filters. Whatever cannot be read raises ValueError with a
sentence that says what is expected. What `write_*` gives, `parse_*` reads as the same value.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

#: Seconds of each unit, longest first.
UNITS = dict(zip("w d h m s ms".split(), map(Decimal, "604800 86400 3600 60 1 0.001".split()), strict=True))
#: Bytes of each unit, smallest first; the powers are those of 1024 however they are spelled.
SIZES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}

#: Ten years: nothing jobd waits for takes longer, and it keeps sums of times within the calendar.
LONGEST = 10 * 365 * 86400
LARGEST = 2**63 - 1

NANOSECOND = Decimal("1e-9")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)

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

    `now` is aware and in the reader's zone. `local` gives a time without zone its zone (`config.zones.here` for the
    machine's own, summer time included); without it the offset of `now` holds for all. Raises ValueError.
    """
    return parse_period(text, now, local)[0]


def parse_period(
    text: str, now: datetime, local: Callable[[datetime], datetime] | None = None
) -> tuple[datetime, datetime]:
    """Read a time as `parse_time` does; give its first moment, and the first one that is no longer meant by it.

    It lasts as long as it is exact: a day, a minute, a second; with fractions, from `now` and by a distance from it a
    microsecond. Raises ValueError.
    """
    text = text.strip()
    try:
        found = _period(text, now, local or (lambda naive: naive.replace(tzinfo=now.tzinfo)))
        if found:
            return found[0].astimezone(UTC), found[1].astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        message = f"{text!r} is no time: {error}"
        raise ValueError(message) from error
    message = f"{text!r} is no time; write 2026-11-20, 2026-11-20T14:30:00Z, 14:30, yesterday, -2h or +3h"
    raise ValueError(message)


def to_microseconds(wall: datetime) -> int:
    """Count the microseconds since 1970."""
    since = wall - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(count: int) -> datetime:
    """Give the time back, in UTC; a float holds every microsecond of this millennium apart."""
    return datetime.fromtimestamp(count / 1e6, UTC)


def _period(text: str, now: datetime, local: Callable[[datetime], datetime]) -> tuple[datetime, datetime] | None:
    word = text.lower()
    midnight = datetime.combine(now.date(), time())
    if word == "now":
        return _lasting(now, timedelta.resolution)
    if word in DAYS:
        return _day(midnight + timedelta(days=DAYS[word]), local)
    if match := re.fullmatch(TIME_OF_DAY, word):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        start = local(midnight.replace(hour=hours, minute=minutes, second=seconds))
        return _lasting(start, timedelta(seconds=1 if match[3] else 60))
    if re.fullmatch(DATE_AND_TIME, text.upper()):
        found = datetime.fromisoformat(text.upper())
        exact = found if found.tzinfo else local(found)
        return _day(found, local) if re.fullmatch(DATE, text) else _lasting(exact, _precision(text))
    if re.fullmatch(PARTS, text.lstrip("+-")) and len(text) - len(text.lstrip("+-")) <= 1:
        distance = timedelta(seconds=parse_duration(text.lstrip("+-")))
        return _lasting(now + distance if text.startswith("+") else now - distance, timedelta.resolution)
    return None


def _precision(text: str) -> timedelta:
    """Say how exact a date with a time is: to the minute, the second or the microsecond, as it is written."""
    if text[len("2026-11-20T14:30") :][:1] != ":":
        return timedelta(minutes=1)
    return timedelta.resolution if text[len("2026-11-20T14:30:00") :][:1] == "." else timedelta(seconds=1)


def _day(midnight: datetime, local: Callable[[datetime], datetime]) -> tuple[datetime, datetime]:
    """Give a day from midnight to midnight, which are not always 24 hours."""
    start = local(midnight)
    return start, (local(midnight + timedelta(days=1)) if midnight.date() < date.max else LAST)


def _lasting(start: datetime, length: timedelta) -> tuple[datetime, datetime]:
    start = start.astimezone(UTC)
    return start, (start + length if start < LAST - length else LAST)


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
