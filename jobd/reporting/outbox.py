"""What waits to be said about one job: numbers are gathered, everything else keeps its order.

All of it may be called from any thread, and from a finalizer in the middle of itself: the locks are reentrant. Nothing
here waits for the daemon, except `deliver`, which the courier calls for channels that are not immediate.
"""

from collections.abc import Callable
from contextlib import nullcontext
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING

from jobd.reporting import lines
from jobd.reporting.channels import Channel, Nowhere
from jobd.reporting.doubts import doubt

if TYPE_CHECKING:
    from jobd.reporting.courier import Courier

#: More waiting lines are written at once, where that is possible; elsewhere the oldest are dropped.
MOST_WAITING = 1000
MOST_KEPT = 10_000


class Outbox:
    """The words of one job of this process on their way to `channel`."""

    def __init__(self, channel: Channel, courier: "Courier") -> None:
        self._channel = channel
        self._courier = courier
        self._lock = RLock()
        self._waiting: dict[object, str | lines.Numbers] = {}
        self._tally: Callable[[], float] | None = None
        self._done: float = 0
        self._total: float | None = None
        self._counted = self._called = self._moved = False
        self._status: int | None = None
        self._era = object()

    @property
    def immediate(self) -> bool:
        """Whether saying something never waits for anybody."""
        return self._channel.immediate

    @property
    def owes(self) -> bool:
        """Whether something is not yet said, or an end not yet told."""
        return bool(self._waiting) or self._moved or self._status is not None

    def say(self, line: str, key: object = None) -> None:
        """Keep a line; an earlier one of the same key that still waits is forgotten."""
        with self._lock:
            self._keep(line, key)
        if len(self._waiting) > MOST_WAITING:
            self._relieve()

    def say_after_numbers(self, line: str) -> None:
        """Keep a line that means something else if it came before the numbers said so far."""
        with self._lock:
            self._look()
            self._keep(line, None)

    def advance(self, more: float, message: str | None) -> None:
        """Say that so much more is done. Raises ValueError for NaN."""
        with self._lock:
            done = self._done + more
            most = lines.LARGEST if self._total is None else self._total
            self._done = done if 0 <= done <= most else self._checked(done)
            self._moved = True
            if message:
                self._put({"message": message})
            self._call()

    def tell(self, said: lines.Numbers) -> None:
        """Say numbers."""
        with self._lock:
            self._look()
            self._total = said.get("total", self._total)
            self._done = self._checked(said["done"]) if "done" in said else self._done
            self._put(said)

    def begin_stage(self, line: str) -> bool:
        """Say that another stage begins: what was counted is said before it, and counting starts anew.

        Gives whether anything was counted before it, or is by a loop.
        """
        with self._lock:
            self._settle()
            before = self._done > 0 or self._tally is not None
            self._done, self._total, self._counted = 0, None, False
            self._keep(line, None)
            return before

    def begin_count(self, total: float | None, unit: str | None) -> None:
        """Start to count, anew if something was counted before."""
        said = lines.Numbers(done=0)
        if (known := lines.total(total)) is not None:
            said["total"] = known
        if unit:
            said["unit"] = lines.text(unit, lines.LONGEST_UNIT)
        with self._lock:
            self._look()
            if self._counted:
                self._settle()
                said["restart"] = True
            self._done, self._total = 0, said.get("total")
            self._put(said)

    def watch(self, tally: Callable[[], float], total: float | None, unit: str | None) -> bool:
        """Look from now on how far the tally is; False if another one is looked at already: the outermost loop counts.

        The tally is called by any thread at any time.
        """
        with self._lock:
            if self._tally is not None:
                return False
            self.begin_count(total, unit)
            self._tally = tally
            return True

    def unwatch(self) -> None:
        """Look a last time."""
        with self._lock:
            self._look()
            self._done = self._checked(self._done)
            self._tally = None

    def flush(self) -> None:
        """Say now what waits, if that needs nobody else; else let the courier do it soon."""
        if self.immediate:
            self.deliver()
        else:
            self._courier.call(self)

    def finish(self, status: int) -> None:
        """End the job with an exit status; waits a little for it to be told, but never in an event loop."""
        with self._lock:
            self._status = status
        self._courier.settle(self)

    def deliver(self) -> bool:
        """Say what waits; whether there is more to do soon. Where that may take time, only the courier may call it."""
        with self._lock if self.immediate else nullcontext():
            entries = self._take()
            said = [entry if isinstance(entry, str) else lines.numbers(entry) for entry in entries.values()]
            done = self._channel.send(said)
            if done < len(said):
                self._put_back(dict(islice(entries.items(), done, None)))
                return True
        if self._status is None:
            return self._tally is not None
        with self._lock:
            self._look()
        if self._waiting or not self._channel.end(self._status):
            return True
        self._status = None
        self._courier.forget(self)
        return False

    def orphan(self) -> None:
        """Say nothing more in the child after a fork: the job is its parent's. The locks may be held by nobody now."""
        self._channel = Nowhere()
        self._lock = RLock()
        self._waiting = {}

    def _checked(self, done: float) -> float:
        """Bring a count into range, and warn of one beyond the total: that is taken for as many, as `lines` says it."""
        done = lines.amount(done, "done")
        if self._total is not None and done > self._total:
            doubt("more", f"{done:.15g} are done of {self._total:.15g}; the total is taken as {done:.15g}")
        return done

    def _put(self, said: lines.Numbers) -> None:
        before = self._waiting.pop(self._era, {})
        assert not isinstance(before, str)
        if self._total is not None:
            said["total"] = self._total
        if "fraction" in said:
            before.pop("done", None)
        elif "done" in said:
            before.pop("fraction", None)
        self._waiting[self._era] = {**before, **said}
        self._counted = True
        self._call()

    def _settle(self) -> None:
        """Fix the numbers said so far: they wait under the key of their era, and only its numbers replace them."""
        self._look()
        self._era = object()

    def _look(self) -> None:
        if self._tally is not None and (done := self._tally()) != self._done:
            self._done, self._moved = done, True
        if self._moved:
            self._moved = False
            self._put({"done": self._done})

    def _keep(self, line: str, key: object) -> None:
        self._waiting.pop(key, None)
        self._waiting[object() if key is None else key] = line
        self._call()

    def _call(self) -> None:
        if not self._called:
            self._called = True
            self._courier.call(self)

    def _take(self) -> dict[object, str | lines.Numbers]:
        with self._lock:
            self._called = True
            self._look()
            self._called = False
            taken, self._waiting = self._waiting, {}
            return taken

    def _put_back(self, entries: dict[object, str | lines.Numbers]) -> None:
        with self._lock:
            older, newer = entries.get(self._era), self._waiting.get(self._era)
            if isinstance(older, dict) and isinstance(newer, dict):
                del entries[self._era]
                self._waiting[self._era] = {**older, **newer}
            self._waiting = {**entries, **self._waiting}

    def _relieve(self) -> None:
        if self.immediate:
            self.deliver()
            return
        with self._lock:
            while len(self._waiting) > MOST_KEPT:
                del self._waiting[next(iter(self._waiting))]
