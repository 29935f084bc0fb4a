"""The stable JSON of a job and of its items: what scripts, the protocol and others see. Fields are only ever added.

Times are RFC 3339 in UTC, durations seconds, sizes bytes; what is not known is null.
"""

from datetime import datetime
from os import waitstatus_to_exitcode

import msgspec

from jobd.core.estimates.eta import Eta
from jobd.core.estimates.usual import Usual
from jobd.core.model import Id, Measure, Origin, State, Warned
from jobd.core.promises import Heartbeat
from jobd.core.retries import Retries
from jobd.core.text import Lossless
from jobd.core.work.children import Children
from jobd.core.work.items import ItemState, Tally
from jobd.core.work.progress_record import Stage

#: Exit statuses that stand for what has none of its own, as timeout(1) and the shells use them.
NOT_KNOWN, NOT_EXECUTABLE, NOT_FOUND, SIGNALED, INTERRUPTED = 125, 126, 127, 128, 130


class ProgressView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How far a job says it is; `rate` is units a second, or fractions a second where there is no count.

    `rate_limited_until` is when a rate limit ends that the job has declared; null if it waits for none.
    """

    fraction: float | None
    done: float | None
    total: float | None
    unit: str | None
    message: str | None
    stage: str | None
    rate: float | None
    eta: Eta | None
    reports: int
    updated_at: datetime | None
    stages: tuple[Stage, ...] = ()
    items: Tally | None = None
    rate_limited_until: datetime | None = None
    children: Children | None = None


class UsageView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the whole tree of a job uses, or used."""

    cpu_percent: float | None = None
    cpu_seconds: float | None = None
    rss_bytes: int | None = None
    peak_rss_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    processes: int | None = None
    #: At most 100 points.
    series: tuple[Measure, ...] = ()


class OutputView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where the output is: its (first) file, the bytes of all its files, and their paths by name."""

    path: str
    bytes: int
    files: dict[str, str]


class AttemptView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One attempt: `state` and `reason` say how it ended, null while it is open; `elapsed` leaves pauses out."""

    number: int
    state: State | None
    reason: str | None
    pid: int | None
    exit_code: int | None
    signal: int | None
    started_at: datetime | None
    ended_at: datetime | None
    elapsed: float | None


class ItemView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An item of a job: `fraction` is how far its current attempt is, `weight` its share of the work."""

    key: str
    state: ItemState
    weight: float
    fraction: float | None
    attempt: int
    message: str | None
    error: str | None
    updated_at: datetime | None


class Watcher(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Somebody who watches: a client, by what method, and which rooms; `id` tells two of one client apart."""

    id: Id
    pid: int
    uid: int
    command: str | None
    tty: str | None
    method: str
    rooms: tuple[str, ...]
    since: datetime


class JobView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A job as the world sees it.

    `begun` = jobd did not start it: it was begun, or attached; then `argv` is known of an attached process only.
    `parent` = the job that it is a part of, `weight` = its share of that one's work. `retried` = how often it was run
    again by itself since it was asked for; with the reason backoff it waits until `not_before` for the next time.
    `stale_since` = it was, and is, silent for longer than its `heartbeat` promises.
    `attempt` is the number of the latest attempt. While a job waits to be run again, what belongs to an attempt (pid,
    exit_code, signal, elapsed) is null; its earlier attempts are in `attempts`. A command that could not be started has
    the exit_code that a shell gives it, 127 if it was not found, else 126. `watchers` is told by `status` only.
    """

    id: int
    name: str
    state: State
    reason: str | None
    detail: str | None
    argv: tuple[Lossless, ...] | None
    cwd: Lossless | None
    group: str
    priority: int
    labels: dict[str, str]
    attempt: int | None
    attempts: tuple[AttemptView, ...]
    begun: bool
    pid: int | None
    exit_code: int | None
    signal: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    elapsed: float | None
    done: bool
    progress: ProgressView
    usage: UsageView
    usual: Usual | None
    output: OutputView | None
    origin: Origin
    heartbeat: Heartbeat | None
    parent: int | None
    weight: float
    retries: Retries | None
    retried: int
    not_before: datetime | None
    stale_since: datetime | None
    warnings: tuple[Warned, ...]
    warned: int
    watchers: tuple[Watcher, ...] | None = None


def exit_status(job: JobView) -> int:
    """Give the exit status that stands for a finished job, 0 only for a completed one.

    Its own exit code, 128 + signal, 130 for one canceled before it ran, or 125 if nobody knows how it ended.
    """
    if job.exit_code or job.state is State.COMPLETED:
        return job.exit_code or 0
    if job.signal is not None:
        return SIGNALED + job.signal
    return INTERRUPTED if job.state is State.CANCELED else NOT_KNOWN


def status_parts(status: int | None) -> tuple[int | None, int | None]:
    """Split a raw wait status into exit code and signal; the one that does not apply is None, both if it is no end."""
    try:
        code = waitstatus_to_exitcode(status) if status is not None else None
    except (ValueError, OverflowError):
        return None, None
    return (None, -code) if code is not None and code < 0 else (code, None)
