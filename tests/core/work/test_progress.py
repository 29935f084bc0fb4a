"""What jobs say is taken in one by one or gathered, weighed over stages and items; rates are sound."""

import json
from datetime import UTC, datetime
from functools import reduce

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.work import progress
from jobd.core.work.progress import NOTHING, RATE_MEMORY, Report, advance, gather
from jobd.core.work.progress_record import Progress

AT = datetime(2026, 3, 1, tzinfo=UTC)

amounts = st.integers(0, 20).map(float)
totals = st.integers(1, 20).map(float)
words = st.sampled_from([None, "", "a", "b"])
percents = st.integers(0, 4).map(lambda part: part / 4)
others = {"unit": words, "message": words, "stage": words, "restart": st.sampled_from([False, False, False, True])}
stages = st.sampled_from([None, None, {"a": 1.0, "b": 3.0}])
counted = st.builds(Report, done=st.none() | amounts, total=st.none() | totals, **others)
shared = st.builds(Report, fraction=st.none() | percents, stages=stages, **others)
reports = st.builds(Report, fraction=st.none() | percents, done=st.none() | amounts, total=st.none() | totals, **others)


def said(shown: Progress) -> tuple[object, ...]:
    """Give what of a progress does not depend on when it was said."""
    return shown.fraction, shown.done, shown.total, shown.unit, shown.message, shown.stage, shown.reports


def told(reports: list[Report], start: Progress = NOTHING) -> Progress:
    """Take reports in one by one."""
    for second, report in enumerate(reports):
        start = advance(start, report, 1, float(second), AT)
    return start


@given(st.integers(0, 2), st.lists(counted, min_size=3, max_size=6) | st.lists(shared, min_size=3, max_size=6))
def test_gathered_is_as_one_by_one(first: int, history: list[Report]) -> None:
    """A burst taken in at once leaves the job where it would be had each report been taken in alone.

    The job keeps to percent or to counts.
    """
    start, burst = told(history[:first]), history[first:]
    gathered = reduce(lambda first, then: gather(first, then, start.stage), burst)
    assert said(advance(start, gathered, len(burst), 9.0, AT)) == said(told(burst, start))


@given(st.tuples(*[counted] * 3) | st.tuples(*[shared] * 3), st.sampled_from([None, "a", "b"]))
def test_gathering_is_associative(three: tuple[Report, Report, Report], stage: str | None) -> None:
    """It does not matter which reports are joined first."""
    first, second, third = three
    left = gather(gather(first, second, stage), third, stage)
    right = gather(first, gather(second, third, first.stage or stage), stage)
    shown = [said(advance(Progress(stage=stage), joined, 3, 1.0, AT)) for joined in (left, right)]
    assert shown[0] == shown[1]


def test_gathering_keeps_what_was_said_last() -> None:
    """Of each field the latest word; a total is remembered, a new stage is not mixed with the old numbers."""
    first = Report(done=3, total=10, unit="files", message="three")
    assert gather(first, Report(done=4)) == Report(done=4, total=10, unit="files", message="three")
    assert gather(first, Report(message="four")) == Report(done=3, total=10, unit="files", message="four")
    assert gather(first, Report(fraction=0.5)) == Report(fraction=0.5, total=10, unit="files", message="three")
    assert gather(first, Report(stage="pack")) == Report(message="three", stage="pack")
    assert gather(first, Report(stage="pack"), "pack") == Report(
        done=3, total=10, unit="files", message="three", stage="pack"
    )


# ---- progress


def test_numbers_follow_from_what_was_said() -> None:
    """Done of a total known before, a total said later, a fraction instead of a count."""
    shown = told([Report(total=10), Report(done=3)])
    assert (shown.fraction, shown.done, shown.total) == (0.3, 3, 10)
    shown = told([Report(total=20)], shown)
    assert (shown.fraction, shown.done, shown.total) == (0.15, 3, 20)
    shown = told([Report(fraction=0.4)], shown)
    assert (shown.fraction, shown.done, shown.total) == (0.4, None, 20)
    shown = told([Report(done=5)], shown)
    assert (shown.fraction, shown.done, shown.total) == (0.25, 5, 20)
    assert told([Report(done=7)]).fraction is None


def test_a_fraction_said_beside_a_count_stays() -> None:
    """Bytes may be the measure while files are counted: words after it do not change the fraction."""
    shown = told([Report(fraction=0.5, done=3, total=10), Report(message="still")])
    assert (shown.fraction, shown.done, shown.total) == (0.5, 3, 10)


def test_a_total_below_what_is_done() -> None:
    """A total that turns out too small makes the job full, never more than full."""
    assert told([Report(done=10, total=20), Report(total=5)]).fraction == 1.0


def test_a_new_stage_starts_over() -> None:
    """With a new stage numbers, unit and rate are those of the stage; the message stays until another comes."""
    shown = told([Report(stage="a"), Report(done=9, total=10, unit="files", message="m"), Report(stage="b")])
    assert (shown.stage, shown.done, shown.total, shown.fraction, shown.unit) == ("b", None, None, None, None)
    assert (shown.rate, shown.samples, shown.message, shown.reports) == (None, (), "m", 3)
    assert told([Report(done=1, total=10), Report(done=2)], shown).done == 2


def test_the_same_stage_goes_on() -> None:
    """A job that names its stage in every line counts on."""
    lines = [Report(stage="a", done=float(number), total=10) for number in range(1, 6)]
    shown = told(lines)
    assert (shown.done, len(shown.samples)) == (5, 5)
    assert shown.rate == pytest.approx(1.0)


