"""What follows from what is said of a job: reports, words about items, and the rate limits in between.

A report may tell of work and of a limit: the work comes first, so the limit begins after it. What is told of work, be
it a number, a stage or an item, lifts a limit that is still on.
"""

from collections.abc import Mapping, MutableMapping, Sequence

from msgspec.structs import replace

from jobd.core import clocks, lifecycle
from jobd.core.errors import NothingLeft
from jobd.core.events import catalogue as happened
from jobd.core.model import Job, Moment
from jobd.core.work import items, progress
from jobd.core.work.items import Item, ItemReport, ItemState

#: Items that change in one line of the log.
ITEMS_AT_ONCE = 500
#: A limit that ends so many seconds earlier or later than was said before is the same: a job may count down.
SAME_END = 1.0


def report(job: Job, said: progress.Report, now: Moment) -> list[happened.Event]:
    """Take in what somebody reports of the job. Raises JobFinished, BadProgress."""
    lifecycle.not_done(job, "reported on")
    progress.check(said)
    return told(job, said, 1, now, clocks.worked(job, now))


def told(job: Job, said: progress.Report, count: int, now: Moment, worked: float | None) -> list[happened.Event]:
    """Take in a report that stands for `count`, made when the job had `worked` for so many seconds."""
    words = replace(said, rate_limited=None) if said.rate_limited is not None else said
    lifted = _lifted(job, now) if said.moves else []
    return [
        *lifted,
        happened.Progressed(report=words, count=count, elapsed=worked),
        *_limited(job, said.rate_limited, now, lifted=bool(lifted)),
    ]


def items_changed(
    job: Job, said: Sequence[ItemReport], known: MutableMapping[str, Item], now: Moment, worked: float | None
) -> tuple[list[happened.Event], list[tuple[ItemReport, str]]]:
    """Take in what somebody reports of items, some at a time; give what is refused beside it, with the problem.

    `known` are the items of the job by key; they are brought up to date. Raises JobFinished.
    """
    lifecycle.not_done(job, "reported on")
    events, refused = list[happened.Event](), list[tuple[ItemReport, str]]()
    for start in range(0, len(said), ITEMS_AT_ONCE):
        part = said[start : start + ITEMS_AT_ONCE]
        changed, bad = items.changes(part, known, now.wall)
        refused += bad
        if changed:
            events.append(happened.ItemsChanged(changes=tuple(changed), count=len(part) - len(bad), elapsed=worked))
    return [*(_lifted(job, now) if events else []), *events], refused


def resumed(job: Job, known: Mapping[str, Item], now: Moment) -> list[happened.Event]:
    """Ask for another attempt that does only what is left of the items, `known` by their keys.

    Items that are completed or were skipped stay as they are; all others wait to be done. Raises JobNotFinished,
    NotStartedHere, NothingLeft.
    """
    asked = lifecycle.retry(job)
    left = items.left(known.values())
    if not left:
        raise NothingLeft(job=job.id, name=job.name)
    said = [ItemReport(item=item.key, state=ItemState.PENDING) for item in left]
    events: list[happened.Event] = [replace(event, resumes=True) for event in asked]
    following = dict(known)
    for start in range(0, len(said), ITEMS_AT_ONCE):
        changed, _ = items.changes(said[start : start + ITEMS_AT_ONCE], following, now.wall)
        events.append(happened.ItemsChanged(changes=tuple(changed), count=0, elapsed=0.0))
    return events


def _lifted(job: Job, now: Moment) -> list[happened.Event]:
    """End a rate limit that is still on."""
    passed = clocks.elapsed(job, now)
    if passed is None or not clocks.limit_left(job, now):
        return []
    return [happened.RateLimitLifted(elapsed=passed)]


def _limited(job: Job, seconds: float | None, now: Moment, *, lifted: bool) -> list[happened.Event]:
    """Begin a rate limit, unless it is the one that is on; none at all (0) ends it."""
    passed, left = clocks.elapsed(job, now), 0.0 if lifted else clocks.limit_left(job, now)
    if seconds is None or passed is None or not job.open:
        return []
    if not seconds:
        return [happened.RateLimitLifted(elapsed=passed)] if left else []
    return [] if left and abs(left - seconds) < SAME_END else [happened.RateLimited(seconds=seconds, elapsed=passed)]
