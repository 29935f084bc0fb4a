"""The stable JSON of a job: what scripts, the protocol and whatever is sent elsewhere see. Fields are only ever added.

Times are RFC 3339 in UTC, durations seconds, sizes bytes; what is not known is null.
"""

from datetime import datetime
from os import WEXITSTATUS, WIFEXITED, WIFSIGNALED, WTERMSIG

import msgspec

from jobd.core import eta, lifecycle
from jobd.core.model import Attempt, Job, Measure, Moment, Origin, State, Usage, Usual, Warned
from jobd.core.text import Lossless


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
    """Where the output is: a path and a size, and the same for each file if stdout and stderr are apart."""

    path: str
    bytes: int
    files: dict[str, str]


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt: `state` and `reason` say how it ended, null while it is open."""

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
    """A job as the world sees it."""

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
    code, signal = status_parts(attempt.ending.status if attempt and attempt.ending else None)
    return JobView(
        id=job.id, name=job.name, state=job.state, reason=job.reason, detail=job.detail,
        argv=job.spec.argv if job.spec else None, cwd=job.spec.cwd if job.spec else job.origin.cwd,
        group=job.group, priority=job.priority, labels=job.labels,
        attempt=attempt.number if attempt else None, attempts=tuple(_attempt(a) for a in job.attempts),
        pid=attempt.main.pid if attempt and attempt.main and not job.done else None,
        exit_code=code, signal=signal,
        created_at=job.created_at, started_at=job.started_at, ended_at=job.ended_at,
        elapsed=lifecycle.elapsed(job, now), done=job.done,
        progress=progress(job, now), usage=_usage(job, usage or job.usage), usual=job.usual,
        output=output, origin=job.origin, warnings=job.warnings, warned=job.warned,
    )  # fmt: skip


def status_parts(status: int | None) -> tuple[int | None, int | None]:
    """Split a raw wait status into exit code and signal; the one that does not apply is None."""
    if status is None:
        return None, None
    if WIFSIGNALED(status):
        return None, WTERMSIG(status)
    return (WEXITSTATUS(status), None) if WIFEXITED(status) else (None, None)


def exit_status(job: JobView) -> int:
    """Give the exit status that stands for a finished job: its own code, 128 + signal, or 125 if nobody knows it."""
    if job.exit_code is not None:
        return job.exit_code
    if job.signal is not None:
        return 128 + job.signal
    if job.state is State.CANCELED:
        return 130
    return 125


def _attempt(attempt: Attempt) -> AttemptView:
    ending = attempt.ending
    code, signal = status_parts(ending.status if ending else None)
    return AttemptView(
        number=attempt.number, state=attempt.state, reason=attempt.reason,
        pid=attempt.main.pid if attempt.main else None, exit_code=code, signal=signal,
        started_at=attempt.started_at, ended_at=ending.ended_at if ending else None,
        elapsed=ending.elapsed if ending else None,
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


def _usage(job: Job, usage: Usage | None) -> UsageView:
    if usage is None:
        return UsageView(series=job.series)
    live = not job.done
    return UsageView(
        cpu_percent=usage.cpu_percent if live else None, cpu_seconds=usage.cpu_seconds,
        rss_bytes=usage.rss_bytes if live else None, peak_rss_bytes=usage.peak_rss_bytes,
        read_bytes=usage.read_bytes, write_bytes=usage.write_bytes,
        processes=usage.processes if live else None, series=job.series,
    )  # fmt: skip
