"""jobd history: the jobs that were, by state, name and time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core.events import Actor
from jobd.core.model import State
from jobd.core.selection import Query
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.daemon.archive import Archive


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
