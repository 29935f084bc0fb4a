"""What the earlier runs of each name teach, kept in memory, since a job is shown far more often than one ends.

The rule: a new job is told what is so now; of one that runs it is enough to know what was so a while ago.
"""

from collections.abc import Mapping

from jobd.core.usual import Experience, Usual
from jobd.daemon.storage import runs
from jobd.daemon.storage.reader import Reader

#: Names of which that is kept.
MOST_NAMES = 1024


class Learning:
    """Sums up the earlier runs of names when it is asked for them; `known` is what another one knew."""

    def __init__(self, reader: Reader, known: Mapping[str, Experience | None] | None = None) -> None:
        self._reader = reader
        self._known = dict(known or {})
        self._outdated: set[str] = set()

    def usual(self, name: str) -> Usual | None:
        """Say how long completed runs of a name took; None if there was none."""
        if name in self._outdated:
            self._forget(name)
        experience = self.experience(name)
        return None if experience is None else experience.usual

    def experience(self, name: str) -> Experience | None:
        """Say what they teach, if it is known already without the very latest of them."""
        if name not in self._known:
            if len(self._known) >= MOST_NAMES:
                self._forget(next(iter(self._known)))
            self._known[name] = runs.experience(self._reader, name)
        return self._known[name]

    def outdate(self, name: str) -> None:
        """Look again when the next job of the name comes: a run has ended."""
        if name in self._known:
            self._outdated.add(name)

    def elsewhere(self, reader: Reader) -> "Learning":
        """Give the same for another thread, with a reader of its own."""
        return Learning(reader, self._known)

    def _forget(self, name: str) -> None:
        del self._known[name]
        self._outdated.discard(name)
