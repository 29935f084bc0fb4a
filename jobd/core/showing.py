"""Make the stable JSON of a job out of its record: what is true at a moment, worked out here."""

from jobd.core import accounting, eta, figures, lifecycle
from jobd.core.model import Attempt, Job, Moment, Usage
from jobd.core.views import AttemptView, JobView, OutputView, ProgressView, UsageView


def view(job: Job, now: Moment, usage: Usage | None, output: OutputView | None) -> JobView:
    """Show a job. `usage` is the latest measurement if it is newer than the one in the record."""
    attempt = job.attempt
    code, signal = figures.ending_parts(attempt.ending if attempt and job.done else None)
    return JobView(
        id=job.id, name=job.name, state=job.state, reason=job.reason, detail=job.detail,
        argv=job.spec.argv if job.spec else job.command or None, cwd=job.spec.cwd if job.spec else job.origin.cwd,
        group=job.group, priority=job.priority, labels=job.labels,
        attempt=attempt.number if attempt else None, attempts=tuple(_attempt(a, now) for a in job.attempts),
        begun=job.spec is None, pid=attempt.main.pid if attempt and attempt.main and job.open else None,
        exit_code=code, signal=signal,
        created_at=job.created_at, started_at=job.started_at, ended_at=job.ended_at,
        elapsed=lifecycle.elapsed(job, now), done=job.done,
        progress=progress(job, now), usage=_usage(job, usage), usual=job.usual,
        output=output, origin=job.origin, heartbeat=job.heartbeat,
        stale_since=attempt.stale_since if attempt and job.open else None, warnings=job.warnings, warned=job.warned,
    )  # fmt: skip


def _attempt(attempt: Attempt, now: Moment) -> AttemptView:
    ending = attempt.ending
    code, signal = figures.ending_parts(ending)
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
        eta=left, reports=said.reports, updated_at=said.updated_at, stages=said.stages, items=said.items,
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
