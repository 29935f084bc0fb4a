"""What a job says of itself, a line at a time: a line in, a Report out, or an ItemReport.

A line of the report file, or of `jobd progress`, is one of

    40%            40.5% half way            percent, and a message
    3/10           3/10 resizing b.png       done of total, and a message
    stage encode                             a new stage; the numbers start over
    stages probe:1 encode:8 upload           the stages to come, in order, with weights (1 if none is given)
    message TEXT   note TEXT                 only words
    beat                                     still alive, nothing new
    rate_limited 30s [WHY]                   waits for somebody's limit, so long or until the next number; 0 = no more
    item KEY …                               about a part of the work, as `items.py` says
    {"done": 3, "total": 10, "unit": "files", "message": "…", "stage": "…", "fraction": 0.3, "restart": false,
     "stages": {"probe": 1, "encode": 8}, "rate_limited": 30}

Anything else is refused with BadProgress. Bytes that are not UTF-8 become backslash escapes.
"""

import re
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from jobd.core.decoding import UNREADABLE, complaint
from jobd.core.errors import BadProgress
from jobd.core.quantities import parse_duration
from jobd.core.text import single_line
from jobd.core.work.children import Weight
from jobd.core.work.items import LONGEST_KEY, SPELLINGS, ItemReport, ItemState
from jobd.core.work.rate_limit import LONGEST_LIMIT, Limited

#: A longer report line is refused; it still counts as read.
LONGEST_LINE = 4096
LONGEST_TEXT = 1000
#: Of a bad line so many characters are kept.
LONGEST_EXAMPLE = 200
MOST_STAGES = 100
#: Digits of a number that are read; the largest amount is what a float still holds exactly.
DIGITS = 15

Amount = Annotated[float, Meta(ge=0, le=1e15)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]


