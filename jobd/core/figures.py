"""The figures of a job: what of it is searched, sorted and summed up, for which the database has columns.

The rule: what its end makes (exit code, signal, duration, CPU, memory) is None while it lives, so that a column is
written only with a change that is written anyway. What is true of a living job is worked out at a moment, from its
record.
"""

from errno import ENOENT
from typing import NamedTuple

from jobd.core import clocks
from jobd.core.model import Ending, Job, Moment
from jobd.core.views import NOT_EXECUTABLE, NOT_FOUND, status_parts


class Figures(NamedTuple):
    """The columns, by name; durations and CPU in seconds, memory (the peak) in bytes."""

    parent: int | None
    #: How many attempts were opened, also those that never ran.
    attempts: int
    reason: str | None
    #: From when it was queued (for the last time) to its start; 0 for what ran before jobd knew of it.
    wait: float | None
    exit_code: int | None
    signal: int | None
    #: Of the last attempt, pauses left out.
    duration: float | None
    cpu: float | None
    memory: int | None


def of(job: Job) -> Figures:
    """Give the figures of a job."""
    wait = max(0.0, (job.started_at - job.queued_at).total_seconds()) if job.started_at else None
    if not job.done:
        return Figures(job.parent, job.numbered, job.reason, wait, None, None, None, None, None)
    attempt, usage = job.attempt, job.usage
    return Figures(
        job.parent, job.numbered, job.reason, wait, *ending_parts(attempt.ending if attempt else None),
        clocks.elapsed(job, Moment(job.ended_at or job.created_at, 0, "")),
        usage.cpu_seconds if usage else None, usage.peak_rss_bytes if usage else None,
    )  # fmt: skip


def ending_parts(ending: Ending | None) -> tuple[int | None, int | None]:
    """Give exit code and signal of an end.

    A command that could not be started has the exit code that a shell gives it: 127 if it was not found, else 126.
    """
    code, signal = status_parts(ending.status if ending else None)
    if ending is not None and ending.start_errno is not None and code is None and signal is None:
        return NOT_FOUND if (ending.start_errno, ending.start_step) == (ENOENT, "exec") else NOT_EXECUTABLE, None
    return code, signal
