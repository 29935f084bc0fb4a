"""jobd rm: forget ended jobs, with their output."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import click

from jobd.commands import _changes
from jobd.commands.options.choosing import dry_run_option, jobs_argument, yes_option
from jobd.commands.options.kept import output_options
from jobd.core import lifecycle
from jobd.core.history.selection import Reach
from jobd.core.model import FINAL
from jobd.core.views import JobView

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor, Event
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd rm 12
jobd rm 1-9 --yes
"""


class Remove(_changes.Change, frozen=True):
    """Delete the records and the output of ended jobs; the event log keeps that they were there."""

    method: ClassVar = "rm"
    reach: ClassVar = Reach(FINAL, FINAL)

    def decide(self, job: Job, engine: Engine, caller: Actor) -> list[Event]:
        """Forget it. Refuses an abandoned job of which something still lives."""
        events = lifecycle.remove(job)
        if alive := engine.alive(job):
            raise lifecycle.still_alive(job, alive)
        return events


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
    remove = Remove(jobs=jobs)
    _changes.ask(shell, remove, "remove", yes=yes, dry_run=dry_run)
    removed = shell.client.call(remove)
    return _changes.report(shell, removed, lambda _: "removed")
