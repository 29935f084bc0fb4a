"""What is said by and of a job, as texts; and the one way in which words are found in them.

The rule: words are found anywhere in a text, whatever the case of the letters. A text and a word are both *folded*
(Unicode's full case folding, sign by sign, so that ß is ss and the Kelvin sign is k), and then one contains the other.
An index that is asked first must hold the folded text: one of the text as it was written would lose such signs.
"""

from typing import TYPE_CHECKING

import msgspec

from jobd.core.text import Lossless, plain

if TYPE_CHECKING:
    from jobd.core.model import Job

#: Signs of a job that are looked through; what comes behind them is a command line of thousands of files.
LONGEST_TEXT = 16_384


class _Spec(msgspec.Struct, frozen=True, gc=False):
    argv: tuple[Lossless, ...]


class _Progress(msgspec.Struct, frozen=True, gc=False):
    message: str | None = None
    stage: str | None = None


class _Warned(msgspec.Struct, frozen=True, gc=False):
    text: str


class Said(msgspec.Struct, frozen=True, gc=False):
    """The part of a job's record that is words: read from it in a tenth of the time that all of it takes."""

    name: str
    spec: _Spec | None = None
    command: tuple[Lossless, ...] | None = None
    labels: dict[str, str] = {}
    reason: str | None = None
    detail: str | None = None
    progress: _Progress = _Progress()
    warnings: tuple[_Warned, ...] = ()


def fold(text: str) -> str:
    """Give a text in which the case of letters makes no difference any more."""
    return text.casefold()


def contains(text: str, word: str) -> bool:
    """Say whether a word is found in a text."""
    return fold(word) in fold(text)


def command(job: "Job | Said") -> str | None:
    """Give the words of the command, with spaces between; None if it is not known."""
    argv = job.spec.argv if job.spec else job.command
    return " ".join(map(plain, argv)) if argv else None


def warnings(job: "Job | Said") -> str | None:
    """Give the latest warnings, a line each; None if there was none."""
    return "\n".join(warning.text for warning in job.warnings) if job.warnings else None


def search_text(job: "Job | Said") -> str:
    """Give all in which bare words are found, a line each.

    Name, reason and detail of a failure, last message, stage, warnings, labels as NAME=value, and at last the command,
    which may be so long that its end is cut off: not more than LONGEST_TEXT signs.
    """
    labels = (f"{name}={value}" for name, value in job.labels.items())
    progress = job.progress
    lines = (
        job.name, job.reason, job.detail, progress.message, progress.stage, warnings(job), *labels, command(job),
    )  # fmt: skip
    return "\n".join(line for line in lines if line)[:LONGEST_TEXT]
