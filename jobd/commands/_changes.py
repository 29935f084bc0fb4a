"""Verbs that change a selection of jobs: ask first, do it to all or none, say what became of them and what is next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

import click
from msgspec.structs import replace

from jobd.commands.screens import looks
from jobd.core.history.selection import LIVING, WHERE, Reach, Words, Zone
from jobd.core.views import JobView
from jobd.ui.terminal_text import field
from jobd.wire import Mutation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor, Event
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

#: So many jobs are named in a question.
NAMED = 8


class Change(Mutation[tuple[JobView, ...]], frozen=True, kw_only=True):
    """Something that is done to a selection of jobs: to all of them, or if one refuses to none.

    With `validate_only` the answer tells the jobs as they are, or the refusal, and nothing is changed.
    """

    reach: ClassVar[Reach] = LIVING

    jobs: Words
    zone: Zone = ""
    validate_only: bool = False

    def decide(self, job: Job, engine: Engine, caller: Actor) -> list[Event]:
        """Say what happens to a job. Raises what refuses it."""
        raise TypeError(f"{type(self).__name__} decides nothing")

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Decide for all, then record."""
        return engine.change(
            self.jobs, self.reach, lambda job: self.decide(job, engine, caller), caller, self.zone,
            only_decide=self.validate_only,
        )  # fmt: skip


def ask(shell: Shell, change: Change, verb: str, *, yes: bool, dry_run: bool) -> None:
    """Go on only if that is wanted: a dry run ends here, having listed the jobs; so does a person's no.

    Asked is only who names several jobs by one word (`all`, a range) at a terminal; a script is never asked. Raises
    click's Exit, and what refuses the change.
    """
    if not dry_run and (yes or not _by_a_person(shell) or not any(map(_sweeps, change.jobs))):
        return
    views = shell.client.call(replace(change, validate_only=True))
    if dry_run:
        raise click.exceptions.Exit(report(shell, views, prefix=f"would {verb} "))
    if len(views) > 1:
        names = ", ".join(f"{job.id} {field(job.name)}" for job in views[:NAMED]) + (", …" if views[NAMED:] else "")
        if not click.confirm(f"{verb.capitalize()} {len(views)} jobs ({names})?", err=True):
            raise click.exceptions.Exit(1)


def _by_a_person(shell: Shell) -> bool:
    """Whether somebody sees a question and can answer it, so that none eats what a script reads."""
    return shell.screen.is_terminal and all(
        stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)
    )


def report(
    shell: Shell,
    jobs: Sequence[JobView],
    became: Callable[[JobView], str] = looks.outcome,
    *,
    prefix: str = "",
    next_step: str = "",
) -> int:
    """Say what became of the jobs, each in a line, and what can be done next; the exit status is 1 if there is none.

    `next_step` is a command of jobd for a single job, such as `resume`.
    """
    none = shell.none_meant(jobs)
    shell.emit_all(jobs, lambda: shell.screen.data("".join(f"{prefix}{line(job, became)}\n" for job in jobs)))
    if len(jobs) == 1 and next_step:
        shell.screen.hint(f"jobd {next_step} {jobs[0].id}")
    return int(none)


def line(job: JobView, became: Callable[[JobView], str] = looks.outcome) -> str:
    """Say in a line which job it is and where it stands."""
    return f"{job.id} {field(job.name)}: {became(job)}"


def _sweeps(word: str) -> bool:
    return word == "all" or "-" in word or "," in word or word.startswith(WHERE)
