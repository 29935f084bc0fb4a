"""Who asks, when, and in which time zone: what `today`, `14:30` and `me` in a filter mean."""

import re
from datetime import datetime, timedelta, timezone, tzinfo

from jobd.core.errors import BadValue
from jobd.core.filters import Asker

_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):?([0-5][0-9])")


def asker(at: datetime, zone: str = "", uid: int | None = None) -> Asker:
    """Say who asks at a time: in a zone by its name (IANA) or its offset (`+02:00`), or in that of this process.

    Raises BadValue for a zone that is none.
    """
    if not zone:
        return Asker(at.astimezone(), datetime.astimezone, uid)
    found = _zone(zone)
    return Asker(at.astimezone(found), lambda naive: naive.replace(tzinfo=found), uid)


def _zone(zone: str) -> tzinfo:
    if offset := _OFFSET.fullmatch(zone):
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-distance if offset[1] == "-" else distance)
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise BadValue(field="zone", problem=f"{zone[:50]!r} is none; write Europe/Berlin or +02:00") from None
