"""The JSON that scripts rely on: every field, for every kind of job, exactly."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jobd.core import lifecycle, showing
from jobd.core.estimates.usual import Experience
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.model import Ending, Job, Measure, Origin, Process, Resources, Spec, State, Usage
from jobd.core.showing import view
from jobd.core.text import lossless
from jobd.core.views import JobView, OutputView, exit_status, status_parts
from jobd.core.work.progress import Report
from tests.core.samples import AT, BOOT, BOOTTIME, MAIN, ORIGIN, SHIM, entry, job_in, moment

SPEC = Spec(argv=("ffmpeg", "-i", "in.mov", "out.mp4"), cwd="/srv/video", surroundings="0" * 64)
EXPERIENCE = Experience(12, 80.0, 100.0, 120.0, 130.0)

#: Fields that are there for ever.
STABLE = {
    "": "id name state reason argv cwd group priority labels attempt attempts exit_code signal created_at started_at "
    "ended_at elapsed done progress usage output origin",
    "progress": "fraction done total unit message stage rate eta",
    "progress.eta": "seconds low high basis over",
    "usage": "cpu_percent cpu_seconds rss_bytes peak_rss_bytes read_bytes write_bytes processes",
    "output": "path bytes",
    "origin": "uid pid tty cwd",
}


def live(job: Job | None, *events: Event) -> Job:
    """Fold events; the job is still there afterwards."""
    for event in events:
        job = lifecycle.fold(job, entry(event))
    assert job is not None
    return job


def waiting(**fields: Any) -> Job:
    """Make a job that waits."""
    submitted = happened.Submitted(name="encode", origin=ORIGIN, spec=SPEC, labels={"for": "ann"})
    return live(None, replace(submitted, **fields))


def running(**fields: Any) -> Job:
    """Make a job that runs since AT."""
    job = waiting(**fields)
    opened = lifecycle.open_attempt(job, moment(0), "cookie", None)
    return live(job, *opened, happened.Started(main=MAIN, shim=SHIM, started_at=AT, boottime=BOOTTIME))


def ended(status: int, job: Job | None = None, **fields: Any) -> Job:
    """Let a job end after 12.5 seconds."""
    job = job or running()
    ending = Ending(status=status, elapsed=12.5, ended_at=AT + timedelta(seconds=12.5))
    return live(job, *lifecycle.exited(job, replace(ending, **fields), None))


def shown(job: Job, seconds: float = 20.0, usage: Usage | None = None, output: OutputView | None = None) -> Any:
    """Give the JSON of a job, decoded."""
    return json.loads(msgspec.json.encode(view(job, moment(seconds), usage, output, EXPERIENCE if job.usual else None)))


def at(seconds: float) -> str:
    """Write the moment some seconds after AT."""
    return (AT + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


NOTHING_SAID = dict.fromkeys("fraction done total unit message stage rate eta".split()) | {
    "reports": 0, "updated_at": None, "stages": [], "items": None, "rate_limited_until": None,
    "children": None,
}  # fmt: skip
NOTHING_USED = dict.fromkeys(STABLE["usage"].split()) | {"series": []}

#: A job killed by a signal, whole; the other jobs below are told by how they differ from it.
KILLED: dict[str, Any] = {
    "id": 7,
    "name": "encode",
    "state": "failed",
    "reason": "signal:9",
    "detail": "SIGKILL, possibly out of memory",
    "argv": ["ffmpeg", "-i", "in.mov", "out.mp4"],
    "cwd": "/srv/video",
    "group": "default",
    "priority": 0,
    "labels": {"for": "ann"},
    "attempt": 1,
    "attempts": [
        {
            "number": 1,
            "state": "failed",
            "reason": "signal:9",
            "pid": 4242,
            "exit_code": None,
            "signal": 9,
            "started_at": "2026-03-01T12:00:00.123456Z",
            "ended_at": "2026-03-01T12:00:12.623456Z",
            "elapsed": 12.5,
        }
    ],
    "begun": False,
    "pid": None,
    "exit_code": None,
    "signal": 9,
    "created_at": "2026-03-01T12:00:01.123456Z",
    "started_at": "2026-03-01T12:00:00.123456Z",
    "ended_at": "2026-03-01T12:00:12.623456Z",
    "elapsed": 12.5,
    "done": True,
    "progress": NOTHING_SAID,
    "usage": NOTHING_USED,
    "usual": None,
    "output": None,
    "origin": {"uid": 1000, "pid": 77, "tty": "pts/3", "cwd": "/srv/video"},
    "heartbeat": None,
    "parent": None,
    "weight": 1.0,
    "retries": None,
    "retried": 0,
    "not_before": None,
    "stale_since": None,
    "warnings": [],
    "warned": 0,
    "watchers": None,
}
ATTEMPT = KILLED["attempts"][0]


def unlike_killed(job: Any) -> dict[str, Any]:
    """Give the fields in which a job differs from the one that was killed."""
    assert list(job) == list(KILLED)
    return {name: value for name, value in job.items() if value != KILLED[name]}


def unlike_attempt(tried: Any) -> dict[str, Any]:
    """The same for an attempt."""
    assert list(tried) == list(ATTEMPT)
    return {name: value for name, value in tried.items() if value != ATTEMPT[name]}


def test_killed() -> None:
    """A job that died by a signal."""
    assert shown(ended(9)) == KILLED


def test_running() -> None:
    """A job at work: progress with an estimate, usage with its series, warnings, output."""
    job = running(usual=EXPERIENCE.usual)
    for done in (10.0, 20.0):
        report = Report(done=done, total=100.0, unit="frames", message="m")
        job = live(job, happened.Progressed(report=report, elapsed=done))
    job = live(job, happened.ReportRejected(text="foo", problem="no report", count=2))
    job = live(job, happened.Measured(usage=Usage(cpu_seconds=9.0, peak_rss_bytes=600), measure=Measure(5.0, 99.5, 5)))
    usage = Usage(
        cpu_percent=186.5, cpu_seconds=37.5, rss_bytes=400, peak_rss_bytes=500, read_bytes=1, write_bytes=2, processes=3
    )
    output = OutputView(path="/s/run/7.1/output", bytes=1234, files={"output": "/s/run/7.1/output"})
    tried = {"state": None, "reason": None, "signal": None, "ended_at": None, "elapsed": 20.0}
    assert unlike_killed(shown(job, 20.0, usage, output)) == {
        "state": "running",
        "reason": None,
        "detail": None,
        "attempts": [ATTEMPT | tried],
        "pid": 4242,
        "signal": None,
        "ended_at": None,
        "elapsed": 20.0,
        "done": False,
        "progress": {
            "fraction": 0.2,
            "done": 20.0,
            "total": 100.0,
            "unit": "frames",
            "message": "m",
            "stage": None,
            "rate": 1.0,
            "eta": {
                "seconds": pytest.approx(80, abs=1),
                "low": pytest.approx(57, abs=5),
                "high": pytest.approx(112, abs=10),
                "basis": "rate+history",
                "over": 0.0,
            },
            "reports": 2,
            "updated_at": at(1),
            "stages": [],
            "items": None,
            "rate_limited_until": None,
            "children": None,
        },
        "usage": {
            "cpu_percent": 186.5,
            "cpu_seconds": 37.5,
            "rss_bytes": 400,
            "peak_rss_bytes": 600,
            "read_bytes": 1,
            "write_bytes": 2,
            "processes": 3,
            "series": [[5.0, 99.5, 5]],
        },
        "usual": {"runs": 12, "p10": 80.0, "p50": 100.0, "p90": 120.0, "p95": 130.0},
        "output": {"path": "/s/run/7.1/output", "bytes": 1234, "files": {"output": "/s/run/7.1/output"}},
        "warnings": [{"at": at(1), "text": "no report: foo"}],
        "warned": 2,
    }


def test_completed() -> None:
    """A job that ended well: what it used in all, nothing of what it used at the moment, no estimate."""
    job = live(running(usual=EXPERIENCE.usual), happened.Progressed(report=Report(fraction=0.5), elapsed=5.0))
    job = live(job, happened.Measured(usage=Usage(cpu_percent=9.0, rss_bytes=5), measure=Measure(5.0, 9.0, 5)))
    resources = Resources(user_seconds=1.5, system_seconds=0.5, peak_rss_bytes=50, floor_rss_bytes=9)
    differences = unlike_killed(shown(ended(0, job, resources=resources)))
    progress, used = differences.pop("progress"), differences.pop("usage")
    assert unlike_attempt(differences.pop("attempts")[0]) == {
        "state": "completed", "reason": None, "exit_code": 0, "signal": None,
    }  # fmt: skip
    assert differences == {
        "state": "completed", "reason": None, "detail": None, "exit_code": 0, "signal": None,
        "usual": {"runs": 12, "p10": 80.0, "p50": 100.0, "p90": 120.0, "p95": 130.0},
    }  # fmt: skip
    assert (progress["fraction"], progress["eta"]) == (0.5, None)
    totals = {"cpu_seconds": 2.0, "peak_rss_bytes": 50, "read_bytes": 0, "write_bytes": 0, "series": [[5.0, 9.0, 5]]}
    assert used == NOTHING_USED | totals


def test_canceled() -> None:
    """A job that somebody ended: the reason is theirs, the signal the job's."""
    asked = lifecycle.cancel(running(), moment(10), 10.0, 15, "too slow", 1000)
    job = ended(15, live(running(), *asked))
    changed = {"state": "canceled", "reason": "too slow", "signal": 15}
    assert unlike_killed(shown(job)) == changed | {"detail": None, "attempts": [ATTEMPT | changed]}


