"""jobd watchers: who follows jobs at present."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import click
from msgspec import Meta

from jobd.commands.options.choosing import job_argument
from jobd.commands.options.kept import output_options
from jobd.commands.screens import looks
from jobd.core.views import Watcher
from jobd.ui import amounts
from jobd.ui.table import Column, table
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd watchers          # who watches anything
jobd watchers encode   # who watches a job
jobd watchers --json | jq .[].pid
"""

COLUMNS = (
    Column("USER", lambda watcher: looks.user(watcher.uid), raw="uid"),
    Column("PID", "pid", right=True),
    Column("PROGRAM", "command"),
    Column("TERMINAL", lambda watcher: (watcher.tty or "").removeprefix("/dev/"), raw="tty"),
    Column("BY", "method"),
    Column("WATCHES", lambda watcher: " ".join(watcher.rooms), shrink=1),
    Column("SINCE", lambda watcher: amounts.clock(watcher.since.isoformat()), raw="since"),
)


class Watchers(Read[tuple[Watcher, ...]], frozen=True):
    """List who watches a job, or without one who watches anything: clients that follow, wait or subscribe.

    It is kept in memory by the daemon, for as long as a client watches; without a daemon nobody does.
    """

    method: ClassVar = "watchers"

    job: Annotated[str, Meta(max_length=4096)] | None = None

    def answer(self, archive: Archive, caller: Actor) -> tuple[Watcher, ...]:
        """Ask the archive. Raises JobNotFound."""
        if self.job is None:
            return archive.watchers()
        return archive.watchers(archive.one(self.job).id)


@click.command("watchers", epilog=EXAMPLES)
@job_argument(required=False)
@output_options(Watcher, each="watcher", like="{pid} {command} {rooms}")
@click.pass_obj
def command(shell: Shell, /, job: str | None) -> None:
    """Show who watches: every client that follows jobs or the log, or waits for a job.

    Of each the user, its process and terminal, and what it watches: a job, the jobs of a name or group, or all. Nothing
    of it is kept: whoever goes away watches no more.
    """
    found = shell.client.call(Watchers(job=job))
    shell.emit_all(found, lambda: shell.screen.data(table(COLUMNS, found, shell.screen)))
    if not found:
        shell.screen.hint("nobody watches")
