"""What a job says of itself: one line in, a Report out; reports gathered; progress and its rate.

A line of the report file, or of `jobd progress`, is one of

    40%            40.5% half way            percent, and a message
    3/10           3/10 resizing b.png       done of total, and a message
    stage encode                             a new stage; the numbers start over
    message TEXT                             only words
    beat                                     still alive, nothing new
    {"done": 3, "total": 10, "unit": "files", "message": "…", "stage": "…", "fraction": 0.3, "restart": false}

Anything else is refused with BadProgress. Bytes that are not UTF-8 become backslash escapes. What is left out stays as
it was: a stage named again goes on, a total is remembered. Numbers that fall are taken as they are said; the rate is
then measured from there on, so falling never makes it negative and rising again never makes it large.
"""

import math
import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from jobd.core.admission import UNREADABLE, complaint
from jobd.core.errors import BadProgress
from jobd.core.model import Mark, Progress, Sample
from jobd.core.series import extend
from jobd.core.text import single_line

#: A longer report line is refused; it still counts as read.
LONGEST_LINE = 4096
LONGEST_TEXT = 1000
#: Of a bad line so many characters are kept.
LONGEST_EXAMPLE = 200
#: Seconds after which an old rate has lost 63 % of its weight (exponential decay).
RATE_MEMORY = 30.0
#: Reports closer together than this many seconds do not make a rate of their own.
SHORTEST_STEP = 0.05
#: Points of progress kept: each costs time whenever the record is saved.
SAMPLES_KEPT = 32
#: Digits of a number that are read; the largest amount is what a float still holds exactly.
DIGITS = 15

NOTHING = Progress()

