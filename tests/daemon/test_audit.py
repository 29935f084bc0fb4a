"""The log is the audit trail: whatever is done to jobs, all that is stored of them follows from it, to the byte."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec

from jobd.config import Paths
from jobd.core import clocks, lifecycle, staleness, telling
from jobd.core.errors import JobdError
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Entry, Event
from jobd.core.model import Ending, Job, Measure, Moment, Origin, Process, State, Usage
from jobd.core.promises import Heartbeat
from jobd.core.retries import Retries
from jobd.core.work.items import Item, ItemReport, ItemState
from jobd.core.work.progress import Report
from jobd.daemon.engine import Engine
from jobd.daemon.storage.reader import Reader
from tests.daemon.gating import gate, submitted
from tests.daemon.storing import ask

OPERATIONS, RESTARTS, JOBS = 10_000, 4, 60
ME = Actor(1000, 4242, "jobd")
USAGE = Usage(cpu_percent=12.5, cpu_seconds=3.25, rss_bytes=10_000_000, processes=2)

Decide = Callable[["Playing", Job], list[Event]]


class Playing:
    """Random operations on one engine, some of which are refused."""

    def __init__(self, engine: Engine, chance: Random) -> None:
        self.engine = engine
        self.chance = chance
        self.refused = self.done = 0

    async def play(self, operations: int) -> None:
        """Do something to some job, so many times; now and then wait until it is durable."""
        for _ in range(operations):
            try:
                self._act()
            except JobdError:
                self.refused += 1
            if self.chance.random() < 0.05:
                await asyncio.sleep(0)
            if self.chance.random() < 0.01:
                await self.engine.committed()
        await self.engine.committed()

    def _act(self) -> None:
        live = list(self.engine.jobs)
        if not live or (self.chance.random() < 0.03 and len(live) < JOBS):
            self.engine.create(self.chance.choice(BEGINNINGS)(self), ME)
            return
        ended = self.chance.random() < 0.05
        newest = self.engine.archive.reader.newest_id() or 1
        job = self.engine.job(self.chance.randint(1, newest) if ended else self.chance.choice(live))
        events = self.chance.choice(ENDED if job.done else OPERATION)(self, job)
        self.engine.record(job, events, self.chance.choice((ME, None)))
        self.done += bool(events)


def begun(playing: Playing) -> happened.Begun:
    """Begin a job elsewhere."""
    now = playing.engine.clock.now()
    origin = Origin(uid=1000, pid=7, tty="pts/3", cwd="/srv")
    return happened.Begun(name="outside", origin=origin, boot=now.boot, boottime=now.boottime)


BEGINNINGS: tuple[Callable[[Playing], happened.Created], ...] = (
    lambda playing: submitted(f"job-{playing.chance.randint(1, 9)}", labels={"a": "é\x00"}, group="video"),
    lambda _: submitted("promises", heartbeat=Heartbeat(beat_every=1.0, stale_after=4.0), priority=5),
    lambda _: submitted("again", retries=Retries(most=9)),
    lambda playing: submitted("child", parent=playing.chance.choice([*playing.engine.jobs, 1])),
    begun,
)


def opened(playing: Playing, job: Job) -> list[Event]:
    """Start an attempt, mostly."""
    now, chance = playing.engine.clock.now(), playing.chance
    events = lifecycle.open_attempt(job, now, f"{job.id}.{chance.random()}", chance.choice((None, "/jobd")))
    if chance.random() < 0.8:
        main, shim = Process(chance.randint(2, 2**22), 7), Process(chance.randint(2, 2**22), 6)
        events.append(happened.Started(main=main, shim=shim, started_at=now.wall, boottime=now.boottime))
    return events


def reported(playing: Playing, job: Job) -> list[Event]:
    """Say how far it is, in one of many ways."""
    chance = playing.chance
    said = chance.choice(
        (
            Report(done=float(chance.randint(0, 100)), total=100.0),
            Report(fraction=chance.random()),
            Report(message="né\u2028", unit="files"),
            Report(stage=chance.choice("abc")),
            Report(stages={"a": 1.0, "b": 2.5, "c": 1.0}),
            Report(restart=True),
            Report(rate_limited=30.0, message="their limit"),
        )
    )
    events = telling.report(job, said, playing.engine.clock.now())
    if job.open and chance.random() < 0.5:
        offset = job.attempts[-1].report_offset + 10
        guessed = {"guessed": True} if chance.random() < 0.2 else {}
        return [
            msgspec.structs.replace(event, offset=offset, **guessed if isinstance(event, happened.Progressed) else {})
            for event in events
        ]
    return events


def told_items(playing: Playing, job: Job) -> list[Event]:
    """Say something of items."""
    chance = playing.chance
    said = [
        ItemReport(
            item=f"item-{chance.randint(1, 30)}",
            state=chance.choice((None, *ItemState)),
            fraction=chance.choice((None, chance.random())),
            weight=chance.choice((None, 0.1, 3.0)),
            error=chance.choice((None, "why")),
        )
        for _ in range(chance.randint(1, 5))
    ]
    now = playing.engine.clock.now()
    known = playing.engine.items.known(job)
    events, _ = telling.items_changed(job, said, known, now, clocks.worked(job, now))
    return list(events)


def ended(playing: Playing, job: Job) -> list[Event]:
    """End in one of many ways."""
    chance, now = playing.chance, playing.engine.clock.now()
    ending = Ending(
        status=chance.choice((0, 0, 256, 9, None)), started_at=job.started_at, ended_at=now.wall,
        elapsed=chance.choice((None, 1.5)), start_errno=chance.choice((None, None, None, 2)), output={"output": 10},
    )  # fmt: skip
    measure = chance.choice((None, Measure(1.5, 2.25, 3000)))
    return chance.choice(
        (
            lambda: lifecycle.exited(job, ending, USAGE, measure),
            lambda: lifecycle.lost(job, "shim", now),
            lambda: lifecycle.end(job, 3, now),
        )
    )()


def resumed(playing: Playing, job: Job) -> list[Event]:
    """Ask for another attempt that does what is left of the items."""
    return telling.resumed(job, playing.engine.items.known(job), playing.engine.clock.now())


def canceled(playing: Playing, job: Job) -> list[Event]:
    """Ask it to end."""
    return lifecycle.cancel(job, playing.engine.clock.now(), 1.5, 15, playing.chance.choice((None, "too slow")), 1000)


def simply(decide: Callable[[Job], list[Event]]) -> Decide:
    """Let a rule decide that needs nothing but the job."""
    return lambda _, job: decide(job)


def timely(decide: Callable[[Job, Moment], list[Event]]) -> Decide:
    """Let a rule decide that needs the time, too."""
    return lambda playing, job: decide(job, playing.engine.clock.now())


def just(event: Event) -> Decide:
    """Let something happen."""
    return lambda _playing, _job: [event]


#: What happens to jobs that have not ended, and to those that have; what cannot happen is refused by the gate.
OPERATION: tuple[Decide, ...] = (
    opened, opened, reported, reported, reported, told_items, told_items, canceled, ended,
    *map(simply, (lifecycle.pause, lifecycle.abandon, lifecycle.retry, lifecycle.due, staleness.heard)),
    *map(timely, (lifecycle.paused, lifecycle.resume)),
    simply(lambda job: lifecycle.withdrawn(job, "fenced")),
    simply(lambda job: lifecycle.draining(job, 0)),
    *(timely(lambda job, now: staleness.silent(job, 4.5, now)), simply(staleness.heard)) * 2,
    just(happened.Measured(usage=USAGE, measure=Measure(1.25, 0.1, 2**33))),
    just(happened.ReportRejected(text="x\x1b", problem="no report", count=2)),
    just(happened.OutputTrimmed(file="output", removed_bytes=10, limit=5)),
    just(happened.CancelStalled(processes=("7 x D",))),
    just(happened.Adopted(shim_lost=True)),
)  # fmt: skip
ENDED: tuple[Decide, ...] = (simply(lifecycle.retry), resumed, simply(lifecycle.remove), reported, canceled)


def replay(entries: list[Entry]) -> tuple[dict[int, Job], dict[tuple[int, str], Item]]:
    """Make the jobs and items that the log speaks of; each line says from which state to which it led."""
    jobs: dict[int, Job] = {}
    items: dict[tuple[int, str], Item] = {}
    for entry in entries:
        before = jobs.pop(entry.job, None)
        job = lifecycle.fold(before, entry)
        if job is not None:
            jobs[entry.job] = job
        states = (before and before.state, job and job.state)
        noted = (entry.event.from_state, entry.event.to_state)
        assert noted == (states if states[0] is not states[1] else (None, None))
        if isinstance(entry.event, happened.ItemsChanged):
            items.update({(entry.job, change.item.key): change.item for change in entry.event.changes})
        elif isinstance(entry.event, happened.Removed) or (
            isinstance(entry.event, happened.Retried) and not entry.event.resumes
        ):
            items = {key: item for key, item in items.items() if key[0] != entry.job}
    return jobs, items


def test_ten_thousand_operations(tmp_path: Path) -> None:
    """Done to jobs at random, through restarts: what is stored of jobs and items is the folded log, byte for byte."""
    chance = Random(11)  # noqa: S311 -- not a secret
    done = refused = 0

    async def run() -> None:
        nonlocal done, refused
        async with gate(tmp_path) as engine:
            playing = Playing(engine, chance)
            await playing.play(OPERATIONS // RESTARTS)
            done, refused = done + playing.done, refused + playing.refused

    for _ in range(RESTARTS):
        asyncio.run(run())
    assert done > OPERATIONS / 4
    assert refused > OPERATIONS / 10
    database = Paths(tmp_path).database
    reader = Reader(database)
    entries: list[Entry] = []
    while page := reader.entries(len(entries), 5000):
        entries += page
    reader.close()
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert {type(entry.event) for entry in entries} >= set(happened.leaves()) - {happened.Imported}
    assert {entry.by for entry in entries} == {ME, None}
    jobs, items = replay(entries)
    assert len({job.state for job in jobs.values()}) > len(State) / 3
    encode = msgspec.json.Encoder().encode
    stored = ask(database, "SELECT job, record FROM records ORDER BY job")
    assert stored == [(job.id, encode(job).decode()) for _, job in sorted(jobs.items())]
    kept = ask(database, "SELECT job, key, record FROM items ORDER BY job, key")
    assert kept == [(*key, encode(item).decode()) for key, item in sorted(items.items())]
    assert len(kept) > 100
