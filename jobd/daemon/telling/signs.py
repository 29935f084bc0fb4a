"""Signs of life: after so long a silence something is said all the same."""

import asyncio
from collections.abc import Callable


class Signs:
    """A sign after each silence of `every` seconds (None: never).

    `give` gives one, by the clock of the loop now, and says whether anybody is left to be given another.
    """

    def __init__(self, every: float | None, give: Callable[[float], bool]) -> None:
        self._every = every
        self._give = give
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = 0.0

    def start(self) -> None:
        """Listen for silence, unless that is done already."""
        if self._timer is None and self._every is not None:
            self.break_silence()
            self._arm(self._every)

    def stop(self) -> None:
        """Give none any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def break_silence(self) -> None:
        """Note that something was said."""
        self._told_at = asyncio.get_running_loop().time()

    def _arm(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._listen)

    def _listen(self) -> None:
        self._timer = None
        now, every = asyncio.get_running_loop().time(), self._every or 0.0
        quiet = now - self._told_at
        if quiet < every:
            self._arm(every - quiet)
            return
        if self._give(now):
            self._arm(every)
