"""Tables: aligned and cut to the width on a terminal, tab separated and whole everywhere else.

Every cell is made harmless here, so a row may hold whatever a job said about itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jobd.ui.amounts import UNKNOWN
from jobd.ui.screen import Screen
from jobd.ui.terminal_text import field, fit, width

Get = str | Callable[[Any], object]


class Column(NamedTuple):
    """One column: its title, and a function or the dotted name that gives the cell of a row (None becomes a dash)."""

    title: str
    get: Get
    #: Numbers stand right.
    right: bool = False
    #: In which order columns give way to the width: 1 first, 0 never.
    shrink: int = 0
    #: How narrow a shrinking column may become.
    least: int = 8
    #: Spaces behind it.
    gap: int = 2
    #: The name of a style for the cell of a row, or "".
    style: Callable[[Any], str] | None = None
    #: What a pipe gets in place of `get`.
    raw: Get | None = None
    #: Whether a pipe gets nothing of it at all: marks.
    terminal_only: bool = False


def table(columns: Sequence[Column], rows: Iterable[Any], screen: Screen) -> str:
    """Lay out the rows for what the screen can show: lines that end with a newline, or nothing without rows.

    On a terminal no line is wider than it: first the columns that may shrink do so in their order, then the rightmost
    ones are left out.
    """
    rows = list(rows)
    return _tabbed(columns, rows) if screen.plain else _aligned(columns, rows, screen) if rows else ""


def _tabbed(columns: Sequence[Column], rows: list[Any]) -> str:
    getters = [column.raw or column.get for column in columns if not column.terminal_only]
    return "".join("\t".join(_cell(get, row) for get in getters) + "\n" for row in rows)


def _aligned(columns: Sequence[Column], rows: list[Any], screen: Screen) -> str:
    titles = [column.title for column in columns]
    cells = [[_cell(column.get, row) for column in columns] for row in rows]
    widths = _narrowed(columns, [max(map(width, texts)) for texts in zip(titles, *cells, strict=True)], screen.columns)
    mark = "…" if screen.unicode else ".."

    def line(texts: list[str], styles: Iterable[str]) -> str:
        parts = []
        for column, room, text, style in zip(columns, widths, texts, styles, strict=False):
            padded = fit(text, room, right=column.right, mark=mark)
            bare = padded.rstrip()
            parts.append((screen.paint(bare, style) if style else bare) + padded[len(bare) :] + " " * column.gap)
        return "".join(parts).rstrip()

    lines = [screen.paint(line(titles, [""] * len(titles)), "dim")]
    for row, texts in zip(rows, cells, strict=True):
        lines.append(line(texts, [column.style(row) if column.style else "" for column in columns]))
    return "".join(f"{text}\n" for text in lines)


def _narrowed(columns: Sequence[Column], natural: list[int], room: int) -> list[int]:
    """Choose the widths of the columns that are shown; at least one is."""
    gaps = [column.gap for column in columns]
    least = [
        min(cells, column.least) if column.shrink else cells for column, cells in zip(columns, natural, strict=True)
    ]
    count = len(columns)
    while count > 1 and sum(least[:count]) + sum(gaps[: count - 1]) > room:
        count -= 1
    widths = natural[:count]
    excess = sum(widths) + sum(gaps[: count - 1]) - room
    for place in sorted(range(count), key=lambda place: columns[place].shrink):
        if columns[place].shrink and excess > 0:
            given = min(excess, widths[place] - least[place])
            widths[place] -= given
            excess -= given
    widths[0] -= max(excess, 0)
    return widths


def _cell(get: Get, row: Any) -> str:
    value = _reach(row, get) if isinstance(get, str) else get(row)
    if value is None:
        return UNKNOWN
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).replace("+00:00", "Z")
    return field(value if isinstance(value, str) else str(value))


def _reach(row: Any, name: str) -> Any:
    """Go down by a dotted name through mappings and records; below None there is only None."""
    for step in name.split("."):
        row = None if row is None else row[step] if isinstance(row, Mapping) else getattr(row, step)
    return row
