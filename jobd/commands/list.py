"""jobd list: the jobs that are active, and those that have just ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
from msgspec import Meta

from jobd.commands._options import group_option, limit_option, name_option, output_options, state_option
from jobd.core.model import State
from jobd.core.selection import Query, Words
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events import Actor
    from jobd.daemon.archive import Archive

#: Ended jobs that are listed beside the active ones.
JUST_ENDED = 10

EXAMPLES = """\
jobd list
jobd list --state failed --limit 5
jobd list --json=id,state,exit_code
"""


class List(Read[tuple[JobView, ...]], frozen=True):
    """List jobs, newest first: those named, or those in the states given, or the active ones and the last to end."""

    method: ClassVar = "list"

    jobs: Words = ()
    states: tuple[State, ...] = ()
    name: str | None = None
    group: str | None = None
    all: bool = False
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50

    def answer(self, archive: Archive, caller: Actor) -> tuple[JobView, ...]:
        """Ask the archive."""
        if self.jobs:
            return tuple(archive.view(job) for job in archive.select(self.jobs))
        query = Query(states=self.states, name=self.name, group=self.group, limit=self.limit)
        found = archive.query(query)
        if not self.all and not self.states:
            ended = [job for job in found if job.done][:JUST_ENDED]
            found = [job for job in found if not job.done or job in ended]
        return tuple(archive.view(job) for job in found)


@click.command("list", epilog=EXAMPLES)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("-a", "--all", "everything", is_flag=True, help="All jobs, however long ago they ended.")
@state_option
@name_option
@group_option
@limit_option
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, everything: bool, **options: Any) -> None:
    """List the jobs that are active and those that have just ended.

    In a pipe a line for each, tab separated, without titles; --json gives one array.
    """
    found = shell.client.call(List(jobs=jobs, all=everything, **options))
    shell.emit_all(found, lambda: _show(shell, found))


def _show(shell: Shell, found: tuple[JobView, ...]) -> None:
    from jobd.commands import _looks
    from jobd.ui.table import table

    screen = shell.screen
    screen.data(table(_looks.columns(screen), sorted(found, key=lambda job: (job.done, -job.id)), screen))
    if not found:
        screen.hint("no jobs; submit one: jobd submit -- COMMAND")
