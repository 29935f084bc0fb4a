"""Whether a job that has failed is run again by itself, and when: the pause doubles each time, up to an hour.

Whatever an attempt failed by, it is tried again: an exit status, a signal, silence, a witness or a machine that was
lost. Only a command that could not be started would fail in the same way once more.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from jobd.core.errors import BadValue

MOST_RETRIES = 1000
#: Seconds before the first retry if nothing is said, and the pause that doubling does not exceed.
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 3600.0
#: Doubling more often makes no longer pause.
MOST_DOUBLINGS = 64
#: Reasons of a failure that is final.
FINAL_REASONS = frozenset({"cannot_start"})
#: The reason beside the state of a job that waits to be run again.
BACKOFF = "backoff"

Pause = Annotated[float, Meta(ge=0, le=30 * 86400)]


class Retries(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """How often a job that has failed is run again by itself (`most`), and the seconds before the first time."""

    most: Annotated[int, Meta(ge=1, le=MOST_RETRIES)]
    delay: Pause = FIRST_PAUSE


def pause(wanted: Retries, times: int) -> float:
    """Give the seconds before a retry; `times` is how often the job has been retried before."""
    return min(wanted.delay * 2.0 ** min(times, MOST_DOUBLINGS), max(wanted.delay, LONGEST_PAUSE))


def following(wanted: Retries | None, times: int, reason: str) -> float | None:
    """Give the pause after a failure for this reason; None = the job has failed for good."""
    if wanted is None or times >= wanted.most or reason in FINAL_REASONS:
        return None
    return pause(wanted, times)


def settle(wanted: Retries | None, *, on_stale: bool) -> Retries | None:
    """Check what a job asks for; `on_stale` = it wants to be run again when it is stale. Raises BadValue."""
    if on_stale and wanted is None:
        raise BadValue(field="on_stale", problem="retry needs to know how often at most: say retries (--retries N)")
    return wanted
