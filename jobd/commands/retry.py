"""jobd retry: put ended jobs into the queue again, as a new attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import click

from jobd.commands import _changes
from jobd.commands.options.choosing import dry_run_option, jobs_argument, yes_option
from jobd.commands.options.kept import output_options
from jobd.core import lifecycle, telling
from jobd.core.history.selection import Reach
from jobd.core.model import FINAL, State
from jobd.core.views import JobView

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor, Event
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd retry 12
jobd retry --failed
jobd retry --failed-items encode   # the job finds what is left in the file $JOBD_ITEMS
"""


class Retry(_changes.Change, frozen=True):
    """Put ended jobs into the queue again, as a new attempt; the output of earlier attempts is kept.

    One that waits to be run again by itself is run at once.
    """

    method: ClassVar = "retry"
    #: `all` are those that failed: what went well or was canceled is only run again by name, or by a filter.
    reach: ClassVar = Reach((State.FAILED,), (State.PENDING, *FINAL), lifecycle.can_be_retried)

    #: The new attempt keeps the items that are completed or were skipped, and is told the keys of all others.
    failed_items: bool = False

    def decide(self, job: Job, engine: Engine, caller: Actor) -> list[Event]:
        """Run it again, or go on with what is left of it."""
        if not self.failed_items:
            return lifecycle.retry(job)
        return telling.resumed(job, engine.items.known(job), engine.clock.now())


@click.command("retry", epilog=EXAMPLES)
@jobs_argument(required=False)
@click.option("--failed", is_flag=True, help="Every failed job; the same as `all`.")
@click.option(
    "--failed-items",
    is_flag=True,
    help="Keep items that are completed or were skipped; JOBD_ITEMS names a file with the keys of all others.",
)
@yes_option
@dry_run_option
@output_options(JobView)
@click.pass_obj
def command(
    shell: Shell, /, jobs: tuple[str, ...], *, failed: bool, failed_items: bool, yes: bool, dry_run: bool
) -> int:
    """Run ended jobs again.

    Each gets a new attempt under its old id; the output of earlier attempts is kept (`jobd log --attempt`). One that
    has failed and would be run again by itself later (`jobd submit --retries`) is run at once.

    A job that has told of its items can go on with those that failed or were left undone: its script reads their keys
    from the file that JOBD_ITEMS names, if there is that variable, instead of making the list anew.
    """
    words = (*jobs, "all") if failed else jobs
    if not words:
        raise click.UsageError("name the jobs to run again, or say --failed")
    retry = Retry(jobs=words, failed_items=failed_items)
    _changes.ask(shell, retry, "retry", yes=yes, dry_run=dry_run)
    retried = shell.client.call(retry)
    return _changes.report(shell, retried, next_step="tail -f")
