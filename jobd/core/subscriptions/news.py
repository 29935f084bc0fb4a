"""What a subscriber is told: lines of the log, and beside them how things stand and who else watches.

Each item says by its `type` what it is. Only lines of the log (`event`) are remembered; all others are of the moment.
"""

import msgspec
from msgspec.structs import asdict

from jobd.core.events.catalogue import Entry
from jobd.core.model import Count
from jobd.core.views import JobView, Watcher


class JobNow(JobView, frozen=True, kw_only=True, tag="job", tag_field="type"):
    """A job of the rooms as it was when the subscription began; the marker of the snapshot follows the last one."""


class Snapshot(msgspec.Struct, frozen=True, gc=False, tag="snapshot", tag_field="type"):
    """All jobs have been told, as entry `seq` left them; whatever follows happened after it."""

    seq: Count
    jobs: Count


class Pulse(msgspec.Struct, frozen=True, gc=False, tag="heartbeat", tag_field="type"):
    """Nothing was told for a while, and up to entry `seq` nothing was missed. The client must show that it is there."""

    seq: Count


class Present(msgspec.Struct, frozen=True, gc=False, tag="watchers", tag_field="type"):
    """All who watch the rooms now: at first, and again after changes that a slow reader has missed."""

    watchers: tuple[Watcher, ...]


class Joined(Watcher, frozen=True, kw_only=True, tag="joined", tag_field="type"):
    """Somebody begins to watch."""


class Left(Watcher, frozen=True, kw_only=True, tag="left", tag_field="type"):
    """Somebody watches no longer."""


#: An item of a subscription.
News = Entry | JobNow | Snapshot | Pulse | Present | Joined | Left


def now(view: JobView) -> JobNow:
    """Make the item of a job."""
    return JobNow(**asdict(view))


def joined(watcher: Watcher) -> Joined:
    """Make the item of one who came."""
    return Joined(**asdict(watcher))


def left(watcher: Watcher) -> Left:
    """Make the item of one who went."""
    return Left(**asdict(watcher))
