"""jobd status: one job, or how everything stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from jobd.core.events import Actor, Entry
from jobd.core.model import FINAL, State
from jobd.core.selection import Query, Words
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.daemon.archive import Archive

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
        if self.jobs:
            chosen = archive.select(self.jobs, lambda job: not job.done)
            views = tuple(archive.view(job) for job in chosen)
            events = archive.latest(chosen[0].id, LATEST_EVENTS) if len(chosen) == 1 else []
            return Overview(jobs=views, counts=archive.counts(), events=tuple(events))
        active = archive.query(Query(states=tuple(s for s in State if s not in FINAL), limit=MOST_ACTIVE))
        failed = archive.query(Query(states=(State.FAILED,), limit=LATEST_FAILURES))
        return Overview(
            jobs=tuple(archive.view(job) for job in active), counts=archive.counts(),
            failures=tuple(archive.view(job) for job in failed),
        )  # fmt: skip
