"""jobd list: the jobs that are active, and those that have just ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
from msgspec import Meta

from jobd.commands._options import group_option, limit_option, name_option, output_options, state_option
from jobd.core.model import FINAL, State
from jobd.core.searching import Search, Which
from jobd.core.selection import Words
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events import Actor
    from jobd.core.model import Job
    from jobd.daemon.archive import Archive

ACTIVE = tuple(state for state in State if state not in FINAL)
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
    long: ClassVar = True

    jobs: Words = ()
    states: tuple[State, ...] = ()
    name: str | None = None
    group: str | None = None
    all: bool = False
    #: The jobs that the word `all` means are in one of these states; without any they are those that have not ended.
    among: tuple[State, ...] = ()
    limit: Annotated[int, Meta(ge=0, le=1000)] = 50

    def answer(self, archive: Archive, caller: Actor) -> tuple[JobView, ...]:
        """Ask the archive."""
        if self.jobs:
            where, now = self._which(self.states), archive.now()
            found = [job for job in archive.select(self.jobs, among=self.among) if where.matches(job, now)]
        elif self.all or self.states:
            found = self._newest(archive, self.states, self.limit)
        else:
            found = self._newest(archive, ACTIVE, self.limit)
            found += self._newest(archive, tuple(FINAL), min(JUST_ENDED, self.limit - len(found)))
        return tuple(archive.view(job) for job in found)

    def _newest(self, archive: Archive, states: tuple[State, ...], limit: int) -> list[Job]:
        return archive.find(Search(self._which(states), limit=limit)).jobs

    def _which(self, states: tuple[State, ...]) -> Which:
        return Which(states=states, name=self.name, group=self.group)


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
    from jobd.commands import _looks, _output, _tables

    screen = shell.screen
    if screen.plain:
        screen.data(_tables.plain(found, screen))
        return
    active, ended = [job for job in found if not job.done], [job for job in found if job.done]
    lists = [
        _tables.active(active, screen),
        _tables.ended(ended, screen, datetime.now(UTC), lambda job: "".join(_output.last_lines(shell.paths, job, 1))),
    ]
    screen.data("\n".join(filter(None, lists)))
    failed = [job for job in ended if job.state is State.FAILED]
    if not found:
        screen.hint("no jobs; submit one: jobd submit -- COMMAND")
    elif active or failed:
        _looks.hint(screen, *_looks.next_commands((_tables.in_turn(active) or failed)[0]))
