"""The settings: every one said once, with its type, default, limits and help.

The configuration file, the environment, the manual page and the commented template are all made from these fields.
"""

import os
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jobd.core.model import Leftover
from jobd.core.settings import Duration, DurationOrOff, Rules, Size


def processors() -> int:
    """Count the CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Daemon(msgspec.Struct, frozen=True, kw_only=True):
    """The background process that starts jobs and remembers them."""

    idle_exit: Annotated[
        DurationOrOff,
        Meta(description="Stop the daemon after this long without a job or a client. The next command starts it."),
    ] = 0.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important messages that still go to the daemon's log."),
    ] = "info"


class Jobs(msgspec.Struct, frozen=True, kw_only=True):
    """How jobs run, unless they are submitted with flags that say otherwise."""

    slots: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="How many jobs run at once. One that has parts lends its slot to one of them at a time.",
            extra={"default": "the number of CPUs", "example": "4"},
        ),
    ] = msgspec.field(default_factory=processors)
    grace: Annotated[
        Duration,
        Meta(description="How long a canceled job has between the first signal and SIGKILL."),
    ] = 10.0
    leftover: Annotated[
        Leftover,
        Meta(
            description="What happens to processes that outlive the main process of their job. kill: they end too. "
            "wait: the job ends when the last of them has ended. leave: they stay, and the job has ended."
        ),
    ] = Leftover.KILL
    output_limit: Annotated[
        Size,
        Meta(description="How large the output of one attempt may grow. 0 sets no limit."),
    ] = 2**30
    sample_every: Annotated[
        Duration,
        Meta(ge=0.1, description="How often the CPU, memory and I/O of running jobs are measured."),
    ] = 1.0


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """The database of jobs and events."""

    durability: Annotated[
        Literal["full", "normal"],
        Meta(
            description="How surely an acknowledged change is on disk. full: it survives a power cut. normal: writes "
            "are faster, but a power cut can lose the last seconds, and a job started in them may run twice."
        ),
    ] = "full"
    backup_keep: Annotated[
        int,
        Meta(ge=0, le=1000, description="How many backups of the database are kept. 0 makes none."),
    ] = 3
    backup_every: Annotated[
        Duration,
        Meta(ge=60, description="How often the database is backed up."),
    ] = 86400.0
    slow_query: Annotated[
        Duration,
        Meta(ge=0.001, description="Questions that take longer are counted, and told of by jobd doctor."),
    ] = 0.1


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How much is remembered; every ten minutes, and two after the start, what is too much goes.

    What is removed stays in the statistics; living jobs are never removed.
    """

    jobs_age: Annotated[
        DurationOrOff,
        Meta(description="Jobs that ended longer ago than this are removed, with their output."),
    ] = 0.0
    jobs_count: Annotated[
        int,
        Meta(
            ge=0,
            le=10**9,
            description="How many jobs that have ended are kept, of those whose names have no rule of their own; the "
            "oldest go. 0 sets no limit.",
        ),
    ] = 1_000_000
    names: Annotated[
        Rules,
        Meta(
            description="Rules for jobs of some names, in the place of those above: a name, in which * and ? match "
            "any, and behind it how long jobs of it are kept, how many of each name, or both; off keeps them for "
            "ever. The first rule that covers a name holds."
        ),
    ] = ""
    events_age: Annotated[
        DurationOrOff,
        Meta(description="Events that are older than this are removed from the log."),
    ] = 0.0
    events_count: Annotated[
        int,
        Meta(ge=0, le=10**12, description="How many events are kept; the oldest go. 0 sets no limit."),
    ] = 10_000_000
    output_age: Annotated[
        DurationOrOff,
        Meta(description="The output of jobs that ended longer ago than this is deleted; the jobs stay."),
    ] = 0.0
    output_size: Annotated[
        Size,
        Meta(
            description="How large the output of all jobs that have ended may be; that of those that ended first "
            "goes. 0 sets no limit."
        ),
    ] = 0


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What commands print."""

    color: Annotated[
        Literal["auto", "always", "never"],
        Meta(description="When to use color. auto: on a terminal, unless NO_COLOR is set."),
    ] = "auto"
    json: Annotated[
        bool,
        Meta(description="Print JSON, as with --json. JOBD_OUTPUT=json in the environment says the same."),
    ] = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, by section."""

    daemon: Daemon = Daemon()
    jobs: Jobs = msgspec.field(default_factory=Jobs)
    storage: Storage = Storage()
    retention: Retention = Retention()
    output: Output = Output()
