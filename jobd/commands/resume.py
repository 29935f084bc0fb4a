"""jobd resume: let paused jobs go on."""

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

STILL = (State.PAUSING, State.PAUSED)

EXAMPLES = """\
jobd resume 12
jobd resume all
"""


class Resume(_changes.Change, frozen=True):
    """Let paused jobs go on."""

    method: ClassVar = "resume"
    reach: ClassVar = Reach(STILL, STILL)

    def decide(self, job: Job, engine: Engine, caller: Actor) -> list[Event]:
        """Let it go on."""
        return lifecycle.resume(job, engine.clock.now())


@click.command("resume", epilog=EXAMPLES)
@jobs_argument()
@yes_option
@dry_run_option
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, yes: bool, dry_run: bool) -> int:
    """Let paused jobs go on."""
    resume = Resume(jobs=jobs)
    _changes.ask(shell, resume, "resume", yes=yes, dry_run=dry_run)
    resumed = shell.client.call(resume)
    return _changes.report(shell, resumed, next_step="tail -f")
