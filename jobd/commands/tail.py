"""jobd tail: the output of jobs, live, with progress and state changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, ClassVar

from jobd.core.events import Actor
from jobd.core.selection import Words
from jobd.core.views import JobView
from jobd.wire import Stream

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine


class Tail(Stream[JobView], frozen=True):
    """Tell the jobs as they are, and again each time one of them changes, until all have ended.

    Output is read from the files named in `output`, or with the method `log`.
    """

    method: ClassVar = "tail"

    jobs: Words

    async def answer(self, engine: Engine, caller: Actor) -> AsyncIterator[JobView]:
        """Watch the jobs."""
        from jobd.daemon.watching import watch

        chosen = engine.archive.select(self.jobs, lambda job: not job.done)
        async for jobs in watch(engine, [job.id for job in chosen]):
            for job in jobs:
                yield engine.archive.view(job)
