"""The line at the bottom is always true, never in the way, and gone when the command has ended."""

import io
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.ui.live import PACE, Footer, LiveLine
from jobd.ui.screen import Screen
from jobd.ui.sink import OutputFailed
from jobd.ui.taskbar import OFF, progress_sequence, shows_progress
from tests.source import ROOT
from tests.ui.terminals import XTERM, Grid, screen_on_terminal, terminal
from tests.waiting import until

COLUMNS = 6
TEXTS = st.text("amK \n", max_size=30)
LINES = st.text("xyz ", min_size=1, max_size=30).filter(str.strip)


def without_empty_end(lines: list[str]) -> list[str]:
    """Drop the empty rows at the bottom."""
    while lines and not lines[-1]:
        lines.pop()
    return lines


@given(st.lists(st.tuples(TEXTS, st.none() | LINES), max_size=12))
def test_the_log_is_whole_whatever_stands_below_it(steps: list[tuple[str, str | None]]) -> None:
    """With a line painted and taken away in between, also inside a log line, the log looks as it does alone."""
    footer, seen, alone = Footer(), Grid(COLUMNS), Grid(COLUMNS)
    for text, line in steps:
        seen.write(footer.erase() + footer.advance(text, COLUMNS))
        alone.write(text)
        if line is not None:
            seen.write(footer.draw(line, COLUMNS))
            assert without_empty_end(seen.lines())[-1] == line[: COLUMNS - 1].rstrip() or len(line) >= COLUMNS
            assert all(len(row) <= COLUMNS - 1 for row in seen.lines()[-1:])
    seen.write(footer.erase())
    assert without_empty_end(seen.lines()) == without_empty_end(alone.lines())


def test_a_row_filled_to_the_edge_is_not_left_behind() -> None:
    """The line stands below a full row; a newline that ends that row makes no empty one."""
    footer, seen = Footer(), Grid(COLUMNS)
    for text in ("abcdef", "\ng", "hijkl", "m\n"):
        seen.write(footer.erase() + footer.advance(text, COLUMNS) + footer.draw("line", COLUMNS))
    assert seen.lines() == ["abcdef", "ghijkl", "m", "line"]


def test_a_tab_moves_the_place_where_the_log_goes_on() -> None:
    """The cursor goes back behind a tab as the terminal has drawn it."""
    footer, seen = Footer(), Grid(40)
    for text in ("a\tb", "cd\t", "e\n"):
        seen.write(footer.erase() + footer.advance(text, 40) + footer.draw("line", 40))
    assert seen.lines() == ["a       bcd     e", "line"]


def test_the_line_is_shown_and_taken_away() -> None:
    """What is shown is replaced in place, and nothing is left at the end."""
    with screen_on_terminal() as (screen, opened):
        with LiveLine(screen) as live:
            live.show("▶ encode 41%")
            opened.until("▶ encode 41%")
            live.show("▶ encode 42%")
            opened.until("▶ encode 42%")
            assert opened.rows() == ["▶ encode 42%"]
        assert opened.rows() == [""]


def test_it_may_be_entered_again() -> None:
    """A command that goes on after an interrupt has its line back."""
    with screen_on_terminal() as (screen, opened):
        live = LiveLine(screen)
        for text in ("before", "after"):
            with live:
                live.write("log")
                live.show(text)
                opened.until(text)
        live.write("end\n")
        opened.until("end")
        assert opened.rows() == ["log", "log", "end", ""]


def test_log_text_goes_above_the_line() -> None:
    """The line stays at the bottom, also while a log line is unfinished."""
    with screen_on_terminal() as (screen, opened):
        with LiveLine(screen) as live:
            live.write("first\n")
            live.show("status")
            live.write("sec")
            until(lambda: opened.rows() == ["first", "sec", "status"])
            live.write("ond\n")
            until(lambda: opened.rows() == ["first", "second", "status"])
            live.write("third")
        opened.until("third")
        until(lambda: opened.grid().cursor() == (3, 0))
        assert opened.rows() == ["first", "second", "third", ""]


