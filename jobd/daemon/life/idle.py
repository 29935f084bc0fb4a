"""Whether the daemon has had nothing to do for so long that it may stop."""

import time
from collections.abc import Callable

#: Seconds between looks: a share of the time, within these limits.
SHARE, SHORTEST, LONGEST = 0.25, 0.1, 10.0


class Idle:
    """Watch for idleness: `busy` says whether there is a job or a client, `served` counts requests.

    `after` is the setting in seconds, 0 = never.
    """

    def __init__(
        self,
        *,
        after: Callable[[], float],
        busy: Callable[[], bool],
        served: Callable[[], int],
        stop: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._after = after
        self._busy = busy
        self._served = served
        self._stop = stop
        self._clock = clock
        self._since = clock()
        self._seen = 0

    def every(self) -> float:
        """Say how many seconds there are between looks."""
        return min(max(self._after() * SHARE, SHORTEST), LONGEST) if self._after() else LONGEST

    async def look(self) -> None:
        """Stop the daemon if it has been idle for long enough."""
        served = self._served()
        if self._busy() or served != self._seen or not self._after():
            self._seen, self._since = served, self._clock()
        elif self._clock() - self._since >= self._after():
            self._stop()
