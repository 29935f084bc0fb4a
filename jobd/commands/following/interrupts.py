"""What Ctrl-C and a termination do to a command that waits for a job of its own."""

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from jobd.core.errors import JobdError, JobFinished

if TYPE_CHECKING:
    from jobd.ui.screen import Screen

#: The one that ends the waiting alone, if the job does not end.
LAST = 3


class Interrupts:
    """The first interrupt asks the job to end, the second kills it, the third ends the waiting alone.

    They count from the beginning, even while there is no job yet. Nothing is interrupted in the middle: a thread acts
    on them, so no byte is lost or shown twice, and it does not matter where the command waits.
    """

    def __init__(self, screen: "Screen") -> None:
        self._screen = screen
        self._count = 0
        self._queue: SimpleQueue[int] = SimpleQueue()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)

    def act(self, end: Callable[[int], None]) -> None:
        """From now on call `end` with how often the end was asked for; it may take its time."""
        threading.Thread(target=self._wait, args=(end,), name="interrupts", daemon=True).start()

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count >= LAST:
            raise KeyboardInterrupt
        self._queue.put(self._count)

    def _wait(self, end: Callable[[int], None]) -> None:
        while True:
            threading.Thread(target=self._act, args=(end, self._queue.get()), name="ending", daemon=True).start()

    def _act(self, end: Callable[[int], None], times: int) -> None:
        try:
            end(times)
        except JobFinished:
            return
        except JobdError as error:
            self._screen.notice(error.message)
