"""Ending, stopping and continuing whole process trees, at the pace of their grace.

The work is done in bites by `trees` on a few threads; this is the order of the bites. The proof that a tree is gone is
its shim, which ends when it has no child left; an empty look at /proc proves nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar
from weakref import WeakValueDictionary

from jobd.daemon.attempts.executor import Watched
from jobd.daemon.attempts.starting import Key
from jobd.daemon.system import trees

if TYPE_CHECKING:
    from jobd.core.model import Process

logger = logging.getLogger(__name__)

#: Seconds of killing after which somebody is told what does not end (a process in state D, or of another user).
PATIENCE = 60.0
#: Seconds between two bites, for the shim to notice: at first, after a while, and when nothing seems to help.
BREATH, LONGEST_BREATH = 0.01, 0.5
SLOW_ROUND = 2.0
#: Seconds until another try when the processes cannot be looked at.
AGAIN = 0.5
THREADS = 4

Done = TypeVar("Done")


class Told(Protocol):
    """Who hears of it; keys are (job, attempt)."""

    def frozen(self, key: Key) -> None:
        """Every process of the job is stopped."""

    def stalled(self, key: Key, processes: tuple[str, ...]) -> None:
        """These do not end."""


class Control:
    """Act on the trees of watched attempts."""

    def __init__(self, watched: Mapping[Key, Watched], told: Told) -> None:
        self._watched = watched
        self._told = told
        self._pool = ThreadPoolExecutor(THREADS, "trees")
        self._endings: dict[Key, asyncio.Task[None]] = {}
        #: Whom a pause has stopped; not there = not known.
        self._stopped: dict[Key, frozenset[Process]] = {}
        self._turns: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        #: What was asked of a tree last, of stopping and going on, as long as it is not done.
        self._last_words: WeakValueDictionary[Key, asyncio.Task[None]] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    def end(self, key: Key, signal: int, grace: float) -> None:
        """End the tree: the signal, the grace in seconds, then KILL until nothing is left.

        Asked again, the newer grace counts.
        """
        self.spare(key)
        self._endings[key] = self._spawn(self._end(key, signal, grace))

    def spare(self, key: Key) -> None:
        """Do nothing more to end it, and forget whom a pause has stopped."""
        self._stopped.pop(key, None)
        if key in self._endings:
            self._endings.pop(key).cancel()

    def is_ending(self, key: Key) -> bool:
        """Whether the tree is being ended already."""
        return key in self._endings

    def pause(self, key: Key, *, begun: bool = False) -> None:
        """Stop every process of the tree; `begun` = a daemon before this one may have stopped some of them."""
        self._last_words[key] = self._spawn(self._pause(key, begun=begun))

    def resume(self, key: Key) -> None:
        """Let go on what a pause stopped; if that is not known, everything that is stopped."""
        self._last_words[key] = self._spawn(self._resume(key))

    def close(self) -> None:
        """Leave everything as it is."""
        for task in self._tasks:
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, bite: Callable[[], Done]) -> Done:
        """Do something on a thread, again and again until it can look at the processes."""
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, bite)
            except OSError as error:
                logger.warning("a process tree cannot be acted on now: %s", error)
            await asyncio.sleep(AGAIN)

    async def _end(self, key: Key, signal: int, grace: float) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + grace
        if grace > 0:
            await self._ask_to_end(key, signal)
            while (watched := self._watched.get(key)) is not None and clock() < deadline:
                await _within(watched.gone, deadline - clock())
        await self._kill(key, clock())
        self._endings.pop(key, None)

    async def _ask_to_end(self, key: Key, signal: int) -> None:
        async with self._turn(key):
            watched = self._watched.get(key)
            if watched is not None:
                await self._run(partial(trees.terminate, watched.tree, signal))

    async def _kill(self, key: Key, begun: float) -> None:
        told, pause = False, BREATH
        while (watched := self._watched.get(key)) is not None:
            alive = await self._run(partial(trees.kill_round, watched.tree))
            late = asyncio.get_running_loop().time() - begun > PATIENCE
            if late and not told and alive:
                self._told.stalled(key, trees.describe(alive))
                told = True
            await _within(watched.gone, SLOW_ROUND if late else pause)
            pause = min(1.5 * pause, LONGEST_BREATH)

    async def _pause(self, key: Key, *, begun: bool) -> None:
        async with self._turn(key):
            watched = self._watched.get(key)
            if watched is None:
                return
            stopped = await self._run(partial(trees.freeze, watched.tree))
            if not begun:
                self._stopped[key] = self._stopped.get(key, frozenset()) | stopped
        if self._last_words.get(key) is asyncio.current_task():
            self._told.frozen(key)

    async def _resume(self, key: Key) -> None:
        async with self._turn(key):
            watched = self._watched.get(key)
            stopped = self._stopped.pop(key, None)
            if watched is not None:
                await self._run(partial(trees.thaw, watched.tree, stopped))

    def _turn(self, key: Key) -> asyncio.Lock:
        """Let what is asked of one tree happen one after the other."""
        return self._turns.setdefault(key, asyncio.Lock())


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
