"""Events of a job's heartbeat: it fell silent for too long, and was heard of again. They leave its state alone."""

from datetime import datetime

from jobd.core.events.happening import Event, Severity, change_attempt
from jobd.core.model import Job


class Stale(Event, frozen=True, kw_only=True):
    """The job was silent for longer than it promised to be; it counts as stale until it is heard of."""

    severity = Severity.HIGH
    silent: float  #: seconds without a report, a beat or new output, pauses left out

    def apply(self, job: Job, at: datetime) -> Job:
        """Mark it."""
        return change_attempt(job, stale_since=at)


class Revived(Event, frozen=True, kw_only=True):
    """A stale job was heard of again."""

    severity = Severity.MEDIUM

    def apply(self, job: Job, at: datetime) -> Job:
        """Take the mark back."""
        return change_attempt(job, stale_since=None)
