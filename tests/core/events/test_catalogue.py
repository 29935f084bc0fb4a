"""Events: what each changes beside the state, and the JSON they have in the log for good."""

import json
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from jobd.core import lifecycle
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Entry, Event, Severity
from jobd.core.model import ATTEMPTS_KEPT, WARNINGS_KEPT, Attempt, Ending, Job, Measure, State, Usage
from jobd.core.work.progress import Report
from tests.core.samples import AT, BOOT, BOOTTIME, ENDED, EVENTS, MAIN, ORIGIN, SHIM, SPEC, USAGE, entry, job_in

each_event = pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.title())


def after(job: Job | None, *events: Event) -> Job:
    """Fold events into a job."""
    for event in events:
        job = lifecycle.fold(job, entry(event))
    assert job is not None
    return job


def test_titles_are_the_tags_of_the_log() -> None:
    """Each kind has a name of its own, its class's in small letters, and the log calls it so."""
    titles = {kind.title() for kind in EVENTS}
    assert len(titles) == len(EVENTS)
    assert happened.CancelAsked.title() == "cancel_asked"
    for event in EVENTS.values():
        assert json.loads(msgspec.json.encode(event))["type"] == event.title()


@each_event
def test_entries_come_back(event: Event) -> None:
    """A line of the log is read as it was written, with or without somebody who asked."""
    for by in (None, Actor(1000, 4242), Actor(1000, 4242, "jobd")):
        line = Entry(2**63 - 1, AT, 7, event, by)
        assert msgspec.json.decode(msgspec.json.encode(line), type=Entry) == line


@each_event
def test_entries_read_by_an_older_jobd(event: Event) -> None:
    """A field that a newer jobd adds does not make a line unreadable."""
    line = json.loads(msgspec.json.encode(entry(event)))
    line["event"]["phase_of_the_moon"] = line["also"] = "new"
    assert msgspec.json.decode(json.dumps(line), type=Entry) == entry(event)


@each_event
def test_each_says_how_much_it_matters(event: Event) -> None:
    """Severity and frequency are known without looking at the kind of event."""
    assert isinstance(event.severity, Severity)
    assert isinstance(event.frequent, bool)
    assert event.__doc__


#: The log is for good: these lines must be read, and written so, by every later version.
LINES = {
    happened.Begun: '{"seq":1,"at":"2026-03-01T12:00:01.123456Z","job":7,"event":{"type":"begun","name":"import",'
    '"origin":{"uid":1000,"pid":77,"tty":"pts/3","cwd":"/srv/video"},"watched":{"pid":4242,"ticks":99},'
    '"boot":"5b6f2f6e-6a0c-4c55-9a11-0d6c3d1c0b1e","boottime":1000000000000}}',
    happened.Opened: '{"seq":1,"at":"2026-03-01T12:00:01.123456Z","job":7,"event":{"type":"opened","number":2,'
    '"boot":"5b6f2f6e-6a0c-4c55-9a11-0d6c3d1c0b1e","cookie":"c","cgroup":"/jobd-c"}}',
    happened.Progressed: '{"seq":1,"at":"2026-03-01T12:00:01.123456Z","job":7,"event":{"type":"progressed",'
    '"report":{"done":3.0,"total":10.0},"count":2,"elapsed":5.0,"offset":40}}',
    happened.Failed: '{"seq":1,"at":"2026-03-01T12:00:01.123456Z","job":7,"event":{"type":"failed",'
    '"ending":{"status":256,"ended_at":"2026-03-01T12:00:12.623456Z","elapsed":12.5,"resources":{"user_seconds":1.5,'
    '"system_seconds":0.25,"peak_rss_bytes":50000000,"floor_rss_bytes":9000000},"output":{"output":9}},'
    '"reason":"exit:1"}}',
    happened.Removed: '{"seq":1,"at":"2026-03-01T12:00:01.123456Z","job":7,"event":{"type":"removed"}}',
}


