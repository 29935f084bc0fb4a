"""jobd retry: put ended jobs into the queue again, as a new attempt."""

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


class Retry(Mutation[tuple[JobView, ...]], frozen=True):
    """Put ended jobs into the queue again, as a new attempt; the output of earlier attempts is kept."""

    method: ClassVar = "retry"

    jobs: Words

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Decide for all, then record."""
        return engine.change(
            self.jobs, lambda job: job.state is State.FAILED and job.spec is not None, lifecycle.retry, caller
        )