def test_canceled_before_it_ran() -> None:
    """A job that never had an attempt has nothing of one."""
    job = live(waiting(), *lifecycle.cancel(waiting(), moment(1), 10.0, 15, None, 1000))
    nothing = ("reason", "detail", "attempt", "signal", "started_at", "elapsed")
    assert unlike_killed(shown(job)) == dict.fromkeys(nothing) | {
        "state": "canceled", "attempts": [], "ended_at": at(1),
    }  # fmt: skip


def test_waiting() -> None:
    """A job that waits has no attempt, and knows no times but that of its submission."""
    nothing = ("reason", "detail", "attempt", "signal", "started_at", "ended_at", "elapsed")
    assert unlike_killed(shown(waiting())) == dict.fromkeys(nothing) | {
        "state": "pending", "attempts": [], "done": False,
    }  # fmt: skip


def test_waiting_again() -> None:
    """A job to be retried shows nothing of its last attempt but that it was there."""
    job = live(ended(9), *lifecycle.retry(ended(9)))
    nothing = ("reason", "detail", "signal", "started_at", "ended_at", "elapsed")
    assert unlike_killed(shown(job)) == dict.fromkeys(nothing) | {"state": "pending", "done": False}


def test_not_utf8() -> None:
    """Bytes that are no text are there without loss, in argv and in the directory."""
    spec = Spec(argv=("cp", lossless(b"\xff.jpg"), "grün"), cwd=lossless(b"/tmp/\xfe"))
    job = shown(ended(9, running(spec=spec, origin=Origin(uid=0, pid=1, cwd=lossless(b"\xff")))))
    assert unlike_killed(job) == {
        "argv": ["cp", {"b64": "/y5qcGc="}, "grün"],
        "cwd": {"b64": "L3RtcC/+"},
        "origin": {"uid": 0, "pid": 1, "tty": None, "cwd": {"b64": "/w=="}},
    }


