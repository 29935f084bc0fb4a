"""jobd end: say that a begun job has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import click
from msgspec import Meta

from jobd.commands import _changes
from jobd.commands._options import jobs_argument, output_options
from jobd.core import lifecycle
from jobd.core.history.selection import Words
from jobd.core.views import JobView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd end "$id" --exit $?
"""


class End(Mutation[tuple[JobView, ...]], frozen=True):
    """Say that jobs that `begin` or `attach` made have ended, with an exit status."""

    method: ClassVar = "end"

    jobs: Words
    exit: Annotated[int, Meta(ge=0, le=255)] = 0

    def answer(self, engine: Engine, caller: Actor) -> tuple[JobView, ...]:
        """Record the end."""
        now = engine.clock.now()
        return engine.change(
            self.jobs,
            lambda job: job.spec is None and not job.done,
            lambda job: lifecycle.end(job, self.exit, now, engine.usage.get(job.id)),
            caller,
        )


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
