"""What can happen to a job: verdicts, refusals, clocks, and numbers that are never used twice."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobd.core import clocks, lifecycle, telling
from jobd.core.errors import (
    BadProgress,
    IllegalChange,
    JobdError,
    JobFinished,
    JobNotFinished,
    NotStartedHere,
    TreeStillAlive,
)
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.model import Attempt, Ending, Job, Measure, Process, State, Usage
from jobd.core.work.progress import Report
from tests.core.samples import AT, BOOT, BOOTTIME, ENDED, EVENTS, MAIN, RESOURCES, SHIM, USAGE, entry, job_in, moment

ASK: dict[str, Any] = {
    "pause": lifecycle.pause,
    "resume": lambda job: lifecycle.resume(job, moment(5)),
    "cancel": lambda job: lifecycle.cancel(job, moment(5), 10.0, 15, None, 1000),
    "abandon": lifecycle.abandon,
    "report": lambda job: telling.report(job, Report(done=1, total=2), moment(5)),
    "end": lambda job: lifecycle.end(job, 0, moment(5)),
    "retry": lifecycle.retry,
    "remove": lifecycle.remove,
    "open": lambda job: lifecycle.open_attempt(job, moment(5), "c", None),
}

#: What somebody asks, and what comes of it in each state, in the order of State; ! is what it is refused with.
ANSWERS = """
verb    pending    running    pausing    paused     completing completed  canceling  canceled   failed
pause   !illegal   pausing    pausing    paused     !illegal   !finished  !illegal   !finished  !finished
resume  !illegal   running    running    running    !illegal   !finished  !illegal   !finished  !finished
cancel  canceling  canceling  canceling  canceling  canceling  !finished  canceling  !finished  !finished
abandon !illegal   !illegal   !illegal   !illegal   !illegal   !illegal   canceled   !illegal   !illegal
report  pending    running    pausing    paused     completing !finished  canceling  !finished  !finished
end     !illegal   !illegal   !illegal   !illegal   !illegal   !finished  !illegal   !finished  !finished
retry   !unended   !unended   !unended   !unended   !unended   pending    !unended   pending    pending
remove  !unended   !unended   !unended   !unended   !unended   gone       !unended   gone       gone
open    !illegal   !illegal   !illegal   !illegal   !illegal   !illegal   !illegal   !illegal   !illegal
"""
ROWS = [line.split() for line in ANSWERS.strip().splitlines()]
CELLS = [(row[0], State(state), answer) for row in ROWS[1:] for state, answer in zip(ROWS[0][1:], row[1:], strict=True)]
REFUSALS = {"!illegal": IllegalChange, "!finished": JobFinished, "!unended": JobNotFinished}


def live(job: Job | None, events: list[Event]) -> Job:
    """Fold events; the job is still there afterwards."""
    for event in events:
        job = lifecycle.fold(job, entry(event))
    assert job is not None
    return job


def waiting() -> Job:
    """Make a job that waits, with nothing before it."""
    return live(None, [EVENTS[happened.Submitted]])


def begun() -> Job:
    """Make a job that jobd did not start."""
    return live(None, [EVENTS[happened.Begun]])


def starting() -> Job:
    """Make a job that is being started."""
    return live(waiting(), lifecycle.open_attempt(waiting(), moment(0), "c", None))


def running() -> Job:
    """Make a job that runs since AT."""
    return live(starting(), lifecycle.started(starting(), MAIN, SHIM, AT, BOOTTIME))


@pytest.mark.parametrize(("verb", "state", "answer"), CELLS)
def test_answers(verb: str, state: State, answer: str) -> None:
    """Each verb, in each state, does what it says or refuses with the error that says why not."""
    job = job_in(state)
    if answer in REFUSALS:
        with pytest.raises(REFUSALS[answer]) as refusal:
            ASK[verb](job)
        assert "job 7 (encode)" in refusal.value.message
        return
    after: Job | None = job
    for event in ASK[verb](job):
        after = lifecycle.fold(after, entry(event))
    assert (after.state.value if after else "gone") == answer


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry"])
def test_what_jobd_did_not_start_it_does_not_touch(verb: str) -> None:
    """Verbs that need the processes of a job refuse one that was only begun."""
    job = begun() if verb != "retry" else live(begun(), lifecycle.end(begun(), 0, moment(1)))
    with pytest.raises(NotStartedHere, match="was not started by jobd"):
        ASK[verb](job)


def test_asking_twice_changes_nothing() -> None:
    """To pause what is paused, to resume what runs, to start what has started: no event."""
    assert lifecycle.pause(job_in(State.PAUSED)) == []
    assert lifecycle.resume(job_in(State.RUNNING), moment(1)) == []
    assert lifecycle.started(running(), MAIN, SHIM, AT, BOOTTIME) == []
    assert lifecycle.draining(job_in(State.COMPLETING), 0) == []
    assert lifecycle.paused(job_in(State.PAUSED), moment(1)) == []


def test_claims_that_name_nobody() -> None:
    """A start needs a process; a witness is optional."""
    assert lifecycle.started(starting(), Process(0, 0), SHIM, AT, BOOTTIME) == []
    job = live(starting(), lifecycle.started(starting(), MAIN, Process(0, 0), AT, BOOTTIME))
    assert (job.state, job.attempts[-1].main, job.attempts[-1].shim) == (State.RUNNING, MAIN, None)


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.CANCELED])
def test_outcomes_of_what_has_ended_change_nothing(state: State) -> None:
    """Whatever is still heard of a finished attempt, it has one end only."""
    job = job_in(state)
    assert lifecycle.started(job, MAIN, SHIM, AT, BOOTTIME) == []
    assert lifecycle.withdrawn(job, "late") == []
    assert lifecycle.exited(job, ENDED, None) == []
    assert lifecycle.lost(job, "shim", moment(1)) == []
    assert lifecycle.draining(job, 0) == []
    assert lifecycle.paused(job, moment(1)) == []


#: (ending, state, reason, detail) of a job that runs.
ENDINGS = [
    (Ending(status=0), State.COMPLETED, None, None),
    (Ending(status=1 << 8), State.FAILED, "exit:1", None),
    (Ending(status=255 << 8), State.FAILED, "exit:255", None),
    (Ending(status=137 << 8), State.FAILED, "exit:137", None),
    (Ending(status=15), State.FAILED, "signal:15", None),
    (Ending(status=9), State.FAILED, "signal:9", "SIGKILL, possibly out of memory"),
    (Ending(status=9, out_of_memory=True), State.FAILED, "oom", "signal 9"),
    (Ending(status=11 | 0x80), State.FAILED, "signal:11", None),
    (Ending(status=None), State.FAILED, "lost", "shim"),
    (Ending(status=0x137F), State.FAILED, "lost", "wait status 4991"),
    (Ending(status=127 << 8, start_errno=2, start_step="exec"), State.FAILED, "cannot_start", "exec"),
    (Ending(status=126 << 8, start_errno=13, start_step="cwd"), State.FAILED, "cannot_start", "cwd"),
    (Ending(status=0, start_errno=2, start_step="exec"), State.FAILED, "cannot_start", "exec"),
]


@pytest.mark.parametrize(("ending", "state", "reason", "detail"), ENDINGS)
def test_endings(ending: Ending, state: State, reason: str | None, detail: str | None) -> None:
    """The raw wait status alone decides: exit 137 is no signal 9, and a core dump is its signal."""
    job = live(running(), lifecycle.exited(running(), ending, None))
    assert (job.state, job.reason) == (state, reason)
    assert job.detail == detail or (reason == "cannot_start" and f"({detail})" in (job.detail or ""))
    assert job.attempts[-1].state is state
    assert job.attempts[-1].reason == reason
    assert not job.open


def test_why_a_command_cannot_start_is_said_in_words() -> None:
    """The errno of a failed start is a sentence with the step it failed in."""
    ending = Ending(status=127 << 8, start_errno=2, start_step="exec")
    job = live(running(), lifecycle.exited(running(), ending, None))
    assert job.detail == "No such file or directory (exec)"
    job = live(running(), lifecycle.exited(running(), replace(ending, start_errno=1 << 80), None))
    assert job.detail == f"error {1 << 80} (exec)"


@pytest.mark.parametrize(("ending", "state"), [row[:2] for row in ENDINGS])
def test_endings_of_a_canceled_job(ending: Ending, state: State) -> None:
    """Once a cancel was accepted only status 0 is completion; all else is canceled, with the reason that was given."""
    asked = live(running(), lifecycle.cancel(running(), moment(1), 10.0, 15, "enough", 1000))
    job = live(asked, lifecycle.exited(asked, ending, None))
    assert job.state is (state if state is State.COMPLETED else State.CANCELED)
    assert job.reason == (None if state is State.COMPLETED else "enough")


@pytest.mark.parametrize(("ending", "state"), [row[:2] for row in ENDINGS])
def test_an_end_before_the_start_was_recorded(ending: Ending, state: State) -> None:
    """A daemon that comes late finds an exit record for an attempt it knew only as opened: that is its end."""
    ending = replace(ending, started_at=AT, ended_at=AT + timedelta(seconds=3), elapsed=3.0)
    job = live(starting(), lifecycle.exited(starting(), ending, None))
    assert job.state is state
    assert job.started_at == (AT if ending.start_errno is None else None)
    assert clocks.elapsed(job, moment(99)) == (3.0 if ending.start_errno is None else None)


def test_a_waiting_job_is_canceled_at_once() -> None:
    """What never started needs no grace."""
    job = live(waiting(), lifecycle.cancel(waiting(), moment(1), 10.0, 15, "not today", 1000))
    assert (job.state, job.reason, job.cancellation) == (State.CANCELED, "not today", None)


def test_a_second_cancel_only_shortens_the_grace() -> None:
    """The grace counts from the first request; the reason of the first stays unless a new one is given."""
    once = live(running(), lifecycle.cancel(running(), moment(1), 10.0, 15, "enough", 1000))
    twice = live(once, lifecycle.cancel(once, moment(3), 30.0, 9, None, 0))
    assert twice.cancellation is not None
    assert twice.cancellation.asked_boottime == moment(1).boottime
    assert (twice.cancellation.grace, twice.cancellation.signal, twice.cancellation.reason) == (10.0, 9, "enough")
    thrice = live(twice, lifecycle.cancel(twice, moment(4), 0.0, 9, "now", 0))
    assert thrice.cancellation is not None
    assert (thrice.cancellation.grace, thrice.cancellation.reason) == (0.0, "now")


def test_abandoning_says_so() -> None:
    """A job given up on is canceled, with a detail that tells of its processes."""
    before = replace(job_in(State.CANCELING), usage=USAGE)
    job = live(before, lifecycle.abandon(before))
    assert (job.state, job.detail) == (State.CANCELED, "abandoned with processes alive")
    assert job.usage == Usage(cpu_seconds=USAGE.cpu_seconds, peak_rss_bytes=USAGE.peak_rss_bytes)
    assert clocks.elapsed(job, moment(99)) is None
    error = lifecycle.still_alive(job, ("4242", "4243"))
    assert isinstance(error, TreeStillAlive)
    assert error.hint == "ps -o pid,uid,stat,args -p 4242,4243 · jobd status 7"


LOSSES = [
    ("reboot", None, None),
    ("shim", AT + timedelta(seconds=50), 50.0),
    ("process", AT + timedelta(seconds=50), 50.0),
]


@pytest.mark.parametrize(("detail", "ended_at", "elapsed"), LOSSES)
def test_lost(detail: str, ended_at: Any, elapsed: float | None) -> None:
    """A loss has its detail; after a reboot nobody claims to know how long the job ran."""
    job = live(running(), lifecycle.lost(running(), detail, moment(50)))
    assert (job.state, job.reason, job.detail) == (State.FAILED, "lost", detail)
    ending = job.attempts[-1].ending
    assert ending is not None
    assert ending.ended_at == ended_at
    assert job.ended_at is not None
    assert clocks.elapsed(job, moment(500)) == elapsed


def test_a_canceled_job_that_is_lost_is_canceled() -> None:
    """Nothing of it is left, which is what was asked for."""
    asked = live(running(), lifecycle.cancel(running(), moment(1), 10.0, 15, "enough", 1000))
    assert live(asked, lifecycle.lost(asked, "shim", moment(2))).state is State.CANCELED


def test_numbers_are_never_used_again() -> None:
    """Attempts are numbered on through withdrawals, failures, retries and imports of old directories."""
    job, seen, retries = waiting(), [], 0
    for _ in range(2 * lifecycle.MOST_WITHDRAWALS):
        job = live(job, lifecycle.open_attempt(job, moment(0), "c", None))
        seen.append(job.attempts[-1].number)
        job = live(job, lifecycle.withdrawn(job, "fenced"))
        if job.done:
            job, retries = live(job, lifecycle.retry(job)), retries + 1
    assert (seen, retries) == (list(range(1, 11)), 2)
    old = replace(EVENTS[happened.Opened], number=3)
    assert live(job, [old]).numbered == 10


def test_what_never_starts_fails_after_some_tries() -> None:
    """A start that fails again and again is given up; one that succeeds sets the count back."""
    job = waiting()
    for _ in range(lifecycle.MOST_WITHDRAWALS - 1):
        job = live(job, lifecycle.open_attempt(job, moment(0), "c", None))
        job = live(job, lifecycle.withdrawn(job, "no answer"))
        assert (job.state, job.attempts) == (State.PENDING, ())
    job = live(job, lifecycle.open_attempt(job, moment(0), "c", None))
    failed = live(job, lifecycle.withdrawn(job, "no answer"))
    assert (failed.state, failed.reason, failed.detail) == (State.FAILED, "cannot_start", "no answer")
    assert live(job, lifecycle.started(job, MAIN, SHIM, AT, BOOTTIME)).withdrawn == 0


def test_an_attempt_that_seemed_to_run_can_be_taken_back() -> None:
    """The proof that a command never ran counts even after its start was recorded."""
    job = live(running(), lifecycle.withdrawn(running(), "its shim died first"))
    assert (job.state, job.started_at, job.attempts, job.numbered) == (State.PENDING, None, (), 1)


def test_a_retry_starts_afresh() -> None:
    """What belonged to the last attempt is gone from the job and kept in the list of attempts."""
    job = live(running(), telling.report(running(), Report(done=3, total=10, message="m"), moment(2)))
    job = live(job, [EVENTS[happened.Measured]])
    job = live(job, lifecycle.cancel(job, moment(3), 10.0, 15, "enough", 1000))
    job = live(job, lifecycle.exited(job, Ending(status=15, elapsed=4.0, ended_at=AT), Usage(cpu_seconds=1.0)))
    again = live(job, lifecycle.retry(job))
    assert again.attempts == job.attempts
    cleared = (again.reason, again.detail, again.started_at, again.ended_at, again.usage, again.cancellation)
    assert cleared == (None,) * 6
    assert (again.progress, again.series, again.withdrawn) == (waiting().progress, (), 0)
    assert clocks.elapsed(again, moment(9)) is None


def test_reports_are_checked_however_they_come() -> None:
    """A report that no line made is held to the same rules."""
    with pytest.raises(BadProgress, match="more done than the total"):
        telling.report(running(), Report(done=3, total=2), moment(1))


def test_a_begun_job_ends_with_the_status_it_says() -> None:
    """`end` is the word of the job itself: an exit status, and the time since it began."""
    job = live(begun(), lifecycle.end(begun(), 3, moment(60)))
    assert (job.state, job.reason, clocks.elapsed(job, moment(600))) == (State.FAILED, "exit:3", 60.0)
    assert live(begun(), lifecycle.end(begun(), 0, moment(60))).state is State.COMPLETED


def test_a_process_that_is_gone() -> None:
    """An attached process ends its job with its status; a begun job says its own, and is lost without a word."""
    attached = live(None, [replace(EVENTS[happened.Begun], command=("sync", "-a"), started_at=AT)])
    assert (attached.started_at, clocks.elapsed(attached, moment(5))) == (AT, 5.0)
    well = live(attached, lifecycle.gone(attached, 0, moment(60)))
    assert (well.state, clocks.elapsed(well, moment(600))) == (State.COMPLETED, 60.0)
    used = Usage(cpu_seconds=3.0)
    for job, status, now, reason in (
        (attached, 9, moment(60), ("signal:9", "SIGKILL, possibly out of memory")),
        (attached, None, moment(60), ("lost", "process")),
        (attached, None, moment(60, boot="another"), ("lost", "reboot")),
        (begun(), 0, moment(60), ("lost", "process")),
    ):
        ended = live(job, lifecycle.gone(job, status, now, used))
        assert (ended.state, ended.reason, ended.detail, ended.usage) == (State.FAILED, *reason, used)


def test_final_figures() -> None:
    """At the end the last measurement, the saved one and the kernel's account make the best figures together."""
    job = replace(running(), usage=Usage(peak_rss_bytes=70_000_000, cpu_seconds=0.5, write_bytes=512))
    measured = Usage(peak_rss_bytes=45_000_000, cpu_seconds=1.0, rss_bytes=1, write_bytes=4096)
    point = Measure(11.0, 100.0, 40_000_000)
    job = live(job, lifecycle.exited(job, Ending(status=0, resources=RESOURCES), measured, point))
    assert job.usage is not None
    assert (job.usage.peak_rss_bytes, job.usage.cpu_seconds, job.usage.write_bytes) == (70_000_000, 1.75, 4096)
    assert job.series == (point,)


