"""One event of each kind, and a job in each state, for tests that go through all of them."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from jobd.core import lifecycle
from jobd.core.estimates.usual import Usual
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry, Event
from jobd.core.model import Attempt, Ending, Job, Measure, Moment, Origin, Process, Resources, Spec, State, Usage
from jobd.core.text import Base64
from jobd.core.work.children import Children
from jobd.core.work.items import Item, ItemChange, ItemState
from jobd.core.work.progress import Report
from jobd.core.work.progress_record import Progress

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
BOOT = "5b6f2f6e-6a0c-4c55-9a11-0d6c3d1c0b1e"
#: CLOCK_BOOTTIME at AT.
BOOTTIME = 1_000_000_000_000
MAIN, SHIM = Process(4242, 99), Process(4241, 98)
ORIGIN = Origin(uid=1000, pid=77, tty="pts/3", cwd="/srv/video")
SPEC = Spec(argv=("ffmpeg", "-i", Base64("/w==")), cwd="/srv/video", surroundings="0" * 64)
RESOURCES = Resources(user_seconds=1.5, system_seconds=0.25, peak_rss_bytes=50_000_000, floor_rss_bytes=9_000_000)
ENDED = Ending(status=0, ended_at=AT + timedelta(seconds=12.5), elapsed=12.5, resources=RESOURCES, output={"output": 9})
USAGE = Usage(cpu_percent=186.5, cpu_seconds=1.25, rss_bytes=40_000_000, peak_rss_bytes=45_000_000, processes=3)
USUAL = Usual(12, 10.0, 12.0, 15.0, 16.0)

EVENTS: dict[type[Event], Event] = {
    type(event): event
    for event in (
        happened.Submitted(name="encode", origin=ORIGIN, spec=SPEC, labels={"for": "ann"}, usual=USUAL),
        happened.Begun(name="import", origin=ORIGIN, watched=MAIN, boot=BOOT, boottime=BOOTTIME),
        happened.Imported(name="nightly", origin=ORIGIN, spec=SPEC, boot=BOOT, number=3, directory="adhoc-x"),
        happened.Opened(number=2, boot=BOOT, cookie="c", cgroup="/jobd-c"),
        happened.Withdrawn(number=1, why="fenced"),
        happened.Started(main=MAIN, shim=SHIM, started_at=AT, boottime=BOOTTIME),
        happened.Adopted(shim_lost=True),
        happened.Progressed(report=Report(done=3, total=10), count=2, elapsed=5.0, offset=40),
        happened.ReportRejected(text="foo", problem="no report", count=3, offset=50),
        happened.ItemsChanged(changes=(ItemChange(Item(key="a", state=ItemState.FAILED, error="why")),), elapsed=5.0),
        happened.ChildrenCounted(children=Children(running=1, completed=2, weight=4.0, reached=3.0), elapsed=5.0),
        happened.Measured(usage=USAGE, measure=Measure(5.0, 186.5, 40_000_000)),
        happened.OutputTrimmed(file="output", removed_bytes=100, limit=1000),
        happened.RateLimited(seconds=30.0, elapsed=5.0, offset=60),
        happened.RateLimitLifted(elapsed=25.0),
        happened.Stale(silent=120.5),
        happened.Revived(),
        happened.PauseAsked(),
        happened.Paused(boottime=BOOTTIME + 10**9),
        happened.Resumed(boottime=BOOTTIME + 3 * 10**9),
        happened.Draining(status=0),
        happened.CancelAsked(boottime=BOOTTIME + 5 * 10**9, grace=10.0, signal=15, reason="too slow", uid=1000),
        happened.CancelStalled(processes=("4242 ffmpeg D",)),
        happened.Completed(ending=ENDED, usage=USAGE),
        happened.Failed(ending=replace(ENDED, status=256), reason="exit:1"),
        happened.AttemptFailed(ending=replace(ENDED, status=256), usage=USAGE, reason="exit:1", pause=20.0),
        happened.Canceled(ending=replace(ENDED, status=15), reason="too slow"),
        happened.Retried(),
        happened.Removed(),
    )
}


def job_in(state: State, *, job_id: int = 7) -> Job:
    """Make a job as it may stand in a state: with an attempt that is open where the state wants one."""
    ending = ENDED if state in (State.COMPLETED, State.CANCELED, State.FAILED) else None
    waits = state is State.PENDING
    attempt = Attempt(
        number=1, boot=BOOT, opened_at=AT, main=None if waits else MAIN, shim=None if waits else SHIM,
        started_at=None if waits else AT, started_boottime=None if waits else BOOTTIME, ending=ending,
        state=state if ending else None,
    )  # fmt: skip
    return Job(
        id=job_id, name="encode", state=state, created_at=AT, origin=ORIGIN, spec=SPEC, attempts=(attempt,), numbered=1,
        started_at=attempt.started_at, ended_at=ending.ended_at if ending else None, progress=Progress(),
    )  # fmt: skip


def entry(event: Event, *, seq: int = 1, job: int = 7) -> Entry:
    """Put an event into a line of the log."""
    return Entry(seq, AT + timedelta(seconds=seq), job, event)


def moment(seconds: float, *, boot: str = BOOT) -> Moment:
    """Read all clocks, some seconds after AT."""
    return Moment(AT + timedelta(seconds=seconds), BOOTTIME + int(seconds * 1e9), boot)


def after(job: Job, events: list[Event]) -> Job:
    """Fold events; the job is still there afterwards."""
    for event in events:
        folded = lifecycle.fold(job, entry(event))
        assert folded is not None
        job = folded
    return job
