"""jobd history: the jobs that were, by state, name and time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
from msgspec import Meta

from jobd.commands._options import (
    group_option,
    limit_option,
    name_option,
    output_options,
    since_option,
    state_option,
    until_option,
)
from jobd.core.model import State
from jobd.core.selection import Query
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events import Actor
    from jobd.daemon.archive import Archive

EXAMPLES = """\
jobd history --since -7d --state failed
jobd history --name 'backup*' --limit 5 --json
"""


class History(Read[tuple[JobView, ...]], frozen=True):
    """List jobs by state, name (with * and ?) and time of submission, newest first; `before` an id is the next page."""

    method: ClassVar = "history"

    states: tuple[State, ...] = ()
    name: str | None = None
    group: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50

    def answer(self, archive: Archive, caller: Actor) -> tuple[JobView, ...]:
        """Ask the archive."""
        query = Query(
            states=self.states, name=self.name, group=self.group, since=self.since, until=self.until,
            before=self.before, limit=self.limit,
        )  # fmt: skip
        return tuple(archive.view(job) for job in archive.query(query))


@click.command("history", epilog=EXAMPLES)
@state_option
@name_option
@group_option
@since_option
@until_option
@limit_option
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, **options: Any) -> None:
    """List the jobs that were, newest first.

    Chosen by state, name, group and the time they were submitted. It works without a daemon, too.
    """
    found = shell.client.call(History(**options))
    shell.emit_all(found, lambda: _show(shell, found, options["limit"]))


def _show(shell: Shell, found: tuple[JobView, ...], limit: int) -> None:
    from jobd.commands import _looks, _tables

    screen = shell.screen
    screen.data(_tables.past(found, screen))
    failed = [job for job in found if job.state is State.FAILED]
    if len(found) == limit and limit:
        screen.hint(f"the newest {limit} are shown; more with --limit")
    elif not found:
        screen.hint("nothing found; all there is: jobd history")
    elif failed:
        _looks.hint(screen, *_looks.next_commands(failed[0]))
