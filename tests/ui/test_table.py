"""A table fits the terminal, and is whole in a pipe."""

import io
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobd.ui import bars
from jobd.ui.screen import Screen
from jobd.ui.table import Column, table
from jobd.ui.terminal_text import plain, width
from tests.ui.terminals import XTERM, screen_on_terminal, terminal

COLUMNS = [
    Column(
        "",
        lambda row: bars.mark(row["state"]),
        gap=1,
        style=lambda row: bars.look(row["state"]).style,
        terminal_only=True,
    ),
    Column("ID", "id", right=True),
    Column("NAME", "name", shrink=1, least=6),
    Column("STATE", "state"),
    Column("PROGRESS", lambda row: bars.bar(row["progress"]["fraction"], 10), raw="progress.fraction"),
    Column("LAST LINE", "line", shrink=2),
]


def row(
    number: int = 142, name: str = "nightly-backup", state: str = "running", line: str | None = None
) -> dict[str, Any]:
    """Make a row as a command would."""
    return {"id": number, "name": name, "state": state, "progress": {"fraction": 0.5}, "line": line}


def test_on_a_terminal() -> None:
    """Columns are aligned, the header is dim, the mark has its colour, unknown is a dash, no space hangs over."""
    with screen_on_terminal() as (screen, _):
        text = table(COLUMNS, [row(), row(7, "x", "failed", "codec not found")], screen)
    header, first, second = text.splitlines()
    assert header == "\x1b[2m   ID  NAME            STATE    PROGRESS    LAST LINE\x1b[0m"
    assert first == "\x1b[36m▶\x1b[0m 142  nightly-backup  running  █████░░░░░  -"
    assert second == "\x1b[31m✖\x1b[0m   7  x               failed   █████░░░░░  codec not found"


def test_in_a_pipe() -> None:
    """Tab separated, no header, no marks, nothing cut, the raw value in place of a picture."""
    long = "n" * 200
    text = table(
        COLUMNS, [row(name=long), row(7, "tab\there", "failed", "two\nlines")], Screen(io.StringIO(), None, {})
    )
    assert text == f"142\t{long}\trunning\t0.5\t-\n7\ttab\\there\tfailed\t0.5\ttwo\\nlines\n"


def test_plain_on_a_terminal_is_the_same() -> None:
    """What a script gets can be asked for."""
    with terminal(columns=20) as opened:
        asked = Screen(opened.stream, None, XTERM, plain=True)
        assert table(COLUMNS, [row()], asked) == table(COLUMNS, [row()], Screen(io.StringIO(), None, {}))


def test_nothing_to_show() -> None:
    """Without rows there is no header either."""
    with screen_on_terminal() as (screen, _):
        assert table(COLUMNS, [], screen) == ""
    assert table(COLUMNS, [], Screen(io.StringIO(), None, {})) == ""


def test_the_name_shrinks_first() -> None:
    """Columns give way in their order, down to their least width."""
    rows = [row(name="nightly-backup", line="rsync: connection closed")]
    seen = {}
    for columns in (68, 63, 60, 50):
        with screen_on_terminal(columns) as (screen, _):
            seen[columns] = plain(table(COLUMNS, rows, screen)).splitlines()[1]
    assert seen == {
        68: "▶ 142  nightly-backup  running  █████░░░░░  rsync: connection closed",
        63: "▶ 142  nightly-…  running  █████░░░░░  rsync: connection closed",
        60: "▶ 142  night…  running  █████░░░░░  rsync: connection closed",
        50: "▶ 142  night…  running  █████░░░░░  rsync: connec…",
    }


def test_forty_columns() -> None:
    """Where all at their narrowest are too wide, the rightmost are left out and the others have their room back."""
    with screen_on_terminal(40) as (screen, _):
        lines = plain(table(COLUMNS, [row(name="nightly-backup", line="rsync")], screen)).splitlines()
    assert lines == ["   ID  NAME          STATE    PROGRESS", "▶ 142  nightly-bac…  running  █████░░░░░"]


def test_one_column_alone_is_cut() -> None:
    """The last column that is left fits too, whether it may shrink or not."""
    with screen_on_terminal(6) as (screen, _):
        for column in (Column("NAME", "name"), Column("NAME", "name", shrink=1, least=8)):
            assert plain(table([column], [row()], screen)) == "NAME\nnight…\n"


NAMES = st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs", "Cc", "Cf")), max_size=40)


@given(st.lists(st.tuples(st.integers(0, 10**9), NAMES, NAMES), min_size=1, max_size=4), st.integers(1, 90))
def test_never_wider_than_the_terminal(cells: list[tuple[int, str, str]], columns: int) -> None:
    """Whatever stands in the rows, wide, combining or hostile: no line is wider than the terminal."""
    screen = Screen(io.StringIO(), None, {"COLUMNS": str(columns)})
    screen.plain = False
    text = table(COLUMNS, [row(number, name, "running", line) for number, name, line in cells], screen)
    assert len(text.split("\n")) == len(cells) + 2
    assert max(width(line) for line in text.split("\n")) <= columns


def test_wide_characters_keep_the_columns() -> None:
    """Characters of two cells and of none do not move what stands behind them."""
    with screen_on_terminal() as (screen, _):
        lines = table(COLUMNS, [row(name="漢字"), row(name="e\u0301te"), row(name="abcd")], screen).splitlines()[1:]
    assert len({width(line[: line.index("running")]) for line in lines}) == 1


def test_ascii_marks_the_cut_in_ascii() -> None:
    """Without Unicode the cut is two dots."""
    with terminal(22) as opened:
        screen = Screen(opened.stream, None, XTERM, ascii=True)
        assert "nightl.." in table(COLUMNS[1:4], [row(name="nightly-backup-of-all")], screen)


def test_hostile_cells_are_harmless() -> None:
    """A job cannot paint the list by its name."""
    with screen_on_terminal() as (screen, _):
        assert "^[[2J^G" in table(COLUMNS, [row(name="\x1b[2J\x07")], screen)


def test_records_are_rows_too() -> None:
    """A dotted name goes down through attributes and keys; below None is None; a time is written as in JSON."""
    record = SimpleNamespace(id=1, usage=None, eta={"seconds": 3.5}, at=datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC))
    columns = [Column("A", "id"), Column("B", "usage.rss"), Column("C", "eta.seconds"), Column("D", "at")]
    assert table(columns, [record], Screen(io.StringIO(), None, {})) == "1\t-\t3.5\t2026-11-20T01:02:03Z\n"
