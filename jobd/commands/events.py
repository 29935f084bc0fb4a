"""jobd events: the log of everything that happened, and what happens next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands import _looks
from jobd.commands._news import resumed
from jobd.commands._options import json_option
from jobd.commands.rpc import Hello
from jobd.core.events import Actor, Entry
from jobd.core.model import Count, Id
from jobd.ui import amounts
from jobd.ui.terminal_text import field
from jobd.wire import Read, Stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jobd.commands._shell import Shell
    from jobd.daemon.archive import Archive
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd events --job 12
jobd events -f --json | jq .event.type
jobd events --since-seq 4711 --json
"""

#: A longer value is cut where it is shown to people.
LONGEST_SHOWN = 60


class Events(Read[tuple[Entry, ...]], frozen=True):
    """Read the log after a sequence number, oldest first; without one the latest entries."""

    method: ClassVar = "events"

    since_seq: Count | None = None
    job: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100

    def answer(self, archive: Archive, caller: Actor) -> tuple[Entry, ...]:
        """Ask the archive. Raises JobNotFound for a job that never was."""
        after = self.since_seq
        if after is None:
            after = 0 if self.job is not None else max(0, archive.last_seq() - self.limit)
        found = tuple(archive.entries(after, self.limit, self.job))
        if self.job is not None and not found:
            _insist_on(archive, self.job)
        return found


class Follow(Stream[Entry], frozen=True):
    """Tell the log from a sequence number on (without one: from now on), as it grows; nothing is missed or repeated."""

    method: ClassVar = "events.follow"

    since_seq: Count | None = None
    job: Id | None = None

    async def answer(self, engine: Engine, caller: Actor) -> AsyncIterator[Entry]:
        """Follow the hub. Raises JobNotFound for a job that never was."""
        if self.job is not None:
            _insist_on(engine.archive, self.job)
        after = engine.hub.seq if self.since_seq is None else self.since_seq
        async for entries in engine.hub.follow(after):
            for entry in entries:
                if self.job is None or entry.job == self.job:
                    yield entry


def _insist_on(archive: Archive, job_id: int) -> None:
    """Refuse a job that never was. Raises JobNotFound."""
    if not archive.entries(0, 1, job_id):
        archive.job(job_id)


@click.command("events", epilog=EXAMPLES)
@click.option(
    "--since-seq", type=click.IntRange(min=0), metavar="N", help="Those after this number (default: the latest)."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("--job", type=click.IntRange(min=1), metavar="ID", help="Only those of one job.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option(Entry)
@click.pass_obj
def command(shell: Shell, /, *, since_seq: int | None, follow: bool, job: int | None, limit: int) -> None:
    """Show the log of everything that happened.

    The numbers have no gap: who goes on after the last number seen misses nothing and sees nothing twice. With --json a
    line of JSON for each.
    """
    if not follow:
        for entry in shell.client.call(Events(since_seq=since_seq, job=job, limit=limit)):
            _show(shell, entry)
        return
    seen = _latest(shell) if since_seq is None else since_seq

    def ask() -> Follow:
        return Follow(since_seq=seen, job=job)

    for entry in resumed(shell.client, ask):
        _show(shell, entry)
        seen = entry.seq


def _latest(shell: Shell) -> int:
    """Ask for the number of the latest entry, and have a daemon that tells the next ones."""
    shell.client.call(Hello())
    return max((entry.seq for entry in shell.client.call(Events(limit=1))), default=0)


def _show(shell: Shell, entry: Entry) -> None:
    screen = shell.screen
    if screen.as_json:
        screen.json_line(shell.document(entry))
        return
    event = msgspec.to_builtins(entry.event)
    kind = event.pop("type")
    said = " ".join(f"{key}={field(_short(value))}" for key, value in event.items())
    time = amounts.clock(entry.at.isoformat()) if screen.is_terminal else entry.at.isoformat()
    parts = (str(entry.seq), time, str(entry.job), kind, said)
    line = ("\t" if screen.plain else "  ").join(parts).rstrip()
    screen.data(line if screen.plain else _looks.fitted(line, screen))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
