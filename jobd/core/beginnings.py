"""Events with which a job comes into being: submitted, begun elsewhere, or found."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from jobd.core.children import Weight
from jobd.core.happening import Event, Severity
from jobd.core.model import Attempt, Id, Job, Origin, Process, Spec, State
from jobd.core.promises import Heartbeat
from jobd.core.retries import Retries
from jobd.core.text import Lossless
from jobd.core.usual import Usual


class Created(Event, frozen=True, kw_only=True):
    """A job came into being; the fields are what it starts with."""

    name: str
    origin: Origin
    spec: Spec | None = None
    watched: Process | None = None
    command: tuple[Lossless, ...] | None = None
    heartbeat: Heartbeat | None = None
    retries: Retries | None = None
    group: str = "default"
    priority: int = 0
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    usual: Usual | None = None
    parent: Id | None = None
    weight: Weight = 1.0

    def create(self, job_id: Id, state: State, at: datetime) -> Job:
        """Make the first record."""
        fields = {name: getattr(self, name) for name in Created.__struct_fields__}
        return Job(id=job_id, state=state, created_at=at, **fields)


class Submitted(Created, frozen=True, kw_only=True):
    """A command was put into the queue."""


class Begun(Created, frozen=True, kw_only=True):
    """A job that jobd did not start asked to be followed, or a process that ran since `started_at` was attached."""

    boot: str
    boottime: int
    started_at: datetime | None = None

    def apply(self, job: Job, at: datetime) -> Job:
        """Open the only attempt, already started."""
        since, main = self.started_at or at, self.watched
        attempt = Attempt(
            number=1, boot=self.boot, opened_at=at, main=main, started_at=since, started_boottime=self.boottime
        )
        return replace(job, attempts=(attempt,), numbered=1, started_at=since)


class Imported(Created, frozen=True, kw_only=True):
    """A job was found in a directory that the database did not know: run without a daemon, or before a restore."""

    severity = Severity.MEDIUM
    boot: str
    number: Id = 1
    cookie: str = ""
    directory: str

    def apply(self, job: Job, at: datetime) -> Job:
        """Open the attempt that the directory shows."""
        attempt = Attempt(number=self.number, boot=self.boot, opened_at=at, cookie=self.cookie)
        return replace(job, attempts=(attempt,), numbered=self.number)
