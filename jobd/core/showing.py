"""Make the stable JSON of a job, and of an item, out of its record: what is true at a moment, worked out here."""

from datetime import datetime, timedelta

from msgspec import structs
from msgspec.structs import replace

from jobd.core import accounting, clocks, figures
from jobd.core.estimates import eta
from jobd.core.estimates.usual import Experience
from jobd.core.model import Attempt, Job, Moment, Usage
from jobd.core.views import AttemptView, ItemView, JobView, OutputView, ProgressView, UsageView
from jobd.core.work.items import Item


def view(
    job: Job, now: Moment, usage: Usage | None, output: OutputView | None, experience: Experience | None = None
) -> JobView:
    """Show a job: `usage` is the latest measurement if it is newer than that of the record.

    `experience` is what earlier runs teach of its end.
    """
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
        elapsed=clocks.elapsed(job, now), done=job.done,
        progress=progress(job, now, experience), usage=_usage(job, usage), usual=job.usual,
        output=output, origin=job.origin, heartbeat=job.heartbeat, parent=job.parent, weight=job.weight,
        retries=job.retries, retried=job.retried, not_before=job.not_before,
        stale_since=attempt.stale_since if attempt and job.open else None, warnings=job.warnings, warned=job.warned,
    )  # fmt: skip


def _attempt(attempt: Attempt, now: Moment) -> AttemptView:
    ending = attempt.ending
    code, signal = figures.ending_parts(ending)
    return AttemptView(
        number=attempt.number, state=attempt.state, reason=attempt.reason,
        pid=attempt.main.pid if attempt.main else None, exit_code=code, signal=signal,
        started_at=attempt.started_at, ended_at=ending.ended_at if ending else None,
        elapsed=clocks.lasted(attempt, now),
    )  # fmt: skip


def progress(job: Job, now: Moment, experience: Experience | None = None) -> ProgressView:
    """Show how far a job is, and when it will end."""
    said, limit = job.progress, clocks.limit_left(job, now)
    return ProgressView(
        fraction=said.fraction, done=said.done, total=said.total, unit=said.unit,
        message=said.message, stage=said.stage,
        rate=round(said.rate, 6) if said.rate is not None else None,
        eta=_left(job, now, limit, experience), reports=said.reports, updated_at=said.updated_at, stages=said.stages,
        items=said.items, children=said.children,
        rate_limited_until=_second(now.wall + timedelta(seconds=limit)) if limit else None,
    )  # fmt: skip


def item(record: Item) -> ItemView:
    """Show an item, with all its fields; its record leaves out what has its default."""
    return ItemView(
        key=record.key, state=record.state, weight=record.weight, fraction=record.fraction, attempt=record.attempt,
        message=record.message, error=record.error, updated_at=record.updated_at,
    )  # fmt: skip


def _left(job: Job, now: Moment, limit: float, experience: Experience | None) -> eta.Eta | None:
    """Say what is left to do, after what is left of a rate limit."""
    worked = None if job.done else clocks.worked(job, now)
    left = None if worked is None else eta.estimate(job.progress, worked, experience)
    if left is None or not limit or not left.high:
        return left
    later = {name: round(getattr(left, name) + limit, 3) for name in ("seconds", "low", "high")}
    return replace(left, **later)


def _second(moment: datetime) -> datetime:
    """Round to seconds: what is counted down by one clock is shown by another."""
    return (moment + timedelta(microseconds=500_000)).replace(microsecond=0)


def _usage(job: Job, latest: Usage | None) -> UsageView:
    usage = accounting.join(latest, job.usage) if latest and not job.done else job.usage
    return UsageView(**structs.asdict(usage or Usage()), series=job.series)