def test_not_started_by_jobd() -> None:
    """A job that was begun elsewhere has no command; it works where it was begun."""
    watched = Process(99, 5)
    begun = happened.Begun(
        name="encode", origin=ORIGIN, watched=watched, boot=BOOT, boottime=BOOTTIME, labels={"for": "ann"}
    )
    job = shown(live(None, begun), 20.0)
    tried = {"pid": 99, "state": None, "reason": None, "signal": None, "ended_at": None, "elapsed": 20.0}
    assert unlike_killed(job) == {
        "state": "running",
        "reason": None,
        "detail": None,
        "argv": None,
        "begun": True,
        "attempts": [ATTEMPT | tried | {"started_at": at(1)}],
        "pid": 99,
        "signal": None,
        "started_at": at(1),
        "ended_at": None,
        "elapsed": 20.0,
        "done": False,
    }


def test_the_stable_fields_are_there() -> None:
    """Every field that was promised is there, whatever the job; others may be added, none renamed."""
    estimated = live(running(), happened.Progressed(report=Report(done=1.0, total=2.0), elapsed=5.0))
    output = OutputView(path="/o", bytes=1, files={})
    job = shown(estimated, 5.0, None, output)
    for path, fields in STABLE.items():
        place = job
        for step in path.split(".") if path else []:
            place = place[step]
        assert set(place) >= set(fields.split())


