"""The line at the bottom of a terminal that says how it goes while a command waits.

Log text goes above it through `write`. What the line was last told is always shown, at the latest a tenth of a second
later. However the command ends, the terminal is left clean. Where standard output is no terminal, nothing is shown and
`write` is all there is.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import Any, Self

from jobd.ui.screen import Screen
from jobd.ui.taskbar import OFF, progress_sequence, shows_progress
from jobd.ui.terminal_text import RESET, fit, plain, styled, width

#: Seconds between two repaints.
PACE = 0.1
#: Seconds after which the terminal's tab is told again: some forget after fifteen.
REMIND = 5.0
TAB = 8

#: What the painting thread is told.
LOOK, STOP = "look", "stop"

#: Signals that would end the program at once, and leave the line behind.
DEADLY = (signal.SIGTERM, signal.SIGHUP)


class Footer:
    """The line below the log, as control sequences: what to write so that both stay whole.

    The log may stop inside a line; the footer then stands one row lower and the cursor goes back behind the text.
    """

    def __init__(self) -> None:
        self.is_visible = False
        #: Cells of the unfinished log line in its last row.
        self.column = 0
        self._is_wrapped = False

    def draw(self, line: str, columns: int) -> str:
        """Show the line, cut to less than the width so that it never wraps."""
        start = "\r\n" if self.column and not self.is_visible else "\r"
        self.is_visible = True
        return f"{start}{fit(line, min(width(line), max(columns - 1, 0)))}{RESET}\x1b[K"

    def erase(self) -> str:
        """Take the line away and put the cursor where the log goes on."""
        if not self.is_visible:
            return ""
        self.is_visible = False
        return "\r\x1b[K" + (f"\x1b[A\x1b[{self.column}C" if self.column else "")

    def advance(self, text: str, columns: int) -> str:
        """Let the log go on with the text, while the line is away; a row filled to the edge is ended at once."""
        if self._is_wrapped and text.startswith("\n"):
            text, self._is_wrapped = text[1:], False
        _, newline, rest = text.rpartition("\n")
        cells = 0 if newline else self.column
        for place, piece in enumerate(plain(rest).split("\t")):
            cells += width(piece) + (TAB - cells % TAB if place else 0)
        self._is_wrapped = (cells > 0 and not cells % columns) or (self._is_wrapped and not text)
        self.column = cells % columns
        return text + ("\r\n" if self._is_wrapped and text else "")


class LiveLine:
    """The status line of one command, as a context manager that may be entered again.

    `term_progress` (auto, always, never) says whether the terminal's tab shows progress too.
    """

    def __init__(self, screen: Screen, *, term_progress: str = "auto") -> None:
        self._screen = screen
        self._is_on = screen.live
        self._has_taskbar = shows_progress(screen.environ, term_progress) and self._is_on
        self._turn = threading.RLock()
        self._wake: SimpleQueue[str] = SimpleQueue()
        self._painter: threading.Thread | None = None
        self._handlers: dict[int, tuple[Any, Any]] = {}
        self._footer = Footer()
        self._text = ""
        self._shown: tuple[str, int] = ("", 0)
        self._painted_at = 0.0
        self._is_due = False
        self._progress = self._told = ""
        self._told_at = 0.0

    def __enter__(self) -> Self:
        self._is_on = self._screen.live
        if self._is_on:
            self._screen.aside = self._aside
            self._painter = threading.Thread(target=self._paint_when_due, name="live line", daemon=True)
            self._painter.start()
            if threading.current_thread() is threading.main_thread():
                self._catch_signals()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, text: str, fraction: float | None = None, state: str = "running") -> None:
        """Say this from now on, in place of what was said; the fraction and the state are for the terminal's tab.

        Raises OutputFailed if the terminal has gone.
        """
        with self._turn:
            if not self._is_on:
                return
            self._text = styled(text) if self._screen.color else plain(styled(text))
            self._progress = progress_sequence(fraction, state) if self._has_taskbar else ""
            if time.monotonic() >= self._painted_at + PACE:
                self._paint()
            elif not self._is_due:
                self._ask()

    def write(self, text: str) -> None:
        """Write log text, harmless already, above the line. Raises OutputFailed."""
        with self._turn:
            if not self._is_on:
                self._screen.write(text)
            elif text:
                columns = self._screen.columns
                above = self._footer.erase() + self._footer.advance(text, columns)
                self._screen.write(above + (self._footer.draw(self._text, columns) if self._text else ""))
                self._shown = (self._text, columns)

    def clear(self) -> None:
        """Take the line away until the next `show`, for whoever writes past it. Raises OutputFailed."""
        with self._turn:
            self._text, self._is_due = "", False
            if self._is_on:
                self._paint()

    def close(self) -> None:
        """Leave the terminal clean, with the cursor at the start of a row; may be called twice."""
        painter, self._painter = self._painter, None
        self._screen.aside = nullcontext
        if painter:
            self._wake.put(STOP)
            painter.join(timeout=1)
        self._release_signals()
        with self._turn:
            was_on, self._is_on = self._is_on, False
            if was_on:
                end = self._footer.erase() + ("\r\n" if self._footer.column else "") + (OFF if self._told else "")
                self._footer, self._shown, self._told = Footer(), ("", 0), ""
                with suppress(OSError):
                    self._screen.write(end)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Take the line away, and begin a row of its own for what somebody else writes."""
        with self._turn:
            if not self._is_on:
                yield
                return
            self._screen.write(self._footer.erase() + ("\r\n" if self._footer.column else ""))
            self._footer = Footer()
            yield
            self._screen.write(self._footer.draw(self._text, self._screen.columns) if self._text else "")

    def _paint(self) -> None:
        """Write what differs from what the terminal shows."""
        now, wanted, out = time.monotonic(), (self._text, self._screen.columns), ""
        if wanted != self._shown:
            out = self._footer.draw(*wanted) if self._text else self._footer.erase()
        if self._progress != self._told or (self._told and now >= self._told_at + REMIND):
            out += self._progress or OFF
            self._told, self._told_at = self._progress, now
            self._wake.put(LOOK)
        self._shown, self._painted_at, self._is_due = wanted, now, False
        if out:
            self._screen.write(out)

    def _ask(self) -> None:
        """Have the line painted by the thread when it is time; safe in a signal handler, as the queue is."""
        self._is_due = True
        self._wake.put(LOOK)

    def _seconds_left(self) -> float | None:
        """Tell in how many seconds something is to be painted; None if nothing is."""
        due = self._painted_at + PACE if self._is_due else self._told_at + REMIND if self._told else None
        return None if due is None else max(due - time.monotonic(), 0.0)

    def _paint_when_due(self) -> None:
        while True:
            try:
                if self._wake.get(timeout=self._seconds_left()) == STOP:
                    return
            except Empty:
                with self._turn, suppress(OSError):
                    if self._is_on and self._seconds_left() == 0:
                        self._paint()

    def _catch_signals(self) -> None:
        self._handle(signal.SIGWINCH, lambda *_: self._ask())
        for number in DEADLY:
            if signal.getsignal(number) == signal.SIG_DFL:
                self._handle(number, self._die)

    def _handle(self, number: int, handler: Any) -> None:
        self._handlers[number] = (handler, signal.signal(number, handler))

    def _release_signals(self) -> None:
        while self._handlers:
            number, (mine, before) = self._handlers.popitem()
            if signal.getsignal(number) == mine:
                signal.signal(number, before)

    def _die(self, number: int, _: object) -> None:
        """Clean up, then end by the signal, so that whoever waits sees which one it was."""
        self.close()
        os.kill(os.getpid(), number)
