"""What people write is what is meant: durations, sizes and times, read and written."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core import quantities as q

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=BERLIN)

DURATIONS = {
    "90s": 90,
    "5m": 300,
    "2h30m": 9000,
    "3d": 259200,
    "1w": 604800,
    "250ms": 0.25,
    "1.5h": 5400,
    " 10s ": 10,
    "0": 0,
    "0s": 0,
    "02:30:00": 9000,
    "26:00:00": 93600,
    "1-12": 129600,
    "1-12:30": 131400,
    "1-12:30:05": 131405,
    "0-0:00:01": 1,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_durations(text: str, seconds: float) -> None:
    """All documented forms of a duration are read."""
    assert q.parse_duration(text) == seconds


NO_DURATIONS = [
    "",
    "s",
    "5",
    "1.5",
    "-5s",
    "5 minutes",
    "5x",
    "1e3s",
    "12:30",
    "1:2:3:4",
    "1-",
    "30m2h",
    "5m5m",
    "1h٣m",
    "∞",
]


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_no_durations(text: str) -> None:
    """What is not a duration, or could mean two things, is refused with examples of what is one."""
    with pytest.raises(ValueError, match=r"is no duration; write .*2h30m"):
        q.parse_duration(text)


def test_a_bare_number_needs_a_unit() -> None:
    """Only where the unit is known from elsewhere a number stands for a duration."""
    assert q.parse_duration("5", bare_unit="m") == 300
    assert q.parse_duration("1.5", bare_unit="s") == 1.5
    with pytest.raises(ValueError, match=r"or a number \(m\)"):
        q.parse_duration("five", bare_unit="m")


@pytest.mark.parametrize("text", ["3651d", "9" * 30 + "w", "9999-00"])
def test_absurd_durations(text: str) -> None:
    """Nothing waits longer than ten years."""
    with pytest.raises(ValueError, match="is too long; the longest duration is 3650d"):
        q.parse_duration(text)


WRITTEN = {0: "0s", 1: "1s", 60: "1m", 9000: "2h30m", 90061.5: "1d1h1m1s500ms", 0.00001: "0.01ms", 604800: "7d"}


@pytest.mark.parametrize(("seconds", "text"), WRITTEN.items())
def test_durations_are_written_with_units(seconds: float, text: str) -> None:
    """A duration is shown in the form in which people write it."""
    assert q.write_duration(seconds) == text


@given(st.floats(0, q.LONGEST))
def test_durations_round_trip(seconds: float) -> None:
    """A written duration is read as the same number of seconds, to the nanosecond."""
    assert q.parse_duration(q.write_duration(seconds)) == pytest.approx(seconds, rel=1e-15, abs=1e-9)


@given(st.integers(0, q.LONGEST * 1000))
def test_durations_of_whole_milliseconds_round_trip_exactly(milliseconds: int) -> None:
    """Nothing is lost of what a person would write."""
    assert q.parse_duration(q.write_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.integers(0, 9999), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_clock_forms_equal_units(days: int, hours: int, minutes: int, seconds: int) -> None:
    """D-HH:MM:SS says the same as the sum of its units."""
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total <= q.LONGEST:
        assert q.parse_duration(f"{days}-{hours:02}:{minutes:02}:{seconds:02}") == total
        assert q.parse_duration(f"{days}d{hours}h{minutes}m{seconds}s") == total


SIZES = {
    "0": 0,
    "1000": 1000,
    "64K": 65536,
    "64k": 65536,
    "512M": 536870912,
    "4G": 4294967296,
    "1.5Gi": 1610612736,
    "1.5 GiB": 1610612736,
    "2TB": 2199023255552,
    "12b": 12,
    "0.5": 0,
    "1b": 1,
}


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_sizes(text: str, size: int) -> None:
    """All spellings of a unit mean powers of 1024."""
    assert q.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "1X", "1 000", "1e9", "0x10", "1,5G", "5i", "٣K"])
def test_no_sizes(text: str) -> None:
    """What is not a size is refused with examples of what is one."""
    with pytest.raises(ValueError, match=r"is no size; write .*512M"):
        q.parse_size(text)


def test_absurd_sizes() -> None:
    """A size fits the database."""
    assert q.parse_size(str(2**63 - 1)) == 2**63 - 1
    for text in ("9223372036854775808", "8192P", "9" * 30 + "P"):
        with pytest.raises(ValueError, match="is too large"):
            q.parse_size(text)


@given(st.integers(0, q.LARGEST))
def test_sizes_round_trip(size: int) -> None:
    """A written size is read as the same number of bytes."""
    assert q.parse_size(q.write_size(size)) == size


def test_sizes_are_written_short() -> None:
    """The largest unit that divides a size is used."""
    assert [q.write_size(size) for size in (0, 1000, 2**10, 2**30, 3 * 2**39)] == ["0", "1000", "1K", "1G", "1536G"]


TIMES = {
    "2026-11-20T10:00:00Z": "2026-11-20T10:00:00+00:00",
    "2026-11-20t10:00:00z": "2026-11-20T10:00:00+00:00",
    "2026-11-20 10:00:00.25+02:00": "2026-11-20T08:00:00.250000+00:00",
    "2026-11-20T10:00": "2026-11-20T09:00:00+00:00",
    "2026-11-20": "2026-11-19T23:00:00+00:00",
    "2026-07-01": "2026-06-30T22:00:00+00:00",
    "14:30": "2026-11-21T13:30:00+00:00",
    "9:05:07": "2026-11-21T08:05:07+00:00",
    "now": "2026-11-21T09:00:00+00:00",
    "today": "2026-11-20T23:00:00+00:00",
    "yesterday": "2026-11-19T23:00:00+00:00",
    "Tomorrow": "2026-11-21T23:00:00+00:00",
    "-2h": "2026-11-21T07:00:00+00:00",
    "2h": "2026-11-21T07:00:00+00:00",
    "+1h30m": "2026-11-21T10:30:00+00:00",
    "7d": "2026-11-14T09:00:00+00:00",
}


@pytest.mark.parametrize(("text", "expected"), TIMES.items())
def test_times(text: str, expected: str) -> None:
    """All documented forms of a time are read, in the zone of the reader, summer time included."""
    found = q.parse_time(text, NOW)
    assert (found.isoformat(), found.tzinfo) == (expected, UTC)


#: How long each form of a time lasts; summer time begins in Berlin on 29 March 2026, so that day has 23 hours.
LASTS = {
    "2026-11-20": timedelta(days=1),
    "2026-03-29": timedelta(hours=23),
    "2026-10-25": timedelta(hours=25),
    "yesterday": timedelta(days=1),
    "14:30": timedelta(minutes=1),
    "14:30:05": timedelta(seconds=1),
    "2026-11-20T10:00": timedelta(minutes=1),
    "2026-11-20 10:00+02:00": timedelta(minutes=1),
    "2026-11-20T10:00:00Z": timedelta(seconds=1),
    "2026-11-20T10:00:00.5Z": timedelta(microseconds=1),
    "now": timedelta(microseconds=1),
    "-2h": timedelta(microseconds=1),
    "+3h": timedelta(microseconds=1),
}


@pytest.mark.parametrize(("text", "length"), LASTS.items())
def test_periods(text: str, length: timedelta) -> None:
    """A time lasts as long as it is exact, and begins where it is read to be."""
    first, after = q.parse_period(text, NOW, lambda naive: naive.replace(tzinfo=BERLIN))
    assert (first, after - first) == (q.parse_time(text, NOW), length)
    assert after.tzinfo is UTC


@pytest.mark.parametrize("text", ["9999-12-31", "9999-12-31T23:59Z", "9999-12-31T23:59:59.999999Z"])
def test_the_last_period_ends_with_the_calendar(text: str) -> None:
    """What lasts beyond the last year ends at its last moment."""
    first, after = q.parse_period(text, datetime(2026, 11, 21, tzinfo=UTC))
    assert first <= after == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "noon",
        "25:00",
        "14:60",
        "2026-13-01",
        "2026-02-30",
        "20261120",
        "2026-W01-1",
        "--2h",
        "+-2h",
        "5",
        "-99999d",
        "2h1d",
    ],
)
def test_no_times(text: str) -> None:
    """What is not a time is refused, and the reason is said."""
    with pytest.raises(ValueError, match="is no time"):
        q.parse_time(text, NOW)


def test_the_zone_of_the_machine_can_be_asked() -> None:
    """A time without zone is read by the function that knows the zone, not by today's offset."""
    fixed = datetime.fromisoformat("2026-11-21T10:00:00+01:00")
    summer = q.parse_time("2026-07-01T12:00", fixed, lambda naive: naive.replace(tzinfo=BERLIN))
    assert summer.isoformat() == "2026-07-01T10:00:00+00:00"
    assert q.parse_time("2026-07-01T12:00", fixed).isoformat() == "2026-07-01T11:00:00+00:00"


