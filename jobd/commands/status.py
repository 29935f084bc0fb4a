"""jobd status: one job, or how everything stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import click
import msgspec

from jobd.commands import _cards as cards
from jobd.commands._options import jobs_argument, output_options
from jobd.core.events import Entry
from jobd.core.model import FINAL, State
from jobd.core.selection import Query, Words
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events import Actor
    from jobd.daemon.archive import Archive

EXAMPLES = """\
jobd status            # how everything stands
jobd status 12         # one job
jobd status last --json | jq .exit_code
"""

MOST_ACTIVE = 100
LATEST_FAILURES = 3
LATEST_EVENTS = 12


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand: the jobs asked for (or the active ones), how many there are in each state, the latest failures.

    For a single job, `events` holds the latest entries of its log, frequent ones left out.
    """

    jobs: tuple[JobView, ...]
    counts: dict[State, int]
    failures: tuple[JobView, ...] = ()
    events: tuple[Entry, ...] = ()


class Status(Read[Overview], frozen=True):
    """Show jobs in full, or without any named how everything stands."""

    method: ClassVar = "status"

    jobs: Words = ()

    def answer(self, archive: Archive, caller: Actor) -> Overview:
        """Ask the archive."""
        counts = {state: count for state, count in archive.counts().items() if count}
        if self.jobs:
            chosen = archive.select(self.jobs, lambda job: not job.done)
            views = tuple(archive.view(job) for job in chosen)
            events = archive.latest(chosen[0].id, LATEST_EVENTS) if len(chosen) == 1 else []
            return Overview(jobs=views, counts=counts, events=tuple(events))
        active = archive.query(Query(states=tuple(s for s in State if s not in FINAL), limit=MOST_ACTIVE))
        failed = archive.query(Query(states=(State.FAILED,), limit=LATEST_FAILURES))
        return Overview(
            jobs=tuple(archive.view(job) for job in active), counts=counts,
            failures=tuple(archive.view(job) for job in failed),
        )  # fmt: skip


@click.command("status", epilog=EXAMPLES)
@jobs_argument(required=False)
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...]) -> None:
    """Show one job in full, or how everything stands.

    A card for each job named: where it stands, its progress and when it will end, what it uses, its latest events and
    the last lines of its output. Without JOB the overview, as `jobd` alone.
    """
    overview = shell.client.call(Status(jobs=jobs))
    if len(jobs) == 1 and len(overview.jobs) == 1:
        shell.emit(overview.jobs[0], lambda: cards.show(shell.screen, overview.jobs, overview.events))
    elif jobs:
        shell.emit_all(overview.jobs, lambda: cards.show(shell.screen, overview.jobs, overview.events))
    elif shell.screen.as_json and not shell.asked.fields:
        shell.screen.json(overview)
    else:
        shell.emit_all(
            overview.jobs,
            lambda: cards.show_overview(shell.screen, overview.counts, overview.jobs, overview.failures),
        )
