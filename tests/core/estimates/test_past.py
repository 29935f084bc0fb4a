"""Earlier runs summed up: quantiles of what they took, one course, how noisy and how bent it is, how wide bands are."""

import math
from random import Random

import msgspec
import pytest

from jobd.core.estimates.outlook import GRID
from jobd.core.estimates.past import FOLLOWED, Run, sum_up
from jobd.core.estimates.usual import Experience, Row, Usual
from jobd.core.work.progress_record import Sample
from tests.core.samples import USUAL


def curve(seconds: float, *points: tuple[float, float], total: float | None = None) -> Run:
    """Make a run of some points of progress."""
    return Run(seconds, tuple(Sample(*point) for point in points), total)


def learnt(*runs: Run) -> Experience:
    """Sum up runs of which something is learnt."""
    usual = sum_up(runs)
    assert usual is not None
    return usual


def at(usual: Experience, fraction: float) -> Row:
    """Give the course at a fraction of the grid."""
    return usual.course[GRID.index(fraction)]


def passed(usual: Experience, fraction: float) -> float:
    """Give the mean seconds until a fraction of the grid."""
    return math.exp(at(usual, fraction).passed)


def test_quantiles() -> None:
    """Durations are interpolated between neighbours, whatever the order; nothing of nothing."""
    usual = learnt(Run(3.0), Run(1.0), Run(2.0))
    assert (usual.runs, usual.p10, usual.p50, usual.p90, usual.p95) == (3, 1.2, 2.0, 2.8, 2.9)
    assert math.exp(usual.course[0].left) == pytest.approx(2.0, rel=1e-3)
    assert sum_up([]) is None


def test_the_course_of_an_even_run() -> None:
    """A run of even speed has come so far after the same share of its time; one that was not even has not."""
    even = learnt(curve(50.0, *((float(second), second / 50) for second in range(1, 51))))
    assert [passed(even, share) / 50 for share in GRID[1:]] == pytest.approx(GRID[1:], rel=1e-3)
    assert [math.exp(row.left) / 50 for row in even.course[1:-1]] == pytest.approx(
        [1 - share for share in GRID[1:-1]], rel=1e-3
    )
    assert (even.followed, even.runs, even.noise) == (1, 1, 0)
    assert even.bend == pytest.approx(0, abs=1e-6)
    slowing = learnt(curve(100.0, (10.0, 0.5), (100.0, 1.0)))
    assert (passed(slowing, 0.5), passed(slowing, 0.8)) == pytest.approx((10, 64), rel=1e-3)
    assert slowing.bend > 0.1


def test_the_ends_of_the_course() -> None:
    """Waiting before the first number shows, so does work after the last; what was never reached came at the end."""
    waited = learnt(curve(100.0, (50.0, 0.0), (51.0, 0.1), (90.0, 1.0)))
    assert passed(waited, 0.05) == pytest.approx(50.5, rel=1e-3)
    assert math.exp(at(waited, 1.0).left) == pytest.approx(10, rel=1e-3)
    short = learnt(curve(100.0, (50.0, 0.5)))
    assert passed(short, 0.5) == pytest.approx(50, rel=1e-3)
    assert passed(short, 0.6) == pytest.approx(100, rel=1e-3)
    assert math.exp(at(short, 0.6).left) < 0.2


def test_runs_that_said_nothing() -> None:
    """They count for the duration and not for the course; one that took no time counts for nothing more."""
    usual = learnt(Run(100.0), curve(0.0, (0.0, 1.0)), curve(100.0, (100.0, 1.0)))
    assert (usual.runs, usual.followed, len(usual.course)) == (3, 1, len(GRID))
    assert learnt(curve(0.0, (0.0, 1.0))).course == ()


def test_only_the_latest_are_followed() -> None:
    """The course is that of the latest runs, which come first."""
    old, new = curve(100.0, (90.0, 0.5), (100.0, 1.0)), curve(100.0, (10.0, 0.5), (100.0, 1.0))
    usual = learnt(*[new] * FOLLOWED, *[old] * FOLLOWED)
    assert (usual.runs, usual.followed) == (2 * FOLLOWED, FOLLOWED)
    assert passed(usual, 0.5) == pytest.approx(10, rel=1e-3)


def test_what_varies() -> None:
    """How much runs differ in size is one thing, how much in their course another."""
    points = ((0.2, 0.1), (0.5, 0.5), (1.0, 1.0))
    sizes = learnt(*(curve(size, *((size * share, done) for share, done in points)) for size in (10.0, 20.0, 40.0)))
    assert at(sizes, 0.5).own == pytest.approx(0, abs=1e-4)
    assert at(sizes, 0.5).size == pytest.approx(math.log(2) ** 2, rel=1e-3)
    assert sizes.noise == 0
    courses = learnt(*(curve(10.0, (share, 0.5), (10.0, 1.0)) for share in (4.0, 5.0, 6.0)))
    assert at(courses, 0.5).own > 0.1
    assert courses.course[0].size == 0
    assert courses.noise > 0.01


def test_the_total_tells_the_size() -> None:
    """If every run had a total, it is learnt how the time grows with it; of few runs it is thought to grow as fast."""
    as_fast = learnt(*(Run(seconds, (), 10 * seconds) for seconds in (10.0, 30.0, 90.0)))
    assert as_fast.total == pytest.approx(math.log(300), rel=1e-3)
    assert as_fast.slope == 1
    assert as_fast.course[0].size == pytest.approx(0, abs=1e-4)
    assert learnt(*(Run(10.0, (), total) for total in (1.0, 100.0, 10_000.0))).slope < 0.05
    assert learnt(*(Run(total**2, (), total) for total in (1.0, 10.0, 100.0))).slope == pytest.approx(2, abs=0.1)
    assert learnt(Run(10.0, (), 100.0), Run(11.0, (), 200.0)).slope > 0.7
    assert learnt(Run(10.0, (), 100.0), Run(30.0)).total is None


def test_how_wide_bands_are() -> None:
    """Runs that foretell one another better than any work lets expect make bands narrower; few runs are no trial."""

    def run(number: int, unevenness: float) -> Run:
        chance = Random(number)  # noqa: S311 -- no secret
        steps = [chance.lognormvariate(0, unevenness) for _ in range(20)]
        return curve(sum(steps), *((sum(steps[: number + 1]), (number + 1) / 20) for number in range(20)))

    alike, odd = (learnt(*(run(number, unevenness) for number in range(12))) for unevenness in (0.1, 2.5))
    assert 0 < alike.spread < 0.9 * odd.spread
    assert learnt(run(1, 0.1), run(2, 0.1)).spread == 1


def test_a_job_keeps_a_part() -> None:
    """What a job keeps is small; a record that has more of it, as some had once, is read as well."""
    kept = b'{"runs":12,"p10":10.0,"p50":12.0,"p90":15.0,"p95":16.0}'
    more = b',"course":[[0.1,0.1,0.1,0.1,0.1]],"followed":1,"shape":[[0.1,0.1,0.1]],"unit_seconds":[0.1,0.1,0.1]}'
    assert msgspec.json.encode(learnt(Run(10.0), Run(20.0)).usual).startswith(b'{"runs":2,')
    assert msgspec.json.encode(USUAL) == kept
    assert msgspec.json.decode(kept, type=Usual) == msgspec.json.decode(kept[:-1] + more, type=Usual) == USUAL
