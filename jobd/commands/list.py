"""jobd list: the jobs that are active, and those that have just ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
from msgspec import Meta

from jobd.commands.options.choosing import group_option, name_option, page_option, state_option, where_option
from jobd.commands.options.kept import output_options
from jobd.core.history.selection import READING, Reach, Where, Who, Words, Zone
from jobd.core.model import FINAL, State
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.core.filters import Filter
    from jobd.daemon.remembered.archive import Archive

#: Ended jobs that are listed beside the active ones.
JUST_ENDED = 10

EXAMPLES = """\
jobd list
jobd list --state failed --limit 5
jobd list --parent backup
jobd list --where 'progress >= 50% cpu > 10m'
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
    where: Where = ""
    zone: Zone = ""
    #: Only the children of this job, whether they are active or not.
    parent: Annotated[str, Meta(max_length=4096)] | None = None
    all: bool = False
    #: Of `jobs` only those in one of these states that `all` or a filter mean; without any, `all` means those that have
    #: not ended, and a filter any.
    among: tuple[State, ...] = ()
    limit: Annotated[int, Meta(ge=0, le=1000)] = 50

    def answer(self, archive: Archive, caller: Actor) -> tuple[JobView, ...]:
        """Ask the archive."""
        if self.jobs:
            where, now = self._which(archive, caller), archive.now()
            reach = Reach(self.among, self.among) if self.among else READING
            chosen = archive.select(self.jobs, reach, Who(caller.uid, self.zone))
            found = [job for job in chosen if where.matches(job, now)]
        elif self.all or self.states or self.where or self.parent:
            found = archive.matching(self._which(archive, caller), self.limit)
        else:
            where = self._which(archive, caller)
            found = archive.active(where, self.limit)
            ended = where.also(archive.filter(states=FINAL))
            found += archive.matching(ended, min(JUST_ENDED, self.limit - len(found)))
        return tuple(archive.view(job) for job in found)

    def _which(self, archive: Archive, caller: Actor) -> Filter:
        from jobd.daemon.remembered.archive import children_of

        texts = [self.where] if self.where else []
        if self.parent is not None:
            texts.append(children_of(archive.one(self.parent).id))
        by = Who(caller.uid, self.zone)
        return archive.filter(texts, by=by, states=self.states, name=self.name, group=self.group)


@click.command("list", epilog=EXAMPLES)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("-a", "--all", "everything", is_flag=True, help="All jobs, however long ago they ended.")
@state_option
@name_option
@group_option
@where_option
@click.option("--parent", metavar="JOB", help="Only the jobs that are parts of this one.")
@page_option
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, everything: bool, limit: int | None, **options: Any) -> None:
    """List the jobs that are active and those that have just ended.

    In a pipe a line for each, tab separated, without titles; --json gives one array. No more than 1000 are listed:
    `jobd history` goes through all that were.
    """
    size = shell.how_many(limit)
    found = shell.client.call(List(jobs=jobs, all=everything, limit=size, **options))
    shell.emit_all(found, lambda: _show(shell, found))
    if not jobs and len(found) == size:
        shell.screen.notice(f"no more than {size} are listed; others: --limit, jobd history")


def _show(shell: Shell, found: tuple[JobView, ...]) -> None:
    from jobd.commands.following import output
    from jobd.commands.screens import looks, tables

    screen = shell.screen
    if screen.plain:
        screen.data(tables.plain(found, screen))
        return
    active, ended = [job for job in found if not job.done], [job for job in found if job.done]
    lists = [
        tables.active(active, screen),
        tables.ended(ended, screen, datetime.now(UTC), lambda job: "".join(output.last_lines(shell.paths, job, 1))),
    ]
    screen.data("\n".join(filter(None, lists)))
    failed = [job for job in ended if job.state is State.FAILED]
    if not found:
        screen.hint("no jobs; submit one: jobd submit -- COMMAND")
    elif active or failed:
        looks.hint(screen, *looks.next_commands((tables.in_turn(active) or failed)[0]))