def attempt(**fields: Any) -> Attempt:
    """Make an attempt that started at AT."""
    return replace(Attempt(number=1, boot=BOOT, opened_at=AT, started_at=AT, started_boottime=BOOTTIME), **fields)


CLOCKS = {
    "not started": (attempt(started_at=None, started_boottime=None), moment(5), None),
    "running": (attempt(), moment(5), 5.0),
    "running, after pauses": (attempt(paused_seconds=2.0), moment(5), 3.0),
    "in a pause": (attempt(paused_boottime=BOOTTIME + 10**9, paused_seconds=0.25), moment(5), 0.75),
    "after a reboot": (attempt(), moment(5, boot="another"), 5.0),
    "clock set back after a reboot": (attempt(), moment(-5, boot="another"), 0.0),
    "ended": (attempt(ending=ENDED, paused_seconds=2.5), moment(99), 10.0),
    "ended, by the wall clock": (attempt(ending=Ending(ended_at=AT + timedelta(seconds=3))), moment(99), 3.0),
    "ended, nobody knows when": (attempt(ending=Ending()), moment(99), None),
}


@pytest.mark.parametrize("case", CLOCKS)
def test_clocks(case: str) -> None:
    """Elapsed seconds are those since the start, without pauses, and never below zero."""
    tried, now, seconds = CLOCKS[case]
    assert clocks.lasted(tried, now) == seconds