Amount = Annotated[float, Meta(ge=0, le=1e15)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing a job said; None, or an empty text, = not said. Also the JSON form of a line.

    With `restart` the numbers start over, as they do with a stage that is not the current one.
    """

    fraction: Annotated[float, Meta(ge=0, le=1)] | None = None
    done: Amount | None = None
    total: Annotated[float, Meta(gt=0, le=1e15)] | None = None
    unit: Annotated[str, Meta(max_length=100)] | None = None
    message: Text | None = None
    stage: Text | None = None
    restart: bool = False


_LINE = re.compile(
    rf"""(?P<percent>[0-9]{{1,3}}(?:\.[0-9]+)?)\s?%(?:\s+(?P<words>.*))?
    |(?P<done>[0-9]{{1,{DIGITS}}}(?:\.[0-9]+)?)\s?/\s?(?P<total>[0-9]{{1,{DIGITS}}}(?:\.[0-9]+)?)(?:\s+(?P<said>.*))?
    |(?P<key>stage|message)\s+(?P<value>.+)
    |beat""",
    re.DOTALL | re.VERBOSE,
)
_decoder = msgspec.json.Decoder(Report)


def parse(line: bytes) -> Report:
    """Read one line, without its newline. Raises BadProgress."""
    report = _parse_plain(line)
    if report is not None:
        return report
    if len(line) > LONGEST_LINE:
        raise _bad(line, f"longer than {LONGEST_LINE} bytes")
    line = line.strip()
    try:
        report = _decoder.decode(line) if line.startswith(b"{") else _parse_words(line)
    except UNREADABLE as error:
        raise _bad(line, complaint(error)) from None
    problem = "none of 40%, 3/10, stage, message, beat, {…}" if report is None else _problem(report)
    if report is None or problem:
        raise _bad(line, problem or "")
    return report


def check(report: Report) -> None:
    """Look for what its type allows and makes no sense. Raises BadProgress."""
    problem = _problem(report)
    if problem:
        raise _bad(repr(report).encode("utf-8", "backslashreplace"), problem)


def gather(first: Report, then: Report, stage: str | None = None) -> Report:
    """Join two reports made one after the other into one that does the same.

    `stage` is the one the job was in before the first: whether a stage is new depends on it.
    """
    if _starts_over(then, first.stage or stage):
        return replace(then, message=then.message or first.message, stage=then.stage or first.stage, restart=True)
    fraction, done, total = _numbers(first, then)
    return Report(
        fraction=fraction,
        done=done,
        total=total,
        unit=then.unit or first.unit,
        message=then.message or first.message,
        stage=then.stage or first.stage,
        restart=first.restart,
    )


def advance(progress: Progress, report: Report, count: int, elapsed: float | None, at: datetime) -> Progress:
    """Take a report into the progress. `elapsed` is in seconds of the attempt; None if that is not known."""
    stage = report.stage or progress.stage
    if _starts_over(report, progress.stage):
        began = progress.began_elapsed if elapsed is None else elapsed
        progress = Progress(message=progress.message, reports=progress.reports, began_elapsed=began)
    fraction, done, total = _numbers(progress, report)
    if fraction is None and done is not None and total is not None:
        fraction = min(done / total, 1.0)
    amount = done if done is not None else fraction
    moved = amount is not None and (report.done is not None or report.fraction is not None)
    rate, first, rated, samples, updated = (
        progress.rate, progress.first, progress.rated, progress.samples, progress.updated_elapsed,
    )  # fmt: skip
    if moved and elapsed is not None and amount is not None:
        rate, first, rated = _pace(progress, Mark(elapsed, amount), in_units=done is not None)
        updated = max(elapsed, updated or 0.0)
        if fraction is not None:
            samples = extend(samples, Sample(round(elapsed, 3), round(fraction, 6)), SAMPLES_KEPT)
    return Progress(
        fraction=fraction,
        done=done,
        total=total,
        unit=report.unit or progress.unit,
        message=report.message or progress.message,
        stage=stage,
        rate=rate,
        reports=progress.reports + count,
        updated_at=at,
        updated_elapsed=updated,
        began_elapsed=progress.began_elapsed,
        first=first,
        rated=rated,
        samples=samples,
    )


def _parse_plain(line: bytes) -> Report | None:
    """Read `3/10` and `40%`, which come in floods, without a regular expression; None = look closer."""
    head, slash, tail = line.partition(b"/")
    if slash:
        if head.isdigit() and tail.isdigit() and len(head) <= DIGITS and len(tail) <= DIGITS:
            done, total = float(head), float(tail)
            if 0 < total >= done:
                return Report(done=done, total=total)
    elif len(head) <= len(b"100%") and head.endswith(b"%") and head[:-1].isdigit():
        fraction = int(head[:-1]) / 100
        if fraction <= 1:
            return Report(fraction=fraction)
    return None


def _parse_words(line: bytes) -> Report | None:
    match = _LINE.fullmatch(line.decode("utf-8", "backslashreplace"))
    if match is None:
        return None
    percent, words, done, total, said, key, value = match.groups()
    if percent is not None:
        return Report(fraction=float(percent) / 100, message=_cut(words))
    if done is not None:
        return Report(done=float(done), total=float(total), message=_cut(said))
    if key == "stage":
        return Report(stage=_cut(value))
    return Report(message=_cut(value))


def _problem(report: Report) -> str | None:
    if report.fraction is not None and not 0 <= report.fraction <= 1:
        return "more than 100 %"
    if report.total == 0:
        return "the total is 0"
    if report.done is not None and report.total is not None and report.done > report.total:
        return "more done than the total"
    if "\0" in (report.message or "") or "\0" in (report.stage or "") or "\0" in (report.unit or ""):
        return "a NUL byte in the text"
    return None


def _bad(line: bytes, problem: str) -> BadProgress:
    text = single_line(line[: 4 * LONGEST_EXAMPLE].decode("utf-8", "backslashreplace"))
    shown = text if len(text) <= LONGEST_EXAMPLE else text[: LONGEST_EXAMPLE - 1] + "…"
    return BadProgress(text=shown, problem=problem)


def _cut(words: str | None) -> str | None:
    return words[:LONGEST_TEXT] if words else None


def _starts_over(report: Report, stage: str | None) -> bool:
    return report.restart or bool(report.stage and report.stage != stage)


def _numbers(before: Progress | Report, then: Report) -> tuple[float | None, float | None, float | None]:
    """Give fraction, done and total after a report; the fraction is None where it follows from the others."""
    total = then.total if then.total is not None else before.total
    if then.fraction is not None or then.done is not None:
        return then.fraction, then.done, total
    if then.total is not None and before.done is not None:
        return None, before.done, total
    return before.fraction, before.done, total


def _pace(progress: Progress, here: Mark, *, in_units: bool) -> tuple[float | None, Mark | None, Mark | None]:
    """Give the rate at a new point, and the points it is measured from.

    At first it is the mean since the first point, later the mean of the last RATE_MEMORY seconds or so.
    """
    first, rated = progress.first, progress.rated
    if first is None or rated is None or in_units != (progress.done is not None):
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
