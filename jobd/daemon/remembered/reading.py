"""Reading beside the loop: what may take long is answered in a thread, with a connection of its own.

The rule: the loop hands over what is in memory, and holds the file, as they are at one moment. Records are frozen, so
that is a shallow copy, and nothing that happens meanwhile can be seen in half.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from jobd.core.errors import ShuttingDown
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
        self._turns = asyncio.Semaphore(MOST_READERS)
        self._idle: list[Reader] = []
        self.busy: set[Reader] = set()
        self._closed = False

    def close(self) -> None:
        """End what is being read, and close all connections."""
        self._closed = True
        for reader in self.busy:
            reader.stop()
        self._threads.shutdown(wait=True)
        for reader in (*self.busy, *self._idle):
            reader.close()

    def answer(self, request: "Read[Any]", caller: "Actor") -> bytes:
        """Answer at once."""
        begun = time.perf_counter()
        answer = _encode(request.answer(self._archive, caller))
        self._note(request, time.perf_counter() - begun)
        return answer

    async def answer_beside(self, request: "Read[Any]", caller: "Actor") -> bytes:
        """Answer in a thread; if nobody wants to know any more, the search ends. Raises ShuttingDown."""
        async with self._turns:
            if self._closed:
                raise ShuttingDown
            reader = self._idle.pop() if self._idle else Reader(self._archive.reader.path)
            self.busy.add(reader)
            try:
                answer, seconds = await self._work(reader, request, caller)
            finally:
                self._put_back(reader)
        self._note(request, seconds)
        return answer

    async def _work(self, reader: Reader, request: "Read[Any]", caller: "Actor") -> tuple[bytes, float]:
        """Answer from one moment; the reader is free when this ends, however it does."""
        reader.hold()
        archive = self._archive.snapshot(reader)
        threads, loop = self._threads, asyncio.get_running_loop()
        work = loop.run_in_executor(threads, _timed, lambda: _encode(request.answer(archive, caller)))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            reader.stop()
            await asyncio.wait([work])
            raise

    def _put_back(self, reader: Reader) -> None:
        if not self._closed:
            self.busy.discard(reader)
            reader.let_go()
            self._idle.append(reader)

    def _note(self, request: "Read[Any]", seconds: float) -> None:
        if seconds > self._limit():
            worst = Slow(slowest=seconds, method=request.method, at=self._archive.now().wall)
            worst = max(self.slow, worst, key=lambda slow: slow.slowest)
            self.slow = msgspec.structs.replace(worst, count=self.slow.count + 1)


def _timed(work: Callable[[], bytes]) -> tuple[bytes, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun
