"""Removing old jobs while the daemon is at work: how long the slowest update has to wait."""

import asyncio
import gc
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from jobd.config import Config, Paths
from jobd.config import Retention as Settings
from jobd.core import telling
from jobd.core.events import catalogue as happened
from jobd.core.model import Origin
from jobd.core.work.progress import Report
from jobd.daemon.engine import Engine
from jobd.daemon.storage.batch import Batch
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.store import Store
from jobd.daemon.system.clock import Clock
from jobd.daemon.upkeep.retention import Retention
from tests.bench import filling
from tests.bench.measure import Figure, row

#: Updates a second; seconds for which they are measured without retention, and with it at the most.
UPDATES, QUIET, BUSY = 500, 10.0, 30.0
REMOVED = 500_000
#: Seconds between two looks whether all is removed.
LOOK = 0.1


async def update(engine: Engine, waits: list[float], stop: asyncio.Event) -> None:
    """Record updates of 50 jobs at a steady pace, and note how long each takes to become durable, in ms."""
    jobs = []
    for number in range(50):
        now = engine.clock.now()
        begun = happened.Begun(name=f"load-{number}", origin=Origin(uid=0, pid=1), boot=now.boot, boottime=now.boottime)
        jobs.append(engine.create(begun).id)
    count, begun_at = 0, time.perf_counter()
    pending: set[asyncio.Task[None]] = set()
    while not stop.is_set():
        job = engine.jobs[jobs[count % len(jobs)]]
        engine.record(job, telling.report(job, Report(done=count, total=10**9), engine.clock.now()))
        task = asyncio.ensure_future(note(engine, waits))
        pending.add(task)
        task.add_done_callback(pending.discard)
        count += 1
        await asyncio.sleep(max(0.0, begun_at + count / UPDATES - time.perf_counter()))
    await asyncio.gather(*pending)


async def note(engine: Engine, waits: list[float]) -> None:
    """Wait until all so far is durable."""
    begun = time.perf_counter()
    await engine.committed()
    waits.append((time.perf_counter() - begun) * 1e3)


async def measured(path: Path) -> tuple[list[float], list[float], float, int]:
    """Give the waits without and with retention, the seconds that retention was watched, and the jobs it removed."""

    def on_committed(batch: Batch) -> None:
        engine.on_committed(batch)

    store = Store(path, on_committed=on_committed, on_failed=lambda _: None)
    opened, paths = store.open(), Paths(path.parent)
    for folder in (paths.run, paths.log):
        folder.mkdir()
    reader = Reader(path)
    kept = filling.JOBS - min(REMOVED, filling.JOBS // 2)
    config = Config(retention=Settings(jobs_count=kept, events_count=0))
    engine = Engine(store=store, opened=opened, reader=reader, clock=Clock(), paths=paths, config=config)
    store.start(asyncio.get_running_loop())
    # As jobd itself does when it is loaded.
    gc.collect()
    gc.freeze()
    figures: list[list[float]] = []
    retention = Retention(engine)
    for seconds in (QUIET, BUSY):
        waits, stop, begun = list[float](), asyncio.Event(), time.perf_counter()
        work = asyncio.ensure_future(update(engine, waits, stop))
        if figures:
            await retention.look()
        for _ in range(int(seconds / LOOK)):
            if figures and retention.idle:
                break
            await asyncio.sleep(LOOK)
        stop.set()
        await work
        figures.append(waits)
    taken = time.perf_counter() - begun
    retention.close()
    removed = filling.JOBS - sum(count for state, count in reader.counts().items() if state.value != "running")
    await store.close()
    reader.close()
    engine.reading.close()
    return figures[0], figures[1], taken, removed


@row("P16b", "removing old jobs while 500 updates a second go on")
def removed() -> list[Figure]:
    """Compare the slowest update with what is usual; say how fast jobs go."""
    with TemporaryDirectory(dir="/tmp", prefix="jobd-bench-") as folder:
        path = Path(folder, "jobd.db")
        filling.copy(path)
        quiet, busy, seconds, gone = asyncio.run(measured(path))
    usual = statistics.quantiles(quiet, n=100)[-1]
    note = f"p99 meanwhile {statistics.quantiles(busy, n=100)[-1]:.1f} ms, {gone / seconds:.0f} jobs removed a second"
    return [Figure(max(busy), usual, "ms", 4, note=f"the slowest against the usual p99; {note}")]
