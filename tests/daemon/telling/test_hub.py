"""Who follows the log gets every line once, in order, however slow; who stands still costs nothing."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry
from jobd.core.work.items import Item, ItemChange, ItemState
from jobd.daemon.telling import hub
from jobd.daemon.telling.hub import RING, Hub
from tests.daemon.storing import kept, reading
from tests.making import START, Maker


def line(seq: int) -> Entry:
    """Make a line of the log."""
    return Entry(seq, START + timedelta(seconds=seq), 1, happened.Resumed(boottime=seq))


class Log:
    """A log that counts how often it is read."""

    def __init__(self, size: int = 0) -> None:
        self.lines = [line(seq) for seq in range(1, size + 1)]
        self.reads = 0

    def entries(self, after: int, limit: int, job: int | None = None) -> list[Entry]:
        """Read on after a number."""
        assert job is None
        self.reads += 1
        return self.lines[after : after + limit]

    def before(self, _: Entry) -> None:
        """Nobody asks what the job was."""
        raise AssertionError

    def last_seq(self) -> int:
        """Give the number of the last line."""
        return len(self.lines)

    def add(self, to: Hub, count: int) -> None:
        """Append lines, and publish them."""
        fresh = [line(len(self.lines) + place) for place in range(1, count + 1)]
        self.lines += fresh
        to.publish(fresh)


async def take(stream: AsyncIterator[list[Entry]], last: int) -> list[int]:
    """Read until a number is reached."""
    taken: list[int] = []
    async for entries in stream:
        assert entries
        taken += [entry.seq for entry in entries]
        if taken[-1] >= last:
            break
    return taken


@settings(max_examples=40)
@given(
    st.integers(0, 40),
    st.lists(st.integers(0, 30), max_size=15),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)), min_size=1, max_size=5),
    st.integers(1, 20),
)
def test_no_gap_and_no_repeat(old: int, bursts: list[int], followers: list[tuple[int, int]], ring: int) -> None:
    """Whatever the speed of those who publish and follow, everybody gets all lines after his number, in order, once."""

    async def follow(news: Hub, after: int, pause: int, last: int) -> list[int]:
        taken: list[int] = []
        stream = news.follow(after)
        while not taken or taken[-1] < last:
            taken += [entry.seq for entry in await anext(stream)]
            for _ in range(pause):
                await asyncio.sleep(0)
        await stream.aclose()
        return taken

    async def run() -> None:
        log = Log(old)
        news = Hub(log, ring=ring)
        last = old + sum(bursts)
        watching = [(min(after, old), pause) for after, pause in followers if min(after, old) < last]
        tasks = [asyncio.create_task(follow(news, after, pause, last)) for after, pause in watching]
        for burst in bursts:
            log.add(news, burst)
            await asyncio.sleep(0)
        taken = await asyncio.gather(*tasks)
        assert taken == [list(range(after + 1, last + 1)) for after, _ in watching]

    asyncio.run(run())


def test_the_latest_come_from_memory_and_older_ones_from_the_file() -> None:
    """A follower that keeps up never has the file read; one that starts in the past reads no more than it must."""

    async def run() -> None:
        log = Log(100)
        news = Hub(log)
        log.add(news, 50)
        assert await take(news.follow(100), 150) == list(range(101, 151))
        assert log.reads == 0
        assert await take(news.follow(0), 150) == list(range(1, 151))
        assert log.reads == 1

    asyncio.run(run())


def test_memory_is_bounded() -> None:
    """What does not fit is read from the file, some at a time, and nobody notices."""

    async def run() -> None:
        log = Log()
        news = Hub(log)
        stream = news.follow(0)
        log.add(news, RING + 1)
        sizes = [len(await anext(stream)) for _ in range(3)]
        assert sizes == [hub.MOST_AT_ONCE] * 3
        assert log.reads == 1
        log.add(news, RING)
        assert await take(stream, 2 * RING + 1) == list(range(3 * hub.MOST_AT_ONCE + 1, 2 * RING + 2))
        await stream.aclose()

    asyncio.run(run())


def test_memory_is_bounded_by_what_lines_tell_of() -> None:
    """Lines that tell of many items are kept the less, in memory and of what was read; nobody misses one."""

    async def run() -> None:
        log = Log()
        news = Hub(log)
        change = ItemChange(item=Item(key="a", state=ItemState.FAILED))
        told = happened.ItemsChanged(changes=(change,) * 500)
        log.lines = [Entry(seq, START, 1, told) for seq in range(1, 2 * hub.MOST_AT_ONCE)]
        news.publish(log.lines)
        latest = len(log.lines) - hub.ITEMS // 500
        assert news.since(latest)[0].entry.seq == latest + 1
        assert log.reads == 0
        for reads in (1, 2):
            assert await take(news.follow(0), hub.MOST_AT_ONCE) == list(range(1, hub.MOST_AT_ONCE + 1))
            assert log.reads == reads

    asyncio.run(run())


def test_a_follower_that_stands_still_holds_nothing() -> None:
    """Entries that were handed over are freed, though the follower never comes back for more."""

    async def run() -> None:
        log = Log()
        news = Hub(log, ring=4)
        stream = news.follow(0)
        log.add(news, 3)
        first = (await anext(stream))[0]
        log.lines.clear()
        log.lines += [line(seq) for seq in range(1, 4)]
        log.add(news, 5)
        gc.collect()
        assert sys.getrefcount(first) == 2
        await stream.aclose()

    asyncio.run(run())


def test_a_number_not_reached_yet_means_from_now_on() -> None:
    """After a restore the log may be shorter than what a client saw: it gets what comes, not nothing for years."""

    async def run() -> None:
        log = Log(10)
        news = Hub(log)
        stream = news.follow(1000)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        log.add(news, 2)
        assert [entry.seq for entry in await waiting] == [11, 12]
        await stream.aclose()

    asyncio.run(run())


def test_one_that_gives_up_disturbs_nobody() -> None:
    """A cancelled follower takes the news from no other."""

    async def run() -> None:
        log = Log()
        news = Hub(log)
        streams = [news.follow(0), news.follow(0)]
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        log.add(news, 1)
        assert [entry.seq for entry in await waiting[1]] == [1]
        await streams[1].aclose()

    asyncio.run(run())


def test_behind_a_real_store(tmp_path: Path) -> None:
    """Followed from the beginning while it grows, the log in the file and in memory is one."""

    async def run() -> None:
        maker = Maker()
        async with kept(tmp_path / "jobd.db") as running:
            await running.commit(*(maker.submit(job_id) for job_id in range(1, 40)))
            with reading(tmp_path / "jobd.db") as reader:
                news = Hub(reader, ring=8)
                running.tell = lambda batch: news.publish(batch.entries)
                task = asyncio.create_task(take(news.follow(0), 100))
                for job_id in range(40, 101):
                    await running.commit(maker.submit(job_id))
                assert await task == list(range(1, 101))

    asyncio.run(run())
