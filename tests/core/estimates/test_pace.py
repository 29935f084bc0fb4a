"""The job's own speed: even work, bursts, warm-up, work that slows down, stalls, checkpoints."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.estimates.pace import LONGEST_STALL, measure
from jobd.core.work.progress import NOTHING, Report, advance
from jobd.core.work.progress_record import Progress, Sample

AT = datetime(2026, 3, 1, tzinfo=UTC)


def told(*points: tuple[float, float]) -> Progress:
    """Let a job say fractions at seconds."""
    progress = NOTHING
    for elapsed, fraction in points:
        progress = advance(progress, Report(fraction=fraction), 1, elapsed, AT)
    return progress


def left(progress: Progress, elapsed: float | None = None) -> float:
    """Give the seconds left by the pace, at once after the last number if not said otherwise."""
    pace = measure(progress, elapsed if elapsed is not None else progress.updated_elapsed or 0.0)
    assert pace is not None
    return pace.seconds


def test_a_burst() -> None:
    """A burst moves the estimate to what the mean says, not to what the burst alone would give."""
    before = [(float(second), second / 200) for second in range(1, 101)]
    burst = told(*before, (101.0, 0.6))
    assert left(burst) > 0.4 / (0.6 / 101) * 0.8
    assert left(burst) < left(told(*before))


def test_warm_up() -> None:
    """A job that needed a while before it moved is judged by how it moves, more and more."""
    points = [(60.0, 0.0), *((60.0 + second, second / 100) for second in range(1, 31))]
    assert 70 < left(told(*points)) < 0.7 / (0.3 / 90)


def test_work_that_slows_down() -> None:
    """What is left is longer than by the mean of the whole run, for the mean would have been wrong before."""
    slowing = told(*((float(second), math.log1p(second) / 10) for second in range(1, 301)))
    fraction = math.log(301) / 10
    assert left(slowing) > 1.2 * 300 * (1 - fraction) / fraction


def test_a_checkpoint() -> None:
    """What was done before the attempt is no speed of it."""
    assert left(told(*((float(second), 0.5 + second / 1000) for second in range(1, 101)))) == pytest.approx(
        400, rel=0.1
    )


def test_a_fraction_that_falls() -> None:
    """It starts the speed anew: more was found to do."""
    points = ((10.0, 0.5), (20.0, 0.9), (21.0, 0.1), (22.0, 0.11), (23.0, 0.12), (24.0, 0.13))
    samples = tuple(Sample(*point) for point in points)
    fallen = Progress(fraction=0.13, updated_elapsed=24.0, samples=samples)
    assert left(fallen) == pytest.approx(87, rel=0.1)


def test_a_stall() -> None:
    """It counts down to the next number; when that is overdue it grows, never beyond a limit; then there is none."""
    progress = told(*((float(second), second / 100) for second in range(10, 60, 10)))
    at_once = left(progress)
    assert left(progress, 55.0) == pytest.approx(at_once - 2.5)
    stalls = [left(progress, second) for second in (90.0, 110.0, 130.0, 149.0)]
    assert stalls == sorted(stalls)
    assert stalls[-1] > at_once
    assert stalls[-1] <= LONGEST_STALL * at_once
    assert measure(progress, 50.0 + 101) is None


def test_nothing_to_go_by() -> None:
    """Too little said is no pace."""
    assert measure(NOTHING, 5.0) is None
    assert measure(told((5.0, 0.0)), 5.0) is None
    assert measure(told((5.0, 0.0001)), 5.0) is None
    assert measure(told((0.0, 0.5)), 5.0) is None


steps = st.lists(st.tuples(st.floats(0.1, 1000), st.floats(0, 0.2)), min_size=1, max_size=40)


def run_of(found: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Add up steps to points of a run that never falls."""
    points, elapsed, fraction = list[tuple[float, float]](), 0.0, 0.0
    for seconds, gained in found:
        elapsed, fraction = elapsed + seconds, min(1.0, fraction + gained)
        points.append((elapsed, fraction))
    return points


def sampled(points: list[tuple[float, float]], times: float = 1.0) -> Progress:
    """Make a progress of points, at times longer by a factor."""
    samples = tuple(Sample(at * times, fraction) for at, fraction in points)
    return Progress(fraction=samples[-1].fraction, updated_elapsed=samples[-1].elapsed, samples=samples)


@given(steps, st.floats(0, 1), st.sampled_from([60.0, 3600.0]))
def test_time_has_no_unit(found: list[tuple[float, float]], silence: float, times: float) -> None:
    """A run that takes so many times as long at every point has so many times as long left."""
    points = run_of(found)
    elapsed = points[-1][0] * (1 + silence)
    plain = measure(sampled(points), elapsed)
    scaled = measure(sampled(points, times), elapsed * times)
    assert (plain is None) == (scaled is None)
    if plain is not None and scaled is not None:
        assert scaled.seconds == pytest.approx(plain.seconds * times, rel=1e-6, abs=1e-9 * times)
        assert scaled.error == pytest.approx(plain.error, rel=1e-6)


@given(steps, st.floats(0, 1e6))
def test_silence_never_runs_away(found: list[tuple[float, float]], silence: float) -> None:
    """However long the silence, what is left is no more than the limit, and finite."""
    progress = sampled(run_of(found))
    assert progress.updated_elapsed is not None
    said = measure(progress, progress.updated_elapsed)
    later = measure(progress, progress.updated_elapsed + silence)
    if said is not None and later is not None:
        assert 0 <= later.seconds <= LONGEST_STALL * said.seconds < math.inf
