"""Events with which a job comes into being: submitted, begun elsewhere, or found."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from jobd.core.estimates.usual import Usual
from jobd.core.events.happening import Event, Severity
from jobd.core.model import Attempt, Id, Job, Origin, Process, Spec, State
from jobd.core.promises import Heartbeat
from jobd.core.retries import Retries
from jobd.core.text import Lossless
from jobd.core.work.children import Weight


class Created(Event, frozen=True, kw_only=True):
    """A job came into being; the fields are what it starts with."""

    name: str  #: what the job is called
    origin: Origin  #: who asked for it, and from where
    parent: Id | None = None  #: the job that asked for it
    spec: Spec | None = None  #: how to run it; only of a job that jobd starts
    watched: Process | None = None  #: the process that is followed instead
    command: tuple[Lossless, ...] | None = None  #: the arguments of an attached process
    heartbeat: Heartbeat | None = None  #: how often it promises to be heard of
    retries: Retries | None = None  #: how often it is run again by itself
    group: str = "default"  #: the queue it waits in
    priority: int = 0  #: the larger, the sooner it is started
    labels: dict[str, str] = msgspec.field(default_factory=dict)  #: what else it is called by
    usual: Usual | None = None  #: how long earlier runs of its name took
    weight: Weight = 1.0  #: its share of its parent's work, in proportion to the other children

    def create(self, job_id: Id, state: State, at: datetime) -> Job:
        """Make the first record."""
        fields = {name: getattr(self, name) for name in _FIRST}
        return Job(id=job_id, state=state, created_at=at, **fields)


#: What an event of this kind says of the job itself.
_FIRST = tuple(name for name in Created.__struct_fields__ if name not in Event.__struct_fields__)


class Submitted(Created, frozen=True, kw_only=True):
    """A command was put into the queue."""


class Begun(Created, frozen=True, kw_only=True):
    """A job that jobd did not start asked to be followed, or a process that ran since `started_at` was attached."""

    boot: str  #: the boot of the machine it runs in
    boottime: int  #: when it started, in nanoseconds of that boot
    started_at: datetime | None = None  #: when the attached process started

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
    boot: str  #: the boot of the machine it ran in
    number: Id = 1  #: which attempt was found
    cookie: str = ""  #: the mark that its processes carry
    directory: str  #: where it was found
    born: datetime | None = None  #: when it came into being, if there are jobs with higher numbers: not after those

    def create(self, job_id: Id, state: State, at: datetime) -> Job:
        """Make the first record."""
        return super().create(job_id, state, at if self.born is None else self.born)

    def apply(self, job: Job, at: datetime) -> Job:
        """Open the attempt that the directory shows."""
        attempt = Attempt(number=self.number, boot=self.boot, opened_at=at, cookie=self.cookie)
        return replace(job, attempts=(attempt,), numbered=self.number)
