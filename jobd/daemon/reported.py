"""What a job has said in its report file, as the events that are recorded."""

from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from jobd.core import telling
from jobd.core.errors import BadProgress
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.model import Job, Moment
from jobd.core.work import report
from jobd.daemon.reports import Gathered, gather

if TYPE_CHECKING:
    from jobd.core.work.items import Item


class Knowing(Protocol):
    """Who knows the items of a job."""

    def known(self, job: Job) -> "dict[str, Item]":
        """Give them by key, to be written into."""
        ...


class Reported:
    """Take in what one job said, each time as if what was said before were recorded.

    `worked` are the seconds it has run, without pauses and rate limits.
    """

    def __init__(self, job: Job, items: Knowing, now: Moment, worked: float | None) -> None:
        self._job = job
        self._items = items
        self._now = now
        self._worked = worked
        self._stage = job.progress.stage
        self._known: dict[str, Item] | None = None

    def read(self, lines: list[bytes], offset: int) -> list[Event]:
        """Say what follows from lines of the report file; `offset`, where the next begins, is recorded in any case."""
        events = self._take(gather(lines, self._stage))
        events = events or [happened.Progressed(report=report.Report(), count=0, elapsed=self._worked)]
        return [replace(event, offset=offset) for event in events]

    def _take(self, gathered: Gathered) -> list[Event]:
        changed, bad = self._changed(gathered)
        events = [*_rejected(gathered, bad), *changed]
        if gathered.taken:
            events += telling.told(self._job, gathered.report, gathered.taken, self._now, self._worked)
            self._stage = gathered.report.stage or self._stage
        return events

    def _changed(self, gathered: Gathered) -> tuple[list[Event], list[BadProgress]]:
        if not gathered.items:
            return [], []
        if self._known is None:
            self._known = self._items.known(self._job)
        events, bad = telling.items_changed(self._job, gathered.items, self._known, self._now, self._worked)
        return events, [report.refused(said, problem) for said, problem in bad]


def _rejected(gathered: Gathered, refused: list[BadProgress]) -> list[Event]:
    """Tell of the lines that made no sense, and show the first."""
    example = gathered.example or next(iter(refused), None)
    if example is None:
        return []
    details, count = example.details, gathered.rejected + len(refused)
    return [happened.ReportRejected(text=details["text"], problem=details["problem"], count=count)]
