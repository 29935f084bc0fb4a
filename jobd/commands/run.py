"""jobd run: run a command in the foreground, with a record; for terminals and for cron."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from jobd.commands.following.interrupts import Interrupts
from jobd.commands.following.jobs import Following
from jobd.commands.following.news import resumed
from jobd.commands.following.output import Wanted, show_all
from jobd.commands.options.kept import json_option, quiet_option
from jobd.commands.options.new_job import job_options, parameters
from jobd.commands.screens import looks
from jobd.commands.submit import Submit, name_of
from jobd.commands.tail import Tail
from jobd.core.errors import CannotStart, JobdError, OutcomeUnknown, OutputFailed, ShuttingDown, TryAgain, Unavailable
from jobd.core.views import NOT_KNOWN, JobView, exit_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobd.commands._shell import Shell

EXAMPLES = """\
jobd run -- make -j2                                # watch it; ends with its exit status
jobd run --quiet-ok -J backup -- ./backup.sh        # for cron: says nothing unless it fails
"""

#: Seconds in which a daemon that went away should be back; then the job is watched without it.
AWAY = 2.0
NOTE = "^C cancels it"


class Begun(NamedTuple):
    """A job that has begun: how it stands, what will be told of it, and how to end it."""

    job: JobView
    told: Iterator[JobView]
    end: Callable[[int], None]


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

    It is a job like any other, with a record, progress and history, and waits for a slot like others. An interrupt or
    SIGTERM cancels the job, a second one kills it; if the terminal, or whoever reads the output, goes away, it goes on.
    If no daemon can be had, or the settings cannot be read, the command runs all the same, and its record is taken in
    later.

    Exit status: that of the command, 128 + N after signal N, 125 if jobd itself failed or nobody knows how it ended,
    126 or 127 if the command cannot be started, 130 if it was canceled before it began. 74 if the command ended well,
    but a part of its output was over the limit before whoever reads took it.
    """
    screen = shell.screen
    wanted = Wanted(
        output=not quiet_ok, timestamps=timestamps, raw=raw, remarks=not quiet_ok and not shell.asked.quiet,
        apart=not (screen.is_terminal or screen.as_json or timestamps),
    )  # fmt: skip
    try:
        asked = parameters(shell, **options)
        ended, lost = _run(
            shell, Submit(**{**asked, "request_id": asked["request_id"] or os.urandom(16).hex()}), wanted
        )
    except CannotStart:
        raise
    except JobdError as error:
        return shell.screen.error(error.message, error.hint, NOT_KNOWN)
    if quiet_ok and exit_status(ended):
        show_all(shell, [ended], wanted)
        shell.screen.notice(looks.end_line(ended, shell.screen))
    if ended.reason == "cannot_start" and not (quiet_ok or screen.sink(errors=True).is_terminal):
        screen.notice(looks.end_line(ended, screen))
    if exit_status(ended) and not quiet_ok:
        looks.hint(shell.screen, *(looks.next_commands(ended) if ended.id else ()))
    return exit_status(ended) or (OutputFailed.exit_status if lost else 0)


def _run(shell: Shell, asked: Submit, wanted: Wanted) -> tuple[JobView, bool]:
    """Run the job to its end, and say whether a part of its output was lost on the way."""
    with Interrupts(shell.screen) as interrupts:
        begun = _begin(shell, asked)
        interrupts.act(begun.end)
        following = Following(shell, [begun.job], begun.told, wanted, NOTE)
        try:
            following.run()
        except (KeyboardInterrupt, OSError):
            shell.screen.notice(f"{looks.title(begun.job)} goes on: jobd tail -f {begun.job.id}")
            raise
    return following.jobs[begun.job.id], following.lost


def _begin(shell: Shell, asked: Submit) -> Begun:
    """Have the daemon run it, or run it here if there is none that could."""
    try:
        job = shell.client.call(asked)
    except OutcomeUnknown:
        raise
    except (Unavailable, TryAgain) as error:
        from jobd.commands.alone import attempt

        known = attempt.taken(shell.paths, asked)
        if known is None:
            alone = attempt.Attempt(shell, asked, name_of(asked))
            later = "the command runs without it, its record is taken in later"
            shell.screen.notice(f"{error.message}; {later}{attempt.missed(asked)}")
            return Begun(alone.view, alone.views(), alone.end)
        job = known
    return Begun(job, _told(shell, job), partial(_end, shell, job))


def _told(shell: Shell, job: JobView) -> Iterator[JobView]:
    """Tell how the job stands, to its end, with the daemon or without it."""
    every = 1.0 if shell.screen.live else None
    try:
        yield from resumed(shell.client, lambda: Tail(jobs=(str(job.id),), every=every), AWAY)
    except (Unavailable, ShuttingDown):
        from jobd.commands.alone import attempt

        yield from attempt.rest(shell.paths, job.id)


def _end(shell: Shell, job: JobView, times: int) -> None:
    """Cancel the job, with the daemon or without it; the second time at once."""
    from jobd.commands.cancel import Cancel

    shell.screen.hint("canceling; once more kills it, and then leaves it alone" if times == 1 else "killing")
    try:
        shell.client.call(Cancel(jobs=(str(job.id),), grace=None if times == 1 else 0.0, reason="interrupted"))
    except (Unavailable, ShuttingDown):
        from jobd.commands.alone import attempt

        attempt.cancel(shell.paths, job.id, now=times > 1)
