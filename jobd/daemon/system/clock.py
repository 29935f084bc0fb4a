"""The clocks of the daemon, in one place so that tests can turn them.

The rule: times of the log never go backwards, whatever happens to the clock of the machine; durations come from
CLOCK_BOOTTIME, which counts a suspend and means something only within one boot; deadlines come from CLOCK_MONOTONIC,
which stands still meanwhile.
"""

import time
from datetime import datetime
from typing import NamedTuple

from jobd.core.model import Moment
from jobd.core.quantities import EPOCH, from_microseconds, to_microseconds
from jobd.daemon.system.processes import boot_id

#: Times as the database writes them, for whoever has this clock.
__all__ = ["EPOCH", "Clock", "Stopped", "from_microseconds", "to_microseconds"]

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


#: Seconds by which the log may be ahead of the clock without a word.
MUCH = 60.0


class Clock:
    """Read all clocks; wall time in whole microseconds, UTC."""

    def __init__(self) -> None:
        self._boot = boot_id()
        self._latest = 0

    def now(self) -> Moment:
        """Read the wall clock (never earlier than before), nanoseconds since boot, and the identity of the boot."""
        self._latest = max(self._latest, time.time_ns() // 1000)
        return Moment(from_microseconds(self._latest), time.clock_gettime_ns(_BOOTTIME), self._boot)

    def ahead(self) -> str | None:
        """Say that the times of the log are ahead of the clock of the machine; None if they are not, to speak of."""
        seconds = (self._latest - time.time_ns() // 1000) / 1e6
        if seconds < MUCH:
            return None
        return (
            f"clock: the log goes on from {from_microseconds(self._latest):%Y-%m-%d %H:%M}Z, when the clock was wrong"
        )

    def monotonic(self) -> float:
        """Read the clock for deadlines, in seconds."""
        return time.monotonic()

    def not_before(self, wall: datetime) -> None:
        """Go on from the latest time in the log, should the machine's clock have been set back while nothing ran."""
        self._latest = max(self._latest, to_microseconds(wall))


class Stopped(NamedTuple):
    """A clock that stands still."""

    moment: Moment

    def now(self) -> Moment:
        """Give the moment at which it stands."""
        return self.moment
