"""Wait for jobs to change: what streams and waiting answers are made of."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from typing import TYPE_CHECKING

from jobd.core.errors import JobdError, JobNotFound
from jobd.core.model import Job

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

#: Seconds in which reports and measurements are gathered before they are told; a new state is told at once.
GATHER = 0.05


async def watch(engine: "Engine", ids: Collection[int]) -> AsyncIterator[list[Job]]:
    """Yield the jobs as they are, then those that have changed, each time some have, until all have ended or are gone.

    Changes that follow each other quickly are told together; the last state is always told. Only what is durable is
    told. Raises JobNotFound if one is not there at first.
    """
    after = engine.hub.seq
    for job_id in ids:
        engine.job(job_id)
    told = {job.id: job for job in await _durable(engine, ids)}
    yield list(told.values())
    remaining = {job_id for job_id, job in told.items() if not job.done}
    async with aclosing(engine.hub.follow(after)) as log:
        while remaining:
            entries = [entry for entry in await anext(log) if entry.job in remaining]
            changed = {entry.job for entry in entries}
            jobs = await _durable(engine, changed) if changed else []
            remaining -= changed - {job.id for job in jobs if not job.done}
            news = [job for job in jobs if job != told[job.id]]
            if news:
                told.update({job.id: job for job in news})
                yield news
            if entries and all(entry.event.frequent for entry in entries):
                await asyncio.sleep(GATHER)


async def _durable(engine: "Engine", ids: Collection[int]) -> list[Job]:
    """Find the jobs that are there, as they are when all that was recorded of them is durable."""
    while True:
        jobs = _current(engine, ids)
        try:
            await engine.committed()
        except JobdError:
            continue
        return jobs


def _current(engine: "Engine", ids: Collection[int]) -> list[Job]:
    jobs = []
    for job_id in sorted(ids):
        try:
            jobs.append(engine.job(job_id))
        except JobNotFound:
            continue
    return jobs
