"""How far a job is: what it says taken in, weighed over stages and items, and its rate.

What is left out of a report stays as it was: a stage named again goes on, a total is remembered. The fraction is that
of the numbers said (percent, or done of total). Where items are told of it is that of the items, by weight; where
stages are declared it is theirs, by weight, and numbers (or else items) say how far the current one is. Of a job that
has said none of all that it is that of its children, by weight.

What is done does not fall, unless the job starts over or goes to another stage, or changes from percent to counts; a
larger total, or another item, is more to do. The rate is measured anew where amounts fall, so falling never makes it
negative and rising again never makes it large.
"""

import math
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from jobd.core.series import extend
from jobd.core.work import items
from jobd.core.work.children import Children
from jobd.core.work.items import ItemChange, ItemReport, Tally
from jobd.core.work.progress_record import Mark, Progress, Sample, Stage
from jobd.core.work.report import LONGEST_LINE, Report, check, parse

#: What comes from elsewhere and is part of this module: whoever handles progress imports only this one.
__all__ = ["LONGEST_LINE", "ItemReport", "Report", "check", "parse"]

#: Seconds after which an old rate has lost 63 % of its weight (exponential decay).
RATE_MEMORY = 30.0
#: Reports closer together than this many seconds do not make a rate of their own.
SHORTEST_STEP = 0.05
#: Points of progress kept: each costs time whenever the record is saved, and from a hundred nothing more is learned.
SAMPLES_KEPT = 32

NOTHING = Progress()


def gather(first: Report, then: Report, stage: str | None = None) -> Report:
    """Join two reports made one after the other into one that does the same.

    `stage` is the one the job was in before the first: whether a stage is new depends on it.
    """
    stages = then.stages or first.stages
    limited = then.rate_limited if then.moves or then.rate_limited is not None else first.rate_limited
    if _starts_over(then, first.stage or stage):
        over = then.restart or first.restart or then.stage in (None, stage)
        words = {"message": then.message or first.message, "stage": then.stage or first.stage}
        return replace(then, **words, stages=stages, restart=over)
    fraction, done, total = _numbers(first.fraction, first.done, first.total, then)
    return Report(
        fraction=fraction,
        done=done,
        total=total,
        unit=then.unit or first.unit,
        message=then.message or first.message,
        stage=then.stage or first.stage,
        restart=first.restart,
        stages=stages,
        rate_limited=limited,
    )


def advance(progress: Progress, report: Report, count: int, elapsed: float | None, at: datetime) -> Progress:
    """Take a report into the progress. `elapsed` is in seconds of the attempt; None if that is not known."""
    stages = tuple(Stage(*pair) for pair in report.stages.items()) if report.stages else progress.stages
    if _starts_over(report, progress.stage):
        began = progress.began_elapsed if elapsed is None else elapsed
        goes_on = bool(stages) and not report.restart
        progress = _begin_numbers(progress, began, goes_on=goes_on)
    within, done, total = _numbers(progress.within, progress.done, progress.total, report)
    if within is None and done is not None and total is not None:
        within = min(done / total, 1.0)
    said = replace(
        progress,
        within=within,
        done=done,
        total=total,
        unit=report.unit or progress.unit,
        message=report.message or progress.message,
        stage=report.stage or progress.stage,
        stages=stages,
        reports=progress.reports + count,
        updated_at=at,
    )
    moved = report.done is not None or report.fraction is not None
    return _moved(progress, replace(said, fraction=_overall(said)), elapsed if moved else None)


def tally(
    progress: Progress, changed: Sequence[ItemChange], count: int, elapsed: float | None, at: datetime
) -> Progress:
    """Take changes of items into the progress."""
    counted = items.count(progress.items or Tally(), changed)
    said = replace(progress, items=counted, reports=progress.reports + count, updated_at=at)
    return _moved(progress, replace(said, fraction=_overall(said)), elapsed)


