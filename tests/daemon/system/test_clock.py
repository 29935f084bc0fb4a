"""The log's times never go backwards, and no microsecond is lost."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.daemon.system.clock import EPOCH, Clock, from_microseconds, to_microseconds
from jobd.daemon.system.processes import boot_id

moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- UTC is added


def set_clocks(monkeypatch: pytest.MonkeyPatch, *microseconds: int) -> None:
    """Let the machine's wall clock show these times, one after the other."""
    shown = iter(microseconds)
    monkeypatch.setattr(time, "time_ns", lambda: next(shown) * 1000 + 999)


def test_a_reading_is_of_now() -> None:
    """All three clocks are those of the machine, in this boot."""
    clock = Clock()
    before = datetime.now(UTC) - timedelta(microseconds=1), time.monotonic()
    now = clock.now()
    assert before[0] <= now.wall <= datetime.now(UTC)
    assert now.boot == boot_id() != ""
    assert now.boottime <= clock.now().boottime
    assert before[1] <= clock.monotonic() <= time.monotonic()


def test_time_stands_still_while_the_machine_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set back shows the latest time until it has caught up."""
    set_clocks(monkeypatch, 100, 50, 99, 100, 101)
    clock = Clock()
    assert [to_microseconds(clock.now().wall) for _ in range(5)] == [100, 100, 100, 100, 101]


def test_the_log_goes_on_from_its_last_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was set back while nothing ran does not make the log go backwards."""
    set_clocks(monkeypatch, 10, 2000)
    clock = Clock()
    clock.not_before(EPOCH + timedelta(microseconds=1234))
    clock.not_before(EPOCH)
    assert [to_microseconds(clock.now().wall) for _ in range(2)] == [1234, 2000]


@given(moments)
def test_microseconds_are_exact(wall: datetime) -> None:
    """There and back again gives the same time."""
    assert from_microseconds(to_microseconds(wall)) == wall
    assert to_microseconds(wall) == (wall - EPOCH) // timedelta(microseconds=1)
