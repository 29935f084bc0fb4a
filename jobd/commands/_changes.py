"""What the verbs that change jobs have in common: ask first, say what became of them, name the next command."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from jobd.commands import _looks
from jobd.commands.list import List
from jobd.core.views import JobView
from jobd.ui.terminal_text import field

if TYPE_CHECKING:
    from jobd.commands._shell import Shell

#: Jobs that a question names before it only counts them.
MOST_NAMED = 8


def chosen(shell: "Shell", jobs: tuple[str, ...], verb: str, *, yes: bool, dry_run: bool) -> bool:
    """Say whether to go on: not for a dry run, which only lists the jobs, nor if a person at a terminal says no.

    Asked is only who names several jobs by one word (`all`, a range); a script is never asked.
    """
    if not dry_run and (yes or not _sweeping(jobs) or not shell.screen.is_terminal):
        return True
    views = [job for job in shell.client.call(List(jobs=jobs)) if not job.done or verb in ("remove", "retry")]
    if dry_run:
        shell.emit_all(views, lambda: shell.screen.data("".join(f"would {verb} {_line(job)}\n" for job in views)))
        return False
    if len(views) <= 1:
        return True
    names = ", ".join(f"{job.id} {field(job.name)}" for job in views[:MOST_NAMED]) + (", …" * (len(views) > MOST_NAMED))
    return click.confirm(f"{verb.capitalize()} {len(views)} jobs ({names})?", err=True)


def report(shell: "Shell", jobs: Sequence[JobView], next_command: Callable[[JobView], str] | None = None) -> None:
    """Say what became of the jobs, each in a line, and what can be done next."""
    if not jobs:
        shell.screen.notice("no job is concerned")
    shell.emit_all(jobs, lambda: shell.screen.data("".join(f"{_line(job)}\n" for job in jobs)))
    if len(jobs) == 1 and next_command is not None:
        shell.screen.hint(next_command(jobs[0]))


def _line(job: JobView) -> str:
    return f"{job.id} {field(job.name)}: {field(_looks.outcome(job))}"


def _sweeping(words: tuple[str, ...]) -> bool:
    return any(word == "all" or "-" in word or "," in word for word in words)
