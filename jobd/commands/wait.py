"""jobd wait: wait until jobs have ended, or are where they should be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core.errors import WaitTimedOut
from jobd.core.events import Actor
from jobd.core.model import Job, Seconds, State
from jobd.core.selection import Words
from jobd.core.views import JobView
from jobd.wire import Action

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine


class Wait(Action[tuple[JobView, ...]], frozen=True):
    """Wait until all the jobs (or `any` of them) have ended, are in one of the states, or have made so much progress.

    A job that has ended waits for nothing more, whatever was asked for.
    """

    method: ClassVar = "wait"

    jobs: Words
    any: bool = False
    states: tuple[State, ...] = ()
    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    timeout: Seconds | None = None

    async def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Watch the jobs until it is so. Raises WaitTimedOut."""
        chosen = engine.archive.select(self.jobs, lambda job: not job.done)
        jobs = {job.id: job for job in chosen}
        try:
            async with asyncio.timeout(self.timeout):
                await self._watch(engine, jobs)
        except TimeoutError:
            open_jobs = [job for job in jobs.values() if not self._reached(job)]
            raise WaitTimedOut(state=open_jobs[0].state.value, seconds=self.timeout) from None
        return tuple(engine.archive.view(job) for job in jobs.values())

    async def _watch(self, engine: Engine, jobs: dict[int, Job]) -> None:
        from jobd.daemon.watching import watch

        async for changed in watch(engine, list(jobs)):
            jobs.update({job.id: job for job in changed})
            reached = [self._reached(job) for job in jobs.values()]
            if all(reached) or (self.any and any(reached)):
                return

    def _reached(self, job: Job) -> bool:
        if job.done or job.state in self.states:
            return True
        return self.progress is not None and (job.progress.fraction or 0.0) >= self.progress