def test_a_stage_is_measured_from_its_own_start() -> None:
    """A slow first stage says nothing about the speed of the second."""
    shown = advance(NOTHING, Report(stage="a", done=1, total=2), 1, 100.0, AT)
    shown = advance(shown, Report(stage="b"), 1, 200.0, AT)
    shown = advance(shown, Report(done=10, total=100), 1, 201.0, AT)
    assert shown.rate == pytest.approx(10.0)


def test_the_first_report_is_measured_from_the_start() -> None:
    """One report gives a rate already: what was done since the attempt began."""
    assert advance(NOTHING, Report(done=3, total=10), 1, 30.0, AT).rate == pytest.approx(0.1)


def test_a_checkpoint_is_no_speed() -> None:
    """A job that goes on at 3000 of 10000 is as fast as it is from there on."""
    shown = advance(NOTHING, Report(done=3000, total=10000), 1, 1.0, AT)
    shown = advance(shown, Report(done=3001), 1, 2.0, AT)
    assert shown.rate == pytest.approx(1.0)


def test_a_flood_has_a_rate() -> None:
    """Reports each few milliseconds are measured over longer steps, not left out for being close to one another."""
    shown = NOTHING
    for number in range(2000):
        shown = advance(shown, Report(done=float(number), total=2000), 1, number * 0.004, AT)
    assert shown.rate == pytest.approx(250, rel=0.05)


def test_a_rate_follows_the_job() -> None:
    """The rate forgets: some times its memory after a change it is what it is now."""
    shown, done, second = NOTHING, 0.0, 0.0
    for speed, seconds in ((10.0, 300), (2.0, int(4 * RATE_MEMORY))):
        for _ in range(seconds):
            second, done = second + 1, done + speed
            shown = advance(shown, Report(done=done, total=10_000), 1, second, AT)
        assert shown.rate == pytest.approx(speed, rel=0.1)


def test_numbers_do_not_fall() -> None:
    """What is done stays done, unless the job says that it starts over; a larger total is more to do."""
    shown = told([Report(done=float(number), total=100) for number in range(51)])
    fallen = advance(shown, Report(done=5), 1, 50.0, AT)
    assert (fallen.done, fallen.fraction) == (50, 0.5)
    assert advance(shown, Report(done=51, total=200), 1, 50.0, AT).fraction == 0.255
    again = advance(shown, Report(done=5, total=100, restart=True), 1, 50.0, AT)
    assert (again.done, again.fraction) == (5, 0.05)
    percent = told([Report(fraction=0.5), Report(fraction=0.4)])
    assert percent.fraction == 0.5


def test_another_measure_is_another_rate() -> None:
    """Units a second and fractions a second are not mixed."""
    shown = told([Report(done=float(number), total=100) for number in range(50)])
    shown = advance(shown, Report(fraction=0.5), 1, 50.0, AT)
    assert shown.rate == pytest.approx(0.01)
    shown = advance(shown, Report(fraction=0.52), 1, 52.0, AT)
    assert shown.rate == pytest.approx(0.01)


def test_a_clock_that_goes_back() -> None:
    """A report that seems to come from before the last one changes the numbers, not what is known of their pace."""
    shown = told([Report(done=float(number), total=100) for number in range(50)])
    late = advance(shown, Report(done=50), 1, 20.0, AT)
    assert (late.done, late.rate, late.updated_elapsed) == (50, shown.rate, shown.updated_elapsed)
    assert late.samples == shown.samples


def test_reports_without_a_time() -> None:
    """What is said of a job before it runs has no rate, and spoils none."""
    shown = advance(NOTHING, Report(done=3, total=10), 1, None, AT)
    assert (shown.fraction, shown.rate, shown.samples, shown.updated_at) == (0.3, None, (), AT)
    shown = advance(shown, Report(done=4), 1, 40.0, AT)
    assert shown.rate == pytest.approx(0.1)
    assert shown.updated_elapsed == 40.0


@given(st.lists(st.tuples(reports, st.none() | st.floats(0, 1e6)), max_size=30))
def test_progress_is_always_sound(history: list[tuple[Report, float | None]]) -> None:
    """Whatever is said and when: a fraction from 0 to 1, no negative rate, few samples, in order; JSON comes back."""
    shown = NOTHING
    for report, elapsed in history:
        shown = advance(shown, report, 1, elapsed, AT)
        assert shown.fraction is None or 0 <= shown.fraction <= 1
        assert shown.rate is None or 0 <= shown.rate < float("inf")
        assert len(shown.samples) <= progress.SAMPLES_KEPT
        times = [sample.elapsed for sample in shown.samples]
        assert times == sorted(times)
        assert all(0 <= sample.fraction <= 1 for sample in shown.samples)
    assert shown.reports == len(history)
    assert msgspec.json.decode(msgspec.json.encode(shown), type=Progress) == shown


def test_a_long_job_has_a_small_record() -> None:
    """After a hundred thousand reports the record is as small as after a hundred, and keeps the start."""
    shown = NOTHING
    for number in range(20_000):
        shown = advance(shown, Report(done=float(number), total=20_000), 1, number / 10, AT)
    assert shown.samples[0].elapsed == 0
    assert len(json.dumps(msgspec.to_builtins(shown))) < 1500
