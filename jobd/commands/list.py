"""jobd list: the jobs that are active, and those that have just ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core.events import Actor
from jobd.core.model import State
from jobd.core.selection import Query, Words
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.daemon.archive import Archive

#: Ended jobs that are listed beside the active ones.
JUST_ENDED = 10


class List(Read[tuple[JobView, ...]], frozen=True):
    """List jobs, newest first: those named, or those in the states given, or the active ones and the last to end."""

    method: ClassVar = "list"

    jobs: Words = ()
    states: tuple[State, ...] = ()
    name: str | None = None
    group: str | None = None
    all: bool = False
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50

    def answer(self, archive: Archive, caller: Actor) -> tuple[JobView, ...]:
        """Ask the archive."""
        if self.jobs:
            return tuple(archive.view(job) for job in archive.select(self.jobs))
        query = Query(states=self.states, name=self.name, group=self.group, limit=self.limit)
        found = archive.query(query)
        if not self.all and not self.states:
            ended = [job for job in found if job.done][:JUST_ENDED]
            found = [job for job in found if not job.done or job in ended]
        return tuple(archive.view(job) for job in found)
