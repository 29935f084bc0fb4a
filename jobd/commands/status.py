"""jobd status: one job, or how everything stands."""

from __future__ import annotations

import os
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, ClassVar

import click
import msgspec
from msgspec.structs import replace

from jobd.commands.options.choosing import jobs_argument
from jobd.commands.options.kept import output_options
from jobd.core.events.catalogue import Entry
from jobd.core.history.selection import Time, Who, Words, Zone
from jobd.core.model import FINAL, Job, State
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd status            # how everything stands
jobd status 12         # one job
jobd status last --json | jq .exit_code
"""

MOST_ACTIVE = 100
LATEST_FAILURES = 3
LATEST_EVENTS = 12
NEWEST_CHILDREN = 10


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand: the jobs asked for (or the active ones), how many there are in each state, the latest failures.

    `today` counts those submitted since the time that was asked about, `serving_since` is null if no daemon answered.
    For a single job, `events` holds the latest entries of its log, frequent ones left out, and `children` the newest of
    its children, those first that have not ended.
    """

    jobs: tuple[JobView, ...]
    counts: dict[State, int]
    today: dict[State, int] = msgspec.field(default_factory=dict)
    failures: tuple[JobView, ...] = ()
    events: tuple[Entry, ...] = ()
    children: tuple[JobView, ...] = ()
    serving_since: datetime | None = None


class Status(Read[Overview], frozen=True):
    """Show jobs in full, or without any named how everything stands; `since` is from when on `today` is counted."""

    method: ClassVar = "status"

    jobs: Words = ()
    zone: Zone = ""
    since: Time | None = None

    def answer(self, archive: Archive, caller: Actor) -> Overview:
        """Ask the archive."""
        counts = _present(archive.counts())
        if self.jobs:
            chosen = archive.select(self.jobs, by=Who(caller.uid, self.zone))
            views = tuple(replace(archive.view(job), watchers=archive.watchers(job.id)) for job in chosen)
            if len(chosen) != 1:
                return Overview(jobs=views, counts=counts)
            events = archive.latest(chosen[0].id, LATEST_EVENTS)
            return Overview(jobs=views, counts=counts, events=tuple(events), children=_children(archive, chosen[0]))
        active = archive.active(archive.filter(), MOST_ACTIVE)
        failed = archive.newest(LATEST_FAILURES, State.FAILED)
        return Overview(
            jobs=tuple(archive.view(job) for job in active), counts=counts,
            today=_present(archive.counts(self.since)) if self.since else {},
            failures=tuple(archive.view(job) for job in failed), serving_since=_serving_since(archive),
        )  # fmt: skip


def _children(archive: Archive, parent: Job) -> tuple[JobView, ...]:
    if parent.progress.children is None:
        return ()
    from jobd.daemon.remembered.archive import children_of

    where = archive.filter((children_of(parent.id),))
    found = archive.active(where, NEWEST_CHILDREN)
    found += archive.matching(where.also(archive.filter(states=FINAL)), NEWEST_CHILDREN - len(found))
    return tuple(archive.view(child) for child in found)


def _present(counts: dict[State, int]) -> dict[State, int]:
    return {state: count for state, count in counts.items() if count}


def _serving_since(archive: Archive) -> datetime | None:
    """Say since when this process is the daemon; None if it is none."""
    try:
        told = msgspec.json.decode(archive.paths.daemon_json.read_bytes())
        return datetime.fromisoformat(told["started_at"]) if told["pid"] == os.getpid() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@click.command("status", epilog=EXAMPLES)
@jobs_argument(required=False)
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...]) -> int:
    """Show one job in full, or how everything stands.

    A card for each job named: where it stands, its progress and when it will end, what it uses, its latest events and
    the last lines of its output. Without JOB the overview, as `jobd` alone.

    Exit status: 1 if --where means no job.
    """
    from jobd.commands.screens import cards, overview
    from jobd.config import zones

    midnight = zones.here(datetime.combine(datetime.now(UTC).astimezone().date(), time()))
    seen = shell.client.call(Status(jobs=jobs, since=None if jobs else midnight))
    if jobs:
        views: Any = seen.jobs[0] if len(jobs) == 1 and len(seen.jobs) == 1 else seen.jobs
        emit = shell.emit if views is not seen.jobs else shell.emit_all
        emit(views, lambda: cards.show(shell, seen.jobs, seen.events, seen.children))
    elif shell.screen.as_json and not shell.asked.fields:
        shell.screen.json(seen)
    else:
        shell.emit_all(
            seen.jobs,
            lambda: overview.show(shell, seen.jobs, seen.failures, seen.counts, seen.today, seen.serving_since),
        )
    return int(bool(jobs) and shell.none_meant(seen.jobs))
