"""The records: what jobd knows of a job, its attempts, its progress and its resources.

All are frozen; a change is a copy made by `lifecycle.fold`. Wall-clock times are aware datetimes in UTC, durations
seconds, sizes bytes; `boottime` is nanoseconds of CLOCK_BOOTTIME and means nothing outside the boot named beside it.
No record is ever part of a cycle, so the garbage collector leaves all of them out: it would take a third of the time in
which they are read.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from jobd.core.estimates.usual import Usual
from jobd.core.promises import Heartbeat
from jobd.core.retries import Retries
from jobd.core.text import Lossless
from jobd.core.work.children import Weight
from jobd.core.work.progress_record import Progress
from jobd.core.work.rate_limit import RateLimit

#: The largest integer SQLite and JSON readers in other languages hold without loss of sign.
LARGEST = 2**63 - 1
ATTEMPTS_KEPT = 100
WARNINGS_KEPT = 10

Id = Annotated[int, Meta(ge=1, le=LARGEST)]
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Seconds = Annotated[float, Meta(ge=0, le=10 * 365 * 86400)]


class State(StrEnum):
    """Where a job stands. "Starting" is no state: it is pending with an open attempt."""

    PENDING = "pending"  #: waits to be started
    RUNNING = "running"  #: its main process lives
    PAUSING = "pausing"  #: asked to stand still, processes are being stopped
    PAUSED = "paused"  #: every process is stopped
    COMPLETING = "completing"  #: its main process has ended, others of its tree still live
    COMPLETED = "completed"  #: ended with status 0
    CANCELING = "canceling"  #: asked to end, something of it may still live
    CANCELED = "canceled"  #: ended because somebody asked
    FAILED = "failed"  #: ended otherwise; the reason says how


FINAL = frozenset({State.COMPLETED, State.CANCELED, State.FAILED})
ACTIVE = frozenset(State) - FINAL
#: States in which processes of the job may exist.
ALIVE = frozenset({State.RUNNING, State.PAUSING, State.PAUSED, State.COMPLETING, State.CANCELING})


#: How others spell the states.
STATE_SPELLINGS = {
    "cancelled": "canceled",
    "cancelling": "canceling",
    "queued": "pending",
    "waiting": "pending",
    "done": "completed",
    "succeeded": "completed",
}


class Leftover(StrEnum):
    """What happens to processes that outlive a job's main process."""

    KILL = "kill"  #: TERM, the grace, then KILL
    WAIT = "wait"  #: the job ends when the last of them has ended
    LEAVE = "leave"  #: they stay, the job has ended


class Moment(NamedTuple):
    """One reading of all clocks."""

    wall: datetime
    boottime: int
    boot: str


class Process(msgspec.Struct, frozen=True, gc=False):
    """The identity of a process: its number and its start in clock ticks since boot (field 22 of /proc/PID/stat)."""

    pid: Id
    ticks: Count