def test_what_is_said_beside_it_has_rows_of_its_own() -> None:
    """The line gives way to a remark, which does not begin in the middle of what the log says, and comes again."""
    with screen_on_terminal() as (screen, opened), LiveLine(screen) as live:
        live.write("copying 1 of 9 ... ")
        live.show("status")
        with screen.aside():
            screen.write("canceling\r\n")
        live.write("done\n")
        until(lambda: opened.rows() == ["copying 1 of 9 ...", "canceling", "done", "status"])
    with screen_on_terminal() as (screen, _), screen.aside():
        pass


def test_the_last_text_is_never_lost() -> None:
    """Of many texts in a row the last one comes up, although nothing more is said."""
    with screen_on_terminal() as (screen, opened), LiveLine(screen) as live:
        for number in range(50):
            live.show(f"number {number}")
        until(lambda: opened.rows() == ["number 49"])


def test_repaints_are_few() -> None:
    """However often something is said, it is painted at most ten times a second."""
    with screen_on_terminal() as (screen, opened), LiveLine(screen) as live:
        start, number = time.monotonic(), 0
        while number < 3000 or time.monotonic() < start + 3 * PACE:
            live.show(f"number {number}")
            number += 1
        until(lambda: opened.rows() == [f"number {number - 1}"])
        assert opened.text().count("number") <= (time.monotonic() - start) / PACE + 1


def test_the_line_is_cut_to_the_width_as_it_is_now() -> None:
    """A long line never wraps; when the window changes, it is painted anew, without anything being said."""
    with screen_on_terminal(40) as (screen, opened), LiveLine(screen) as live:
        live.show("漢" * 60)
        opened.until("漢" * 19)
        assert "漢" * 20 not in opened.text()
        opened.resize(60)
        signal.raise_signal(signal.SIGWINCH)
        opened.until("漢" * 29)
        assert "漢" * 30 not in opened.text()


def test_hostile_text_stays_on_the_line() -> None:
    """A name in the line cannot leave it; colours are kept, or dropped where there are none."""
    with screen_on_terminal() as (screen, opened), LiveLine(screen) as live:
        live.show("\x1b[31mred\x1b[0m \x1b[2J\n\x07")
        assert "\x1b[31mred\x1b[0m ^[[2J\\n^G" in opened.until("^G")
    with terminal() as opened, LiveLine(Screen(opened.stream, None, XTERM, color="never")) as live:
        live.show("\x1b[31mred\x1b[0m.")
        assert "\x1b[31m" not in opened.until("red.")


def test_clear_makes_room_until_the_next_text() -> None:
    """Whoever writes past the line takes it away before, and shows it again after."""
    with screen_on_terminal() as (screen, opened), LiveLine(screen) as live:
        live.show("status")
        live.show("newer status")
        live.clear()
        screen.data("log")
        live.show("status again")
        until(lambda: opened.rows() == ["log", "status again"])


def test_a_pipe_gets_the_log_only() -> None:
    """Where nobody looks there is no line, no thread and no control."""
    out = io.StringIO()
    threads = threading.active_count()
    with LiveLine(Screen(out, None, XTERM), term_progress="always") as live:
        live.show("status", 0.5)
        live.write("log")
        live.clear()
        live.write(" more\n")
        assert threading.active_count() == threads
    assert out.getvalue() == "log more\n"


def test_a_terminal_that_has_gone_is_an_error_of_the_output() -> None:
    """The error reaches the command, and leaving adds no other one."""
    with terminal() as opened, LiveLine(Screen(opened.stream, None, XTERM)) as live:
        live.show("status")
        opened.hang_up()
        with pytest.raises(OutputFailed):
            live.write("log\n")


