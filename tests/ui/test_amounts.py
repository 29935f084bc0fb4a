"""Numbers are written as people say them, and never claim more than is known."""

import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.ui import amounts

INFINITE = (float("inf"), float("nan"), None)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Live in another time zone for a while."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("seconds", "seen"),
    [
        (0, "0s"),
        (0.0004, "0s"),
        (0.017, "17ms"),
        (0.0996, "0.1s"),
        (0.4, "0.4s"),
        (3, "3s"),
        (9.96, "10s"),
        (12.4, "12s"),
        (59.7, "1m"),
        (62, "1m02s"),
        (552, "9m12s"),
        (1320, "22m"),
        (3599.6, "1h"),
        (7500, "2h05m"),
        (86399, "1d"),
        (273600, "3d 4h"),
        (86400 * 400, "400d"),
        (-2, "-2s"),
        (-0.01, "-10ms"),
        *((value, "-") for value in INFINITE),
    ],
)
def test_duration(seconds: float | None, seen: str) -> None:
    """Two units at most, the second one dropped where it is zero."""
    assert amounts.duration(seconds) == seen


@given(st.floats(0, 1e8))
def test_durations_are_short(seconds: float) -> None:
    """A duration fits its column, and no unit runs over."""
    text = amounts.duration(seconds)
    assert len(text) <= 9
    assert not re.search(r"(?<![0-9])(60[ms]|24h)", text)


@pytest.mark.parametrize(
    ("numbers", "seen"),
    [
        ((780, 660, 960), "13m±2m"),
        ((240, 230, 250), "4m"),
        ((240,), "4m"),
        ((240, None, 300), "4m"),
        ((50, 40, 60), "50s±10s"),
        ((3599, None, None), "1h"),
        ((9000, 7800, 10200), "2h30m±20m"),
        ((104400, 86400, 122400), "1d 5h±5h"),
        ((-5, -10, 0), "0s±5s"),
        *(((value,), "-") for value in INFINITE),
    ],
)
def test_eta(numbers: tuple[float | None, ...], seen: str) -> None:
    """One coarse time, with a band only where that is as wide as the unit."""
    assert amounts.eta(*numbers) == seen


@pytest.mark.parametrize(
    ("seconds", "seen"),
    [
        (0.3, "now"),
        (3.9, "3s ago"),
        (125, "2m ago"),
        (7300, "2h ago"),
        (190000, "2d ago"),
        (-300, "in 5m"),
        (None, "-"),
    ],
)
def test_ago(seconds: float | None, seen: str) -> None:
    """The largest unit says it."""
    assert amounts.ago(seconds) == seen


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        (0, "0B"),
        (87, "87B"),
        (1023, "1023B"),
        (1024, "1.0K"),
        (10 * 1024, "10K"),
        (210 * 2**20, "210M"),
        (1.2 * 2**30, "1.2G"),
        (2**20 - 1, "1.0M"),
        (9.96 * 1024, "10K"),
        (2**63, "8.0E"),
        (2**75, "32768E"),
        (-2048, "-2.0K"),
        *((value, "-") for value in INFINITE),
    ],
)
def test_size(number: float | None, seen: str) -> None:
    """Powers of 1024, two or three digits."""
    assert amounts.size(number) == seen


@pytest.mark.parametrize(
    ("fraction", "seen"),
    [(0, "0%"), (0.29, "29%"), (0.416, "42%"), (0.999, "99%"), (1, "100%"), (1.86, "186%"), (None, "-")],
)
def test_percent(fraction: float | None, seen: str) -> None:
    """Rounded, but never up to the end."""
    assert amounts.percent(fraction) == seen


@pytest.mark.usefixtures("berlin")
def test_clock() -> None:
    """Local time of today, the day near today, the date beyond; from text and from nanoseconds."""
    now = 1_795_000_000.0
    assert amounts.clock("2026-11-18T19:41:07.5Z", now) == "20:41:07"
    assert amounts.clock(1_795_030_867_000_000_001, now) == "20:41:07"
    assert amounts.clock("2026-11-12T01:00:00+00:00", now) == "Thu 12 02:00"
    assert amounts.clock("2026-11-25T01:00:00+00:00", now) == "Wed 25 02:00"
    assert amounts.clock("2026-10-20T01:00:00Z", now) == "2026-10-20"
    assert amounts.clock(0, now) == "1970-01-01"
    assert amounts.clock(None) == "-"
    assert amounts.clock(time.time_ns())[2] == ":"
    with pytest.raises(ValueError, match="yesterday"):
        amounts.clock("yesterday")
