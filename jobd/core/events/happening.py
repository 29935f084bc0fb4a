"""What an event is: it says how serious it is and how it changes a record.

The kinds of event are in `observations.py` (they leave the state of a job alone) and `catalogue.py` (all others).
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from jobd.core.model import WARNINGS_KEPT, Attempt, Ending, Job, State, Warned


class Severity(StrEnum):
    """How much an event matters to a person."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


def tag(name: str) -> str:
    """Write the name of a class as the log does: CancelAsked is cancel_asked."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag=tag, tag_field="type"):
    """Something that happened to a job. What stands beside a field is its meaning in the manual."""

    severity: ClassVar[Severity] = Severity.LOW
    #: Whether it comes in floods; such events are left out of the per-job index and of short listings.
    frequent: ClassVar[bool] = False
    #: The state of the job before; noted with `to_state` if the event changes it.
    from_state: State | None = msgspec.field(default=None, name="from")
    #: The state after; left out if the job is gone, as the one before is if there was no job yet.
    to_state: State | None = msgspec.field(default=None, name="to")

    def apply(self, job: Job, at: datetime) -> Job:
        """Copy the record with what this event changes beside the state."""
        return job

    @classmethod
    def title(cls) -> str:
        """Name the event as the log does."""
        return tag(cls.__name__)


def change_attempt(job: Job, **changes: Any) -> Job:
    """Copy the record with changes to its current attempt."""
    return replace(job, attempts=(*job.attempts[:-1], replace(job.attempts[-1], **changes)))


def warn(job: Job, at: datetime, text: str, count: int = 1) -> Job:
    """Copy the record with one more warning, which stands for `count` of its kind."""
    return replace(job, warnings=(*job.warnings, Warned(at, text))[-WARNINGS_KEPT:], warned=job.warned + count)


def end_pause(job: Job, boottime: int) -> Job:
    """Copy the record with the pause, if there is one, added to the time that does not count."""
    attempt = job.attempts[-1]
    if attempt.paused_boottime is None:
        return job
    pause = max(0, boottime - attempt.paused_boottime) / 1e9
    return change_attempt(job, paused_boottime=None, paused_seconds=attempt.paused_seconds + pause)


def close(attempt: Attempt, ending: Ending, state: State, reason: str | None) -> Attempt:
    """Copy an attempt that has ended, with a start that nobody recorded, and with a pause that lasted to the end."""
    if attempt.started_at is None and ending.start_errno is None:
        attempt = replace(attempt, started_at=ending.started_at)
    pause = 0.0
    if attempt.paused_boottime is not None and attempt.started_boottime is not None and ending.elapsed is not None:
        pause = max(0.0, ending.elapsed - (attempt.paused_boottime - attempt.started_boottime) / 1e9)
    return replace(
        attempt, ending=replace(ending, started_at=None), state=state, reason=reason,
        paused_seconds=attempt.paused_seconds + pause,
    )  # fmt: skip


def forget_traces(attempt: Attempt) -> Attempt:
    """Copy an attempt of which nothing is left without what its processes and reports were found by."""
    return replace(
        attempt, boot="", shim=None, cookie="", cgroup=None, started_boottime=None, paused_boottime=None,
        report_offset=0,
    )  # fmt: skip
