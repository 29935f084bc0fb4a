"""jobd history: the jobs that were, by state, name and time, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands._asked import output_options
from jobd.commands._export import FORMATS
from jobd.commands._options import (
    LARGEST_PAGE,
    group_option,
    joined,
    limit_option,
    name_option,
    since_option,
    state_option,
    until_option,
    where_option,
)
from jobd.commands._shell import Shell
from jobd.core.errors import PageInvalid, PageOfAnother
from jobd.core.history.searching import PAGE, Explained, Search, page_size, parse_sort
from jobd.core.history.selection import Time, Where, Who, Zone
from jobd.core.model import State
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd history --since -7d --state failed
jobd history 'name=backup* (state=failed OR duration > 20m)'
jobd history @slow @week disk      # by presets and words
jobd history --name 'backup*' --limit 5 --json
jobd history --sort=-duration      # the longest first
jobd history --state failed --count
jobd history --since -30d --export csv --json=name,state,elapsed
"""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs, and the token of the next one (empty: there is none).

    `total_size` is the number of all jobs on all pages, `explained` how they were found; null unless asked for.
    """

    jobs: tuple[JobView, ...]
    next_page_token: str = ""
    total_size: int | None = None
    explained: Explained | None = None


class History(Read[Listed], frozen=True):
    """List jobs by a filter, state, name (with * and ?), group and time of submission, page by page.

    `sort` is id, created, started, ended, duration, wait, cpu, memory or name, falling with a - before it. A
    `page_token` stands for all that was asked with the page before; what is said beside it must be the same.
    """

    method: ClassVar = "history"
    long: ClassVar = True

    states: tuple[State, ...] = ()
    name: str | None = None
    group: str | None = None
    since: Time | None = None
    until: Time | None = None
    where: Where = ""
    zone: Zone = ""
    sort: str = "-id"
    page_size: Annotated[int, Meta(ge=0)] = PAGE
    page_token: str = ""
    total: bool = False
    explain: bool = False

    def answer(self, archive: Archive, caller: Actor) -> Listed:
        """Ask the archive. Raises BadValue, PageInvalid, PageOfAnother."""
        asked = self._asked(archive)
        where = archive.filter(
            filter(None, (asked.where,)), by=Who(caller.uid, asked.zone), states=asked.states, name=asked.name,
            group=asked.group, since=asked.since, until=asked.until,
        )  # fmt: skip
        search = Search(where, parse_sort(asked.sort), page_size(self.page_size), self.page_token, asked.question())
        found = archive.find(search)
        return Listed(
            jobs=tuple(archive.view(job) for job in found.jobs), next_page_token=found.next_page,
            total_size=archive.count(where) if self.total else None,
            explained=archive.explain(search) if self.explain else None,
        )  # fmt: skip

    def _asked(self, archive: Archive) -> History:
        """Give all that is asked: what the token stands for, or what is said. Raises PageInvalid, PageOfAnother."""
        if not self.page_token:
            return self
        question = archive.question(self.page_token)
        bare = msgspec.structs.replace(self, zone="").question() == History().question()
        if not bare and self.question() != question:
            raise PageOfAnother
        try:
            return msgspec.json.decode(question, type=History)
        except msgspec.DecodeError:
            raise PageInvalid(problem="it is of another kind of question") from None

    def question(self) -> str:
        """Write down what makes up the pages."""
        plain = msgspec.structs.replace(self, page_size=PAGE, page_token="", total=False, explain=False)
        return msgspec.json.encode(plain).decode()


@click.command("history", epilog=EXAMPLES)
@click.argument("words", nargs=-1, metavar="[FILTER]...")
@where_option
@state_option
@name_option
@group_option
@since_option
@until_option
@click.option(
    "--sort", default="-id", show_default=True, metavar="ORDER",
    help="By id, created, started, ended, duration, wait, cpu, memory or name; with - before it the largest first.",
)  # fmt: skip
@limit_option
@click.option("--page", "page_token", default="", metavar="TOKEN", help="The next page, by what the one before said.")
@click.option("--count", is_flag=True, help="Print only how many there are.")
@click.option("--fields", is_flag=True, help="List the fields that a filter can ask for.")
@click.option(
    "--export", type=click.Choice(tuple(FORMATS)), metavar="FORMAT",
    help="Write all that are found, not only a page: csv, or jsonl (a line of JSON each); fields by --json=FIELDS.",
)  # fmt: skip
@click.option("--explain", is_flag=True, help="Print only how they are searched for, and how long that takes.")
@output_options(JobView)
@click.pass_context
def command(
    ctx: click.Context, /, words: tuple[str, ...], limit: int, *, where: str, count: bool, explain: bool,
    fields: bool, export: str | None, **options: Any,
) -> None:  # fmt: skip
    """List the jobs that were, newest first.

    Chosen by a filter (see jobd-filter(7); its words are joined by spaces), by state, name, group and the time they
    were submitted. It works without a daemon, too. What comes after a page is not shifted by jobs that are new
    meanwhile.
    """
    shell = ctx.ensure_object(Shell)
    if fields:
        _list_fields(shell)
        return
    size, said = (0 if count else limit), joined(" ".join(words), where)
    asked = History(**options, where=said, page_size=size, total=count, explain=explain)
    if export is not None:
        if count or explain or shell.asked.printed_otherwise:
            raise click.UsageError("with --export leave out --count, --explain, --format, --plain and --quiet")
        whole = ctx.get_parameter_source("limit") is click.core.ParameterSource.DEFAULT
        _export(shell, msgspec.structs.replace(asked, page_size=LARGEST_PAGE) if whole else asked, export, whole=whole)
        return
    found = shell.client.call(asked)
    if count:
        shell.screen.data(f"{found.total_size}\n")
    elif found.explained is not None:
        _tell(shell, found.explained)
    else:
        shell.emit_all(found.jobs, lambda: show(shell, found, limit))


def _export(shell: Shell, asked: History, form: str, *, whole: bool) -> None:
    """Write the page that is asked for, and with `whole` all after it."""
    header, write = FORMATS[form]
    names, more = shell.asked.fields, True
    before = header(names)
    while more:
        found = shell.client.call(asked)
        shell.screen.data(before + write(map(msgspec.to_builtins, found.jobs), names))
        before = ""
        asked = msgspec.structs.replace(asked, page_token=found.next_page_token)
        more = whole and bool(found.next_page_token)


def _list_fields(shell: Shell) -> None:
    from jobd.core.filters import listing

    rows = [(told.name, told.kind, told.help) for told in listing()]
    if shell.screen.as_json:
        shell.screen.json([dict(zip(("name", "kind", "help"), row, strict=True)) for row in rows])
    else:
        shell.screen.data("".join(("\t" if shell.screen.plain else "  ").join(row) + "\n" for row in rows))


def _tell(shell: Shell, explained: Explained) -> None:
    if shell.screen.as_json:
        shell.screen.json(explained)
        return
    took = f"{explained.found} found among {explained.looked} looked at, in {explained.seconds * 1e3:.1f} ms"
    shell.screen.data("".join(f"{line}\n" for line in (*explained.plan, took)))


def show(shell: Shell, found: Listed, limit: int, verb: str = "history") -> None:
    """Show a page to a person, in the columns of a verb, and say what comes next."""
    from jobd.commands import _looks, _tables

    screen = shell.screen
    screen.data((_tables.slow if verb == "slow" else _tables.past)(found.jobs, screen))
    failed = [job for job in found.jobs if job.state is State.FAILED]
    if found.next_page_token:
        size = "" if limit == PAGE else f" --limit {limit}"
        screen.hint(f"Next page: jobd {verb}{size} --page {found.next_page_token}")
    elif not found.jobs:
        screen.hint("nothing found; all there is: jobd history")
    elif failed:
        _looks.hint(screen, *_looks.next_commands(failed[0]))
