"""Everything that can happen to a job, one class each, in the past tense.

Some come from `beginnings.py`, `observations.py`, `heartbeat.py` and `throttling.py`. An event says by itself how it
changes the record (`apply`) and how serious it is; which state it leads to is said by the table in `states.py`. The
JSON of an entry is the same in the log, on the socket and in whatever is sent elsewhere.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Union

import msgspec
from msgspec.structs import replace

from jobd.core.events.beginnings import Begun, Created, Imported, Submitted
from jobd.core.events.happening import Event, Severity, change_attempt, close, end_pause, forget_traces
from jobd.core.events.heartbeat import Revived, Stale
from jobd.core.events.observations import (
    Adopted,
    CancelStalled,
    ChildrenCounted,
    ItemsChanged,
    Measured,
    OutputTrimmed,
    Progressed,
    ReportRejected,
)
from jobd.core.events.throttling import RateLimited, RateLimitLifted
from jobd.core.model import (
    ATTEMPTS_KEPT,
    Attempt,
    Cancellation,
    Ending,
    Id,
    Job,
    Measure,
    Process,
    State,
    Usage,
)
from jobd.core.retries import BACKOFF, Pause
from jobd.core.series import extend
from jobd.core.work import progress
from jobd.core.work.progress_record import Progress

#: What comes from elsewhere and is part of this module: whoever handles events imports only this one.
__all__ = [
    "Adopted", "Begun", "CancelStalled", "ChildrenCounted", "Created", "Event", "Imported", "ItemsChanged", "Measured",
    "OutputTrimmed", "Progressed", "RateLimitLifted", "RateLimited", "ReportRejected", "Revived", "Severity", "Stale",
    "Submitted",
]  # fmt: skip


class Opened(Event, frozen=True, kw_only=True):
    """The decision to start an attempt; from here on it may run, and never twice."""

    number: Id  #: which attempt it is
    boot: str  #: the boot of the machine it runs in
    cookie: str  #: the mark that its processes carry
    cgroup: str | None = None  #: the control group they are in

    def apply(self, job: Job, at: datetime) -> Job:
        """Append the attempt."""
        attempt = Attempt(number=self.number, boot=self.boot, opened_at=at, cookie=self.cookie, cgroup=self.cgroup)
        attempts = (*job.attempts, attempt)[-ATTEMPTS_KEPT:]
        numbered = max(job.numbered, self.number)
        return replace(job, attempts=attempts, numbered=numbered, reason=None, detail=None, not_before=None)


class Withdrawn(Event, frozen=True, kw_only=True):
    """An attempt never ran and never will; the job may be started again."""

    number: Id  #: which attempt it was
    why: str  #: why it did not run

    def apply(self, job: Job, at: datetime) -> Job:
        """Take the attempt away and count it."""
        return replace(job, attempts=job.attempts[:-1], withdrawn=job.withdrawn + 1, started_at=None)


class Started(Event, frozen=True, kw_only=True):
    """The command runs."""

    main: Process  #: its main process
    shim: Process | None = None  #: the process that waits for it
    started_at: datetime  #: when it started
    boottime: int  #: the same in nanoseconds of the boot

    def apply(self, job: Job, at: datetime) -> Job:
        """Note who runs it, and since when."""
        job = change_attempt(
            job, main=self.main, shim=self.shim, started_at=self.started_at, started_boottime=self.boottime
        )
        return replace(job, started_at=self.started_at, withdrawn=0, reason=None, detail=None)


class PauseAsked(Event, frozen=True, kw_only=True):
    """Somebody asked the job to stand still."""


class Paused(Event, frozen=True, kw_only=True):
    """Every process of the job is stopped."""

    boottime: int  #: since when, in nanoseconds of the boot

    def apply(self, job: Job, at: datetime) -> Job:
        """Stop the job's clock."""
        return change_attempt(job, paused_boottime=self.boottime)


class Resumed(Event, frozen=True, kw_only=True):
    """The job goes on."""

    boottime: int  #: since when, in nanoseconds of the boot

    def apply(self, job: Job, at: datetime) -> Job:
        """Add the pause to the time that does not count."""
        return end_pause(job, self.boottime)


class Draining(Event, frozen=True, kw_only=True):
    """The main process has ended, others of its tree still live."""

    status: int | None = None  #: the wait status of the main process


class CancelAsked(Event, frozen=True, kw_only=True):
    """Somebody asked to end the job."""

    severity = Severity.MEDIUM
    boottime: int  #: when, in nanoseconds of the boot
    grace: float  #: seconds until whatever still lives is killed
    signal: int  #: what its processes are asked with
    reason: str | None = None  #: why, in the words of who asked
    uid: int | None = None  #: the user who asked
    again: bool = False  #: whether the job is run again then; somebody who wants it canceled has the last word

    def apply(self, job: Job, at: datetime) -> Job:
        """Keep the request; the first time counts, a later one can only shorten the grace. A pause is over with it."""
        first = job.cancellation
        request = Cancellation(
            asked_at=first.asked_at if first else at,
            asked_boottime=first.asked_boottime if first else self.boottime,
            grace=min(first.grace, self.grace) if first else self.grace,
            signal=self.signal,
            reason=self.reason or (first.reason if first else None),
            uid=self.uid,
            again=self.again and (first is None or first.again),
        )
        return replace(end_pause(job, self.boottime), cancellation=request)