def pause_at(job: Job, seconds: float) -> Job:
    """Let a running job stand still."""
    return live(live(job, lifecycle.pause(job)), [happened.Paused(boottime=moment(seconds).boottime)])


def test_pauses_do_not_count() -> None:
    """The clock of a job stands still while it is paused and goes on afterwards."""
    job = pause_at(running(), 10)
    assert clocks.elapsed(job, moment(25)) == 10.0
    job = live(job, lifecycle.resume(job, moment(30)))
    assert clocks.elapsed(job, moment(35)) == 15.0
    job = pause_at(job, 40)
    job = live(job, lifecycle.resume(job, moment(41)))
    assert clocks.elapsed(job, moment(42)) == 21.0


def test_a_cancel_ends_the_pause() -> None:
    """A paused job that is asked to end runs again, and its clock with it."""
    job = pause_at(running(), 10)
    job = live(job, lifecycle.cancel(job, moment(30), 10.0, 15, None, 1000))
    assert clocks.elapsed(job, moment(33)) == 13.0


def test_a_job_that_ends_in_a_pause() -> None:
    """A pause that lasted until the end does not count either."""
    job = pause_at(running(), 10)
    job = live(job, lifecycle.exited(job, Ending(status=9, elapsed=30.0, ended_at=moment(30).wall), None))
    assert clocks.elapsed(job, moment(99)) == 10.0


STATUSES = {0: (0, None), 256: (1, None), 255 << 8: (255, None), 9: (None, 9), 0x8B: (None, 11), 64: (None, 64)}
NO_STATUSES = [None, -1, 0x7F, 0x137F, 1 << 40]


@pytest.mark.parametrize("status", [*STATUSES, *NO_STATUSES])
def test_status_parts(status: int | None) -> None:
    """A wait status is an exit code or a signal; what is neither is unknown, never an error."""
    assert lifecycle.status_parts(status) == STATUSES.get(-1 if status is None else status, (None, None))


def test_refusals_can_travel() -> None:
    """Every refusal names the job in its details."""
    for verb, state, answer in CELLS:
        if answer.startswith("!"):
            with pytest.raises(JobdError) as refusal:
                ASK[verb](job_in(state))
            assert {"job": 7, "name": "encode"}.items() <= refusal.value.details.items()
