"""Which job a call means: the one around this process, the one of the `with` around the call, or none.

Looked up at each call, so that a program may be imported anywhere; what is found for the process is kept.

A new thread knows nothing of the `with` in which it was started: its context is empty. So the blocks that are open are
remembered for all threads. A thread that is in none belongs to the innermost of them, if there is just one such; of
several jobs none is guessed, because a number said of the wrong one is worse than none.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import get_ident
from typing import NamedTuple

from jobd.reporting.channels import BegunJob, OwnJob, ReportFile
from jobd.reporting.courier import COURIER
from jobd.reporting.outbox import Outbox

#: The job of the `with` around, in this thread or task.
ENTERED: ContextVar[Outbox | None] = ContextVar("jobd", default=None)
_around: dict[str, Outbox] = {}


class Block(NamedTuple):
    """A `with` whose end has not come: its job, that of the `with` around it, and the thread that entered it."""

    job: Outbox | None
    outer: Outbox | None
    thread: int


_open: list[Block] = []


def around() -> Outbox | None:
    """Find the job that jobd runs this process in, or the one that was begun since in a script around it."""
    path, job = os.environ.get("JOBD_REPORT", ""), os.environ.get("JOBD_JOB_ID", "")
    own = os.path.basename(os.path.dirname(path)).partition(".")[0]
    if job.isdigit() and (not path or (own.isdigit() and own != job)):
        return _around.get(job) or _around.setdefault(job, Outbox(BegunJob(job), COURIER))
    if not path:
        return None
    return _around.get(path) or _around.setdefault(path, Outbox(ReportFile(path), COURIER))


def here(name: str | None = None) -> Outbox | None:
    """Find the job that a loop belongs to: of a `with` around it, else that of the process.

    In a thread outside of all blocks one without a name belongs to the only block; one with a name can be a job itself.
    """
    return ENTERED.get() or (_elsewhere() if name is None else None) or around()


@contextmanager
def entered(job: Outbox | None) -> Iterator[None]:
    """Be in the block of a job."""
    block = Block(job, ENTERED.get(), get_ident())
    ENTERED.set(job)
    _open.append(block)
    try:
        yield
    finally:
        ENTERED.set(block.outer)
        with suppress(ValueError):
            _open.remove(block)


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


def _elsewhere() -> Outbox | None:
    """Find the innermost job whose block other threads have open; None if there are several, or this one has one."""
    blocks = tuple(_open)
    if any(block.thread == get_ident() for block in blocks):
        return None
    innermost = {block.job for block in blocks} - {block.outer for block in blocks}
    return innermost.pop() if len(innermost) == 1 else None


os.register_at_fork(after_in_child=_around.clear)
os.register_at_fork(after_in_child=_open.clear)