def roll_up(progress: Progress, children: Children, elapsed: float | None) -> Progress:
    """Take in how a job's children stand."""
    counted = replace(progress, children=children)
    counted = replace(counted, fraction=_overall(counted))
    return _moved(progress, counted, elapsed if counted.fraction != progress.fraction else None)


def _begin_numbers(progress: Progress, began: float, *, goes_on: bool) -> Progress:
    """Forget the numbers; what is measured over all stages goes on with the next stage."""
    if goes_on:
        return replace(progress, within=None, done=None, total=None, unit=None)
    return Progress(
        message=progress.message, stage=progress.stage, reports=progress.reports, began_elapsed=began,
        stages=progress.stages, items=progress.items, children=progress.children,
    )  # fmt: skip


def _overall(progress: Progress) -> float | None:
    """Give the fraction of all the work: by the job's own word, else by its children."""
    own = _own(progress)
    return own if own is not None or progress.children is None else progress.children.fraction


def _own(progress: Progress) -> float | None:
    parts = progress.items.fraction if progress.items else None
    names = [stage.name for stage in progress.stages]
    if progress.stage not in names:
        return progress.within if parts is None else parts
    at = names.index(progress.stage)
    weights = [stage.weight for stage in progress.stages]
    within = parts if progress.within is None else progress.within
    return min(1.0, (sum(weights[:at]) + weights[at] * (within or 0.0)) / sum(weights))


def _moved(before: Progress, progress: Progress, elapsed: float | None) -> Progress:
    """Measure the rate, and take a sample, `elapsed` seconds into the attempt; None = nothing has moved."""
    in_units = progress.done is not None and not progress.weighted
    amount = progress.done if in_units else progress.fraction
    if elapsed is None or amount is None:
        return progress
    rate, first, rated = _pace(before, Mark(elapsed, amount), in_units=in_units)
    samples = progress.samples
    if progress.fraction is not None:
        samples = extend(samples, Sample(round(elapsed, 3), round(progress.fraction, 6)), SAMPLES_KEPT)
    updated = max(elapsed, progress.updated_elapsed or 0.0)
    return replace(progress, rate=rate, first=first, rated=rated, samples=samples, updated_elapsed=updated)


def _starts_over(report: Report, stage: str | None) -> bool:
    return report.restart or bool(report.stage and report.stage != stage)


def _numbers(
    fraction: float | None, done: float | None, total: float | None, then: Report
) -> tuple[float | None, float | None, float | None]:
    """Give fraction, done and total after a report; the fraction is None where it follows from the others."""
    after = then.total if then.total is not None else total
    if then.fraction is not None or then.done is not None:
        return _larger(fraction if done is None else None, then.fraction), _larger(done, then.done), after
    if then.total is not None and done is not None:
        return None, done, after
    return fraction, done, after


def _larger(before: float | None, then: float | None) -> float | None:
    """Give what is said now, or what was said before if that is more; None if nothing is said now."""
    return then if then is None or before is None else max(before, then)


def _pace(progress: Progress, here: Mark, *, in_units: bool) -> tuple[float | None, Mark | None, Mark | None]:
    """Give the rate at a new point, and the points it is measured from.

    At first it is the mean since the first point, later the mean of the last RATE_MEMORY seconds or so.
    """
    first, rated = progress.first, progress.rated
    if first is None or rated is None or in_units != (progress.done is not None and not progress.weighted):
        since = here.elapsed - progress.began_elapsed
        return (here.amount / since if since >= SHORTEST_STEP else None), here, here
    if here.amount < ((progress.done if in_units else progress.fraction) or 0.0):
        return progress.rate, here, here
    step = here.elapsed - rated.elapsed
    if step < SHORTEST_STEP:
        return progress.rate, first, rated
    latest = (here.amount - rated.amount) / step
    weight = math.expm1(-step / RATE_MEMORY) / math.expm1((first.elapsed - here.elapsed) / RATE_MEMORY)
    rate = latest if progress.rate is None else progress.rate + weight * (latest - progress.rate)
    return max(0.0, rate), first, here
