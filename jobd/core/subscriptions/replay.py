"""What jobs were before and after entries of the log, folded anew: for those who were not there."""

from collections.abc import Callable, Iterable

from jobd.core import lifecycle
from jobd.core.errors import IllegalChange
from jobd.core.events.catalogue import Entry
from jobd.core.model import Job

#: A job before and after an event.
Versions = tuple[Job | None, Job | None]


class Replay:
    """Jobs before and after some entries of the log that follow one another, found out as somebody asks.

    `find` gives a job as it was before the first of them about it.
    """

    def __init__(self, entries: Iterable[Entry], find: Callable[[Entry], Job | None]) -> None:
        self._entries = tuple(entries)
        self._find = find
        self._known: dict[int, Versions] = {}

    def versions(self, entry: Entry) -> Versions:
        """Give a job before and after an entry; None: there was none, or nobody knows."""
        if entry.seq not in self._known:
            about = [each for each in self._entries if each.job == entry.job]
            job = self._find(about[0])
            for each in about:
                self._known[each.seq] = job, after(job, each)
                job = self._known[each.seq][1]
        return self._known[entry.seq]


def after(job: Job | None, entry: Entry) -> Job | None:
    """Give a job as an entry left it, or as it was before if the entry does not fit to that."""
    try:
        return lifecycle.fold(job, entry)
    except (IllegalChange, IndexError):
        return job