@pytest.mark.parametrize("state", State)
def test_what_is_shown_can_be_read(state: State) -> None:
    """The other side reads the JSON as the same view, for a job in any state."""
    there = view(job_in(state), moment(20), None, None)
    assert msgspec.json.decode(msgspec.json.encode(there), type=JobView) == there


def failed_start(errno: int, step: str, status: int | None = None) -> Job:
    """Let a job fail to start."""
    job = running()
    ending = Ending(start_errno=errno, start_step=step, status=status, elapsed=0.0)
    return live(job, *lifecycle.exited(job, ending, None))


def never_started() -> Job:
    """Let jobd fail to start a job, again and again."""
    job = waiting()
    while not job.done:
        job = live(job, *lifecycle.open_attempt(job, moment(0), "c", None))
        job = live(job, *lifecycle.withdrawn(job, "no answer"))
    return job


def canceling() -> Job:
    """Make a job that is being canceled."""
    return live(running(), *lifecycle.cancel(running(), moment(10), 10.0, 15, None, 1000))


STATUSES = {
    "completed": (ended(0), 0),
    "completed although canceled": (ended(0, canceling()), 0),
    "exit 3": (ended(3 << 8), 3),
    "exit 255": (ended(255 << 8), 255),
    "SIGKILL": (ended(9), 137),
    "SIGSEGV with core": (ended(11 | 0x80), 139),
    "out of memory": (ended(9, out_of_memory=True), 137),
    "canceled by SIGTERM": (ended(15, canceling()), 143),
    "canceled, exit 7": (ended(7 << 8, canceling()), 7),
    "canceled before it ran": (live(waiting(), happened.Canceled()), 130),
    "abandoned": (live(canceling(), *lifecycle.abandon(canceling())), 130),
    "not found": (failed_start(2, "exec", 127 << 8), 127),
    "not executable": (failed_start(13, "exec", 126 << 8), 126),
    "not found, no status": (failed_start(2, "exec"), 127),
    "not executable, no status": (failed_start(13, "exec"), 126),
    "no such directory": (failed_start(2, "cwd"), 126),
    "lost by a reboot": (live(running(), *lifecycle.lost(running(), "reboot", moment(9))), 125),
    "lost with its shim": (live(running(), *lifecycle.lost(running(), "shim", moment(9))), 125),
    "jobd could not start it": (never_started(), 125),
}


@pytest.mark.parametrize("case", STATUSES)
def test_exit_status(case: str) -> None:
    """Whoever waits for a job ends as it did: its own code, 128 + signal, or a status that says what became of it."""
    job, status = STATUSES[case]
    assert job.done
    assert exit_status(view(job, moment(20), None, None)) == status
    assert (status == 0) == (job.state is State.COMPLETED)


def test_status_parts_are_found_here_too() -> None:
    """Whoever shows a wait status needs only this module."""
    assert status_parts(256) == (1, None)
    assert showing.progress(waiting(), moment(1)).eta is None
