"""jobd rm: forget ended jobs, with their output."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import click

from jobd.commands import _changes
from jobd.commands._options import dry_run_option, jobs_argument, output_options, yes_option
from jobd.core import lifecycle
from jobd.core.history.selection import Words
from jobd.core.model import FINAL
from jobd.core.views import JobView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor, Event
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd rm 12
jobd rm 1-9 --yes
"""


class Remove(Mutation[tuple[JobView, ...]], frozen=True):
    """Delete the records and the output of ended jobs; the event log keeps that they were there."""

    method: ClassVar = "rm"

    jobs: Words

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Decide for all, then record. Refuses an abandoned job of which something still lives."""

        def decide(job: Job) -> list[Event]:
            events = lifecycle.remove(job)
            if alive := engine.alive(job):
                raise lifecycle.still_alive(job, alive)
            return events

        return engine.change(self.jobs, lambda job: job.done, decide, caller, among=tuple(FINAL))


@click.command("rm", epilog=EXAMPLES)
@jobs_argument()
@yes_option
@dry_run_option
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, yes: bool, dry_run: bool) -> int:
    """Forget ended jobs, with their output.

    Their ids are not used again, and the event log still says that they were there.
    """
    _changes.ask(shell, jobs, "remove", lambda job: job.done, yes=yes, dry_run=dry_run, among=tuple(FINAL))
    removed = shell.client.call(Remove(jobs=jobs))
    return _changes.report(shell, removed, lambda _: "removed")
