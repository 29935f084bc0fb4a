"""Exit statuses: what each means in a sentence, and which errors end with it.

The errors are found by themselves; a test asks that each of their statuses has its sentence.
"""

import re
from collections.abc import Iterable

from jobd.core.errors import JobdError, every

MEANINGS = {
    0: "Done; yes.",
    1: "Refused, or no: things stand in a way that does not allow it, or nothing matched.",
    2: "The command line is wrong.",
    65: "What was given makes no sense.",
    66: "There is no such job.",
    69: "The daemon cannot be reached or cannot serve.",
    70: "A bug in jobd.",
    74: "The output cannot be written.",
    75: "Not now; the same may work later.",
    77: "Not permitted.",
    78: "The configuration is wrong.",
    124: "The time to wait for it is over.",
    125: "jobd itself failed, not the job.",
    126: "The command cannot be executed.",
    127: "The command was not found.",
    130: "Interrupted, as by Ctrl-C.",
    141: "Nobody reads the output any more.",
}
#: Statuses any command can end with; a command that names jobs adds those of jobs.
ANY = (0, 2, 65, 69, 70, 74, 75, 77, 78, 130, 141)
OF_JOBS = (1, 66)


def brief(statuses: Iterable[int]) -> dict[int, str]:
    """Say what some of the exit statuses mean, in order."""
    return {status: MEANINGS[status] for status in sorted(set(statuses))}


def said(texts: Iterable[str]) -> set[int]:
    """Find the exit statuses that texts speak of."""
    return {int(word) for text in texts for word in re.findall(r"\b\d+\b", text)} & MEANINGS.keys()


def full() -> dict[int, str]:
    """Say what all exit statuses mean, and which errors there are of each."""
    found: dict[int, list[str]] = {}
    for error in every():
        if error is not JobdError:
            found.setdefault(error.exit_status, []).append(_words(error))
    errors = {status: f" Errors: {', '.join(words)}." for status, words in found.items()}
    return {status: meaning + errors.get(status, "") for status, meaning in MEANINGS.items()}


def _words(error: type[JobdError]) -> str:
    """Read the name of an error as words: JobNotFound is `job not found`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error.__name__).lower()
