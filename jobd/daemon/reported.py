"""What a job has said, as the events that are recorded: whether it came through its report file or its socket."""

from jobd.core import events as happened
from jobd.core.events import Event
from jobd.core.notifications import Said
from jobd.daemon.reports import gather


def report_events(
    lines: list[bytes], stage: str | None, elapsed: float | None, offset: int | None = None
) -> list[Event]:
    """Gather report lines into events.

    `stage` is the one the job is in, `elapsed` the seconds it has run, `offset` where in the report file the next line
    begins, which is recorded even if nothing was said.
    """
    gathered = gather(lines, stage)
    events: list[Event] = []
    if gathered.example is not None:
        details = gathered.example.details
        events.append(
            happened.ReportRejected(
                text=details["text"], problem=details["problem"], count=gathered.rejected, offset=offset
            )
        )
    if gathered.taken or (offset is not None and not events):
        events.append(happened.Progressed(report=gathered.report, count=gathered.taken, elapsed=elapsed, offset=offset))
    return events


def notification_events(said: Said, stage: str | None, elapsed: float | None) -> list[Event]:
    """Make events of what was told to the service manager; of what was refused the first is shown."""
    events = report_events(said.lines, stage, elapsed)
    if said.refused:
        details = said.refused[0].details
        events.append(
            happened.ReportRejected(text=details["text"], problem=details["problem"], count=len(said.refused))
        )
    return events
