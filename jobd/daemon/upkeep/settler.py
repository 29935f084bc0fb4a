"""When jobs that have ended are settled: soon, but not while many end one after the other.

Until then a search looks at each of them, so there must never be too many.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from jobd.core.errors import JobdError
from jobd.daemon.storage.store import PAUSE

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

logger = logging.getLogger(__name__)

#: Seconds after which it is looked whether more jobs have ended, and how many make it better to wait.
REST, BUSY = 1.0, 20
#: Jobs that wait at the most, and jobs that are settled in one transaction: some milliseconds.
MOST_WAITING, CHUNK = 2000, 100


class Settler:
    """Settles the jobs of an engine; idle until one has ended.

    ``rest`` waits for a number of seconds between two looks at how many have ended.
    """

    def __init__(self, engine: "Engine", rest: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self.engine = engine
        self._rest = rest
        engine.over = self._over
        self._ended = 0
        self._settled = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Settle what an earlier daemon has left."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def idle(self) -> bool:
        """Whether there is nothing to be done."""
        return self._task is None or self._task.done()

    def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()

    def _over(self, count: int) -> None:
        self._ended += count
        if self.idle:
            self.start()

    async def _run(self) -> None:
        while True:
            ended = await self._lull()
            try:
                await self._settle()
            except JobdError as error:
                logger.warning("jobs that have ended were not settled: %s", error)
                return
            self._settled = ended
            if self._ended == ended:
                return

    async def _lull(self) -> int:
        """Wait until few jobs end, or too many wait; say how many had ended by then."""
        before = -BUSY
        while self._ended - before >= BUSY and self._ended - self._settled < MOST_WAITING:
            before = self._ended
            await self._rest(REST)
        return self._ended

    async def _settle(self) -> None:
        left = True
        while left:
            left = await self.engine.store.settle(CHUNK) == CHUNK
            await asyncio.sleep(PAUSE)
