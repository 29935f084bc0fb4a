"""Progress made short for those who read slowly.

The rule: of reports of one job with nothing else of that job between them the last one stands for all, with the latest
of each field, as if the job had made them in one. It is never held back behind what came later, and nothing else is
left out or moved.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from jobd.core.events.catalogue import Entry, Progressed
from jobd.core.work import progress


def coalesce(entries: Iterable[Entry]) -> list[Entry]:
    """Leave out progress for which a later report stands."""
    kept: list[Entry | None] = []
    latest: dict[int, tuple[int, Progressed]] = {}
    for entry in entries:
        told, event, before = entry, entry.event, latest.pop(entry.job, None)
        if isinstance(event, Progressed):
            if before is not None and _goes_on(before[1], event):
                kept[before[0]] = None
                event = _joined(before[1], event)
                told = replace(entry, event=event)
            latest[entry.job] = len(kept), event
        kept.append(told)
    return [entry for entry in kept if entry is not None]


def _goes_on(first: Progressed, then: Progressed) -> bool:
    """Whether a report only adds to the one before: it begins nothing anew."""
    said = then.report
    begins = said.restart or (said.stage and said.stage != first.report.stage)
    return not begins and first.guessed == then.guessed


def _joined(first: Progressed, then: Progressed) -> Progressed:
    return replace(
        then,
        report=progress.gather(first.report, then.report),
        count=first.count + then.count,
        elapsed=first.elapsed if then.elapsed is None else then.elapsed,
        offset=first.offset if then.offset is None else then.offset,
    )
