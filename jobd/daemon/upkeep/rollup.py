"""Tell parents how their children stand: now and then, however often those change, and always how they stood last.

What is not told when a daemon is killed is counted anew by the next one, from the records of the children.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from jobd.core.errors import JobdError

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

logger = logging.getLogger(__name__)

#: Seconds in which changes of children are gathered; and until another try if they could not be recorded.
GATHER = 0.25
AGAIN = 1.0


class RollUp:
    """Record the counts of children."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._changed: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        engine.families.changed = self._note

    def start(self) -> None:
        """Tell all parents, also those whose last news an earlier daemon could not tell."""
        self._changed.update(self._engine.families.parents())
        self._tell()

    def close(self) -> None:
        """Tell what is left, and nothing more."""
        self._tell()
        self._engine.families.changed = lambda _: None
        if self._timer is not None:
            self._timer.cancel()

    def _note(self, parent: int) -> None:
        self._changed.add(parent)
        self._arm(GATHER)

    def _arm(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._tell)

    def _tell(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        changed, self._changed = sorted(self._changed), set()
        for place, parent in enumerate(changed):
            job = self._engine.jobs.get(parent)
            if job is None:
                continue
            try:
                self._engine.record(job, self._engine.families.news(job, self._engine.clock.now()))
            except JobdError as error:
                logger.warning("job %d: how its children stand is recorded later: %s", parent, error)
                self._changed.update(changed[place:])
                self._arm(AGAIN)
                return
