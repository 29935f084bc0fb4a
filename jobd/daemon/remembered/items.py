"""The items of jobs that have not ended, as they now are: what is said of an item means something only beside them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jobd.core.events import catalogue as happened
from jobd.core.model import Job
from jobd.core.work.items import Item

if TYPE_CHECKING:
    from jobd.core.events.catalogue import Entry
    from jobd.daemon.storage.reader import Reader


class Items:
    """Items by job and key, read from the file when they are first asked for, and kept until the job has ended."""

    def __init__(self, reader: "Reader") -> None:
        self._reader = reader
        self._held: dict[int, dict[str, Item]] = {}

    def known(self, job: Job) -> dict[str, Item]:
        """Give the items of a job by key; whoever takes words about them in may write into this copy."""
        held = self._held.get(job.id)
        if held is None:
            held = self._saved(job.id) if job.progress.items is not None else {}
            if not job.done:
                self._held[job.id] = held
        return dict(held)

    def take(self, job_id: int, entries: Iterable["Entry"]) -> None:
        """Take in what was recorded."""
        for entry in entries:
            if isinstance(entry.event, happened.Retried):
                if not entry.event.resumes:
                    self._held[job_id] = {}
                elif job_id not in self._held:
                    self._held[job_id] = self._saved(job_id)
            elif isinstance(entry.event, happened.ItemsChanged) and job_id in self._held:
                self._held[job_id].update({change.item.key: change.item for change in entry.event.changes})

    def forget(self, job_id: int | None = None) -> None:
        """Forget the items of a job, or of all: the file knows them."""
        if job_id is None:
            self._held.clear()
        else:
            self._held.pop(job_id, None)

    def _saved(self, job_id: int) -> dict[str, Item]:
        return {item.key: item for item in self._reader.items(job_id)}