class Ended(Event, frozen=True, kw_only=True):
    """A job ended."""

    ending: Ending = Ending()  #: how its attempt ended
    usage: Usage | None = None  #: what it has used
    measure: Measure | None = None  #: the last point of the series

    def finish(
        self, job: Job, at: datetime, state: State, reason: str | None, detail: str | None, *, left: bool = False
    ) -> Job:
        """Close the attempt if one is open, and note the figures; if something is `left` of it, that can be found."""
        ending = self.ending
        if job.attempts and job.attempts[-1].ending is None:
            attempt = close(job.attempts[-1], ending, state, reason)
            attempt = attempt if left else forget_traces(attempt)
            job = replace(job, attempts=(*job.attempts[:-1], attempt), started_at=attempt.started_at)
        return replace(
            job,
            ended_at=ending.ended_at or at,
            reason=reason,
            detail=detail,
            not_before=None,
            usage=self.usage or job.usage,
            series=extend(job.series, self.measure) if self.measure else job.series,
        )


class Completed(Ended, frozen=True, kw_only=True):
    """The job ended with status 0."""

    def apply(self, job: Job, at: datetime) -> Job:
        """Close the attempt."""
        return self.finish(job, at, State.COMPLETED, None, None)


class Failed(Ended, frozen=True, kw_only=True):
    """The job ended badly; the reason is exit:N, signal:N, oom, cannot_start, lost or stale."""

    severity = Severity.HIGH
    reason: str  #: why, as in jobd-states(7)
    detail: str | None = None  #: more of that in words

    def apply(self, job: Job, at: datetime) -> Job:
        """Close the attempt with the reason."""
        return self.finish(job, at, State.FAILED, self.reason, self.detail)


class AttemptFailed(Ended, frozen=True, kw_only=True):
    """The attempt ended badly, but the job did not: after a pause of so many seconds it is run again."""

    severity = Severity.MEDIUM
    reason: str  #: why, as in jobd-states(7)
    detail: str | None = None  #: more of that in words
    pause: Pause  #: seconds until it is run again

    def apply(self, job: Job, at: datetime) -> Job:
        """Close the attempt with the reason, and say when the job is due; what it has said can be seen until then."""
        failed = self.finish(job, at, State.FAILED, self.reason, self.detail)
        return replace(
            failed, reason=BACKOFF, detail=None, started_at=None, ended_at=None, usage=None, series=(),
            cancellation=None, withdrawn=0, retried=job.retried + 1,
            not_before=(self.ending.ended_at or at) + timedelta(seconds=self.pause),
        )  # fmt: skip


class Canceled(Ended, frozen=True, kw_only=True):
    """The job ended because somebody asked, or was never started."""

    severity = Severity.MEDIUM
    reason: str | None = None  #: why, in the words of who asked
    abandoned: bool = False  #: whether processes of it may still live

    def apply(self, job: Job, at: datetime) -> Job:
        """Close the attempt."""
        detail = "abandoned with processes alive" if self.abandoned else None
        return self.finish(job, at, State.CANCELED, self.reason, detail, left=self.abandoned)


class Retried(Event, frozen=True, kw_only=True):
    """Somebody asked for another attempt, or it is time for it; if it `resumes`, for what is left of its items."""

    resumes: bool = False  #: whether items that are done stay done

    def apply(self, job: Job, at: datetime) -> Job:
        """Clear what belongs to the attempt before, items (unless it goes on with them) and children too.

        The attempt stays in the list of attempts.
        """
        said = Progress(items=job.progress.items) if self.resumes else progress.NOTHING
        return replace(
            job, reason=None, detail=None, started_at=None, ended_at=None, progress=said, resumes=self.resumes,
            usage=None, series=(), cancellation=None, withdrawn=0, not_before=None,
            retried=0 if job.done else job.retried, renewed_at=at,
        )  # fmt: skip


class Removed(Event, frozen=True, kw_only=True):
    """The job's record and its output were deleted; the log keeps its events.

    `why` is "retention" if that is the reason: then its figures stay in the statistics.
    """

    severity = Severity.MEDIUM
    why: str | None = None  #: by what, if nobody asked for it: retention


def leaves(kind: type[Event] = Event) -> list[type[Event]]:
    """List the kinds of event that can happen, in the order of this file."""
    children = kind.__subclasses__()
    return [leaf for child in children for leaf in leaves(child)] if children else [kind]


if TYPE_CHECKING:
    AnyEvent = Event
else:
    AnyEvent = Union[tuple(leaves())]  # noqa: UP007 -- made from the classes above


class Actor(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Who asked: the peer of the connection, as the kernel names it, and the name of its program if that is known."""

    uid: int
    pid: int
    command: str | None = None


class Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="event", tag_field="type"):
    """One line of the log."""

    seq: Id  #: its number: one more than that of the line before
    at: datetime  #: when it was recorded
    job: Id  #: the job it happened to
    event: AnyEvent  #: what happened
    by: Actor | None = None  #: who asked for it; left out of what jobd did by itself