@pytest.mark.parametrize("kind", LINES, ids=lambda kind: kind.title())
def test_the_form_of_the_log(kind: type[Event]) -> None:
    """Lines have the form in which they are already on people's disks; an entry as a whole says what it is."""
    event = replace(EVENTS[kind], report=Report(done=3.0, total=10.0)) if kind is happened.Progressed else EVENTS[kind]
    assert msgspec.json.encode(entry(event)).decode() == LINES[kind].replace("{", '{"type":"event",', 1)
    assert msgspec.json.decode(LINES[kind], type=Entry) == entry(event)


def test_submitted() -> None:
    """A job begins with all that it was submitted with."""
    job = after(None, EVENTS[happened.Submitted])
    assert job == Job(
        id=7, name="encode", state=State.PENDING, created_at=AT + timedelta(seconds=1), origin=ORIGIN, spec=SPEC,
        labels={"for": "ann"}, usual=job.usual,
    )  # fmt: skip
    assert job.usual is not None


def test_begun() -> None:
    """What jobd did not start has one attempt, which runs from the beginning."""
    job = after(None, EVENTS[happened.Begun])
    assert (job.state, job.spec, job.open, job.numbered) == (State.RUNNING, None, True, 1)
    assert (job.attempts[0].main, job.attempts[0].started_boottime) == (MAIN, BOOTTIME)


def test_imported() -> None:
    """What was found on the disk has the attempt that was found, under its number."""
    job = after(None, EVENTS[happened.Imported])
    assert (job.state, job.open, job.numbered, job.attempts[0].number) == (State.PENDING, True, 3, 3)
    assert job.attempts[0].boot == BOOT


def test_opened_and_started() -> None:
    """An attempt is opened before it starts; why the job stood where it did no longer matters."""
    job = after(replace(job_in(State.PENDING), attempts=(), reason="hold"), EVENTS[happened.Opened])
    assert (job.open, job.numbered, job.reason, job.attempts[-1].cookie) == (True, 2, None, "c")
    job = after(replace(job, withdrawn=3), EVENTS[happened.Started])
    assert (job.state, job.withdrawn, job.started_at) == (State.RUNNING, 0, AT)
    assert (job.attempts[-1].main, job.attempts[-1].shim) == (MAIN, SHIM)


def test_attempts_are_bounded() -> None:
    """However often a job is retried, its record holds the latest attempts only."""
    job = replace(job_in(State.PENDING), attempts=job_in(State.FAILED).attempts)
    for number in range(2, ATTEMPTS_KEPT + 5):
        job = after(job, replace(EVENTS[happened.Opened], number=number))
    assert len(job.attempts) == ATTEMPTS_KEPT
    assert job.attempts[-1].number == job.numbered == ATTEMPTS_KEPT + 4


def test_progressed() -> None:
    """A report goes into the progress, its offset into the attempt."""
    job = after(job_in(State.RUNNING), EVENTS[happened.Progressed])
    assert (job.progress.fraction, job.progress.reports, job.attempts[-1].report_offset) == (0.3, 2, 40)
    outside = after(job, happened.Progressed(report=Report(message="m"), elapsed=6.0))
    assert (outside.progress.message, outside.attempts) == ("m", job.attempts)


def test_more_done_than_there_is_to_do() -> None:
    """It is said once that numbers of two reports do not fit, until they do again."""
    said = [happened.Progressed(report=Report(**numbers)) for numbers in (  # type: ignore[arg-type]
        {"done": 3, "total": 10}, {"done": 50}, {"done": 60}, {"total": 100}, {"total": 20},
    )]  # fmt: skip
    job = after(job_in(State.RUNNING), *said)
    wrong = "more than there is to do"
    assert [warned.text for warned in job.warnings] == [f"50 done of 10: {wrong}", f"60 done of 20: {wrong}"]
    assert job.progress.fraction == 1.0


