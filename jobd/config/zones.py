"""Time zones as TZ names them: by a name (IANA), by a rule (POSIX.1, Base Definitions, 8.3), or by an offset."""

import io
import os
import re
import struct
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):?([0-5][0-9])")
#: A file of a zone (RFC 8536) that has no data but a rule at its end.
_HEADER = b"TZif2" + bytes(15) + struct.pack(">6L", 0, 0, 0, 0, 1, 4)
_DATA = struct.pack(">lBB", 0, 0, 0) + b"UTC\0"


def here(naive: datetime) -> datetime:
    """Give a time that names no zone the one of this process, in UTC.

    A time that the clocks left out is what it would have been without (PEP 495); `datetime.astimezone` errs there.
    """
    return datetime.fromtimestamp(naive.timestamp(), UTC)


def zone(text: str) -> tzinfo:
    """Read `Europe/Berlin`, `CET-1CEST,M3.5.0,M10.5.0/3`, `+02:00`, or a path below the database of zones.

    Raises ValueError for what is none.
    """
    if offset := _OFFSET.fullmatch(text):
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-distance if offset[1] == "-" else distance)
    from zoneinfo import TZPATH, ZoneInfo

    name = text.removeprefix(":")
    for folder in TZPATH:
        name = name.removeprefix(os.path.join(folder, ""))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    try:
        return ZoneInfo.from_file(io.BytesIO(2 * (_HEADER + _DATA) + f"\n{name}\n".encode("ascii")))
    except ValueError:
        raise ValueError(f"{text[:50]!r} is none; write Europe/Berlin or +02:00") from None