class Report(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
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
    #: The stages to come, in order, with their weights.
    stages: Annotated[dict[Text, Weight], Meta(max_length=MOST_STAGES)] | None = None
    #: From now on it waits for somebody's rate limit, for so many seconds or until it goes on; 0 = it waits no more.
    rate_limited: Limited | None = None

    @property
    def moves(self) -> bool:
        """Whether it tells of work that goes on: by a number or a stage."""
        return self.done is not None or self.fraction is not None or bool(self.stage) or self.restart


_NUMBERS = re.compile(
    rf"""(?P<percent>[0-9]{{1,3}}(?:\.[0-9]+)?)\s?%(?:\s+(?P<words>.*))?
    |(?P<done>[0-9]{{1,{DIGITS}}}(?:\.[0-9]+)?)\s?/\s?(?P<total>[0-9]{{1,{DIGITS}}}(?:\.[0-9]+)?)(?:\s+(?P<said>.*))?""",
    re.DOTALL | re.VERBOSE,
)
_KEYED = re.compile(r"(stage|stages|message|note|item|rate_limited)\s+(.+)", re.DOTALL)
_STAGE = re.compile(r"(\S+?)(?::([0-9]{1,9}(?:\.[0-9]+)?))?")
_ITEM = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s"]\S*)(?:\s+(.+))?', re.DOTALL)
#: Escapes in a text in quotes; JSON has no \x, which is a byte that was not UTF-8.
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NAMES_ITEM = re.compile(rb'"item"\s*:')
_decoder = msgspec.json.Decoder(Report)
_item_decoder = msgspec.json.Decoder(ItemReport)


class _Problem(Exception):
    """What is wrong with the words of a line."""


def parse(line: bytes) -> Report | ItemReport:
    """Read one line, without its newline. Raises BadProgress."""
    report: Report | ItemReport | None = _parse_plain(line)
    if report is not None:
        return report
    if len(line) > LONGEST_LINE:
        raise _bad(line, f"longer than {LONGEST_LINE} bytes")
    line = line.strip()
    try:
        report = (
            _parse_object(line) if line.startswith(b"{") else _parse_words(line.decode("utf-8", "backslashreplace"))
        )
    except UNREADABLE as error:
        raise _bad(line, complaint(error)) from None
    except _Problem as error:
        raise _bad(line, str(error)) from None
    problem = "none of 40%, 3/10, stage, item, message, beat, {…}" if report is None else _problem(report)
    if report is None or problem:
        raise _bad(line, problem or "")
    return report


def check(report: Report | ItemReport) -> None:
    """Look for what its type allows and makes no sense. Raises BadProgress."""
    problem = _problem(report)
    if problem:
        raise _bad(msgspec.json.encode(report), problem)


def refused(report: ItemReport, problem: str) -> BadProgress:
    """Make the error for what was said of an item and cannot be."""
    return _bad(msgspec.json.encode(report), problem)


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


def _parse_object(line: bytes) -> Report | ItemReport:
    """Read a JSON object; one with a member `item` is about that item."""
    if _NAMES_ITEM.search(line):
        members = msgspec.json.decode(line)
        if isinstance(members, dict) and "item" in members:
            return _item_decoder.decode(line)
    return _decoder.decode(line)


def _parse_words(text: str) -> Report | ItemReport | None:
    if text == "beat":
        return Report()
    numbers = _parse_numbers(text)
    if numbers is not None:
        return numbers
    match = _KEYED.fullmatch(text)
    return _READERS[match[1]](match[2]) if match else None


def _parse_numbers(text: str) -> Report | None:
    match = _NUMBERS.fullmatch(text)
    if match is None:
        return None
    percent, words, done, total, said = match.groups()
    if percent is not None:
        return Report(fraction=float(percent) / 100, message=_cut(words))
    return Report(done=float(done), total=float(total), message=_cut(said))


def _parse_stages(text: str) -> Report:
    stages: dict[str, float] = {}
    for word in text.split():
        match = _STAGE.fullmatch(word)
        weight = float(match[2] or 1) if match else 0.0
        if match is None or not weight or match[1] in stages or len(stages) == MOST_STAGES:
            raise _Problem(f"{word} is no new stage; write `stages NAME:WEIGHT …`, {MOST_STAGES} at most")
        stages[match[1]] = weight
    return Report(stages=stages)


def _parse_limit(text: str) -> Report:
    time, _, why = text.partition(" ")
    try:
        seconds = parse_duration(time, bare_unit="s")
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_LIMIT:
        raise _Problem(f"{time} is no time to wait; write `rate_limited 30s`, {LONGEST_LIMIT // 86400}d at most")
    return Report(rate_limited=seconds, message=_cut(why.strip()))


def _parse_item(text: str) -> ItemReport:
    match = _ITEM.fullmatch(text)
    if match is None:
        raise _Problem('a KEY in quotes is written as in JSON, with \\" for a quote in it, and a space after it')
    key, said = _unquoted(match[1]), match[2]
    if not said or not 0 < len(key) <= LONGEST_KEY:
        raise _Problem(f"write `item KEY STATE` or `item KEY 40%`, with a KEY of {LONGEST_KEY} characters at most")
    word, _, words = said.partition(" ")
    if word in _STATES:
        state = ItemState(_STATES[word])
        text = words.strip()
        if state is ItemState.FAILED:
            return ItemReport(item=key, state=state, error=_cut(text))
        return ItemReport(item=key, state=state, message=_cut(text))
    numbers = _parse_numbers(said)
    if numbers is None:
        raise _Problem(f"{word} is neither 40%, 3/10 nor one of {', '.join(ItemState)}")
    problem = _problem(numbers)
    if problem:
        raise _Problem(problem)
    fraction = numbers.fraction if numbers.done is None else numbers.done / (numbers.total or 1)
    return ItemReport(item=key, fraction=fraction, message=numbers.message)


def _unquoted(key: str) -> str:
    """Read a key as it stands in a line, perhaps in quotes. Raises what msgspec raises."""
    if not key.startswith('"'):
        return key
    return msgspec.json.decode(_ESCAPE.sub(lambda escape: r"\\x" if escape[1] == "x" else escape[0], key), type=str)


#: Words for the states of items: as they are called, and as others spell them.
_STATES = {**{state.value: state.value for state in ItemState}, **SPELLINGS}

_READERS: dict[str, Callable[[str], Report | ItemReport]] = {
    "stage": lambda text: Report(stage=_cut(text)),
    "stages": _parse_stages,
    "message": lambda text: Report(message=_cut(text)),
    "note": lambda text: Report(message=_cut(text)),
    "item": _parse_item,
    "rate_limited": _parse_limit,
}


def _problem(report: Report | ItemReport) -> str | None:
    if isinstance(report, ItemReport):
        return _problem_of_item(report)
    if report.fraction is not None and not 0 <= report.fraction <= 1:
        return "more than 100 %"
    if report.total == 0:
        return "the total is 0"
    if report.done is not None and report.total is not None and report.done > report.total:
        return "more done than the total"
    if any("\0" in (text or "") for text in (report.message, report.stage, report.unit, *(report.stages or ()))):
        return "a NUL byte in the text"
    return None


def _problem_of_item(report: ItemReport) -> str | None:
    if any("\0" in (text or "") for text in (report.item, report.message, report.error)):
        return "a NUL byte in the text"
    return "a line break in the key" if {"\n", "\r"} & set(report.item) else None


def _bad(line: bytes, problem: str) -> BadProgress:
    text = single_line(line[: 4 * LONGEST_EXAMPLE].decode("utf-8", "backslashreplace"))
    shown = text if len(text) <= LONGEST_EXAMPLE else text[: LONGEST_EXAMPLE - 1] + "…"
    return BadProgress(text=shown, problem=problem)


def _cut(words: str | None) -> str | None:
    return words[:LONGEST_TEXT] if words else None
