"""jobd cancel: end jobs, with all their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core import lifecycle
from jobd.core.events import Actor, Event
from jobd.core.model import Job, Seconds
from jobd.core.selection import Words
from jobd.core.views import JobView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine


class Cancel(Mutation[tuple[JobView, ...]], frozen=True):
    """End jobs: a waiting one at once; a running one gets the signal, after the grace its whole tree is killed.

    The answer says `canceling` until nothing of the job is left. `abandon` gives up on one whose processes do not end.
    """

    method: ClassVar = "cancel"

    jobs: Words
    signal: Annotated[int, Meta(ge=1, le=64)] | None = None
    grace: Seconds | None = None
    reason: Annotated[str, Meta(max_length=200)] | None = None
    abandon: bool = False

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Decide for all, then record."""

        def decide(job: Job) -> list[Event]:
            if self.abandon:
                return lifecycle.abandon(job)
            default = job.spec.grace if job.spec else 0.0
            grace = default if self.grace is None else self.grace
            signal = self.signal or (job.spec.signal if job.spec else 15)
            return lifecycle.cancel(job, engine.clock.now(), grace, signal, self.reason, caller.uid)

        return engine.change(self.jobs, lambda job: not job.done and job.spec is not None, decide, caller)