class Origin(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who submitted a job, and from where."""

    uid: int
    pid: int
    tty: str | None = None
    cwd: Lossless | None = None


class Surroundings(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What a submitter hands down: environment ("NAME=value"), umask, limits by name (soft, hard; -1 = none)."""

    environment: tuple[Lossless, ...] = ()
    umask: Annotated[int, Meta(ge=0, le=0o777)] = 0o077
    limits: dict[str, tuple[int, int]] = {}


class Spec(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How to run a job.

    `surroundings` is the digest under which the store keeps the Surroundings, `split` keeps stdout and stderr apart,
    `signal` and `grace` say how it is asked to end, an `output_limit` of 0 is none, "auto" guesses the progress.
    """

    argv: tuple[Lossless, ...]
    cwd: Lossless
    surroundings: str = ""
    stdin: Lossless | None = None
    split: bool = False
    nice: int = 0
    signal: int = 15
    grace: Seconds = 10.0
    leftover: Leftover = Leftover.KILL
    output_limit: Count = 0
    progress: Literal["reports", "auto"] = "reports"


class Resources(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The kernel's account of an ended main process and what it waited for (wait4, getrusage(2)).

    The peak is never below the resident memory of the process that forked, the floor; blocks have 512 bytes.
    """

    user_seconds: float = 0.0
    system_seconds: float = 0.0
    peak_rss_bytes: int = 0
    floor_rss_bytes: int = 0
    blocks_read: int = 0
    blocks_written: int = 0
    voluntary_switches: int = 0
    involuntary_switches: int = 0


class Ending(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How an attempt ended.

    `status` is the raw wait status, None if nobody saw it; `start_errno` and `start_step` say why and where the command
    could not be started; `elapsed` counts from start to end, pauses included.
    """

    status: int | None = None
    start_errno: int | None = None
    start_step: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    elapsed: float | None = None
    resources: Resources | None = None
    out_of_memory: bool = False
    #: Sizes of the output files by name.
    output: dict[str, int] = {}


class Attempt(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One try to run a job. It is open until it has ended; without a `main` it is being started.

    While it is paused `paused_boottime` says since when; `paused_seconds` are the pauses that are over. `rate_limit` is
    the one the job declared last, over or not; `limited_seconds` are those before it. What only finds its processes and
    its reports (the boot, shim, cookie, control group, clocks of the boot, offset) is forgotten when nothing is left.
    """

    number: Id
    boot: str = ""
    opened_at: datetime
    main: Process | None = None
    shim: Process | None = None
    cookie: str = ""
    cgroup: str | None = None
    started_at: datetime | None = None
    started_boottime: int | None = None
    paused_boottime: int | None = None
    paused_seconds: float = 0.0
    rate_limit: RateLimit | None = None
    limited_seconds: float = 0.0
    shim_lost: bool = False
    state: State | None = None
    reason: str | None = None
    ending: Ending | None = None
    stale_since: datetime | None = None
    #: How far the report file has been read, in bytes.
    report_offset: int = 0


class Usage(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a job's tree uses: now (percent of one CPU, memory, processes), in total (CPU seconds, peak memory, I/O)."""

    cpu_percent: float | None = None
    cpu_seconds: float | None = None
    rss_bytes: int | None = None
    peak_rss_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    processes: int | None = None


class Measure(NamedTuple):
    """A point of the usage series: seconds into the attempt, CPU percent, resident bytes."""

    elapsed: float
    cpu_percent: float
    rss_bytes: int


class Warned(msgspec.Struct, frozen=True, gc=False):
    """Something wrong that did no harm, kept where the owner of the job sees it."""

    at: datetime
    text: str


class Cancellation(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An accepted request to end a job."""

    asked_at: datetime
    asked_boottime: int
    grace: float
    signal: int
    reason: str | None = None
    uid: int | None = None
    #: Whether the job is run again then.
    again: bool = False


class Job(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Everything remembered of one job. A job that jobd did not start (`begin`, `attach`) has no spec."""

    id: Id
    name: str
    state: State
    created_at: datetime
    origin: Origin
    parent: Id | None = None
    spec: Spec | None = None
    watched: Process | None = None
    #: The arguments of a process that was attached, empty if they are hidden; None for all other jobs.
    command: tuple[Lossless, ...] | None = None
    heartbeat: Heartbeat | None = None
    retries: Retries | None = None
    group: str = "default"
    priority: int = 0
    labels: dict[str, str] = {}
    #: Its share of its parent's work, in proportion to the other children.
    weight: Weight = 1.0
    reason: str | None = None
    detail: str | None = None
    #: Attempts in order, the last one is the current one; at most ATTEMPTS_KEPT.
    attempts: tuple[Attempt, ...] = ()
    #: The highest number an attempt was given; numbers are never reused, even if the attempt was withdrawn.
    numbered: int = 0
    #: Attempts in a row that never ran.
    withdrawn: int = 0
    #: How often it was run again by itself since somebody asked for it, and until when it waits for the next time.
    retried: int = 0
    not_before: datetime | None = None
    #: Whether its attempts are to do only what is left of its items.
    resumes: bool = False
    #: When it was last asked for again, or due: children from before that are not counted.
    renewed_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: Progress = Progress()
    usage: Usage | None = None
    series: tuple[Measure, ...] = ()
    usual: Usual | None = None
    cancellation: Cancellation | None = None
    #: The latest warnings, at most WARNINGS_KEPT, and how many there were in all.
    warnings: tuple[Warned, ...] = ()
    warned: int = 0

    @property
    def attempt(self) -> Attempt | None:
        """The current (latest) attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def queued_at(self) -> datetime:
        """Since when it waits, or waited, for its start: it was submitted, asked for again, or due."""
        return self.renewed_at or self.created_at

    @property
    def open(self) -> bool:
        """Whether an attempt is open: being started, or with processes that may live."""
        return self.attempt is not None and self.attempt.ending is None and self.state not in FINAL

    @property
    def backs_off(self) -> bool:
        """Whether the job waits until it is time to be run again."""
        return self.state is State.PENDING and self.not_before is not None

    @property
    def done(self) -> bool:
        """Whether the job has reached a final state."""
        return self.state in FINAL
