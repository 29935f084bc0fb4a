"""What the earlier runs of each name teach, kept in memory, since a job is shown far more often than one ends.

The rule: a new job is told what is so now; of one that runs it is enough to know what was so a while ago. Threads share
what they learn, each with a reader of its own.
"""

from threading import Lock

from jobd.core.estimates.usual import Experience, Usual
from jobd.daemon.storage import runs
from jobd.daemon.storage.reader import Reader

#: Names of which that is kept.
MOST_NAMES = 1024


class Learning:
    """Sums up the earlier runs of a name when it is first asked for them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, Experience | None] = {}
        self._outdated: set[str] = set()
        #: How many runs have ended; what was read meanwhile may be older than that.
        self._ends = 0

    def usual(self, name: str, reader: Reader) -> Usual | None:
        """Say how long completed runs of a name took; None if there was none."""
        with self._lock:
            if name in self._outdated:
                self._forget(name)
        experience = self.experience(name, reader)
        return None if experience is None else experience.usual

    def experience(self, name: str, reader: Reader) -> Experience | None:
        """Say what they teach; if it is known already, without the very latest of them."""
        with self._lock:
            if name in self._known:
                return self._known[name]
            ends = self._ends
        found = runs.experience(reader, name)
        with self._lock:
            if ends == self._ends and name not in self._known:
                if len(self._known) >= MOST_NAMES:
                    self._forget(next(iter(self._known)))
                self._known[name] = found
        return found

    def outdate(self, name: str) -> None:
        """Look again when the next job of the name comes: a run has ended."""
        with self._lock:
            self._ends += 1
            if name in self._known:
                self._outdated.add(name)

    def _forget(self, name: str) -> None:
        del self._known[name]
        self._outdated.discard(name)
