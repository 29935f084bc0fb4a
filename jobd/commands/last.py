"""jobd last: the latest run of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import click
from msgspec import Meta

from jobd.commands.options.kept import output_options
from jobd.commands.screens import cards
from jobd.core.errors import BadValue, NothingMatched
from jobd.core.history.searching import Field, Search, Sort
from jobd.core.model import FINAL, Job, State
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd last backup              # how its latest run ended
jobd last backup --success --format '{id} {ended_at} {elapsed}'
jobd log "$(jobd last 'backup*' --failed -q)"  # why it failed
"""


class Last(Read[JobView], frozen=True):
    """Give the newest ended job of a name (with * and ?), of those in the states given if there are any."""

    method: ClassVar = "last"

    name: Annotated[str, Meta(min_length=1, max_length=4096)]
    states: tuple[State, ...] = ()

    def answer(self, archive: Archive, caller: Actor) -> JobView:
        """Ask the archive. Raises NothingMatched, BadValue."""
        if not FINAL.issuperset(self.states):
            raise BadValue(field="states", problem=f"a job that has ended is {', '.join(sorted(FINAL))}")
        job = newest_ended(archive, self.name, self.states)
        if job is None:
            how = " or ".join(self.states) or "ended"
            day = archive.last_day(self.name, self.states or FINAL)
            kept = f" and is still kept; the latest ended on {day}" if day else ""
            raise NothingMatched(what=f"a run of {self.name!r} that has {how}{kept}")
        return archive.view(job)


def no_id(name: str) -> None:
    """Refuse an id where a name is meant. Raises UsageError."""
    if name.isdecimal():
        raise click.UsageError(f"{name} is an id, and a NAME is wanted; of one job: jobd status {name}")


def newest_ended(archive: Archive, name: str, states: tuple[State, ...]) -> Job | None:
    """Find the job of a name that ended last, in one of the states if there are any."""
    search = Search(archive.filter(name=name, states=states or FINAL), Sort(Field.ENDED), limit=1)
    return next(iter(archive.find(search).jobs), None)


@click.command("last", epilog=EXAMPLES)
@click.argument("name")
@click.option("--success", "states", flag_value=State.COMPLETED, help="The latest run that ended well.")
@click.option("--failed", "states", flag_value=State.FAILED, help="The latest run that failed.")
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, *, name: str, states: str | None) -> None:
    """Show the latest run of a name that has ended.

    NAME may have * and ?; %NAME is surely a name. It works without a daemon, too.

    Exit status: 66 if there is no such run.
    """
    no_id(name)
    job = shell.client.call(Last(name=name, states=(State(states),) if states else ()))
    shell.emit(job, lambda: cards.show(shell, (job,), ()))
