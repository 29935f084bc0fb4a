"""jobd end: say that a begun job has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import click
from msgspec import Meta

from jobd.commands import _changes
from jobd.commands.options.choosing import jobs_argument
from jobd.commands.options.kept import output_options
from jobd.core import lifecycle
from jobd.core.history.selection import LIVING
from jobd.core.views import JobView

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor, Event
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd end "$id" --exit $?
"""


class End(_changes.Change, frozen=True):
    """Say that jobs that `begin` or `attach` made have ended, with an exit status."""

    method: ClassVar = "end"
    reach: ClassVar = LIVING._replace(applies=lambda job: job.spec is None)

    exit: Annotated[int, Meta(ge=0, le=255)] = 0

    def decide(self, job: Job, engine: Engine, caller: Actor) -> list[Event]:
        """Note the end."""
        return lifecycle.end(job, self.exit, engine.clock.now(), engine.usage.get(job.id))


@click.command("end", epilog=EXAMPLES)
@jobs_argument()
@click.option(
    "--exit", "exit_code", type=click.IntRange(0, 255), default=0, metavar="N", help="How it ended (default: 0, well)."
)
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, exit_code: int) -> int:
    """Say that jobs that `jobd begin` or `jobd attach` made have ended."""
    ended = shell.client.call(End(jobs=jobs, exit=exit_code))
    return _changes.report(shell, ended)
