"""How the children of jobs that have not ended stand: counted as they change, and from their records at the start.

A parent's record has a count as soon as it has a child, so a daemon that starts reads the children of those jobs only.
"""

from collections.abc import Callable, Mapping

from jobd.core import families
from jobd.core.events.catalogue import Event
from jobd.core.families import Standing
from jobd.core.model import Job, Moment
from jobd.core.work import tallies
from jobd.core.work.children import Children
from jobd.daemon.storage import kinship
from jobd.daemon.storage.reader import Reader


class Families:
    """Children by parent. `jobs` are the jobs that have not ended, as they now are."""

    def __init__(self, reader: Reader, jobs: Mapping[int, Job]) -> None:
        self._reader = reader
        self._jobs = jobs
        self._standings: dict[int, dict[int, Standing]] = {}
        self._counts: dict[int, Children] = {}
        #: Called with a parent whose count has changed.
        self.changed: Callable[[int], None] = lambda _: None
        self.load()

    def load(self) -> None:
        """Count the children of all parents anew, by the records that are durable."""
        self._standings.clear()
        self._counts.clear()
        parents = [job.id for job in self._jobs.values() if job.progress.children is not None]
        for parent in parents:
            self._standings[parent] = {}
            self._counts[parent] = Children()
        for child in kinship.children(self._reader, parents):
            if families.counts(self._jobs[child.parent], child.born):
                self._stand(child.parent, child.id, child.standing)

    def parents(self) -> list[int]:
        """List the jobs that have children."""
        return list(self._counts)

    def take(self, job_id: int, job: Job | None, before: Job | None) -> None:
        """Take in a job as it now is (None: it is gone), and as it was (None: it is new)."""
        if job_id in self._counts and _begins_anew(job, before):
            del self._counts[job_id], self._standings[job_id]
        child = job or before
        if child is None or child.parent is None:
            return
        parent = self._jobs.get(child.parent)
        if parent is not None and families.counts(parent, child.created_at):
            standing = families.standing(job.state, job.weight, job.progress.fraction) if job is not None else None
            if self._stand(parent.id, job_id, standing):
                self.changed(parent.id)

    def news(self, job: Job, now: Moment) -> list[Event]:
        """Say what is to be recorded of a job's children."""
        count = self._counts.get(job.id)
        return families.counted(job, count, now) if count is not None else []

    def _stand(self, parent: int, child: int, standing: Standing | None) -> bool:
        """Count a child as it now stands; whether that is news."""
        known = self._standings.setdefault(parent, {})
        before = known.get(child)
        if standing == before:
            return False
        if standing is None:
            del known[child]
        else:
            known[child] = standing
        self._counts[parent] = tallies.count(self._counts.get(parent, Children()), [(before, standing)])
        return True


def _begins_anew(parent: Job | None, before: Job | None) -> bool:
    """Whether the children that a job had are counted no more: it is over, or is run again."""
    return parent is None or parent.done or (before is not None and parent.renewed_at != before.renewed_at)
