"""The output of jobs on its way to the screen: one file as it is, or several with a prefix on each line.

On a terminal it is made harmless; a pipe or a file gets the bytes themselves. Every byte is shown once and in order.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jobd.core.text import lossless
from jobd.growth import Follower
from jobd.ui.sink import output_errors
from jobd.ui.terminal_text import Stream, field

if TYPE_CHECKING:
    from jobd.ui.live import LiveLine
    from jobd.ui.screen import Screen

CHUNK = 1 << 20
BLOCK = 1 << 16
#: An unfinished line longer than this is shown with its prefix before its end has come.
LONGEST_HELD = 1 << 16


def start_of_last_lines(path: Path, lines: int) -> int:
    """Find the offset of the last lines of a file; a line without its newline counts."""
    if lines <= 0:
        return path.stat().st_size
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        file.seek(max(0, position - 1))
        wanted = lines + (file.read(1) == b"\n")
        while position > 0:
            step = min(BLOCK, position)
            position -= step
            file.seek(position)
            block = file.read(step)
            found = block.count(b"\n")
            if found < wanted:
                wanted -= found
                continue
            place = len(block)
            for _ in range(wanted):
                place = block.rfind(b"\n", 0, place)
            return position + place + 1
    return 0


class Style(NamedTuple):
    """Whose output it is, and how it is shown: a prefix and the time before each line, or raw even on a terminal."""

    job: int
    file: str
    prefix: str = ""
    timestamps: bool = False
    raw: bool = False


class Source:
    """One file of one job, from an offset on, shown through `live`, or as JSON."""

    def __init__(self, screen: "Screen", live: "LiveLine", path: Path, offset: int, style: Style) -> None:
        self.follower = Follower(path, offset)
        self._style = style
        self._screen = screen
        self._live = live
        self._prefix = style.prefix
        self._held = b""
        self._harmless = None if style.raw or not screen.is_terminal else Stream(color=screen.color)

    def show(self) -> int:
        """Show what is new, at most a chunk of it, and say how many bytes that were."""
        if (
            self._screen.as_json
            or self._prefix
            or self._style.timestamps
            or self._harmless
            or self._screen.descriptor is None
        ):
            data = self.follower.read(CHUNK)
            self._tell_gap()
            self._write(data)
            return len(data)
        with output_errors():
            moved = self.follower.send(self._screen.descriptor, CHUNK)
        self._tell_gap()
        return moved

    def finish(self) -> None:
        """Show everything that is left, also a line without its end."""
        while self.show():
            pass
        if self._held:
            self._lines(b"\n")
        elif self._harmless:
            self._live.write(self._harmless.feed(b"", final=True))
        self.follower.close()

    def _tell_gap(self) -> None:
        if self.follower.gap:
            self._screen.notice(f"{self.follower.gap} bytes are not there: the output was over its limit")

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._screen.as_json:
            self._screen.json_line(
                {"type": "output", "job": self._style.job, "file": self._style.file, "data": lossless(data)}
            )
        elif self._prefix or self._style.timestamps:
            self._lines(data)
        elif self._harmless:
            self._live.write(self._harmless.feed(data))
        else:
            self._screen.write_bytes(data)

    def _lines(self, data: bytes) -> None:
        data = self._held + data
        whole = data.rfind(b"\n") + 1
        self._held = data[whole:]
        if len(self._held) > LONGEST_HELD:
            whole, self._held = len(data), b""
        if not whole:
            return
        lines = data[:whole].split(b"\n")
        if not lines[-1]:
            lines.pop()
        head = self._head()
        if self._harmless:
            harmless = self._harmless
            self._live.write("".join(head + harmless.feed(line + b"\n") for line in lines))
        else:
            before = head.encode()
            self._screen.write_bytes(b"".join(before + line + b"\n" for line in lines))

    def _head(self) -> str:
        if not self._style.timestamps:
            return self._prefix
        import time

        return f"{time.strftime('%H:%M:%S')} {self._prefix}"


def prefix_of(name: str, file: str, width: int) -> str:
    """Make the prefix of a job's lines; stderr says so."""
    shown = f"{field(name)} err" if file == "stderr" else field(name)
    return f"{shown:<{width}} | "
