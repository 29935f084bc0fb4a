"""The state machine of a job, as a table. Absent = illegal.

All that moves a job from state to state is here; what an event changes beside the state is said by the event itself
(`events/catalogue.py`). Manual, diagram and tests are made from the table.
"""

from collections.abc import Iterable, Mapping

from jobd.core.errors import IllegalChange
from jobd.core.events import catalogue as happened
from jobd.core.model import FINAL, Job, State

S = State


def _stays(states: Iterable[State]) -> dict[State | None, State | None]:
    return {state: state for state in states}


def _leads(states: Iterable[State], end: State | None) -> dict[State | None, State | None]:
    return dict.fromkeys(states, end)


#: States in which the main process of a job lives, or did until just now.
WORKING = (S.RUNNING, S.PAUSING, S.PAUSED, S.COMPLETING)
LIVING = (*WORKING, S.CANCELING)
OVER = tuple(state for state in S if state in FINAL)

#: {event: {state before: state after}}; None = there is no job yet, or no longer.
TABLE: Mapping[type[happened.Event], Mapping[State | None, State | None]] = {
    happened.Submitted: {None: S.PENDING},
    happened.Begun: {None: S.RUNNING},
    happened.Imported: {None: S.PENDING},
    happened.Opened: {S.PENDING: S.PENDING},
    happened.Withdrawn: {**_leads((S.PENDING, *WORKING), S.PENDING), S.CANCELING: S.CANCELING},
    happened.Started: {S.PENDING: S.RUNNING, S.CANCELING: S.CANCELING},
    happened.Adopted: _stays(LIVING),
    happened.Progressed: _stays(S),
    happened.ItemsChanged: _stays(S),
    happened.ChildrenCounted: _stays(state for state in S if state not in FINAL),
    happened.ReportRejected: _stays(S),
    happened.Measured: _stays(LIVING),
    happened.OutputTrimmed: _stays(LIVING),
    happened.RateLimited: _stays(LIVING),
    happened.RateLimitLifted: _stays(LIVING),
    happened.Stale: {S.RUNNING: S.RUNNING},
    happened.Revived: _stays((S.RUNNING, S.PAUSING, S.PAUSED)),
    happened.PauseAsked: {S.RUNNING: S.PAUSING},
    happened.Paused: {S.PAUSING: S.PAUSED},
    happened.Resumed: _leads((S.PAUSING, S.PAUSED), S.RUNNING),
    happened.Draining: _leads((S.RUNNING, S.PAUSING, S.PAUSED), S.COMPLETING),
    happened.CancelAsked: _leads((S.PENDING, *LIVING), S.CANCELING),
    happened.CancelStalled: {S.CANCELING: S.CANCELING},
    happened.Completed: _leads((S.PENDING, *LIVING), S.COMPLETED),
    happened.AttemptFailed: _leads((S.PENDING, *LIVING), S.PENDING),
    happened.Failed: _leads((S.PENDING, *LIVING), S.FAILED),
    happened.Canceled: _leads((S.PENDING, S.CANCELING), S.CANCELED),
    happened.Retried: _leads((*OVER, S.PENDING), S.PENDING),
    happened.Removed: _leads(OVER, None),
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