def test_the_edge_of_the_calendar_is_an_error() -> None:
    """Times outside of what a calendar holds are refused, not passed on as an overflow."""
    early = datetime(1, 1, 2, tzinfo=UTC)
    with pytest.raises(ValueError, match="is no time"):
        q.parse_time("-3d", early)
    with pytest.raises(ValueError, match="is no time"):
        q.parse_time("0001-01-01", NOW)


@given(st.datetimes(timezones=st.just(UTC)))
def test_iso_times_round_trip(moment: datetime) -> None:
    """What isoformat writes is read as the same moment."""
    assert q.parse_time(moment.isoformat(), NOW) == moment


@given(st.dates(date(1970, 1, 2), date(9000, 1, 1)), st.integers(0, 10**6))
def test_distances_count_from_now(day: date, seconds: int) -> None:
    """A signed duration is a distance from now, an unsigned one an age."""
    now = datetime(day.year, day.month, day.day, tzinfo=UTC)
    distance = timedelta(seconds=seconds)
    expected = (now - distance, now - distance, now + distance)
    assert tuple(q.parse_time(f"{sign}{seconds}s", now) for sign in ("", "-", "+")) == expected


@given(st.text(max_size=20))
def test_any_text_gives_a_value_or_a_sentence(text: str) -> None:
    """No text makes a reader fail in another way than it promises."""
    for read in (q.parse_duration, q.parse_size, lambda given: q.parse_time(given, NOW)):
        try:
            value, sentence = read(text), ""
        except ValueError as error:
            value, sentence = None, str(error)
        assert value is not None or sentence.startswith(f"{text.strip()!r} is ")
