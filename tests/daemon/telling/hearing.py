"""Those who hear, for tests: they keep what they are told, and can be told not to read."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry, Event
from jobd.core.filters import Asker, parse
from jobd.core.model import Moment
from jobd.core.subscriptions import interest, rooms
from jobd.core.subscriptions.interest import ALL, Interest
from jobd.core.subscriptions.rooms import Sight
from jobd.daemon.telling.channel import Manner
from jobd.daemon.telling.channels import Channels
from jobd.daemon.telling.hub import Hub
from jobd.daemon.telling.presence import Presence
from tests.making import START

if TYPE_CHECKING:
    from jobd.core.model import Job

PATIENCE = 20.0
NOW = Moment(START, 0, "")
EAGER = Manner()


class Ear:
    """A listener: `items` are what it was told; one that is `deaf` does not read, one that is `shy` never answers."""

    def __init__(self, call_id: bytes = b"1", *, shy: bool = False) -> None:
        self.call_id = call_id
        self.shy = shy
        self.told: list[bytes] = []
        self.hung_up = False
        self._heard = asyncio.get_running_loop().time()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def heard(self) -> float:
        """When it said something."""
        return self._heard if self.shy else asyncio.get_running_loop().time()

    @property
    def items(self) -> list[dict[str, Any]]:
        """What it was told."""
        messages = [json.loads(line) for line in b"".join(self.told).splitlines()]
        assert {message["params"]["request"] for message in messages} <= {json.loads(self.call_id)}
        return [message["params"]["item"] for message in messages]

    @property
    def seqs(self) -> list[int]:
        """The numbers of the entries."""
        return [item["seq"] for item in self.items if item["type"] == "event"]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The items of a type."""
        return [item for item in self.items if item["type"] == kind]

    def be_deaf(self, *, deaf: bool) -> None:
        """Stop reading, or go on."""
        if deaf:
            self._room.clear()
        else:
            self._room.set()

    def tell(self, lines: bytes) -> None:
        """Hear."""
        self.told.append(lines)

    def offer(self, lines: bytes) -> bool:
        """Hear, unless it is deaf."""
        if self._room.is_set():
            self.tell(lines)
        return self._room.is_set()

    async def room(self) -> None:
        """Wait until it reads."""
        await self._room.wait()

    def hang_up(self) -> None:
        """Be gone."""
        self.hung_up = True


class Log:
    """A log that can forget its beginning."""

    def __init__(self) -> None:
        self.lines: list[Entry] = []
        self.jobs: dict[int, Job] = {}
        self.reads = 0

    def entries(self, after: int, limit: int, job: int | None = None) -> list[Entry]:
        """Read on after a number."""
        assert job is None
        self.reads += 1
        return [line for line in self.lines if line.seq > after][:limit]

    def before(self, entry: Entry) -> "Job | None":
        """Give a job as it was before an entry; nothing changes it here."""
        return self.jobs.get(entry.job)

    def first_seq(self) -> int:
        """Give the number of the first line."""
        return self.lines[0].seq if self.lines else 0

    def last_seq(self) -> int:
        """Give the number of the last line."""
        return self.lines[-1].seq if self.lines else 0


class Stage:
    """A hub with its channels, a log, and jobs."""

    def __init__(self, *, ring: int = 8192, old: int = 0) -> None:
        self.log = Log()
        self.log.lines += [line(seq) for seq in range(1, old + 1)]
        self.jobs = self.log.jobs
        self.hub = Hub(self.log, ring=ring)
        self.presence = Presence(lambda: Sight(self.jobs.get, NOW))
        self.channels = Channels(self.hub, self.presence, self.jobs.get)
        self._tasks: list[asyncio.Task[None]] = []

    def happen(self, *events: Event, job: int = 1) -> None:
        """Let events happen to a job, durably."""
        first = self.hub.seq + 1
        fresh = [line(seq, event, job) for seq, event in enumerate(events, first)]
        self.log.lines += fresh
        self.hub.publish(fresh)

    def listen(
        self, ear: Ear, wanted: Interest = ALL, manner: Manner = EAGER, after: int | None = None
    ) -> asyncio.Task[None]:
        """Let somebody hear."""
        at = self.hub.seq if after is None else after
        task = asyncio.create_task(self.channels.listen(wanted, manner, ear, at))
        self._tasks.append(task)
        return task

    async def close(self) -> None:
        """Let everybody go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        assert self.hub.channels == set()
        assert self.channels.keeping_up == 0


def line(seq: int, event: Event | None = None, job: int = 1) -> Entry:
    """Make a line of the log."""
    return Entry(seq, START + timedelta(seconds=seq), job, event or happened.Resumed(boottime=seq))


def room(text: str) -> Interest:
    """Make the interest in a room."""
    return Interest(
        (rooms.parse(text, rooms.Known({}.get, lambda text: parse(text, Asker(START, lambda naive: naive)))),)
    )


def some(*types: str) -> Interest:
    """Make the interest in some kinds of event."""
    return Interest(kinds=interest.kinds(types))


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 -- any condition at all
            await asyncio.sleep(0.001)
