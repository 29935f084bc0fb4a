"""Which job a call means: the one around this process, the one of the `with` around the call, or none.

Looked up at each call, so that a program may be imported anywhere; what is found for the process is kept.
"""

import os
from contextvars import ContextVar

from jobd.reporting.channels import OwnJob, ReportFile
from jobd.reporting.courier import COURIER
from jobd.reporting.outbox import Outbox

#: The job of the `with` around, in this thread or task.
ENTERED: ContextVar[Outbox | None] = ContextVar("jobd", default=None)
_around: dict[str, Outbox] = {}


def around() -> Outbox | None:
    """Find the job that jobd runs this process in."""
    path = os.environ.get("JOBD_REPORT")
    if not path:
        return None
    return _around.get(path) or _around.setdefault(path, Outbox(ReportFile(path), COURIER))


def here() -> Outbox | None:
    """Find the job that a loop without a name belongs to: of a `with` around it, else that of the process."""
    return ENTERED.get() or around()


def begin(name: str, parent: str | None = None, weight: float = 1.0) -> Outbox | None:
    """Begin a job of one's own; None if no daemon is there. It is never started for this."""
    if not has_daemon():
        return None
    outbox = Outbox(OwnJob(name, parent, weight), COURIER)
    outbox.flush()
    return outbox


def has_daemon() -> bool:
    """Say whether a daemon seems to be there."""
    from jobd.config.places import state_directory

    return os.path.exists(os.path.join(state_directory(os.environ), "jobd.sock"))


os.register_at_fork(after_in_child=_around.clear)
