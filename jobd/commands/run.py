"""jobd run: run a command in the foreground, with a record; for terminals and for cron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jobd.commands._following import Following, Wanted
from jobd.commands._job_options import job_options, parameters
from jobd.commands._options import json_option, quiet_option
from jobd.commands.cancel import Cancel
from jobd.commands.submit import Submit
from jobd.commands.tail import Tail
from jobd.core.errors import Unavailable
from jobd.core.views import JobView
from jobd.core.views import exit_status as exit_status_of

if TYPE_CHECKING:
    from jobd.commands._shell import Shell

EXAMPLES = """\
jobd run -- make -j2                                # watch it; ends with its exit status
jobd run --quiet-ok -J backup -- ./backup.sh        # for cron: says nothing unless it fails
"""


@click.command("run", epilog=EXAMPLES)
@job_options
@click.option("--quiet-ok", is_flag=True, help="Say nothing if it succeeds; else show all of its output and a summary.")
@click.option("--timestamps", is_flag=True, help="Put the time before each line.")
@click.option("--raw", is_flag=True, help="Give the terminal the bytes as they are, harmless or not.")
@json_option(JobView)
@quiet_option
@click.pass_obj
def command(shell: Shell, /, *, quiet_ok: bool, timestamps: bool, raw: bool, **options: Any) -> int:
    """Run a command in the foreground.

    It is a job like any other, with a record, progress and history, and it ends with the exit status of the command
    (125 if jobd itself fails, 126 or 127 if the command cannot be started, 128 + N after signal N). An interrupt
    cancels the job, a second one kills it. If no daemon can be had, the command runs all the same, and its record is
    taken in later.
    """
    asked = Submit(**parameters(shell, **options))
    wanted = Wanted(output=not quiet_ok, timestamps=timestamps, raw=raw, remarks=not quiet_ok and not shell.asked.quiet)
    try:
        job = shell.client.call(asked)
    except Unavailable as error:
        from jobd.commands._adhoc import run_alone

        return run_alone(shell, asked, error, quiet_ok=quiet_ok)
    following = Following(shell, Tail(jobs=(str(job.id),)), wanted)
    _to_the_end(shell, following, job.id)
    ended = following.jobs[job.id]
    if quiet_ok and exit_status_of(ended) != 0:
        _report(shell, ended)
    return exit_status_of(ended)


def _to_the_end(shell: Shell, following: Following, job_id: int) -> None:
    interrupts = 0
    while True:
        try:
            following.run()
        except KeyboardInterrupt:
            interrupts += 1
            grace = None if interrupts == 1 else 0.0
            shell.client.call(Cancel(jobs=(str(job_id),), grace=grace, reason="interrupted"))
        else:
            return


def _report(shell: Shell, job: JobView) -> None:
    """Show the output and the end of a job that nobody watched; cron makes a mail of it."""
    from jobd.commands import _looks
    from jobd.commands.log import copy

    copy(shell, job)
    shell.screen.notice(_looks.end_line(job, shell.screen))
