"""Numbers as people read them: `9m12s`, `13m±2m`, `1.2G`, `20:41:07`, `2h ago`, `41%`.

What is unknown is a dash. These texts may change; whoever parses asks for JSON.
"""

import math
import time

UNKNOWN = "-"

MINUTE, HOUR, DAY = 60, 3600, 86400
#: Longest first: from how many seconds on a unit is used, its length and its letter.
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (1, "s"))
#: Below this many milliseconds these are shown, and below this many seconds tenths.
HUNDRED, TENTHS = 100, 10
SIZE_UNITS = "BKMGTPE"
#: Days in which a weekday and the day of the month say which day is meant.
NEAR_DAYS = 27


def duration(seconds: float | None) -> str:
    """Write how long something took or takes: `17ms`, `0.4s`, `12s`, `1m02s`, `9m12s`, `2h05m`, `3d 4h`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    if (thousandths := round(seconds * 1000)) < HUNDRED:
        return f"{sign}{thousandths}ms" if thousandths else "0s"
    if (tenths := round(seconds, 1)) < TENTHS:
        return f"{sign}{tenths:g}s"
    whole = round(seconds)
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        return sign + (f"{rest}s" if not minutes else f"{minutes}m{rest:02d}s" if rest else f"{minutes}m")
    minutes = round(seconds / MINUTE)
    if minutes < DAY // MINUTE:
        hours, rest = divmod(minutes, 60)
        return sign + (f"{hours}h{rest:02d}m" if rest else f"{hours}h")
    days, rest = divmod(round(seconds / HOUR), 24)
    return sign + (f"{days}d {rest}h" if rest else f"{days}d")


def eta(seconds: float | None, low: float | None = None, high: float | None = None) -> str:
    """Write how long something is still expected to take: `4m`, or `13m±2m` if the band is worth saying.

    `low` and `high` are the ends of the band, in seconds from now as `seconds` is.
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    left = _coarse(seconds)
    half = (high - low) / 2 if low is not None and high is not None else 0.0
    unit = _unit(seconds)
    return f"{left}±{_coarse(half)}" if half >= unit else left


def _unit(seconds: float) -> int:
    """Tell in which steps such a time is worth saying: hours from a day on, else minutes, below one seconds."""
    return HOUR if seconds >= DAY else MINUTE if seconds >= MINUTE else 1


def _coarse(seconds: float) -> str:
    unit = _unit(seconds)
    return duration(max(round(seconds / unit), 0) * unit)


def ago(seconds: float | None) -> str:
    """Write how long ago something was, in its largest unit: `now`, `3s ago`, `2h ago`; `in 5m` if it is to come."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    distance = abs(seconds)
    for length, letter in UNITS:
        if distance >= length:
            text = f"{int(distance / length)}{letter}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "now"


def size(number: float | None) -> str:
    """Write bytes in powers of 1024: `87B`, `210M`, `1.2G`."""
    if number is None or not math.isfinite(number):
        return UNKNOWN
    sign, amount = ("-" if number < 0 else ""), abs(number)
    for unit in SIZE_UNITS:
        shown = f"{amount:.1f}" if unit != "B" and round(amount, 1) < TENTHS else f"{amount:.0f}"
        if float(shown) < 1024 or unit == SIZE_UNITS[-1]:  # noqa: PLR2004  # the step from one unit to the next
            break
        amount /= 1024
    return f"{sign}{shown}{unit}"


def percent(fraction: float | None) -> str:
    """Write a share of one: `41%`; `100%` only if nothing is missing."""
    if fraction is None or not math.isfinite(fraction):
        return UNKNOWN
    return f"{99 if 0.99 < fraction < 1 else round(fraction * 100)}%"  # noqa: PLR2004  # never rounded up to the end


def clock(moment: str | int | None, now: float | None = None) -> str:
    """Write a point in time in local time: `20:41:07` today, `Thu 20 02:00` near today, else `2026-11-20`.

    `moment` is RFC 3339 text or nanoseconds since the epoch, `now` seconds since the epoch. Raises ValueError for other
    text.
    """
    from datetime import UTC, datetime

    if moment is None:
        return UNKNOWN
    at = datetime.fromtimestamp(moment // 10**9, UTC) if isinstance(moment, int) else datetime.fromisoformat(moment)
    at = at.astimezone()
    today = datetime.fromtimestamp(time.time() if now is None else now, UTC).astimezone().date()
    distance = abs((at.date() - today).days)
    return at.strftime("%H:%M:%S" if not distance else "%a %d %H:%M" if distance <= NEAR_DAYS else "%Y-%m-%d")
