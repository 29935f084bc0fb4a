"""jobd pause: stop every process of running jobs without ending them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import click

from jobd.commands import _changes
from jobd.commands.options.choosing import dry_run_option, jobs_argument, yes_option
from jobd.commands.options.kept import output_options
from jobd.core import lifecycle
from jobd.core.history.selection import Reach
from jobd.core.model import State
from jobd.core.views import JobView

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor, Event
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

RUNNING = (State.RUNNING,)

EXAMPLES = """\
jobd pause 12        # let it stand still
jobd pause all       # every running job
"""


class Pause(_changes.Change, frozen=True):
    """Stop every process of running jobs without ending them; their clocks stand still."""

    method: ClassVar = "pause"
    reach: ClassVar = Reach(RUNNING, RUNNING, lambda job: job.spec is not None)

    def decide(self, job: Job, engine: Engine, caller: Actor) -> list[Event]:
        """Ask it to stand still."""
        return lifecycle.pause(job)


@click.command("pause", epilog=EXAMPLES)
@jobs_argument()
@yes_option
@dry_run_option
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, yes: bool, dry_run: bool) -> int:
    """Stop running jobs without ending them.

    Every process of the job is stopped; its clock, its time left and its limits stand still until `jobd resume`.
    """
    pause = Pause(jobs=jobs)
    _changes.ask(shell, pause, "pause", yes=yes, dry_run=dry_run)
    paused = shell.client.call(pause)
    return _changes.report(shell, paused, next_step="resume")
