"""Reading beside the loop: what may take long is answered in a thread, with a connection of its own.

The rule: the loop hands over what is in memory as it is at that moment. Records are frozen, so that is a shallow copy,
and nothing that happens meanwhile can be seen in half.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from jobd.core.history.searching import Slow
from jobd.daemon.storage.reader import Reader

if TYPE_CHECKING:
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive
    from jobd.wire import Read

#: Readers at work at a time; others wait for their turn.
MOST_READERS = 4

_encode = msgspec.json.Encoder().encode


class Reading:
    """Answers Reads from an archive; `limit` says from how many seconds on a question is a slow one."""

    def __init__(self, archive: "Archive", limit: Callable[[], float]) -> None:
        self.slow = Slow()
        self._archive = archive
        self._limit = limit
        self._threads = ThreadPoolExecutor(MOST_READERS, thread_name_prefix="reading")
        self._idle: deque[Reader] = deque()
        self.busy: set[Reader] = set()

    def close(self) -> None:
        """End what is being read, and close all connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for reader in list(self.busy):
            reader.stop()
        self._threads.shutdown(wait=True)
        while self._idle:
            self._idle.pop().close()

    def answer(self, request: "Read[Any]", caller: "Actor") -> bytes:
        """Answer at once."""
        begun = time.perf_counter()
        answer = _encode(request.answer(self._archive, caller))
        self._note(request, time.perf_counter() - begun)
        return answer

    async def answer_beside(self, request: "Read[Any]", caller: "Actor") -> bytes:
        """Answer in a thread; if nobody wants to know any more, the search ends."""
        reader = self._idle.pop() if self._idle else Reader(self._archive.reader.path)
        archive = self._archive.snapshot(reader)
        self.busy.add(reader)
        work = self._threads.submit(lambda: _timed(lambda: _encode(request.answer(archive, caller))))
        work.add_done_callback(lambda _: self._put_back(reader))
        try:
            answer, seconds = await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            reader.stop()
            raise
        self._note(request, seconds)
        return answer

    def _put_back(self, reader: Reader) -> None:
        self.busy.discard(reader)
        reader.go_on()
        self._idle.append(reader)

    def _note(self, request: "Read[Any]", seconds: float) -> None:
        if seconds > self._limit():
            worst = Slow(slowest=seconds, method=request.method, at=self._archive.now().wall)
            worst = max(self.slow, worst, key=lambda slow: slow.slowest)
            self.slow = msgspec.structs.replace(worst, count=self.slow.count + 1)


def _timed(work: Callable[[], bytes]) -> tuple[bytes, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun
