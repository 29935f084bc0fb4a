"""What the verbs that change jobs have in common: ask first, say what became of them, name the next command."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from jobd.commands import _looks
from jobd.commands.list import List
from jobd.core.history.selection import WHERE
from jobd.core.model import State
from jobd.core.views import JobView
from jobd.ui.terminal_text import field

if TYPE_CHECKING:
    from jobd.commands._shell import Shell

#: So many jobs are named in a question.
NAMED = 8


def ask(
    shell: "Shell",
    jobs: tuple[str, ...],
    verb: str,
    applies: Callable[[JobView], bool],
    *,
    yes: bool,
    dry_run: bool,
    among: tuple[State, ...] = (),
) -> None:
    """Go on only if that is wanted: a dry run ends here, having listed the jobs; so does a person's no.

    Asked is only who names several jobs by one word (`all`, a range) at a terminal; a script is never asked. `all` are
    the jobs in one of the states `among`, or those that have not ended. Raises click's Exit.
    """
    if not dry_run and (yes or not shell.screen.is_terminal or not any(map(_sweeps, jobs))):
        return
    views = [job for job in shell.client.call(List(jobs=jobs, among=among)) if applies(job)]
    if dry_run:
        raise click.exceptions.Exit(report(shell, views, prefix=f"would {verb} "))
    if len(views) > 1:
        names = ", ".join(f"{job.id} {field(job.name)}" for job in views[:NAMED]) + (", …" if views[NAMED:] else "")
        if not click.confirm(f"{verb.capitalize()} {len(views)} jobs ({names})?", err=True):
            raise click.exceptions.Exit(1)


def report(
    shell: "Shell",
    jobs: Sequence[JobView],
    became: Callable[[JobView], str] = _looks.outcome,
    *,
    prefix: str = "",
    next_step: str = "",
) -> int:
    """Say what became of the jobs, each in a line, and what can be done next; the exit status is 1 if there is none.

    `next_step` is a command of jobd for a single job, such as `resume`.
    """
    if not jobs:
        shell.screen.notice("no job is concerned")
    shell.emit_all(jobs, lambda: shell.screen.data("".join(f"{prefix}{line(job, became)}\n" for job in jobs)))
    if len(jobs) == 1 and next_step:
        shell.screen.hint(f"jobd {next_step} {jobs[0].id}")
    return 0 if jobs else 1


def line(job: JobView, became: Callable[[JobView], str] = _looks.outcome) -> str:
    """Say in a line which job it is and where it stands."""
    return f"{job.id} {field(job.name)}: {became(job)}"


def _sweeps(word: str) -> bool:
    return word == "all" or "-" in word or "," in word or word.startswith(WHERE)
