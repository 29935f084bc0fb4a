"""Parents and children: a count that is always right, and progress by it where a job says none itself."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core import clocks, families, lifecycle, telling
from jobd.core.errors import IllegalChange
from jobd.core.events import catalogue as happened
from jobd.core.families import Standing
from jobd.core.model import FINAL, Job, State
from jobd.core.work import tallies
from jobd.core.work.children import Children
from jobd.core.work.items import Item, ItemReport
from jobd.core.work.progress import Report
from jobd.core.work.tallies import Tally
from tests.core.samples import AT, EVENTS, after, entry, job_in, moment

HALF = Children(running=1, completed=1, weight=2.0, reached=1.0)


def with_children(count: Children, job: Job | None = None, second: float = 10.0) -> Job:
    """Let a running job learn how its children stand."""
    job = job or job_in(State.RUNNING)
    return after(job, families.counted(job, count, moment(second)))


def test_a_count_knows_every_state() -> None:
    """There is a number for each, and those that are not over are named."""
    assert set(Children.__struct_fields__) == {*State, *Tally.__struct_fields__}
    assert set(Children.OPEN) == set(State) - FINAL


Stands = tuple[State, float, float | None]
STANDS = st.tuples(st.sampled_from(State), st.floats(0.1, 9), st.none() | st.floats(0, 1))


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | STANDS), max_size=30))
def test_counted_as_they_change_or_all_at_once(changes: list[tuple[int, Stands | None]]) -> None:
    """Whatever becomes of whom, in whatever order: the count is that of those that are there in the end."""
    count, known = Children(), dict[int, Standing]()
    for child, stands in changes:
        before = known.pop(child, None)
        if stands is not None:
            known[child] = families.standing(*stands)
        count = tallies.count(count, [(before, known.get(child))])
    anew = tallies.count(Children(), [(None, standing) for standing in known.values()])
    assert replace(count, weight=0.0, reached=0.0) == replace(anew, weight=0.0, reached=0.0)
    for name in Tally.__struct_fields__:
        assert getattr(count, name) == pytest.approx(getattr(anew, name), abs=1e-6)
    assert count.total == len(known)
    assert count.open == sum(standing.state not in FINAL for standing in known.values())
    if known:
        assert count.fraction is not None
        assert (count.fraction == 1) == (not count.open)


@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0, 1)), min_size=1, max_size=6), st.data())
def test_it_does_not_fall(children: list[tuple[float, float]], data: st.DataObject) -> None:
    """As long as the same children go on; one that is over counts as done, however it ended."""
    standings = [families.standing(State.RUNNING, weight, fraction) for weight, fraction in children]
    count = tallies.count(Children(), [(None, standing) for standing in standings])
    for _ in range(5):
        place = data.draw(st.integers(0, len(standings) - 1))
        state = data.draw(st.sampled_from([State.RUNNING, State.PAUSED, State.FAILED, State.COMPLETED, State.CANCELED]))
        before = standings[place]
        least = before.reached / before.weight
        standings[place] = families.standing(state, before.weight, data.draw(st.floats(min(least, 1), 1)))
        following = tallies.count(count, [(before, standings[place])])
        assert following.fraction is not None
        assert count.fraction is not None
        assert following.fraction >= count.fraction - 1e-6
        count = following


def test_a_parent_that_says_nothing_is_as_far_as_its_children() -> None:
    """By weight; its rate and its samples follow from that, as if it had said so itself."""
    job = with_children(Children(running=2, weight=4.0, reached=1.0))
    assert job.progress.fraction == 0.25
    job = with_children(Children(running=1, completed=1, weight=4.0, reached=3.0), job, 20.0)
    assert (job.progress.fraction, job.progress.rate, job.progress.reports) == (0.75, pytest.approx(0.05), 0)
    assert [(sample.elapsed, sample.fraction) for sample in job.progress.samples] == [(10, 0.25), (20, 0.75)]
    job = with_children(Children(completed=1, failed=1, weight=4.0, reached=4.0), job, 30.0)
    assert job.progress.fraction == 1


def test_another_child_is_more_to_do() -> None:
    """Then it falls, and no rate becomes negative."""
    job = with_children(Children(running=1, completed=3, weight=4.0, reached=3.0))
    job = with_children(Children(pending=4, running=1, completed=3, weight=8.0, reached=3.0), job, 20.0)
    assert job.progress.fraction == 0.375
    assert (job.progress.rate or 0) >= 0


OWN = {
    "a fraction": (Report(fraction=0.1), 0.1),
    "a count": (Report(done=1.0, total=10.0), 0.1),
    "stages": (Report(stages={"a": 1.0, "b": 3.0}, stage="b"), 0.25),
    "a message": (Report(message="m"), 0.5),
    "a count without a total": (Report(done=3.0), 0.5),
    "stages that have not begun": (Report(stages={"a": 1.0, "b": 3.0}), 0.5),
    "only the name of a stage": (Report(stage="a"), 0.5),
}


@pytest.mark.parametrize("case", OWN)
def test_its_own_word_goes_first(case: str) -> None:
    """What a job says of how far it is counts; words alone do not. Its children are counted all the same."""
    said, fraction = OWN[case]
    first = with_children(HALF)
    job = after(first, telling.report(first, said, moment(20)))
    assert (job.progress.fraction, job.progress.children) == (fraction, HALF)
    running = job_in(State.RUNNING)
    job = with_children(HALF, after(running, telling.report(running, said, moment(5))))
    assert (job.progress.fraction, job.progress.children) == (fraction, HALF)


def test_its_items_go_first() -> None:
    """They are its own parts; children do not move what they say."""
    job = job_in(State.RUNNING)
    said = [ItemReport(item=key, fraction=0.1) for key in "ab"]
    events, _ = telling.items_changed(job, said, dict[str, Item](), moment(5), 5.0)
    job = with_children(HALF, after(job, events))
    assert (job.progress.fraction, job.progress.updated_elapsed) == (0.1, 5)


def test_it_starts_over() -> None:
    """A job that takes back its own numbers is as far as its children again."""
    job = with_children(HALF)
    job = after(job, telling.report(job, Report(fraction=0.9), moment(20)))
    job = after(job, telling.report(job, Report(restart=True), moment(30)))
    assert job.progress.fraction == 0.5


def test_only_news_is_noted() -> None:
    """And only of a job that has not ended: how its children stood then is kept, whatever becomes of them."""
    job = with_children(HALF)
    assert families.counted(job, HALF, moment(20)) == []
    assert families.counted(job_in(State.RUNNING), Children(), moment(20)) == []
    ended = after(job, [EVENTS[happened.Completed]])
    assert ended.progress.children == HALF
    assert families.counted(ended, Children(completed=2, weight=2.0, reached=2.0), moment(20)) == []
    with pytest.raises(IllegalChange):
        lifecycle.fold(ended, entry(EVENTS[happened.ChildrenCounted]))


def test_whose_children_count() -> None:
    """Those of a job that has not ended, from when it was last run again; its count begins anew then."""
    job = with_children(HALF)
    assert families.counts(job, AT)
    ended = after(job, [EVENTS[happened.Failed]])
    assert not families.counts(ended, AT)
    again = after(ended, [happened.Retried()])
    assert (again.progress.children, again.renewed_at) == (None, entry(happened.Retried()).at)
    assert not families.counts(again, AT)
    assert families.counts(again, AT + timedelta(seconds=1))


def test_before_its_start() -> None:
    """A job that waits may have children; without a clock there is no rate."""
    job = with_children(HALF, job_in(State.PENDING))
    assert (job.progress.fraction, job.progress.rate, job.progress.samples) == (0.5, None, ())
    assert clocks.worked(job, moment(5)) is None
