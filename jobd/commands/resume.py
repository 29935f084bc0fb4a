"""jobd resume: let paused jobs go on."""

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
jobd resume 12
jobd resume all
"""


class Resume(Mutation[tuple[JobView, ...]], frozen=True):
    """Let paused jobs go on."""

    method: ClassVar = "resume"

    jobs: Words

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Decide for all, then record."""
        now = engine.clock.now()
        return engine.change(
            self.jobs,
            lambda job: job.state in (State.PAUSING, State.PAUSED),
            lambda job: lifecycle.resume(job, now),
            caller,
        )


@click.command("resume", epilog=EXAMPLES)
@jobs_argument()
@yes_option
@dry_run_option
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, yes: bool, dry_run: bool) -> int:
    """Let paused jobs go on."""
    _changes.ask(
        shell, jobs, "resume", lambda job: job.state in (State.PAUSING, State.PAUSED), yes=yes, dry_run=dry_run
    )
    resumed = shell.client.call(Resume(jobs=jobs))
    return _changes.report(shell, resumed, next_step="tail -f")
