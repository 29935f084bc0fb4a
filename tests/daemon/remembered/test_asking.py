"""Times are read in the zone of who asks: that of a name, an offset, or of this process."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from jobd.commands.options.values import TIME
from jobd.core.errors import BadValue
from jobd.core.filters import parse
from jobd.daemon.remembered.asking import asker

AT = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "text", "said"),
    [
        ("Europe/Berlin", "ended >= today", "ended >= 2026-03-28T23:00:00Z"),
        ("Europe/Berlin", "ended >= tomorrow", "ended >= 2026-03-29T22:00:00Z"),  # summer time has begun by then
        ("Europe/Berlin", "ended >= 14:30", "ended >= 2026-03-29T12:30:00Z"),
        ("America/New_York", "ended >= yesterday", "ended >= 2026-03-27T04:00:00Z"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "ended >= tomorrow", "ended >= 2026-03-29T22:00:00Z"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "ended >= 2026-01-01T12:00", "ended >= 2026-01-01T11:00:00Z"),
        (":Europe/Berlin", "ended >= 2026-01-01T12:00", "ended >= 2026-01-01T11:00:00Z"),
        ("/usr/share/zoneinfo/Europe/Berlin", "ended >= 2026-07-01T12:00", "ended >= 2026-07-01T10:00:00Z"),
        ("XXX-5:17", "ended >= 2026-07-01T12:00", "ended >= 2026-07-01T06:43:00Z"),
        ("+01:00", "ended >= tomorrow", "ended >= 2026-03-29T23:00:00Z"),
        ("-0930", "ended >= 2026-03-01T08:00:00.5", "ended >= 2026-03-01T17:30:00.500000Z"),
        ("UTC", "ended >= 2026-03-01T08:00:00.5+02:00", "ended >= 2026-03-01T06:00:00.500000Z"),
        ("Asia/Tokyo", "ended > -2h", "ended >= 2026-03-28T21:30:00.000001Z"),
    ],
)
def test_zones(zone: str, text: str, said: str) -> None:
    """Summer time counts where it is then; what is said with a zone, or as a distance, is the same anywhere."""
    assert str(parse(text, asker(AT, zone))) == said


def test_this_process() -> None:
    """Without a zone that of the machine holds."""
    midnight = AT.astimezone().replace(hour=0, minute=0)
    assert parse("ended >= today", asker(AT)) == parse(f"ended >= {midnight.isoformat()}", asker(AT, "UTC"))
    assert asker(AT, uid=7).uid == 7


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let this process be in a zone."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("said", ["2026-03-29", "2026-03-29T00:00", "2026-03-29T02:30", "2026-10-25T02:30"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Beirut", "America/New_York"])
def test_where_the_clocks_are_changed(in_zone: Callable[[str], None], zone: str, said: str) -> None:
    """A time that there is not, or twice, is the same in a zone of that name as in a process that is there."""
    in_zone(zone)
    text = f"created >= {said}"
    assert parse(text, asker(AT)) == parse(text, asker(AT, zone))
    assert parse(f"created >= {TIME(said).isoformat()}", asker(AT)) == parse(text, asker(AT))


@pytest.mark.parametrize(
    "zone", ["Nowhere", "../etc/passwd", "/etc/localtime", "+25:00", "+1", "Europe", "\0", "Ünder-3", "CET-1CEST,M3"]
)
def test_no_zone(zone: str) -> None:
    """One line says what is wrong, and what to write."""
    with pytest.raises(BadValue, match=r"zone: .* is none; write Europe/Berlin or \+02:00"):
        asker(AT, zone)
