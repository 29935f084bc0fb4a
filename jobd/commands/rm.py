"""jobd rm: forget ended jobs, with their output."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from jobd.core import lifecycle
from jobd.core.events import Actor
from jobd.core.selection import Words
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine


class Remove(Mutation[tuple[int, ...]], frozen=True):
    """Delete the records and the output of ended jobs; the event log keeps that they were there. Gives the ids."""

    method: ClassVar = "rm"

    jobs: Words

    def answer(self, engine: Engine, caller: Actor) -> tuple[int, ...]:
        """Decide for all, then record."""
        removed = engine.change(self.jobs, lambda job: job.done, lifecycle.remove, caller)
        return tuple(job.id for job in removed)
