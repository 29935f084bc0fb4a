"""Of runs that are removed the latest are kept, with as many points of progress as show how they went."""

from jobd.core.estimates import bygone, past
from jobd.core.estimates.past import Run
from jobd.core.work.progress_record import Sample


def run(number: int, points: int = 100) -> Run:
    """Make a run of even progress."""
    return Run(float(number), tuple(Sample(number * n / points, n / points) for n in range(1, points + 1)), 10.0)


def test_the_latest_stay() -> None:
    """In order, not more than an estimate uses."""
    some = bygone.kept((), [run(number) for number in range(1, 41)])
    more = bygone.kept(some, [run(number) for number in range(41, 61)])
    assert [int(one.seconds) for one in more] == list(range(11, 61))


def test_few_points_show_the_same() -> None:
    """The first and the last stay, and the quantiles and the shape of the runs are what they were."""
    whole = [run(number) for number in (10, 12, 20)]
    thin = bygone.kept((), whole)
    assert {len(one.samples) for one in thin} == {bygone.MOST_POINTS}
    assert [(one.samples[0], one.samples[-1]) for one in thin] == [(one.samples[0], one.samples[-1]) for one in whole]
    assert [one._replace(samples=()) for one in thin] == [one._replace(samples=()) for one in whole]
    usual = past.sum_up(thin)
    assert usual is not None
    assert (usual.runs, usual.p50) == (3, 12.0)
    assert bygone.thinned(run(5, 3)) == run(5, 3)
