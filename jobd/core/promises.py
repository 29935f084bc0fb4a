"""What a job promises: to be heard of every so often; and how long it has been silent.

A pause stops the clock: silence is what it lasted while the job could speak.
"""

from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from jobd.core.errors import BadValue

#: A promise that is kept late is kept: a job is stale after so many times the time between two beats.
PATIENCE = 4

Wait = Annotated[float, Meta(gt=0, le=10 * 365 * 86400)]


class OnStale(StrEnum):
    """What happens to a job that has become stale."""

    NOTE = "note"  #: that is noted, and the job runs on
    CANCEL = "cancel"  #: it is canceled, with the reason stale
    RETRY = "retry"  #: it is ended and run again, as often as it is retried at most; then it has failed, as stale


class Heartbeat(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The promise of a job to report, beat or write output, in seconds.

    It should do so every `beat_every`; silent for `stale_after` (default: four times as long) it is stale, until it is
    heard of. Pauses do not count, nor does what was before the daemon started.
    """

    beat_every: Wait | None = None
    stale_after: Wait | None = None
    on_stale: OnStale = OnStale.NOTE


def settle(promised: Heartbeat | None, *, ours: bool) -> Heartbeat | None:
    """Complete a promise; `ours` = jobd starts the job, so it can end it. Raises BadValue."""
    if promised is None:
        return None
    every, after = promised.beat_every, promised.stale_after
    if every is None and after is None:
        raise BadValue(field="heartbeat", problem="it says neither beat_every nor stale_after")
    if every is not None and after is not None and after < every:
        raise BadValue(field="stale_after", problem=f"{after:g} s is less than the {every:g} s of beat_every")
    if promised.on_stale is not OnStale.NOTE and not ours:
        raise BadValue(field="on_stale", problem="only a job that jobd starts can be ended; write note")
    if after is None and every is not None:
        after = PATIENCE * every
    return Heartbeat(beat_every=every, stale_after=after, on_stale=promised.on_stale)


class Silence(NamedTuple):
    """When a job was last heard of, and since when it stands still, in seconds of a clock that only goes forward."""

    heard: float
    standing: float | None = None

    def lasted(self, now: float) -> float:
        """Give the seconds of silence so far, without those in which the job stood still."""
        return max(0.0, (now if self.standing is None else self.standing) - self.heard)

    def broken(self, now: float) -> "Silence":
        """Hear of the job."""
        return Silence(now, None if self.standing is None else now)

    def stop(self, now: float) -> "Silence":
        """Let the job stand still; twice is once."""
        return self if self.standing is not None else Silence(self.heard, now)

    def go_on(self, now: float) -> "Silence":
        """Let the job go on; one that does not stand still just does."""
        return self if self.standing is None else Silence(self.heard + now - self.standing)
