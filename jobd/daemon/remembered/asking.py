"""Who asks, when, and in which time zone: what `today`, `14:30` and `me` in a filter mean."""

from datetime import datetime, tzinfo

from jobd.config import zones
from jobd.core.errors import BadValue
from jobd.core.filters import Asker


def asker(at: datetime, zone: str = "", uid: int | None = None) -> Asker:
    """Say who asks at a time: in a zone as TZ names it, or in that of this process.

    Raises BadValue for a zone that is none.
    """
    found = _zone(zone)
    if found is None:
        return Asker(at.astimezone(), zones.here, uid)
    return Asker(at.astimezone(found), lambda naive: naive.replace(tzinfo=found), uid)


def local(at: datetime, zone: str) -> datetime:
    """Give a time in a zone, or in that of this process. Raises BadValue for a zone that is none."""
    return at.astimezone(_zone(zone))


def _zone(zone: str) -> tzinfo | None:
    try:
        return zones.zone(zone) if zone else None
    except ValueError as error:
        raise BadValue(field="zone", problem=str(error)) from None