PROGRAM = """
import os, sys, time
from jobd.ui.live import LiveLine
from jobd.ui.screen import Screen
try:
    with LiveLine(Screen(sys.stdout, sys.stderr, os.environ), term_progress="always") as live:
        live.write("log")
        live.show("working", 0.5)
        if "fail" in sys.argv:
            raise RuntimeError("out of ideas")
        time.sleep(60)
except (KeyboardInterrupt, RuntimeError):
    sys.exit(130)
"""


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP), (None, 130)],
)
def test_every_end_leaves_the_terminal_clean(number: int | None, status: int) -> None:
    """After Ctrl-C, a signal or an exception the line and the tab's progress are gone; the status is true."""
    with terminal() as opened:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *(["fail"] if number is None else [])],
            stdout=opened.slave,
            stderr=opened.slave,
            env={**XTERM, "PYTHONPATH": str(ROOT)},
            restore_signals=True,
        )
        opened.until("working")
        if number is not None:
            program.send_signal(number)
        assert program.wait(timeout=30) == status
        assert progress_sequence(0.5) in opened.text()
        assert opened.until(OFF).endswith(OFF)
        assert opened.rows() == ["log", ""]


def test_handlers_are_given_back() -> None:
    """After the line the signals mean what they meant before; a handler somebody else has set stays."""
    before = [signal.getsignal(number) for number in (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP)]
    with screen_on_terminal() as (screen, _), LiveLine(screen) as live:
        assert signal.getsignal(signal.SIGTERM) != before[1]
        live.close()
        live.close()
        assert [signal.getsignal(number) for number in (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP)] == before
    with screen_on_terminal() as (screen, _):
        with LiveLine(screen):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.signal(signal.SIGTERM, before[1]) == signal.SIG_IGN


def test_the_tab_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is repeated while nothing changes, because terminals forget it, and told apart by state."""
    monkeypatch.setattr("jobd.ui.live.REMIND", 0.02)
    with screen_on_terminal() as (screen, opened), LiveLine(screen, term_progress="always") as live:
        live.show("status", 0.41)
        until(lambda: opened.text().count(progress_sequence(0.41)) >= 3)
        live.show("status", None, "paused")
        opened.until("\x1b]9;4;4;\x1b\\")
        live.clear()
        assert opened.until("status")


@pytest.mark.parametrize(
    ("environ", "known"),
    [
        ({}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"WT_SESSION": "7f3c"}, True),
        ({"ConEmuANSI": "ON"}, True),
        ({"ConEmuANSI": "OFF"}, False),
        ({"TERM_PROGRAM": "ghostty", "TERM_PROGRAM_VERSION": "1.2.0"}, True),
        ({"TERM_PROGRAM": "ghostty", "TERM_PROGRAM_VERSION": "1.1.3"}, False),
        ({"TERM_PROGRAM": "ghostty"}, False),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.6.6"}, True),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.5.14"}, False),
        ({"KONSOLE_VERSION": "260400"}, True),
        ({"KONSOLE_VERSION": "251203"}, False),
        ({"VTE_VERSION": "8000"}, True),
        ({"VTE_VERSION": "7600"}, False),
        ({"VTE_VERSION": "8000", "TMUX": "/tmp/tmux-0/default,1,0"}, False),
        ({"VTE_VERSION": "8000", "STY": "1.pts-0"}, False),
    ],
)
def test_terminals_that_show_progress(environ: dict[str, str], known: bool) -> None:  # noqa: FBT001
    """Only terminals known to have it are told, unless the user decides."""
    assert shows_progress(environ) is known
    assert shows_progress(environ, "always")
    assert not shows_progress(environ, "never")


def test_progress_sequences() -> None:
    """Fractions become percent within bounds; states are told apart; another choice is refused."""
    cases: list[tuple[Any, ...]] = [(0.414, "running"), (7, "running"), (0.5, "failed"), (None, "running")]
    seen = [progress_sequence(*case)[6:-2] for case in cases]
    assert seen == ["1;41", "1;100", "2;50", "3;"]
    with pytest.raises(ValueError, match="it is one of auto, always, never"):
        shows_progress({}, "perhaps")
