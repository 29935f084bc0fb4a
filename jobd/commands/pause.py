"""jobd pause: stop every process of running jobs without ending them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import click

from jobd.commands import _changes
from jobd.commands._options import dry_run_option, jobs_argument, output_options, yes_option
from jobd.core import lifecycle
from jobd.core.history.selection import Words
from jobd.core.model import State
from jobd.core.views import JobView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd pause 12        # let it stand still
jobd pause all       # every running job
"""


class Pause(Mutation[tuple[JobView, ...]], frozen=True):
    """Stop every process of running jobs without ending them; their clocks stand still."""

    method: ClassVar = "pause"

    jobs: Words

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Decide for all, then record."""
        return engine.change(
            self.jobs, lambda job: job.state is State.RUNNING and job.spec is not None, lifecycle.pause, caller
        )


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
    _changes.ask(
        shell, jobs, "pause", lambda job: job.state is State.RUNNING and not job.begun, yes=yes, dry_run=dry_run
    )
    paused = shell.client.call(Pause(jobs=jobs))
    return _changes.report(shell, paused, next_step="resume")
