"""Events of a rate limit that a job has declared: it waits for somebody else. They leave its state alone."""

from datetime import datetime

from jobd.core.events.happening import Event, change_attempt
from jobd.core.model import Job
from jobd.core.work.rate_limit import Limited, RateLimit


class RateLimited(Event, frozen=True, kw_only=True):
    """The job said that it waits for a rate limit; the limit ends by itself after so many seconds.

    One that it said before, and that is not over yet, ends with it.
    """

    frequent = True
    seconds: Limited  #: how long it waits
    elapsed: float  #: seconds into the attempt, pauses left out
    offset: int | None = None  #: where in the report file the next report begins

    def apply(self, job: Job, at: datetime) -> Job:
        """Stop the clock of the work."""
        limit = RateLimit(self.elapsed, self.seconds)
        return _moved_on(_end_limit(job, self.elapsed, limit), self.offset)


class RateLimitLifted(Event, frozen=True, kw_only=True):
    """The job went on before the end of the rate limit that it had declared."""

    frequent = True
    elapsed: float  #: seconds into the attempt, pauses left out
    offset: int | None = None  #: where in the report file the next report begins

    def apply(self, job: Job, at: datetime) -> Job:
        """Let the clock of the work go on."""
        return _moved_on(_end_limit(job, self.elapsed, None), self.offset)


def _end_limit(job: Job, elapsed: float, following: RateLimit | None) -> Job:
    """Add the limit that was to the time that does not count, and begin the one that follows."""
    attempt = job.attempts[-1]
    before = attempt.rate_limit.lasted(elapsed) if attempt.rate_limit is not None else 0.0
    return change_attempt(job, rate_limit=following, limited_seconds=round(attempt.limited_seconds + before, 6))


def _moved_on(job: Job, offset: int | None) -> Job:
    return job if offset is None else change_attempt(job, report_offset=offset)
