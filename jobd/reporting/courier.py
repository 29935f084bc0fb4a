"""The one thread of a process that says what waits: at once after a silence, then a few times a second.

It is a daemon thread, started with the first word and asleep while nothing waits. A program that ends is kept for two
seconds at most. In the child after a fork nothing of the parent's is said.
"""

import atexit
import os
import sys
from _queue import Empty, SimpleQueue
from contextlib import suppress
from threading import Event, RLock, Thread, current_thread
from time import monotonic
from typing import Protocol

#: Seconds between two deliveries.
INTERVAL = 0.25
#: Seconds that the end of a job, and of the program, may wait for the daemon.
PATIENCE = 2.0


class Sender(Protocol):
    """What the courier comes to: an outbox."""

    @property
    def immediate(self) -> bool:
        """Whether delivering never waits for anybody."""

    @property
    def owes(self) -> bool:
        """Whether there is something to deliver."""

    def deliver(self) -> bool:
        """Say what waits; whether there is more to do soon."""

    def orphan(self) -> None:
        """Say nothing more."""


class Courier:
    """Delivers for all outboxes of this process. Its bell may be rung in the middle of anything: a finalizer does."""

    def __init__(self) -> None:
        self._closed = False
        #: Whether a round was waited for in vain, and none was finished since.
        self._is_late = False
        self._bell = SimpleQueue[Event | None]()
        self._outboxes: dict[int, Sender] = {}
        self._thread: Thread | None = None
        self._starting = RLock()
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._reset)

    def call(self, outbox: Sender) -> None:
        """Come to an outbox when it is time."""
        self._outboxes[id(outbox)] = outbox
        if not self._closed:
            self._bell.put(None)
            self._start()
        elif outbox.immediate:
            outbox.deliver()

    def forget(self, outbox: Sender) -> None:
        """Be done with an outbox."""
        self._outboxes.pop(id(outbox), None)

    def hurry(self) -> Event:
        """Make a round now; the event is set after it."""
        done = Event()
        self._bell.put(done)
        return done

    def settle(self, outbox: Sender) -> None:
        """See to the end of an outbox: now, but without waiting where an event loop would have to wait, too."""
        self.call(outbox)
        done = self.hurry()
        if not (self._closed or self._is_late or _in_event_loop() or current_thread() is self._thread):
            self._is_late = not done.wait(PATIENCE)

    def close(self) -> None:
        """Say what is left, at the end of the program; the thread ends, so that it holds no lock when it is frozen."""
        deadline = monotonic() + PATIENCE
        for outbox in tuple(self._outboxes.values()):
            if outbox.immediate:
                outbox.deliver()
        while self._thread and self._owing() and (left := deadline - monotonic()) > 0:
            self.hurry().wait(left)
        self._closed = True
        if self._thread:
            self.hurry()
            self._thread.join(max(deadline - monotonic(), INTERVAL))

    def _owing(self) -> bool:
        return any(outbox.owes for outbox in tuple(self._outboxes.values()))

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                thread = Thread(target=self._run, name="jobd", daemon=True)
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
        due, again = 0.0, False
        while not self._closed:
            try:
                done = self._bell.get(timeout=max(due - monotonic(), 0) if again else None)
                again = True
                if done is None and monotonic() < due:
                    continue
            except Empty:
                done = None
            more = [outbox.deliver() for outbox in tuple(self._outboxes.values())]
            again = any(more)
            due, self._is_late = monotonic() + INTERVAL, False
            if done is not None:
                done.set()

    def _reset(self) -> None:
        for outbox in self._outboxes.values():
            outbox.orphan()
        self._bell, self._outboxes, self._thread, self._starting = SimpleQueue(), {}, None, RLock()


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    running = getattr(asyncio, "_get_running_loop", None)
    return running is not None and running() is not None


COURIER = Courier()
