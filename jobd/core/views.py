"""The stable JSON of a job: what scripts, the protocol and whatever is sent elsewhere see. Fields are only ever added.

Times are RFC 3339 in UTC, durations seconds, sizes bytes; what is not known is null.
"""

from datetime import datetime
from errno import ENOENT

import msgspec

from jobd.core import accounting, eta, lifecycle
from jobd.core.lifecycle import status_parts
from jobd.core.model import Attempt, Ending, Job, Measure, Moment, Origin, State, Usage, Usual, Warned
from jobd.core.text import Lossless

__all__ = ["status_parts"]

#: Exit statuses that stand for what has none of its own, as timeout(1) and the shells use them.
NOT_KNOWN, NOT_EXECUTABLE, NOT_FOUND, SIGNALED, INTERRUPTED = 125, 126, 127, 128, 130


class ProgressView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job says it is; `rate` is units a second, or fractions a second where there is no count."""

    fraction: float | None
    done: float | None
    total: float | None
    unit: str | None
    message: str | None
    stage: str | None
    rate: float | None
    eta: eta.Eta | None
    reports: int
    updated_at: datetime | None


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole tree of a job uses, or used."""

    cpu_percent: float | None = None
    cpu_seconds: float | None = None
    rss_bytes: int | None = None
    peak_rss_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    processes: int | None = None
    #: At most 100 points.
    series: tuple[Measure, ...] = ()


class OutputView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the output is: its (first) file, the bytes of all its files, and their paths by name."""

    path: str
    bytes: int
    files: dict[str, str]


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt: `state` and `reason` say how it ended, null while it is open; `elapsed` leaves pauses out."""

    number: int
    state: State | None
    reason: str | None
    pid: int | None
    exit_code: int | None
    signal: int | None
    started_at: datetime | None
    ended_at: datetime | None
    elapsed: float | None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the world sees it.

    `attempt` is the number of the latest attempt. While a job waits to be run again, what belongs to an attempt (pid,
    exit_code, signal, elapsed) is null; its earlier attempts are in `attempts`. A command that could not be started has
    the exit_code that a shell gives it, 127 if it was not found, else 126.
    """

    id: int
    name: str
    state: State
    reason: str | None
    detail: str | None
    argv: tuple[Lossless, ...] | None
    cwd: Lossless | None
    group: str
    priority: int
    labels: dict[str, str]
    attempt: int | None
    attempts: tuple[AttemptView, ...]
    pid: int | None
    exit_code: int | None
    signal: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    elapsed: float | None
    done: bool
    progress: ProgressView
    usage: UsageView
    usual: Usual | None
    output: OutputView | None
    origin: Origin
    warnings: tuple[Warned, ...]
    warned: int


def view(job: Job, now: Moment, usage: Usage | None, output: OutputView | None) -> JobView:
    """Show a job. `usage` is the latest measurement if it is newer than the one in the record."""
    attempt = job.attempt
    code, signal = _ending_parts(attempt.ending if attempt and job.done else None)
    return JobView(
        id=job.id, name=job.name, state=job.state, reason=job.reason, detail=job.detail,
        argv=job.spec.argv if job.spec else None, cwd=job.spec.cwd if job.spec else job.origin.cwd,
        group=job.group, priority=job.priority, labels=job.labels,
        attempt=attempt.number if attempt else None, attempts=tuple(_attempt(a, now) for a in job.attempts),
        pid=attempt.main.pid if attempt and attempt.main and job.open else None,
        exit_code=code, signal=signal,
        created_at=job.created_at, started_at=job.started_at, ended_at=job.ended_at,
        elapsed=lifecycle.elapsed(job, now), done=job.done,
        progress=progress(job, now), usage=_usage(job, usage), usual=job.usual,
        output=output, origin=job.origin, warnings=job.warnings, warned=job.warned,
    )  # fmt: skip


def exit_status(job: JobView) -> int:
    """Give the exit status that stands for a finished job, 0 only for a completed one.

    Its own exit code, 128 + signal, 130 for one canceled before it ran, or 125 if nobody knows how it ended.
    """
    if job.exit_code or job.state is State.COMPLETED:
        return job.exit_code or 0
    if job.signal is not None:
        return SIGNALED + job.signal
    return INTERRUPTED if job.state is State.CANCELED else NOT_KNOWN


def _ending_parts(ending: Ending | None) -> tuple[int | None, int | None]:
    code, signal = status_parts(ending.status if ending else None)
    if ending is not None and ending.start_errno is not None and code is None and signal is None:
        return NOT_FOUND if (ending.start_errno, ending.start_step) == (ENOENT, "exec") else NOT_EXECUTABLE, None
    return code, signal


def _attempt(attempt: Attempt, now: Moment) -> AttemptView:
    ending = attempt.ending
    code, signal = _ending_parts(ending)
    return AttemptView(
        number=attempt.number, state=attempt.state, reason=attempt.reason,
        pid=attempt.main.pid if attempt.main else None, exit_code=code, signal=signal,
        started_at=attempt.started_at, ended_at=ending.ended_at if ending else None,
        elapsed=lifecycle.lasted(attempt, now),
    )  # fmt: skip


def progress(job: Job, now: Moment) -> ProgressView:
    """Show how far a job is, and when it will end."""
    said, elapsed = job.progress, lifecycle.elapsed(job, now)
    left = None if job.done or elapsed is None else eta.estimate(said, elapsed, job.usual)
    return ProgressView(
        fraction=said.fraction, done=said.done, total=said.total, unit=said.unit,
        message=said.message, stage=said.stage,
        rate=round(said.rate, 6) if said.rate is not None else None,
        eta=left, reports=said.reports, updated_at=said.updated_at,
    )  # fmt: skip


def _usage(job: Job, latest: Usage | None) -> UsageView:
    usage = accounting.join(latest, job.usage) if latest else job.usage
    if usage is None:
        return UsageView(series=job.series)
    live = not job.done
    return UsageView(
        cpu_percent=usage.cpu_percent if live else None, cpu_seconds=usage.cpu_seconds,
        rss_bytes=usage.rss_bytes if live else None, peak_rss_bytes=usage.peak_rss_bytes,
        read_bytes=usage.read_bytes, write_bytes=usage.write_bytes,
        processes=usage.processes if live else None, series=job.series,
    )  # fmt: skip
