"""Progress in the terminal's own tab or taskbar (OSC 9;4), on terminals known to show it.

An unknown terminal gets nothing: some show the sequence as text or as a notification. Inside tmux and screen it would
be swallowed, or reach a terminal nobody asked.
"""

import re
from collections.abc import Mapping

#: Variable, its value ("" for any), variable of the version, first version: terminals that show progress.
TERMINALS = (
    ("WT_SESSION", "", "", ()),
    ("ConEmuANSI", "ON", "", ()),
    ("TERM_PROGRAM", "ghostty", "TERM_PROGRAM_VERSION", (1, 2)),
    ("TERM_PROGRAM", "iTerm.app", "TERM_PROGRAM_VERSION", (3, 6, 6)),
    ("KONSOLE_VERSION", "", "KONSOLE_VERSION", (260400,)),
    ("VTE_VERSION", "", "VTE_VERSION", (7900,)),
)
MULTIPLEXERS = ("TMUX", "STY")

TERM_PROGRESS_CHOICES = ("auto", "always", "never")

OFF = "\x1b]9;4;0;\x1b\\"
SET, FAILED, BUSY, PAUSED = "1", "2", "3", "4"
STATES = {"failed": FAILED, "canceling": FAILED, "canceled": FAILED, "pausing": PAUSED, "paused": PAUSED}


def shows_progress(environ: Mapping[str, str], choice: str = "auto") -> bool:
    """Tell whether the terminal should get progress: `auto` asks the table, always and never decide.

    Raises ValueError for another choice.
    """
    if choice not in TERM_PROGRESS_CHOICES:
        raise ValueError(f"no choice {choice!r}; it is one of {', '.join(TERM_PROGRESS_CHOICES)}")
    if choice != "auto":
        return choice == "always"
    return not any(map(environ.get, MULTIPLEXERS)) and any(
        environ.get(name) and environ[name] == (value or environ[name]) and _version(environ.get(version)) >= first
        for name, value, version, first in TERMINALS
    )


def progress_sequence(fraction: float | None, state: str = "running") -> str:
    """Give the sequence that shows a fraction (None: busy, nobody knows how far) in the manner of a job's state."""
    if fraction is None:
        return f"\x1b]9;4;{STATES.get(state, BUSY)};\x1b\\"
    return f"\x1b]9;4;{STATES.get(state, SET)};{round(min(max(fraction, 0.0), 1.0) * 100)}\x1b\\"


def _version(text: str | None) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text or "")))
