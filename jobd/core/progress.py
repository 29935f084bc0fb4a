"""What a job says of itself: one line in, a Report out; reports gathered; progress and its rate.

A line of the report file, or of `jobd progress`, is one of

    40%            40.5% half way            percent, and a message
    3/10           3/10 resizing b.png       done of total, and a message
    stage encode                             a new stage; the numbers start over
    message TEXT                             only words
    beat                                     still alive, nothing new
    {"done": 3, "total": 10, "unit": "files", "message": "…", "stage": "…", "fraction": 0.3}

Anything else is refused with BadProgress. Bytes that are not UTF-8 become backslash escapes.
"""

import math
import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from jobd.core.errors import BadProgress
from jobd.core.model import Progress, Sample
from jobd.core.series import thin

#: A longer report line is refused; it still counts as read.
LONGEST_LINE = 4096
LONGEST_TEXT = 1000
#: Seconds after which an old rate has lost 63 % of its weight (exponential decay).
RATE_MEMORY = 30.0
#: Samples closer together than this many seconds do not make a rate of their own.
SHORTEST_STEP = 0.05

NOTHING = Progress()

Amount = Annotated[float, Meta(ge=0, le=1e15)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing a job said; None = not said. Also the JSON form of a line."""

    fraction: Annotated[float, Meta(ge=0, le=1)] | None = None
    done: Amount | None = None
    total: Annotated[float, Meta(gt=0, le=1e15)] | None = None
    unit: Annotated[str, Meta(max_length=100)] | None = None
    message: Text | None = None
    stage: Text | None = None


_LINE = re.compile(
    r"(?P<percent>\d{1,3}(?:\.\d+)?)\s?%(?:\s+(?P<words>.*))?"
    r"|(?P<done>\d{1,15}(?:\.\d+)?)\s?/\s?(?P<total>\d{1,15}(?:\.\d+)?)(?:\s+(?P<said>.*))?"
    r"|(?P<key>stage|message)\s+(?P<value>.+)"
    r"|(?P<beat>beat)",
    re.DOTALL,
)
_decoder = msgspec.json.Decoder(Report)


def parse(line: bytes) -> Report:
    """Read one line, without its newline. Raises BadProgress."""
    if len(line) > LONGEST_LINE:
        raise BadProgress(text=_shown(line), problem=f"longer than {LONGEST_LINE} bytes")
    if line.startswith(b"{"):
        return _checked(_json(line), line)
    match = _LINE.fullmatch(line.decode("utf-8", "backslashreplace").strip())
    if match is None:
        raise BadProgress(text=_shown(line), problem="not a progress report")
    percent, words, done, total, said, key, value, _ = match.groups()
    if percent is not None:
        return _checked(Report(fraction=float(percent) / 100, message=_cut(words)), line)
    if done is not None:
        return _checked(Report(done=float(done), total=float(total), message=_cut(said)), line)
    return Report(stage=_cut(value)) if key == "stage" else Report(message=_cut(value)) if key else Report()


def _json(line: bytes) -> Report:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadProgress(text=_shown(line), problem=str(error)) from None


def _checked(report: Report, line: bytes) -> Report:
    if report.fraction is not None and report.fraction > 1:
        raise BadProgress(text=_shown(line), problem="more than 100 %")
    if report.total == 0:
        raise BadProgress(text=_shown(line), problem="the total is 0")
    if report.done is not None and report.total is not None and report.done > report.total:
        raise BadProgress(text=_shown(line), problem="more done than the total")
    return report


def _shown(line: bytes) -> str:
    text = line[:200].decode("utf-8", "backslashreplace")
    return text + "…" if len(line) > 200 else text


def _cut(words: str | None) -> str | None:
    return words[:LONGEST_TEXT] if words else None


def gather(first: Report, then: Report) -> Report:
    """Join two reports made one after the other: of each field what was said last; a new stage starts the numbers over."""
    if then.stage is not None and then.stage != first.stage:
        return replace(then, message=then.message or first.message)
    numbers = then if _has_numbers(then) else first
    return Report(
        fraction=numbers.fraction,
        done=numbers.done,
        total=numbers.total if numbers.total is not None or numbers.done is None else first.total,
        unit=then.unit or first.unit,
        message=then.message or first.message,
        stage=then.stage or first.stage,
    )


def _has_numbers(report: Report) -> bool:
    return report.fraction is not None or report.done is not None or report.total is not None


def advance(progress: Progress, report: Report, count: int, elapsed: float | None, at: datetime) -> Progress:
    """Take a report into the progress. `elapsed` is in seconds of the attempt; None if that is not known."""
    if report.stage is not None and report.stage != progress.stage:
        progress = Progress(stage=report.stage, message=progress.message, reports=progress.reports)
    done, total, fraction = _numbers(progress, report)
    moved = fraction is not None and elapsed is not None and _has_numbers(report)
    return Progress(
        fraction=fraction,
        done=done,
        total=total,
        unit=report.unit or progress.unit,
        message=report.message or progress.message,
        stage=progress.stage,
        rate=_rate(progress, done, fraction, elapsed) if moved else progress.rate,
        reports=progress.reports + count,
        updated_at=at,
        updated_elapsed=elapsed if moved else progress.updated_elapsed,
        samples=thin((*progress.samples, Sample(round(elapsed or 0.0, 3), round(fraction or 0.0, 6))))
        if moved
        else progress.samples,
    )


def _numbers(progress: Progress, report: Report) -> tuple[float | None, float | None, float | None]:
    if report.fraction is not None:
        total = report.total if report.total is not None else None
        return report.done, total, report.fraction
    done = report.done if report.done is not None else progress.done
    total = report.total if report.total is not None else progress.total
    if done is None or total is None:
        return done, total, progress.fraction if report.done is None else None
    return done, total, min(done / total, 1.0)


def _rate(progress: Progress, done: float | None, fraction: float | None, elapsed: float | None) -> float | None:
    now, before = (done, progress.done) if done is not None else (fraction, progress.fraction)
    if now is None or elapsed is None:
        return progress.rate
    since = progress.updated_elapsed or 0.0
    step = elapsed - since
    if step < SHORTEST_STEP or before is not None and now < before:
        return progress.rate if progress.rate is not None else (now / elapsed if elapsed > 0 else None)
    latest = (now - (before or 0.0)) / step
    if progress.rate is None:
        return latest
    weight = 1 - math.exp(-step / RATE_MEMORY)
    return progress.rate + weight * (latest - progress.rate)
