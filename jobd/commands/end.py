"""jobd end: say that a begun job has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core import lifecycle
from jobd.core.events import Actor
from jobd.core.selection import Words
from jobd.core.views import JobView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine


class End(Mutation[tuple[JobView, ...]], frozen=True):
    """Say that jobs begun with `begin` have ended, with an exit status."""

    method: ClassVar = "end"

    jobs: Words
    exit: Annotated[int, Meta(ge=0, le=255)] = 0

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Record the end."""
        now = engine.clock.now()
        return engine.change(
            self.jobs,
            lambda job: job.spec is None and not job.done,
            lambda job: lifecycle.end(job, self.exit, now),
            caller,
        )
