"""The clocks of an attempt: the time from its start, what of it is left without pauses, and what without rate limits.

What a person sees as the time of a job leaves pauses out. Progress, its rate and the expected end are measured by the
time that it `worked`: while it waits for somebody's rate limit its processes live, but nothing can be learned of it.
"""

from jobd.core.model import Attempt, Job, Moment


def duration(attempt: Attempt, now: Moment) -> float | None:
    """Give the seconds from the start of an attempt to its end, or until now or its current pause, pauses included.

    After a reboot they are counted by the wall clock. None before the start, or if nobody knows.
    """
    if attempt.started_at is None:
        return None
    ending = attempt.ending
    if ending is not None and ending.elapsed is not None:
        return ending.elapsed
    if ending is not None:
        return (ending.ended_at - attempt.started_at).total_seconds() if ending.ended_at else None
    if attempt.boot == now.boot and attempt.started_boottime is not None:
        until = attempt.paused_boottime if attempt.paused_boottime is not None else now.boottime
        return (until - attempt.started_boottime) / 1e9
    return (now.wall - attempt.started_at).total_seconds()


def lasted(attempt: Attempt, now: Moment) -> float | None:
    """Give the seconds an attempt has run, or ran, pauses left out; None before its start, or if nobody knows."""
    whole = duration(attempt, now)
    return None if whole is None else round(max(0.0, whole - attempt.paused_seconds), 6)


def elapsed(job: Job, now: Moment) -> float | None:
    """Give the seconds the current attempt has run, pauses left out; None before its start, or if nobody knows."""
    attempt = job.attempt
    if attempt is None or (attempt.ending is not None and not job.done):
        return None
    return lasted(attempt, now)


def worked(job: Job, now: Moment) -> float | None:
    """Give the same without the rate limits that the job has declared."""
    passed = elapsed(job, now)
    if passed is None:
        return None
    attempt = job.attempts[-1]
    waited = attempt.limited_seconds
    if attempt.rate_limit is not None:
        waited += attempt.rate_limit.lasted(passed)
    return round(max(0.0, passed - waited), 6)


def limit_left(job: Job, now: Moment) -> float:
    """Give the seconds that are left of the rate limit the job has declared; 0 = it waits for nobody."""
    limit = job.attempts[-1].rate_limit if job.open else None
    passed = elapsed(job, now) if limit is not None else None
    return limit.left(passed) if limit is not None and passed is not None else 0.0
