"""jobd tail: the output of jobs, live, with progress and state changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from jobd.commands._options import jobs_argument, json_option, name_option, quiet_option
from jobd.commands.list import List
from jobd.core.errors import NothingMatched
from jobd.core.model import ALIVE
from jobd.core.selection import Words
from jobd.core.views import JobView
from jobd.core.views import exit_status as exit_status_of
from jobd.wire import Stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jobd.commands._following import Wanted
    from jobd.commands._shell import Shell
    from jobd.core.events import Actor
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd tail -f                   # the newest running job, live
jobd tail -f 12 backup         # two jobs, a prefix before each line
jobd tail -n 50 last           # the last 50 lines of the newest job
jobd tail -f --exit-status 12  # and end with its exit status
"""


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


@click.command("tail", epilog=EXAMPLES)
@jobs_argument(required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the jobs have ended, with progress at the bottom.")
@click.option(
    "-n",
    "-l",
    "--lines",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Begin so many lines before the end.",
)
@click.option("--all", "everything", is_flag=True, help="Begin at the start of the output.")
@click.option("--stdout", "stdout", is_flag=True, help="Of split output only stdout.")
@click.option("--stderr", "stderr", is_flag=True, help="Of split output only stderr.")
@click.option("--timestamps", is_flag=True, help="Put the time before each line, as it comes in.")
@click.option("--raw", is_flag=True, help="Give the terminal the bytes as they are, harmless or not.")
@click.option("--exit-status", is_flag=True, help="With -f: end with the job's exit status (of several the largest).")
@name_option
@json_option(JobView)
@quiet_option
@click.pass_obj
def command(
    shell: Shell,
    /,
    jobs: tuple[str, ...],
    *,
    follow: bool,
    exit_status: bool,
    name: str | None,
    **how: Any,
) -> int:
    """Show the end of the output of jobs, or follow it.

    Without JOB the newest running one. Following waits for a job that has not started, shows its output as it is
    written, its progress in the bottom line and what becomes of it, and ends when the job has ended and the last byte
    has been shown. Interrupting it leaves the job running.
    """
    from jobd.commands._following import Following

    wanted = _wanted(**how, remarks=not shell.asked.quiet)
    views = _chosen(shell, jobs, name)
    if follow and not all(job.done for job in views):
        request = Tail(jobs=tuple(str(job.id) for job in views))
        code = Following(shell, request, wanted, jobs=len(views)).run()
        return code if exit_status else 0
    _show(shell, views, wanted)
    return max(exit_status_of(job) for job in views) if exit_status else 0


def _wanted(*, everything: bool, lines: int, stdout: bool, stderr: bool, **how: bool) -> Wanted:
    from jobd.commands._following import Wanted

    files = tuple(file for file, chosen in (("stdout", stdout), ("stderr", stderr)) if chosen)
    return Wanted(lines=None if everything else lines, files=files and ("output", *files), **how)


def _chosen(shell: Shell, words: tuple[str, ...], name: str | None) -> tuple[JobView, ...]:
    if words:
        return shell.client.call(List(jobs=words))
    found = shell.client.call(List(name=name, all=True, limit=100))
    running = [job for job in found if job.state in ALIVE]
    if not found:
        raise NothingMatched(what="a job to show; submit one: jobd submit -- COMMAND")
    return tuple(running[:1] or found[:1])


def _show(shell: Shell, jobs: tuple[JobView, ...], wanted: Wanted) -> None:
    from jobd.commands._output import Source, Style, prefix_of, start_of_last_lines
    from jobd.ui.live import LiveLine

    shown = [(job, file, Path(path)) for job in jobs if job.output for file, path in job.output.files.items()]
    shown = [each for each in shown if not wanted.files or each[1] in wanted.files]
    width = max((len(job.name) + 4 for job, _, _ in shown), default=0)
    with LiveLine(shell.screen) as live:
        for job, file, path in shown:
            prefix = prefix_of(job.name if len(jobs) > 1 else file, file, width) if len(shown) > 1 else ""
            style = Style(job.id, file, prefix, wanted.timestamps, wanted.raw)
            offset = 0 if wanted.lines is None else start_of_last_lines(path, wanted.lines)
            Source(shell.screen, live, path, offset, style).finish()
