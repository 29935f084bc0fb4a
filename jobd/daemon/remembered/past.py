"""What was: jobs as they were before something happened, folded anew from what the log keeps; where a time is in it.

The frequent kinds of event are left out, which are many and change little: what a job had reported is not known again,
but where it stood, and all that it was given.
"""

from collections.abc import Iterable

from jobd.core.events.catalogue import Created, Entry
from jobd.core.model import Job
from jobd.core.subscriptions.replay import after
from jobd.daemon.storage.reader import Reader

#: A job of which more is told, frequent events left out, is not followed through all of it.
MOST_REPLAYED = 1000


def before(reader: Reader, entry: Entry) -> Job | None:
    """Give a job as it was before an entry of the log; None if there was none, or its beginning is not kept."""
    told = reader.entries(0, MOST_REPLAYED, entry.job)
    if len(told) == MOST_REPLAYED and told[-1].seq < entry.seq:
        return None
    return _last(each for each in told if each.seq < entry.seq)


def removed(reader: Reader, job_id: int) -> Job | None:
    """Give a job that is no longer there as it was last; None if nobody knows."""
    return _last(reader.entries(0, MOST_REPLAYED, job_id))


def _last(entries: Iterable[Entry]) -> Job | None:
    """Fold entries from the beginning of a job, and give it as it was last."""
    last: Job | None = None
    for entry in entries:
        if last is None and not isinstance(entry.event, Created):
            return None
        last = after(last, entry) or last
    return last
