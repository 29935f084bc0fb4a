"""When a job counts as stale, and what follows: the rules of the heartbeat.

A sign of life is whatever the job says, understood or not, and output that grows. Only a running job must be heard of.
"""

from jobd.core import lifecycle
from jobd.core.events import catalogue as happened
from jobd.core.model import Job, Moment, State
from jobd.core.promises import OnStale

#: Events that are signs of life.
SIGNS = (happened.Progressed, happened.ItemsChanged, happened.ReportRejected)
#: States in which the silence of a job is measured, or stands still.
MEASURED = (State.RUNNING, State.PAUSING, State.PAUSED)


def limit(job: Job) -> float | None:
    """Give the seconds of silence after which the job is stale; None = it has not promised anything, or is ending."""
    return job.heartbeat.stale_after if job.heartbeat and job.state in MEASURED else None


def stale(job: Job) -> bool:
    """Whether the job is marked as stale."""
    return job.open and job.attempts[-1].stale_since is not None


def silent(job: Job, seconds: float, now: Moment) -> list[happened.Event]:
    """Note that nothing was heard of the job for so many seconds: it may be stale, and ended for it."""
    longest = limit(job)
    if longest is None or job.state is not State.RUNNING or stale(job) or seconds < longest:
        return []
    events: list[happened.Event] = [happened.Stale(silent=round(seconds, 3))]
    follows = job.heartbeat.on_stale if job.heartbeat else OnStale.NOTE
    if job.spec is not None and follows is not OnStale.NOTE:
        again = follows is OnStale.RETRY
        events += lifecycle.cancel(job, now, job.spec.grace, job.spec.signal, "stale", None, again=again)
    return events


def heard(job: Job) -> list[happened.Event]:
    """Note a sign of life."""
    return [happened.Revived()] if stale(job) and job.state in MEASURED else []
