"""jobd tail: the output of jobs, live, with progress and state changes."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
from msgspec import Meta

from jobd.commands.following.output import Wanted, show_all, wanted_files
from jobd.commands.list import List
from jobd.commands.options.choosing import jobs_argument, name_option
from jobd.commands.options.kept import json_option, quiet_option
from jobd.commands.screens import looks
from jobd.core.errors import NothingMatched
from jobd.core.history.selection import Who, Words, Zone
from jobd.core.model import ALIVE, State
from jobd.core.subscriptions import interest
from jobd.core.views import JobView
from jobd.core.views import exit_status as exit_status_of
from jobd.wire import Stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd tail -f                   # the newest running job, live
jobd tail -f 12 backup         # two jobs, a prefix before each line
jobd tail -n 50 last           # the last 50 lines of the newest job
jobd tail -f --exit-status 12  # and end with its exit status
"""

#: Seconds between two looks at what a job uses, while somebody watches.
EVERY = 1.0
#: And in which a command that has just been started opens its output.
OPENING = 0.02
NOTE = "^C leaves it running"


class Tail(Stream[JobView], frozen=True):
    """Tell the jobs as they are, and again each time one of them changes, until all have ended.

    With `every` those that live are told at least every so many seconds, with what they use. Output is read from the
    files named in `output`, or with the method `log`.
    """

    method: ClassVar = "tail"

    jobs: Words
    zone: Zone = ""
    every: Annotated[float, Meta(ge=0.5, le=3600)] | None = None

    async def answer(self, engine: Engine, caller: Actor) -> AsyncIterator[JobView]:
        """Watch the jobs."""
        living = {job.id: False for job in engine.archive.select(self.jobs, by=Who(caller.uid, self.zone))}
        with engine.presence.watching(caller, self.method, interest.jobs(living), engine.clock.now().wall):
            async with aclosing(self._watch(engine, living)) as views:
                async for view in views:
                    yield view

    async def _watch(self, engine: Engine, living: dict[int, bool]) -> AsyncGenerator[JobView, None]:
        """Tell the jobs, `living` by whether all is known that is told of a running one."""
        import asyncio

        from jobd.daemon.watching import watch

        durable: dict[int, Job] = {}
        changes = watch(engine, sorted(living))
        upcoming = asyncio.ensure_future(anext(changes, None))
        try:
            while True:
                again = self.every if all(living.values()) else OPENING
                if not (await asyncio.wait((upcoming,), timeout=again))[0]:
                    told: list[Job] | None = list(durable.values())
                elif told := upcoming.result():
                    upcoming = asyncio.ensure_future(anext(changes, None))
                if told is None:
                    return
                for job in told:
                    view = engine.archive.view(job)
                    living[job.id] = job.spec is None or job.state is State.PENDING or view.output is not None
                    durable[job.id] = job
                    if job.done:
                        del living[job.id], durable[job.id]
                    yield view
        finally:
            upcoming.cancel()
            await asyncio.wait((upcoming,))


@click.command("tail", epilog=EXAMPLES)
@jobs_argument(required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the jobs have ended, with progress at the bottom.")
@click.option(
    *("-n", "-l", "--lines"),
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Begin so many lines before the end.",
)
@click.option("--all", "everything", is_flag=True, help="Begin at the start of the output.")
@click.option("--stdout", is_flag=True, help="Of split output only stdout.")
@click.option("--stderr", is_flag=True, help="Of split output only stderr.")
@click.option("--timestamps", is_flag=True, help="Put the time before each line, as it comes in.")
@click.option("--raw", is_flag=True, help="Give the terminal the bytes as they are, harmless or not.")
@click.option("--exit-status", is_flag=True, help="End with the job's exit status (of several the largest).")
@name_option
@json_option(JobView)
@quiet_option
@click.pass_obj
def command(
    shell: Shell, /, jobs: tuple[str, ...], *, follow: bool, exit_status: bool, name: str | None, **options: Any
) -> int:
    """Show the end of the output of jobs, or follow it.

    Without JOB the newest running one. Following waits for a job that has not started, shows its output as it is
    written, its progress in the bottom line and what becomes of it, and ends when the job has ended and the last byte
    has been shown. Interrupting it leaves the job running.

    Exit status: with --exit-status that of the job, as `jobd wait` gives it. If --where means no job it is 1.
    """
    wanted = _wanted(shell, **options)
    views = _chosen(shell, jobs, name)
    if exit_status and not follow and not all(job.done for job in views):
        raise click.UsageError("--exit-status needs --follow while a job has not ended.")
    if follow and not all(job.done for job in views):
        status = follow_to_the_end(shell, views, wanted)
    else:
        _show(shell, views, wanted, follow=follow)
        status = max((exit_status_of(job) for job in views if job.done), default=0)
    return int(shell.none_meant(views)) or (status if exit_status else 0)


def follow_to_the_end(shell: Shell, jobs: Sequence[JobView], wanted: Wanted) -> int:
    """Show jobs until all have ended, and give the exit status that stands for them: the worst of theirs."""
    from jobd.commands.following.jobs import Following
    from jobd.commands.following.news import resumed

    ids = tuple(str(job.id) for job in jobs)
    request = Tail(jobs=ids, every=EVERY if shell.screen.live else None)
    following = Following(shell, jobs, resumed(shell.client, lambda: request), wanted, NOTE)
    try:
        return following.run()
    except KeyboardInterrupt:
        left = [job for job in following.jobs.values() if not job.done]
        if left:
            looks.hint(shell.screen, *looks.next_commands(left[0]))
        raise


def _wanted(
    shell: Shell, *, lines: int, everything: bool, stdout: bool, stderr: bool, timestamps: bool, raw: bool
) -> Wanted:
    return Wanted(
        lines=None if everything else lines, files=wanted_files(stdout=stdout, stderr=stderr), timestamps=timestamps,
        raw=raw, remarks=not shell.asked.quiet,
    )  # fmt: skip


def _chosen(shell: Shell, words: tuple[str, ...], name: str | None) -> tuple[JobView, ...]:
    """Find the jobs that were named, or else the newest that runs, or the newest."""
    if words:
        return shell.client.call(List(jobs=words, name=name))
    for states in (tuple(ALIVE), ()):
        found = shell.client.call(List(name=name, states=states, all=True, limit=1))
        if found:
            return found
    raise NothingMatched(what=f"a job called {name!r}" if name else "a job to show; submit one: jobd submit -- COMMAND")


def _show(shell: Shell, jobs: tuple[JobView, ...], wanted: Wanted, *, follow: bool) -> None:
    """Show the output as it is now, and if it was to be followed how the jobs ended."""
    screen = shell.screen
    show_all(shell, jobs, wanted, prefixed=True)
    if screen.as_json:
        from jobd.commands.following.jobs import job_line

        for job in jobs if follow else ():
            screen.json_line(job_line(shell, job))
        return
    for job in jobs:
        if follow and wanted.remarks:
            screen.hint(looks.end_line(job, screen))
        elif job.output is None:
            reason = looks.waits_for(job) if job.state is State.PENDING else "it has no output"
            screen.hint(f"{looks.title(job)}: {reason}")
