"""All parts of a daemon for tests, without its door: real store, real processes, in the loop of the test."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from jobd.core.errors import StorageFull
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.model import LARGEST, Job, Origin, Spec, State, Surroundings
from jobd.daemon.engine import Engine
from jobd.daemon.orders import Orders
from jobd.daemon.recorder import Recorder
from jobd.daemon.recovery import Recovery
from tests.daemon.gating import gate
from tests.daemon.hearing import eventually
from tests.daemon.planting import PLAIN_PATH


class Works:
    """The parts of a daemon."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.recorder = Recorder(engine)
        self.orders = Orders(engine, self.recorder, {})
        self.recovery = Recovery(engine, self.recorder)

    def submit(self, *argv: str, **fields: Any) -> int:
        """Submit a job."""
        digest = self.engine.keep_surroundings(Surroundings(environment=("PATH=" + PLAIN_PATH,)))
        spec = Spec(argv=argv, cwd=str(self.engine.paths.state), surroundings=digest, **fields)
        return self.engine.create(happened.Submitted(name="test", origin=Origin(uid=0, pid=1), spec=spec)).id

    def job(self, job_id: int) -> Job:
        """Find a job."""
        return self.engine.job(job_id)

    def kinds(self, job_id: int) -> list[str]:
        """List what has durably happened to a job."""
        return [entry.event.title() for entry in self.engine.archive.entries(0, LARGEST) if entry.job == job_id]

    def break_down(self) -> None:
        """Let nothing be recorded from now on, as on a full disk."""
        self.engine.store.fault = StorageFull(path=str(self.engine.paths.state))

    def mend(self) -> None:
        """Let everything be recorded again, and look at what has happened meanwhile."""
        self.engine.store.fault = None
        self.recovery.run()

    def break_down_at(self, kind: type[Event]) -> None:
        """Break down when an event of this kind has become durable, before anything follows from it."""
        follow = self.engine.consequences.get(kind)

        def broken(job: Job, event: Event) -> None:
            self.break_down()
            if follow is not None:
                follow(job, event)

        self.engine.consequences[kind] = broken

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until a condition holds and all is durable."""
        await eventually(condition, what)
        await self.engine.committed()

    async def until_state(self, job_id: int, *states: State) -> Job:
        """Wait until a job is in one of the states."""
        await self.until(lambda: self.job(job_id).state in states, f"job {job_id} is {states}")
        return self.job(job_id)


@contextlib.asynccontextmanager
async def working(state: Path) -> AsyncIterator[Works]:
    """Run all parts on a state directory."""
    loop = asyncio.get_running_loop()
    async with gate(state) as engine:
        works = Works(engine)
        loop.add_signal_handler(signal.SIGCHLD, works.recorder.executor.reap)
        works.recovery.run()
        try:
            yield works
        finally:
            works.orders.close()
            works.recorder.close()
            loop.remove_signal_handler(signal.SIGCHLD)
