"""jobd wait: wait until jobs have ended, or are where they should be."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands import _changes
from jobd.commands.following.news import insist
from jobd.commands.list import List
from jobd.commands.options.choosing import jobs_argument
from jobd.commands.options.kept import output_options
from jobd.commands.options.values import STATES, duration
from jobd.core.errors import WaitTimedOut
from jobd.core.history.selection import LIVING, WHERE, Who, Words, Zone
from jobd.core.model import ACTIVE, Job, Seconds, State
from jobd.core.subscriptions import interest
from jobd.core.views import JobView, exit_status
from jobd.wire import Action

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine

#: In percent.
WHOLE = 100

EXAMPLES = """\
jobd wait 12 && echo done
jobd wait 12 --for 'progress>=50' --timeout 10m
jobd wait 3-8 --any
"""


class Wait(Action[tuple[JobView, ...]], frozen=True):
    """Wait until all the jobs (or `any` of them) have ended, are in one of the states, or have made so much progress.

    A job that has ended waits for nothing more, whatever was asked for.
    """

    method: ClassVar = "wait"
    waits: ClassVar = True

    jobs: Words
    zone: Zone = ""
    any: bool = False
    states: tuple[State, ...] = ()
    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    timeout: Seconds | None = None

    async def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Watch the jobs until it is so. Raises WaitTimedOut."""
        import asyncio

        chosen = engine.archive.select(self.jobs, LIVING, Who(caller.uid, self.zone))
        jobs = {job.id: job for job in chosen}
        try:
            with engine.presence.watching(caller, self.method, interest.jobs(jobs), engine.clock.now().wall):
                async with asyncio.timeout(self.timeout):
                    await self._watch(engine, jobs)
        except TimeoutError:
            open_jobs = [job for job in jobs.values() if not self._reached(job)]
            raise WaitTimedOut(state=open_jobs[0].state.value, seconds=self.timeout) from None
        return tuple(engine.archive.view(job) for job in jobs.values())

    async def _watch(self, engine: Engine, jobs: dict[int, Job]) -> None:
        from jobd.daemon.watching import watch

        reached: set[int] = set()
        async for changed in watch(engine, list(jobs)):
            jobs.update({job.id: job for job in changed})
            reached.difference_update(job.id for job in changed)
            reached.update(job.id for job in changed if self._reached(job))
            if len(reached) == len(jobs) or (self.any and any(self._counts(jobs[job_id]) for job_id in reached)):
                return

    def _reached(self, job: Job) -> bool:
        return job.done or self.meets(job)

    def _counts(self, job: Job) -> bool:
        """Whether one such job is enough: it is where it was asked to be, or has ended if nothing was asked for."""
        return self.meets(job) or not (self.states or self.progress is not None)

    def meets(self, job: Job | JobView) -> bool:
        """Whether a job is where it was asked to be."""
        if job.state in self.states:
            return True
        return self.progress is not None and (job.progress.fraction or 0.0) >= self.progress


def _condition(_: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Read `state=running` and `progress>=50`."""
    found: dict[str, Any] = {}
    for value in values:
        match = re.fullmatch(r"(?:state\s*=\s*(?P<state>\w+)|progress\s*>=\s*(?P<percent>\d+(?:\.\d+)?)\s*%?)", value)
        if match is None or float(match["percent"] or 0) > WHOLE:
            raise click.BadParameter(f"{value!r} is neither state=STATE nor progress>=PERCENT", param=param)
        if match["percent"] is not None:
            found["progress"] = float(match["percent"]) / 100
        else:
            found["states"] = (*found.get("states", ()), *STATES.convert(match["state"], param, _))
    return found


@click.command("wait", epilog=EXAMPLES)
@jobs_argument()
@click.option(
    "--for",
    "until",
    multiple=True,
    callback=_condition,
    metavar="CONDITION",
    help="Until state=STATE or progress>=PERCENT (default: until they have ended).",
)
@click.option(
    "-s", "--state", "states", type=STATES, default=(), metavar="STATE", help="The same as --for state=STATE."
)
@click.option("--any", "any_of", is_flag=True, help="Until it is so for any of them.")
@click.option("--all", "all_of", is_flag=True, help="Until it is so for all of them (the default).")
@click.option("--timeout", type=duration(), metavar="TIME", help="At most so long.")
@click.option("--bell", is_flag=True, help="Ring the terminal's bell at the end.")
@output_options(JobView)
@click.pass_obj
def command(
    shell: Shell,
    /,
    jobs: tuple[str, ...],
    *,
    until: dict[str, Any],
    states: tuple[State, ...],
    any_of: bool,
    all_of: bool,
    timeout: float | None,
    bell: bool,
) -> int:
    """Wait until jobs have ended, and end with their exit status.

    It goes on through restarts of the daemon. A filter alone means jobs that have not ended.

    Exit status: that of the job, 128 + N after signal N, 125 if nobody knows how it ended, 126 or 127 if it could not
    be started, 130 if it was canceled before it began; of several jobs the largest. A job that failed never counts as
    0. With a condition it is 0 once that is met, and 1 if a job ended without meeting it. If --where means no job it is
    1, if the time of --timeout is over 124.
    """
    if any_of and all_of:
        raise click.UsageError("--any and --all exclude each other")
    wanted = {**until, "states": (*until.get("states", ()), *states)}
    found = shell.client.call(List(jobs=jobs, among=tuple(ACTIVE)))
    request = Wait(jobs=tuple(str(job.id) for job in found), any=any_of, timeout=timeout, **wanted)
    reached = found if all(job.done for job in found) else wait_for(shell, request)
    if bell and shell.screen.is_terminal:
        shell.screen.write("\a")
    _changes.report(shell, reached)
    if not reached and any(word.startswith(WHERE) for word in jobs):
        return 1
    if not (wanted["states"] or request.progress is not None):
        return max((exit_status(job) for job in reached if job.done), default=0)
    met = [request.meets(job) for job in reached]
    return 0 if all(met) or (any_of and any(met)) else 1


def wait_for(shell: Shell, request: Wait) -> tuple[JobView, ...]:
    """Wait, through restarts of the daemon too. Raises WaitTimedOut."""
    begun = time.monotonic()

    def ask() -> tuple[JobView, ...]:
        left = None if request.timeout is None else max(0.0, request.timeout - (time.monotonic() - begun))
        return shell.client.call(msgspec.structs.replace(request, timeout=left))

    try:
        return insist(ask)
    except WaitTimedOut as error:
        raise WaitTimedOut(**{**error.details, "seconds": request.timeout}) from None
