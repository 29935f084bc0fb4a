"""What is told of jobs while a command waits for them: streams that survive the daemon, gathered by a thread.

A daemon that restarts, dies or is upgraded is asked again; nothing that was told is missed, since the first item of a
new stream is how things stand by then.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from jobd.core.errors import ConnectionLost, JobdError, ShuttingDown, Unavailable

if TYPE_CHECKING:
    from jobd.client import Client
    from jobd.core.views import JobView
    from jobd.wire import Stream

#: Seconds to wait for a daemon that has gone away, and between two attempts to reach it.
AWAY, AGAIN = 30.0, 0.1

Item = TypeVar("Item")


class _Patience:
    """How long a daemon that has gone away is waited for: so many seconds from when it was last there."""

    def __init__(self, away: float) -> None:
        self._away = away
        self._deadline: float | None = None

    def bear(self, error: JobdError) -> None:
        """Wait a moment. Raises the error if it was waited long enough, or if the daemon was never there."""
        if isinstance(error, ConnectionLost | ShuttingDown):
            self._deadline = time.monotonic() + self._away
        elif self._deadline is None or time.monotonic() > self._deadline:
            raise error
        time.sleep(AGAIN)


def resumed(client: "Client", ask: Callable[[], "Stream[Item]"], away: float = AWAY) -> Iterator[Item]:
    """Give the items of a stream; when the daemon goes away, ask anew, with whatever `ask` says by then.

    Raises what the daemon raises, Unavailable if it is not there at first, or for `away` seconds once it was.
    """
    patience = _Patience(away)
    while True:
        try:
            yield from client.stream(ask())
        except (Unavailable, ShuttingDown) as error:
            patience.bear(error)
        else:
            return


def insist(act: Callable[[], Item]) -> Item:
    """Do what waits for an answer of the daemon, and do it again when that goes away; so it must be harmless to repeat.

    Raises what the daemon raises, Unavailable if it is not there at first, or for `AWAY` seconds once it was.
    """
    patience = _Patience(AWAY)
    while True:
        try:
            return act()
        except (Unavailable, ShuttingDown) as error:
            patience.bear(error)


class News:
    """Views of jobs, taken from an iterator by a thread; the descriptor is readable when there are some."""

    def __init__(self, views: Iterator["JobView"]) -> None:
        self._views = views
        self._queue: SimpleQueue[JobView | Exception | None] = SimpleQueue()
        self._reading, self._writing = os.pipe()
        #: Whether all has been told, so that nothing more comes.
        self.over = False
        threading.Thread(target=self._gather, name="news", daemon=True).start()

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._reading

    def take(self) -> "JobView | None":
        """Give what was told next; None if that was all. Waits for it. Raises what the iterator raised."""
        os.read(self._reading, 1)
        item = self._queue.get()
        if isinstance(item, Exception):
            raise item
        self.over = item is None
        return item

    def _gather(self) -> None:
        try:
            for view in self._views:
                self._put(view)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where the views are taken
            self._put(error)
        else:
            self._put(None)

    def _put(self, item: "JobView | Exception | None") -> None:
        self._queue.put(item)
        os.write(self._writing, b"\n")
