"""The items of jobs that have not ended, as they now are: what is said of an item means something only beside them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jobd.core import events as happened
from jobd.core.items import Item
from jobd.core.model import Job

if TYPE_CHECKING:
    from jobd.core.events import Entry
    from jobd.daemon.storage.reader import Reader


class Items:
    """Items by job and key, read from the file when they are first asked for, and kept until the job has ended."""

    def __init__(self, reader: "Reader") -> None:
        self._reader = reader
        self._held: dict[int, dict[str, Item]] = {}

    def known(self, job: Job) -> dict[str, Item]:
        """Give the items of a job by key; whoever takes words about them in may write into this copy."""
        if job.id not in self._held:
            saved = self._reader.items(job.id) if job.progress.items is not None else ()
            self._held[job.id] = {item.key: item for item in saved}
        return dict(self._held[job.id])

    def take(self, job_id: int, entries: Iterable["Entry"]) -> None:
        """Take in what was recorded."""
        held = self._held.get(job_id)
        if held is None:
            return
        for entry in entries:
            if isinstance(entry.event, happened.ItemsChanged):
                held.update({change.item.key: change.item for change in entry.event.changes})
            elif isinstance(entry.event, happened.Retried):
                held.clear()

    def forget(self, job_id: int | None = None) -> None:
        """Forget the items of a job, or of all: the file knows them."""
        if job_id is None:
            self._held.clear()
        else:
            self._held.pop(job_id, None)
