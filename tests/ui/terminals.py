"""Terminals for tests: real ones (a pty with a size), and a grid that shows what one would show."""

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from jobd.ui.screen import Screen
from tests.waiting import until

XTERM = {"TERM": "xterm", "LANG": "en_US.UTF-8"}


class Terminal:
    """Both ends of a pty: programs write to `stream`, the test reads what arrived with `text`."""

    def __init__(self, columns: int = 80) -> None:
        self._master, self.slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._seen = b""
        self.stream: TextIO = os.fdopen(self.slave, "w", encoding="utf-8")
        self.resize(columns)

    def resize(self, columns: int) -> None:
        """Give the terminal another width; the kernel tells the processes whose terminal it is."""
        self.columns = columns
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, text: str) -> None:
        """Type on its keyboard."""
        os.write(self._master, text.encode())

    def text(self) -> str:
        """Give all that arrived so far, with the newlines that were written."""
        with suppress(BlockingIOError, OSError):
            while data := os.read(self._master, 65536):
                self._seen += data
        return self._seen.decode().replace("\r\n", "\n")

    def until(self, wanted: str) -> str:
        """Wait until that has arrived, and give all."""
        until(lambda: wanted in self.text(), what=f"{wanted!r} on the terminal")
        return self.text()

    def rows(self) -> list[str]:
        """Give the rows that a person would see."""
        return self.grid().lines()

    def grid(self) -> "Grid":
        """Draw what arrived."""
        grid = Grid(self.columns)
        grid.write(self.text())
        return grid

    def hang_up(self) -> None:
        """Take the terminal away from the programs that write to it."""
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """Close both ends."""
        self.stream.close()
        self.hang_up()


@contextmanager
def terminal(columns: int = 80) -> Iterator[Terminal]:
    """Open a terminal for a while."""
    opened = Terminal(columns)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def screen_on_terminal(columns: int = 80, **choices: Any) -> Iterator[tuple[Screen, Terminal]]:
    """Open a terminal and a screen on it, for both streams."""
    with terminal(columns) as opened:
        yield Screen(opened.stream, opened.stream, XTERM, **choices), opened


CONTROL = re.compile(r"\x1b\[(\d*)([ACKm])|\x1b\][^\x1b]*\x1b\\|[\r\n\t]|[^\x1b\r\n\t]")


class Grid:
    """What a terminal shows after the text: rows of characters, ASCII only, with wrapping at the right edge."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows = [""]
        self._row = self._column = 0

    def write(self, text: str) -> None:
        """Carry out what the text asks for."""
        place = 0
        while place < len(text):
            match = CONTROL.match(text, place)
            assert match, ascii(text[place : place + 20])
            place = match.end()
            if match[0][0] == "\x1b":
                self._obey(match[2], int(match[1] or 1))
            else:
                self._take(match[0])

    def lines(self) -> list[str]:
        """Give the rows without the empty space at their ends."""
        return [row.rstrip() for row in self.rows]

    def cursor(self) -> tuple[int, int]:
        """Give row and column of the cursor; a full row has it behind the edge."""
        return self._row, self._column

    def _obey(self, order: str | None, count: int) -> None:
        if order == "A":
            self._row = max(self._row - count, 0)
        elif order == "C":
            self._column = min(self._column + count, self.columns - 1)
        elif order == "K":
            self.rows[self._row] = self.rows[self._row][: self._column]

    def _take(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._new_row()
        elif character == "\t":
            self._column = min(self._column // 8 * 8 + 8, self.columns - 1)
        else:
            self._put(character)

    def _put(self, character: str) -> None:
        if self._column == self.columns:
            self._new_row()
        row = self.rows[self._row].ljust(self._column)
        self.rows[self._row] = row[: self._column] + character + row[self._column + 1 :]
        self._column += 1

    def _new_row(self) -> None:
        self._row += 1
        self._column = 0
        if self._row == len(self.rows):
            self.rows.append("")
