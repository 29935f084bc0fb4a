"""How far a program is, guessed from what it prints: the last `NN%` or `n/m` of its lines, which may end with CR or LF.

`n of m` counts, too. Meters that would be misread are known by their look: tqdm's, curl's, and ffmpeg's, which says how
long its input is at first and later how far it has come. What is no number of its own is left alone: dates, paths,
speeds, `to-chk=3/10`; so is what makes no sense, such as 9/5 or 120%. Of meters one below the other the top one counts.
A guess stays one: a line of a program that speaks of something else (`11/22 14:05`) is taken for progress; so nobody's
output is read who has not asked for it.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from jobd.core.work.progress import Report

#: The end of a line that nobody could read is not looked at.
LONGEST_LINE = 4096
#: Bytes at the end of a line in which a command of the terminal is looked for.
LONGEST_COMMAND = 8

_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,15})(?:\.[0-9]{1,9})?"
#: Colors, and what else a terminal takes for a command (ECMA-48, section 5.4).
_COMMANDS = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ENDS = re.compile(rb"[\r\n]")
#: Ends a line below another: the cursor goes back up (as tqdm does for loops within loops).
_BACK_UP = re.compile(rb"\x1b\[[0-9]{0,3}A\s*\Z")
_ANY = re.compile(
    rf"""(?<![\w.,/=+-])(?:
      (?P<percent>[0-9]{{1,3}}(?:\.[0-9]{{1,9}})?)\s?%(?!\w)
    | (?<![0-9]:)(?P<done>{_NUMBER})(?:/|\s/\s|\sof\s)(?P<total>{_NUMBER})(?![\w/%]|[.,:][0-9])
    )""",
    re.VERBOSE,
)
_TQDM = re.compile(rf"(?P<percent>[0-9]{{1,3}})%\|[^|]*\|\s*(?:(?P<done>{_NUMBER})/(?P<total>{_NUMBER})\s)?")
_CURL = re.compile(
    r"\s*(?P<percent>[0-9]{1,3})\s+(?!0\s)[0-9.]+[kMGTP]?(?:\s+[0-9]{1,3}\s+[0-9.]+[kMGTP]?){2}"
    r"(?:\s+[0-9.]+[kMGTP]?){2}(?:\s+(?:[0-9-]+:[0-9-]{2}:[0-9-]{2}|[0-9]+d(?:\s[0-9]+h)?)){3}\s+[0-9.]+[kMGTP]?\s*"
)
_TIME = r"([0-9]{2,3}):([0-9]{2}):([0-9]{2}(?:\.[0-9]+)?)"
_FFMPEG_LENGTH = re.compile(rf"\s*Duration: {_TIME}, ")
_FFMPEG_PLACE = re.compile(rf"\btime=-?{_TIME}\s")


#: Without one of these no line tells anything.
_HINTS = (b"%", b"/", b" of ", b":")
#: The largest amount that a report may have.
_LARGEST = 1e15


class Guess(NamedTuple):
    """What was read so far: how far the program is, None if nothing tells; and of ffmpeg the seconds of its input."""

    report: Report | None = None
    length: float | None = None
    #: Whether a new length is that of another input of the same run.
    opening: bool = True
    #: Whether that was read from a meter below another, for want of one at the top.
    below: bool = False


NOTHING = Guess()


def split(text: bytes) -> tuple[list[bytes], int]:
    """Split output into the lines that have ended; say where the rest begins."""
    *lines, rest = _ENDS.split(text)
    return lines, len(text) - len(rest)


def read(lines: Iterable[bytes], before: Guess = NOTHING) -> Guess:
    """Read on: the last line that tells how far the program is counts."""
    for line in lines:
        before = _read_line(line, before)
    return before


def find(line: bytes) -> Report | None:
    """Find how far a program is in one line; None if it does not tell."""
    return read([line]).report


def _read_line(line: bytes, before: Guess) -> Guess:
    if len(line) > LONGEST_LINE or not any(map(line.__contains__, _HINTS)):
        return before
    text = _COMMANDS.sub(b"", line).decode("utf-8", "replace")
    if match := _FFMPEG_LENGTH.match(text):
        length = _seconds(match)
        return before._replace(length=max(length, before.length or 0) if before.opening else length, opening=True)
    place = _FFMPEG_PLACE.search(text) if text.startswith(("frame=", "size=")) else None
    if place is None:
        report = _meter(text)
    else:
        before = before._replace(opening=False)
        report = _amount(min(_seconds(place), before.length or 0), before.length or 0, "s")
    below = _BACK_UP.search(line, max(0, len(line) - LONGEST_COMMAND)) is not None
    hidden = below and before.report is not None and not before.below
    return before if report is None or hidden else before._replace(report=report, below=below)


def _meter(text: str) -> Report | None:
    if match := _CURL.fullmatch(text):
        return _report(match["percent"], None, None)
    if match := _TQDM.search(text):
        return _report(match["percent"], match["done"], match["total"])
    reports = [report for match in _ANY.finditer(text) if (report := _report(*match.groups()))]
    return reports[-1] if reports else None


def _report(percent: str | None, done: str | None, total: str | None) -> Report | None:
    """Make a report of numbers that make sense; those of an amount go before the percentage."""
    if done is not None and total is not None:
        report = _amount(float(done.replace(",", "")), float(total.replace(",", "")))
        if report is not None:
            return report
    fraction = float(percent) / 100 if percent is not None else None
    return Report(fraction=fraction) if fraction is not None and fraction <= 1 else None


def _amount(done: float, total: float, unit: str | None = None) -> Report | None:
    return Report(done=done, total=total, unit=unit) if done <= total and 0 < total <= _LARGEST else None


def _seconds(match: re.Match[str]) -> float:
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
