"""The state machine of a job, as a table. Absent = illegal.

All that moves a job from state to state is here; what an event changes beside the state is said by the event itself
(`events.py`). Manual, diagram and tests are made from the table.
"""

from jobd.core import events as happened
from jobd.core.errors import IllegalChange
from jobd.core.model import Job, State

S = State

#: {event: {state before: state after}}; None = there is no job yet, or no longer.
TABLE: dict[type[happened.Event], dict[State | None, State | None]] = {
    happened.Submitted: {None: S.PENDING},
    happened.Begun: {None: S.RUNNING},
    happened.Imported: {None: S.PENDING},
    happened.Opened: {S.PENDING: S.PENDING},
    happened.Withdrawn: {S.PENDING: S.PENDING, S.CANCELING: S.CANCELING},
    happened.Started: {S.PENDING: S.RUNNING, S.CANCELING: S.CANCELING},
    happened.Adopted: {s: s for s in (S.RUNNING, S.PAUSING, S.PAUSED, S.COMPLETING, S.CANCELING)},
    happened.Progressed: {s: s for s in S},
    happened.ReportRejected: {s: s for s in S},
    happened.Measured: {s: s for s in (S.RUNNING, S.PAUSING, S.PAUSED, S.COMPLETING, S.CANCELING)},
    happened.OutputTrimmed: {s: s for s in (S.RUNNING, S.PAUSING, S.PAUSED, S.COMPLETING, S.CANCELING)},
    happened.PauseAsked: {S.RUNNING: S.PAUSING},
    happened.Paused: {S.PAUSING: S.PAUSED},
    happened.Resumed: {S.PAUSING: S.RUNNING, S.PAUSED: S.RUNNING},
    happened.Draining: {S.RUNNING: S.COMPLETING, S.PAUSING: S.COMPLETING, S.PAUSED: S.COMPLETING},
    happened.CancelAsked: {
        s: S.CANCELING for s in (S.PENDING, S.RUNNING, S.PAUSING, S.PAUSED, S.COMPLETING, S.CANCELING)
    },
    happened.CancelStalled: {S.CANCELING: S.CANCELING},
    happened.Completed: {s: S.COMPLETED for s in (S.RUNNING, S.PAUSING, S.PAUSED, S.COMPLETING, S.CANCELING)},
    happened.Failed: {s: S.FAILED for s in (S.PENDING, S.RUNNING, S.PAUSING, S.PAUSED, S.COMPLETING)},
    happened.Canceled: {S.PENDING: S.CANCELED, S.CANCELING: S.CANCELED},
    happened.Retried: {s: S.PENDING for s in (S.COMPLETED, S.FAILED, S.CANCELED)},
    happened.Removed: {s: None for s in (S.COMPLETED, S.FAILED, S.CANCELED)},
}


def after(job: Job | None, event: happened.Event, job_id: int) -> State | None:
    """Say in which state the event leaves the job. Raises IllegalChange if it cannot happen now."""
    before = job.state if job else None
    try:
        return TABLE[type(event)][before]
    except KeyError:
        name, state = (job.name, job.state.value) if job else ("?", "unknown")
        raise IllegalChange(job=job_id, name=name, state=state, event=event.title()) from None


def refused(state: State) -> list[type[happened.Event]]:
    """List the events that cannot happen to a job in this state."""
    return [event for event, row in TABLE.items() if state not in row]
