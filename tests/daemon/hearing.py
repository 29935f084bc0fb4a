"""A real executor for tests, and what it tells: the directories of its attempts are below the path of the test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from jobd.core.model import Ending
from jobd.daemon.attempts.directory import Claim, SpecFile
from jobd.daemon.attempts.executor import Executor
from jobd.daemon.attempts.starting import Key
from jobd.daemon.system.processes import boot_id
from tests.daemon.planting import PLAIN_PATH

LONGEST = 20.0


class Heard:
    """Whoever is told by an executor: what happened, in order, and how it ended."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Key]] = []
        self.claims: dict[Key, Claim] = {}
        self.reasons: dict[Key, str] = {}
        self.statuses: dict[Key, int | None] = {}
        self.endings: dict[Key, Ending | None] = {}
        #: Whether attempts last until what they have left over has ended.
        self.lasts = True

    def claimed(self, key: Key, claim: Claim) -> None:
        """Note a start."""
        self.told.append(("claimed", key))
        self.claims[key] = claim

    def never_ran(self, key: Key, why: str) -> None:
        """Note an attempt that did not come about."""
        self.told.append(("never_ran", key))
        self.reasons[key] = why

    def draining(self, key: Key, status: int | None) -> bool:
        """Note leftovers, once."""
        if ("draining", key) not in self.told:
            self.told.append(("draining", key))
        self.statuses[key] = status
        return self.lasts

    def orphaned(self, key: Key) -> None:
        """Note the death of a shim."""
        self.told.append(("orphaned", key))

    def ended(self, key: Key, ending: Ending | None) -> None:
        """Note an end."""
        self.told.append(("ended", key))
        self.endings[key] = ending

    def status(self, number: int) -> int | None:
        """Give the wait status of an attempt of job 1."""
        ending = self.endings[1, number]
        return None if ending is None else ending.status


@contextlib.asynccontextmanager
async def executing(path: Path, heard: Heard) -> AsyncIterator[Executor]:
    """Run an executor, and let go of it."""
    executor = Executor(heard, boot_id(), path / "zygote.log")
    try:
        yield executor
    finally:
        executor.close()


def spec(path: Path, number: int, *argv: str, **fields: Any) -> SpecFile:
    """Specify an attempt of job 1, with the path of the test as its directory."""
    details: dict[str, Any] = {
        "job": 1, "attempt": number, "name": "test", "cookie": f"1.{number}.{path.name}", "argv": argv,
        "cwd": str(path), "env": ("PATH=" + PLAIN_PATH,), "leftover": "wait", **fields,
    }  # fmt: skip
    return SpecFile(**details)


def start(executor: Executor, path: Path, number: int, *argv: str, **fields: Any) -> Path:
    """Start an attempt of job 1, and give its directory."""
    directory = path / f"1.{number}"
    executor.start((1, number), directory, spec(path, number, *argv, **fields))
    return directory


async def eventually(condition: Callable[[], object], what: str = "") -> None:
    """Wait until a condition holds."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + LONGEST
    while not condition():
        assert clock() < deadline, f"still not: {what}"
        await asyncio.sleep(0.01)
