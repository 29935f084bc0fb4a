"""The record of a rate limit: a job has said that it waits for somebody else for so many seconds; `clocks` counts them.

A limit ends by itself, or before that with the next number, stage or word of an item. It is measured by the clock of
the attempt, which a pause stops.
"""

from typing import Annotated, NamedTuple

from msgspec import Meta

#: Seconds that a job may say it waits: a week. Whoever is shut out for longer has ended for other reasons.
LONGEST_LIMIT = 7 * 86400

Limited = Annotated[float, Meta(ge=0, le=LONGEST_LIMIT)]


class RateLimit(NamedTuple):
    """When a rate limit began, in seconds into the attempt (pauses left out), and the seconds that it lasts."""

    since: float
    seconds: float

    def lasted(self, passed: float) -> float:
        """Give the seconds of it that are over, so many seconds into the attempt."""
        return max(0.0, min(passed - self.since, self.seconds))

    def left(self, passed: float) -> float:
        """Give the seconds of it that are to come."""
        return max(0.0, self.since + self.seconds - passed)
