"""jobd history: the jobs that were, by state, name and time, page by page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
import msgspec
from msgspec import Meta
from msgspec.structs import replace

from jobd.commands._export import FORMATS
from jobd.commands.options.choosing import (
    group_option,
    joined,
    limit_option,
    name_option,
    since_option,
    state_option,
    until_option,
    where_option,
)
from jobd.commands.options.kept import output_options
from jobd.core.errors import PageInvalid, PageOfAnother
from jobd.core.history.searching import LARGEST_PAGE, PAGE, Explained, Search, page_size, parse_sort
from jobd.core.history.selection import Time, Where, Who, Zone
from jobd.core.model import State
from jobd.core.views import JobView
from jobd.ui.terminal_text import harmless
from jobd.wire import Read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive
    from jobd.ui.screen import Screen

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
        bare = replace(self, zone="").question() == History().question()
        if not bare and self.question() != question:
            raise PageOfAnother
        try:
            return msgspec.json.decode(question, type=History)
        except msgspec.DecodeError:
            raise PageInvalid(problem="it is of another kind of question") from None

    def question(self) -> str:
        """Write down what makes up the pages."""
        plain = replace(self, page_size=PAGE, page_token="", total=False, explain=False)
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
    help="By id, created, started, ended, duration, wait, cpu, memory or name; with - before it the largest first. "
    "What is not known, as the duration of a job that has not ended, comes last.",
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
@click.pass_obj
def command(
    shell: Shell, /, words: tuple[str, ...], limit: int | None, *, where: str, count: bool, explain: bool,
    fields: bool, export: str | None, **options: Any,
) -> None:  # fmt: skip
    """List the jobs that were, newest first.

    Chosen by a filter (see jobd-filter(7); its words are joined by spaces), by state, name, group and the time they
    were submitted. It works without a daemon, too. What comes after a page is not shifted by jobs that are new
    meanwhile.
    """
    asked = History(**options, where=joined(" ".join(words), where))
    if fields:
        _list_fields(shell)
    elif export is not None:
        if count or explain or shell.asked.printed_otherwise:
            raise click.UsageError("with --export leave out --count, --explain, --format, --plain and --quiet")
        _export(shell, asked, limit, export)
    elif count:
        found = shell.client.call(replace(asked, page_size=0, total=True))
        shell.screen.data(f"{found.total_size}\n")
    elif explain:
        _tell(shell, shell.client.call(replace(asked, page_size=shell.how_many(limit), explain=True)).explained)
    else:
        show(shell, asked, limit)


def _export(shell: Shell, asked: History, limit: int | None, form: str) -> None:
    """Write all that is found, a page at a time, or so much of it; on a terminal without harm to it."""
    header, write = FORMATS[form]
    names, before = shell.asked.fields, header(shell.asked.fields)
    for page in _pages(shell, asked, limit, whole=True):
        text = before + write(map(msgspec.to_builtins, page.jobs), names)
        shell.screen.data(harmless(text) if shell.screen.is_terminal else text)
        before = ""


def _list_fields(shell: Shell) -> None:
    from jobd.core.filters import listing

    rows = [(told.name, told.kind, told.help) for told in listing()]
    if shell.screen.as_json:
        shell.screen.json([dict(zip(("name", "kind", "help"), row, strict=True)) for row in rows])
    else:
        shell.screen.data("".join(("\t" if shell.screen.plain else "  ").join(row) + "\n" for row in rows))


def _tell(shell: Shell, explained: Explained | None) -> None:
    assert explained is not None
    if shell.screen.as_json:
        shell.screen.json(explained)
        return
    took = f"{explained.found} found, {explained.looked} looked at in the file, in {explained.seconds * 1e3:.1f} ms"
    shell.screen.data("".join(f"{line}\n" for line in (*explained.plan, took)))


def _pages(shell: Shell, asked: History, limit: int | None, *, whole: bool = False) -> Iterator[Listed]:
    """Give as many as are asked for; without a limit all there are, if they are wanted `whole` or nobody looks."""
    every = limit is None and (whole or not (asked.page_token or shell.screen.is_terminal))
    left = sys.maxsize if every else shell.how_many(limit)
    while True:
        size = min(left, LARGEST_PAGE)
        found = shell.client.call(replace(asked, page_size=size))
        left -= size
        if not left or not found.next_page_token:
            yield found
            return
        asked = replace(asked, page_token=found.next_page_token)
        yield replace(found, next_page_token="")


def show(shell: Shell, asked: History, limit: int | None, verb: str = "history") -> None:
    """Print what is found; a person is told what comes next."""
    screen, found = shell.screen, _pages(shell, asked, limit)
    if not screen.is_terminal:
        shell.emit_pages(_noting(shell, found, limit, verb), lambda jobs: screen.data(_table(jobs, screen, verb)))
        return
    *_, page = pages = list(found)
    page = replace(page, jobs=tuple(job for one in pages for job in one.jobs))
    shell.emit_all(page.jobs, lambda: _show_page(page, screen, limit, verb))


def _noting(shell: Shell, found: Iterator[Listed], limit: int | None, verb: str) -> Iterator[tuple[JobView, ...]]:
    for page in found:
        yield page.jobs
        if page.next_page_token:
            shell.screen.notice(f"there are more: {_next(page, limit, verb)}")


def _show_page(page: Listed, screen: Screen, limit: int | None, verb: str) -> None:
    from jobd.commands.screens import looks

    screen.data(_table(page.jobs, screen, verb))
    failed = [job for job in page.jobs if job.state is State.FAILED]
    if page.next_page_token:
        screen.hint(f"Next page: {_next(page, limit, verb)}")
    elif not page.jobs:
        screen.hint("nothing found; all there is: jobd history")
    elif failed:
        looks.hint(screen, *looks.next_commands(failed[0]))


def _next(page: Listed, limit: int | None, verb: str) -> str:
    return f"jobd {verb}{f' --limit {limit}' if limit else ''} --page {page.next_page_token}"


def _table(jobs: Sequence[JobView], screen: Screen, verb: str) -> str:
    from jobd.commands.screens import tables

    return (tables.slow if verb == "slow" else tables.past)(jobs, screen)
