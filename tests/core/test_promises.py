"""What a job promises, and the clock of its silence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.errors import BadValue
from jobd.core.promises import Heartbeat, OnStale, Silence, settle


@pytest.mark.parametrize(
    ("said", "every", "after"),
    [
        ({"beat_every": 30.0}, 30.0, 120.0),
        ({"stale_after": 5.0}, None, 5.0),
        ({"beat_every": 5.0, "stale_after": 5.0}, 5.0, 5.0),
    ],
)
def test_what_is_left_out(said: dict[str, Any], every: float | None, after: float) -> None:
    """A job that only says how often it beats is stale after four times as long; nobody who promises nothing is."""
    assert settle(Heartbeat(**said), ours=True) == Heartbeat(beat_every=every, stale_after=after)
    assert settle(None, ours=True) is None


@pytest.mark.parametrize(
    ("said", "ours", "field"),
    [
        ({}, True, "heartbeat"),
        ({"on_stale": OnStale.CANCEL}, True, "heartbeat"),
        ({"beat_every": 10.0, "stale_after": 9.0}, True, "stale_after"),
        ({"stale_after": 9.0, "on_stale": OnStale.CANCEL}, False, "on_stale"),
    ],
)
def test_what_makes_no_sense(said: dict[str, Any], ours: bool, field: str) -> None:  # noqa: FBT001 -- a case of a table
    """No time at all, less patience than the promise, and canceling what jobd has not started."""
    with pytest.raises(BadValue) as refused:
        settle(Heartbeat(**said), ours=ours)
    assert refused.value.details["field"] == field


@given(st.lists(st.tuples(st.sampled_from(["hear", "stop", "go_on", "nothing"]), st.integers(0, 100)), max_size=30))
def test_silence_is_the_time_in_which_a_job_could_have_spoken(steps: list[tuple[str, int]]) -> None:
    """Whatever happens when, it is counted from the last sign, without the time in which the job stood still."""
    silence, now, standing, counted = Silence(0.0), 0.0, False, 0.0
    for step, seconds in steps:
        now += seconds
        counted += 0 if standing else seconds
        assert silence.lasted(now) == counted
        if step == "hear":
            silence, counted = silence.broken(now), 0.0
        elif step == "stop":
            silence, standing = silence.stop(now), True
        elif step == "go_on":
            silence, standing = silence.go_on(now), False
        assert silence.lasted(now) == counted


def test_a_clock_that_is_read_late_counts_nothing() -> None:
    """A moment before the last sign is no negative silence."""
    assert Silence(10.0).lasted(9.0) == 0
