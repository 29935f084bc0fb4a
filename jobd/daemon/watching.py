"""Wait for jobs to change: what streams and waiting answers are made of."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import TYPE_CHECKING

from jobd.core.errors import JobNotFound
from jobd.core.model import Job

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

#: Seconds in which changes of the same jobs are gathered before they are told.
GATHER = 0.05


async def watch(engine: "Engine", ids: Collection[int]) -> AsyncIterator[list[Job]]:
    """Yield the jobs as they are, then those that have changed, each time some have; ends when all have ended or are removed.

    Changes that follow each other quickly are told together; the last state is always told. Only what is durable is told.
    """
    await engine.committed()
    after = engine.hub.seq
    remaining = set(ids)
    present = [engine.job(job_id) for job_id in ids]
    remaining -= {job.id for job in present if job.done}
    yield present
    if not remaining:
        return
    async for entries in engine.hub.follow(after):
        changed = {entry.job for entry in entries} & remaining
        if not changed:
            continue
        jobs = _current(engine, changed)
        remaining -= changed - {job.id for job in jobs if not job.done}
        if jobs:
            yield jobs
        if not remaining:
            return
        await asyncio.sleep(GATHER)


def _current(engine: "Engine", ids: Collection[int]) -> list[Job]:
    jobs = []
    for job_id in sorted(ids):
        try:
            jobs.append(engine.job(job_id))
        except JobNotFound:
            continue
    return jobs
