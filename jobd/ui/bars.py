"""Progress bars, sparklines and the marks of states, in blocks or in ASCII.

A state is known by its name; this table is the one place that says how it looks.
"""

from collections.abc import Iterable
from typing import NamedTuple

BLOCKS = ("█", "░")
ASCII_BLOCKS = ("#", ".")
HEIGHTS = "▁▂▃▄▅▆▇"
ASCII_HEIGHTS = "_.-=+*#"


class Look(NamedTuple):
    """How a state is shown: its mark, the mark where only ASCII can be shown, and the name of a style."""

    mark: str
    ascii_mark: str
    style: str


LOOKS = {
    "pending": Look("·", ".", "dim"),
    "running": Look("▶", ">", "cyan"),
    "pausing": Look("‖", "=", "yellow"),
    "paused": Look("‖", "=", "yellow"),
    "completing": Look("▶", ">", "green"),
    "completed": Look("✔", "+", "green"),
    "canceling": Look("✖", "x", "yellow"),
    "canceled": Look("✖", "x", "dim"),
    "failed": Look("✖", "x", "red"),
}

#: The head of a card, and the look of a state that a newer daemon may know.
HEAD = Look("●", "#", "bold")


def look(state: str) -> Look:
    """Tell how a state is shown."""
    return LOOKS.get(state, HEAD)


def mark(state: str, *, unicode: bool = True) -> str:
    """Give the mark of a state, one cell wide; `head` is the mark of a card."""
    shown = look(state)
    return shown.mark if unicode else shown.ascii_mark


def bar(fraction: float | None, width: int, *, unicode: bool = True) -> str:
    """Draw a progress bar of that many cells: empty while the fraction is unknown, full only when it is 1."""
    full, empty = BLOCKS if unicode else ASCII_BLOCKS
    share = min(fraction, 1.0) if fraction and fraction > 0 else 0.0
    done = min(round(share * width), width if share == 1 else width - 1)
    return full * done + empty * (width - max(done, 0))


def spark(values: Iterable[float | None], *, top: float | None = None, unicode: bool = True) -> str:
    """Draw one cell for each value, its height in proportion to `top` or the largest; a space where it is unknown."""
    heights = HEIGHTS if unicode else ASCII_HEIGHTS
    known = list(values)
    largest = top or max((value for value in known if value is not None), default=0.0)
    last = len(heights) - 1
    return "".join(
        " " if value is None else heights[min(max(round(value / largest * last), 0), last) if largest > 0 else 0]
        for value in known
    )
