"""jobd items: the parts of a job's work, and how each of them stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
from msgspec import Meta
from msgspec.structs import replace

from jobd.commands.options.choosing import job_argument
from jobd.commands.options.kept import format_option, json_option, plain_option
from jobd.commands.options.values import members
from jobd.core.views import ItemView
from jobd.core.work.items import SPELLINGS, ItemState
from jobd.ui import amounts
from jobd.ui.table import Column, table
from jobd.wire import Read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd items 12
jobd items last --failed
jobd items encode --state pending,processing --json
"""

COLUMNS = (
    Column("ITEM", "key", shrink=2),
    Column("STATE", "state"),
    Column("DONE", lambda item: amounts.percent(item.fraction), right=True, raw="fraction"),
    Column("TRY", "attempt", right=True),
    Column("TEXT", lambda item: item.error or item.message or "", shrink=1),
)
#: Items that are asked for at a time.
PAGE = 1000
STATES = members(ItemState, SPELLINGS)


class Items(Read[tuple[ItemView, ...]], frozen=True):
    """List the items of a job by key, those in the states given; `after` a key is the next page."""

    method: ClassVar = "items"

    job: Annotated[str, Meta(max_length=4096)]
    states: tuple[ItemState, ...] = ()
    after: Annotated[str, Meta(max_length=4096)] = ""
    limit: Annotated[int, Meta(ge=1, le=10_000)] = PAGE

    def answer(self, archive: Archive, caller: Actor) -> tuple[ItemView, ...]:
        """Ask the archive. Raises JobNotFound."""
        from jobd.core import showing

        job = archive.one(self.job)
        found = archive.reader.items(job.id, self.states, self.after, self.limit)
        return tuple(map(showing.item, found))


@click.command("items", epilog=EXAMPLES)
@job_argument()
@click.option(
    *("-s", "--state", "states"),
    type=STATES,
    default=(),
    metavar="STATE",
    help="Only those in this state (or several).",
)
@click.option("--failed", is_flag=True, help="The same as --state failed.")
@click.option("--after", default="", metavar="KEY", help="Those after this one: the next page.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), metavar="N",
    help=f"At most so many (default: {PAGE} on a terminal, else all there are).",
)  # fmt: skip
@plain_option
@format_option(ItemView, "item", "{key} {state} {attempt}")
@json_option(ItemView)
@click.pass_obj
def command(shell: Shell, /, *, states: tuple[ItemState, ...], failed: bool, limit: int | None, **options: Any) -> int:
    """List the parts of a job's work, by key: how each stands, how often it was tried, and its error.

    It works without a daemon, too.

    Exit status: 1 if there are none.
    """
    wanted = (*states, ItemState.FAILED) if failed else states
    asked, screen, shown = Items(states=wanted, limit=limit or PAGE, **options), shell.screen, list[int]()

    def pages() -> Iterator[tuple[ItemView, ...]]:
        after = asked.after
        while found := shell.client.call(replace(asked, after=after)):
            yield found
            shown.append(len(found))
            after = found[-1].key
            if limit or screen.is_terminal:
                if len(found) == asked.limit:
                    screen.hint(f"the first {len(found)} are shown; go on with --after {after}")
                return

    shell.emit_pages(pages(), lambda found: screen.data(table(COLUMNS, found, screen)))
    return 0 if shown else 1
