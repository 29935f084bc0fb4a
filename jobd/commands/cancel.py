"""jobd cancel: end jobs, with all their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
from msgspec import Meta

from jobd.commands import _changes
from jobd.commands.options.choosing import dry_run_option, jobs_argument, yes_option
from jobd.commands.options.kept import output_options
from jobd.commands.options.values import SIGNAL, duration
from jobd.commands.wait import Wait, wait_for
from jobd.core import lifecycle
from jobd.core.history.selection import LIVING
from jobd.core.model import Seconds
from jobd.core.views import JobView

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor, Event
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd cancel 12 --reason "wrong branch"
jobd cancel 3-8 --grace 30s
jobd cancel all --yes
"""


class Cancel(_changes.Change, frozen=True):
    """End jobs: a waiting one at once; a running one gets the signal, after the grace its whole tree is killed.

    The answer says `canceling` until nothing of the job is left. `abandon` gives up on one whose processes do not end.
    """

    method: ClassVar = "cancel"
    reach: ClassVar = LIVING._replace(applies=lambda job: job.spec is not None)

    signal: Annotated[int, Meta(ge=1, le=64)] | None = None
    grace: Seconds | None = None
    reason: Annotated[str, Meta(max_length=200)] | None = None
    abandon: bool = False

    def decide(self, job: Job, engine: Engine, caller: Actor) -> list[Event]:
        """Ask it to end, or give it up."""
        if self.abandon:
            return lifecycle.abandon(job)
        default = job.spec.grace if job.spec else 0.0
        grace = default if self.grace is None else self.grace
        signal = self.signal or (job.spec.signal if job.spec else 15)
        return lifecycle.cancel(job, engine.clock.now(), grace, signal, self.reason, caller.uid)


@click.command("cancel", epilog=EXAMPLES)
@jobs_argument()
@click.option("-s", "--signal", type=SIGNAL, metavar="SIGNAL", help="The first signal (default: the job's, TERM).")
@click.option("--grace", type=duration(), metavar="TIME", help="How long it has before KILL; 0s kills at once.")
@click.option("--reason", metavar="TEXT", help="Why; it is kept with the job (at most 200 characters).")
@click.option("--abandon", is_flag=True, help="Give up on a job being canceled whose processes do not end.")
@click.option("-W", "--wait", is_flag=True, help="Wait until nothing of the jobs is left.")
@yes_option
@dry_run_option
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, wait: bool, yes: bool, dry_run: bool, **how: Any) -> int:
    """End jobs, with every process they have started.

    A waiting job is canceled at once. A running one gets the signal; what still lives after the grace is killed, until
    nothing is left. The command does not wait for that.
    """
    cancel = Cancel(jobs=jobs, **how)
    _changes.ask(shell, cancel, "cancel", yes=yes, dry_run=dry_run)
    canceled = shell.client.call(cancel)
    if wait and canceled:
        canceled = wait_for(shell, Wait(jobs=tuple(str(job.id) for job in canceled)))
    return _changes.report(shell, canceled, next_step="status")