def test_warnings_are_counted_and_bounded() -> None:
    """The latest warnings are kept, all are counted, each kind says what is wrong."""
    job = after(job_in(State.CANCELING), EVENTS[happened.ReportRejected])
    assert (job.warned, job.attempts[-1].report_offset) == (3, 50)
    job = after(job, EVENTS[happened.OutputTrimmed], EVENTS[happened.CancelStalled])
    assert [warned.text for warned in job.warnings] == [
        "no report: foo",
        "output is over its limit of 1000 bytes: 100 bytes of its middle are gone",
        "still alive: 4242 ffmpeg D",
    ]
    for _ in range(2 * WARNINGS_KEPT):
        job = after(job, EVENTS[happened.CancelStalled])
    assert (len(job.warnings), job.warned) == (WARNINGS_KEPT, 5 + 2 * WARNINGS_KEPT)


def test_measured() -> None:
    """The latest figures are shown, totals never fall, and the series grows."""
    job = after(job_in(State.RUNNING), EVENTS[happened.Measured])
    assert (job.usage, job.series) == (USAGE, (Measure(5.0, 186.5, 40_000_000),))
    restarted = Usage(cpu_percent=1.0, cpu_seconds=0.5, rss_bytes=1, peak_rss_bytes=2, processes=1)
    job = after(job, happened.Measured(usage=restarted, measure=Measure(6.0, 1.0, 1)))
    assert job.usage == replace(restarted, cpu_seconds=1.25, peak_rss_bytes=45_000_000)
    assert [point.elapsed for point in job.series] == [5.0, 6.0]


def test_a_pause_that_never_was() -> None:
    """A job resumed before its processes had stopped has paused for no time."""
    job = after(job_in(State.PAUSING), EVENTS[happened.Resumed])
    assert (job.state, job.attempts[-1].paused_seconds) == (State.RUNNING, 0.0)


def test_a_clock_that_went_back_makes_no_negative_pause() -> None:
    """A pause lasts at least no time."""
    paused = after(job_in(State.PAUSING), happened.Paused(boottime=BOOTTIME + 10))
    assert after(paused, happened.Resumed(boottime=BOOTTIME)).attempts[-1].paused_seconds == 0.0


@pytest.mark.parametrize("kind", [happened.Completed, happened.Failed, happened.Canceled])
def test_ended(kind: type[Event]) -> None:
    """An end closes the attempt and dates the job; figures that it does not bring stay as they were."""
    before = replace(job_in(State.CANCELING if kind is happened.Canceled else State.RUNNING), usage=USAGE)
    event = EVENTS[kind]
    job = after(before, event)
    assert isinstance(event, happened.Ended)
    assert (job.attempts[-1].ending, job.attempts[-1].state) == (event.ending, job.state)
    assert (job.ended_at, job.usage) == (ENDED.ended_at, USAGE)
    assert after(before, replace(event, usage=None, ending=Ending())).usage == USAGE


def test_what_is_over_is_not_looked_for_any_more() -> None:
    """An attempt that has ended forgets what it was found by, unless it was abandoned: then something may live."""
    opened = after(replace(job_in(State.PENDING), attempts=()), EVENTS[happened.Opened])
    before = replace(after(opened, EVENTS[happened.Started], EVENTS[happened.Progressed]), state=State.CANCELING)
    (over,) = after(before, happened.Canceled(ending=ENDED)).attempts
    assert replace(over, state=None) == Attempt(
        number=2, opened_at=opened.attempts[0].opened_at, main=MAIN, started_at=AT, ending=ENDED
    )
    (left,) = after(before, happened.Canceled(abandoned=True)).attempts
    assert replace(left, state=None, ending=None) == before.attempts[0]


def test_an_end_without_an_attempt() -> None:
    """A waiting job that is canceled leaves the attempts before alone, and ends when it is canceled."""
    before = replace(job_in(State.FAILED), state=State.PENDING)
    job = after(before, happened.Canceled(reason="no more"))
    assert (job.attempts, job.state, job.reason) == (before.attempts, State.CANCELED, "no more")
    assert job.ended_at == AT + timedelta(seconds=1)


def test_all_events_come_from_one_module() -> None:
    """Whoever handles events imports only this module, wherever they are written."""
    assert all(getattr(happened, kind.__name__) is kind for kind in happened.leaves())
    assert happened.leaves(happened.Removed) == [happened.Removed]
