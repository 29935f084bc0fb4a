"""From an event to a line of the log that says what it changed: the one way a line comes into being."""

from msgspec.structs import replace

from jobd.core import lifecycle
from jobd.core.events.catalogue import Entry
from jobd.core.model import Job


def enter(job: Job | None, entry: Entry) -> tuple[Entry, Job | None]:
    """Apply an entry; give it with the states before and after if it changes them, and the job as it then is.

    None = there is no job yet, or no longer. Raises IllegalChange.
    """
    changed = lifecycle.fold(job, entry)
    before, after = job.state if job else None, changed.state if changed else None
    if before is after:
        return entry, changed
    return replace(entry, event=replace(entry.event, from_state=before, to_state=after)), changed
