"""jobd pause: stop every process of running jobs without ending them."""

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


class Pause(Mutation[tuple[JobView, ...]], frozen=True):
    """Stop every process of running jobs without ending them; their clocks stand still."""

    method: ClassVar = "pause"

    jobs: Words

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Decide for all, then record."""
        return engine.change(
            self.jobs, lambda job: job.state is State.RUNNING and job.spec is not None, lifecycle.pause, caller
        )
