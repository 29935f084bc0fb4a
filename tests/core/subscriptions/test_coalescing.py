"""Progress made short: less is said, and nothing else is different."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core import lifecycle
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry, Event, Progressed
from jobd.core.model import Job, State
from jobd.core.subscriptions.coalescing import coalesce
from jobd.core.work.progress import Report
from tests.core.samples import EVENTS, entry, job_in


def progressed(done: float | None = None, **said: object) -> Progressed:
    """Report something."""
    fields = {name: said.pop(name) for name in ("elapsed", "offset", "guessed") if name in said}
    return Progressed(report=Report(done=done, **said), **fields)  # type: ignore[arg-type]


def lines(*events: tuple[int, Event]) -> list[Entry]:
    """Number events of jobs."""
    return [entry(event, seq=seq, job=job) for seq, (job, event) in enumerate(events, 1)]


def test_the_last_report_stands_for_those_before() -> None:
    """With the latest of each field, under its own number; one that stands alone is the very same."""
    alone = lines((2, progressed(5)))[0]
    told = coalesce(
        [
            *lines(
                (1, progressed(1, message="a", unit="files")),
                (1, progressed(2, total=9, offset=40)),
                (1, progressed(3)),
            ),
            alone,
        ]
    )
    assert told[0] == replace(
        lines((1, progressed()))[0],
        seq=3,
        at=told[0].at,
        event=Progressed(report=Report(done=3, total=9, message="a", unit="files"), count=3, offset=40),
    )
    assert told[1] is alone


def test_nothing_passes_another_event_of_the_job() -> None:
    """What was reported before an important event is told before it."""
    failed = EVENTS[happened.Failed]
    entries = lines((1, progressed(1)), (2, progressed(1)), (1, failed), (2, progressed(2)), (1, progressed(2)))
    assert [(told.seq, told.job) for told in coalesce(entries)] == [(1, 1), (3, 1), (4, 2), (5, 1)]


def test_a_new_beginning_stands_for_nothing_before() -> None:
    """Another stage, a start from the front, and what was guessed are told apart from what was before."""
    for fresh in (progressed(1, stage="b"), progressed(1, restart=True), progressed(1, guessed=True)):
        entries = lines((1, progressed(9, stage="a")), (1, fresh))
        assert coalesce(entries) == entries
    same = coalesce(lines((1, progressed(8, stage="a")), (1, progressed(9, stage="a"))))
    assert [told.seq for told in same] == [2]


SAID = st.one_of(
    st.builds(progressed, st.integers(0, 9), elapsed=st.floats(1, 9)),
    st.builds(lambda message: progressed(None, message=message), st.sampled_from("xyz")),
    st.builds(lambda stage, done: progressed(done, stage=stage), st.sampled_from("ab"), st.integers(0, 9)),
    st.just(EVENTS[happened.Measured]),
    st.just(EVENTS[happened.ReportRejected]),
)


@given(st.lists(st.tuples(st.integers(1, 3), SAID), max_size=30))
def test_any_sequence(said: list[tuple[int, Event]]) -> None:
    """In order, every other event there, every report counted, and a reader's record of what was said the same."""
    entries = lines(*said)
    told = coalesce(entries)
    assert [one.seq for one in told] == sorted({one.seq for one in told})
    others = [one for one in entries if not isinstance(one.event, Progressed)]
    assert [one for one in told if not isinstance(one.event, Progressed)] == others
    for job_id in (1, 2, 3):
        whole, short = (fold(job_id, some) for some in (entries, told))
        for name in ("done", "within", "message", "stage", "reports", "updated_at"):
            assert getattr(short.progress, name) == getattr(whole.progress, name), name


def fold(job_id: int, entries: list[Entry]) -> Job:
    """Let a job report."""
    job: Job | None = job_in(State.RUNNING, job_id=job_id)
    for line in entries:
        if line.job == job_id:
            job = lifecycle.fold(job, line)
    assert job is not None
    return job
