"""jobd resume: let paused jobs go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from jobd.core import lifecycle
from jobd.core.events import Actor
from jobd.core.model import State
from jobd.core.selection import Words
from jobd.core.views import JobView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine


class Resume(Mutation[tuple[JobView, ...]], frozen=True):
    """Let paused jobs go on."""

    method: ClassVar = "resume"

    jobs: Words

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Decide for all, then record."""
        now = engine.clock.now()
        return engine.change(
            self.jobs,
            lambda job: job.state in (State.PAUSING, State.PAUSED),
            lambda job: lifecycle.resume(job, now),
            caller,
        )
