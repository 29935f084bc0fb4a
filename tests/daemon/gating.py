"""A real engine for tests: the gate on a real store, without the parts that touch processes."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from jobd.config import Config, Paths
from jobd.core.errors import JobdError
from jobd.core.events.catalogue import Event, Submitted
from jobd.core.model import Origin, Spec
from jobd.daemon.engine import Engine
from jobd.daemon.storage.batch import Batch
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.store import Store
from jobd.daemon.system.clock import Clock

REFUSE = """
CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.event LIKE '%{text}%' BEGIN SELECT RAISE(ABORT, 'trouble'); END
"""


@contextlib.asynccontextmanager
async def gate(state: Path) -> AsyncIterator[Engine]:
    """Run an engine on a state directory, and close it."""
    paths = Paths(state)
    paths.run.mkdir(exist_ok=True)
    paths.log.mkdir(exist_ok=True)

    def committed(batch: Batch) -> None:
        engine.on_committed(batch)

    def failed(error: JobdError) -> None:
        engine.on_failed(error)

    store = Store(paths.database, on_committed=committed, on_failed=failed)
    opened = store.open()
    reader = Reader(paths.database)
    engine = Engine(store=store, opened=opened, reader=reader, clock=Clock(), paths=paths, config=Config())
    store.start(asyncio.get_running_loop())
    try:
        yield engine
    finally:
        engine.reading.close()
        await store.close()
        reader.close()


@contextlib.contextmanager
def refusing(state: Path, text: str) -> Iterator[None]:
    """Let every commit fail that holds an event whose JSON has this text, as SQLite does it: rolled back."""
    path = Paths(state).database
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(REFUSE.format(text=text))
        connection.commit()
        yield
        connection.execute("DROP TRIGGER refuse")
        connection.commit()


def submitted(name: str = "encode", **fields: Any) -> Submitted:
    """Make the event of a submission."""
    spec = Spec(argv=("true",), cwd="/")
    return Submitted(**{"name": name, "origin": Origin(uid=0, pid=1), "spec": spec, **fields})


def kinds(events: list[Event]) -> list[str]:
    """Name the kinds of events."""
    return [type(event).__name__ for event in events]
