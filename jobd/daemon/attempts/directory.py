"""The directory of an attempt: the contract between the daemon and whoever runs the job (version 1).

`run/<job>.<attempt>/` holds spec.json (written here, by rename), lock, claim, exit, noexec, report, the output, the
socket `notify` at which the shim hears what is said to a service manager, and perhaps `items`. But for spec.json, items
and a claim that fences, the daemon only reads. Only `exit` is durable by itself; of the others a garbled one counts as
absent. An attempt run without a daemon is `run/adhoc-<random>/` until it has been imported.
"""

import fcntl
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from jobd.config import Paths
from jobd.core.model import LARGEST, Attempt, Ending, Job, Process, Resources, Surroundings
from jobd.core.promises import Heartbeat
from jobd.core.text import Lossless
from jobd.daemon.attempts import output
from jobd.daemon.attempts.variables import OWN_ONLY, REPORT_FD
from jobd.daemon.system.crash import crash_point

VERSION = 1
_NUMBERED = re.compile(r"(\d{1,19})\.(\d{1,19})")

Record = TypeVar("Record")


#: What a database can hold, and kibibytes of which it can hold the bytes.
Number = Annotated[int, Meta(ge=-LARGEST, le=LARGEST)]
Kibibytes = Annotated[int, Meta(ge=0, le=LARGEST // 1024)]


class SpecFile(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt runs; `env` is a list of NAME=value, -1 as a limit is none."""

    v: int = VERSION
    job: Number
    attempt: Number
    name: str
    cookie: str
    argv: tuple[Lossless, ...]
    cwd: Lossless
    env: tuple[Lossless, ...] = ()
    umask: Number | None = None
    nice: Number = 0
    rlimits: dict[str, tuple[int, int]] = {}
    split: bool = False
    stdin: Lossless | None = None
    cgroup: str | None = None
    oom_score: Number = 0
    leftover: str = "kill"
    report_fd: Number = REPORT_FD
    #: What the shim does not need, but who makes a job of this.
    group: str = "default"
    priority: Number = 0
    labels: dict[str, str] = {}
    heartbeat: Heartbeat | None = None
    progress: Literal["reports", "auto"] = "reports"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns the attempt: its shim, with the identity of both processes, or a daemon that fenced it off."""

    v: int
    by: str
    boot: str
    pidns: Number = 0
    shim: Number = 0
    shim_start: Number = 0
    pid: Number = 0
    start: Number = 0
    t0: Number = 0

    @property
    def main(self) -> Process:
        """The job's main process."""
        return Process(self.pid, self.start)

    @property
    def witness(self) -> Process:
        """The shim."""
        return Process(self.shim, self.shim_start)


class ExitRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the main process ended, as its shim saw it: raw wait status, wall clock in ns, getrusage."""

    v: int
    status: Number
    exec_errno: Number | None = None
    exec_step: str | None = None
    t0: Number
    t1: Number
    elapsed_ns: Number
    boot: str
    utime: float = 0.0
    stime: float = 0.0
    maxrss_kb: Kibibytes = 0
    floor_kb: Kibibytes = 0
    inblock: Number = 0
    oublock: Number = 0
    nvcsw: Number = 0
    nivcsw: Number = 0


class Found(NamedTuple):
    """What a directory says, read in the order lock, claim, exit."""

    locked: bool
    claim: Claim | None
    exit: ExitRecord | None
    never_ran: bool


_claim = msgspec.json.Decoder(Claim)
_exit = msgspec.json.Decoder(ExitRecord)
_spec = msgspec.json.Decoder(SpecFile)


def numbers(directory: Path) -> tuple[int, int] | None:
    """Read job id and attempt number from the name of a directory; None for any other name."""
    match = _NUMBERED.fullmatch(directory.name)
    return (int(match[1]), int(match[2])) if match else None


def prepare(directory: Path, spec: SpecFile) -> None:
    """Make the directory with its spec.json; doing it again is harmless."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    crash_point("after_directory")
    temporary = f"{directory}/spec.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(msgspec.json.encode(spec))
    os.rename(temporary, f"{directory}/spec.json")


def spec_file(
    job: Job,
    attempt: Attempt,
    surroundings: Surroundings,
    extra: dict[str, str],
    limits: dict[str, tuple[int, int]],
) -> SpecFile:
    """Put together what the shim needs.

    `extra` are the variables a job gets beside its submitter's, `limits` those that hold if the submitter names none.
    Its submitter's service manager is not its own.
    """
    assert job.spec is not None
    spec = job.spec
    variables = tuple(f"{name}={value}" for name, value in extra.items())
    mine = tuple(f"{name}=" for name in (*extra, *OWN_ONLY))
    inherited = (v for v in surroundings.environment if not (isinstance(v, str) and v.startswith(mine)))
    return SpecFile(
        job=job.id, attempt=attempt.number, name=job.name, cookie=attempt.cookie, argv=spec.argv, cwd=spec.cwd,
        env=(*inherited, *variables), umask=surroundings.umask, nice=spec.nice,
        rlimits={**limits, **surroundings.limits}, split=spec.split, stdin=spec.stdin, cgroup=attempt.cgroup,
        leftover=spec.leftover.value, group=job.group, priority=job.priority, labels=job.labels,
        heartbeat=job.heartbeat, progress=spec.progress,
    )  # fmt: skip


def read_spec(directory: Path) -> SpecFile | None:
    """Read spec.json; None if it is absent or garbled."""
    return _read(directory / "spec.json", _spec)


def read_exit(directory: Path) -> ExitRecord | None:
    """Read the exit record; None if it is absent or garbled."""
    return _read(directory / "exit", _exit)


def parse_claim(raw: bytes) -> Claim | None:
    """Read a claim that a shim sent; None if it is garbled."""
    try:
        return _claim.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def look(directory: Path) -> Found:
    """Read an attempt's directory: lock, claim, exit, and once more exit if the lock was free."""
    locked = lock_held(directory)
    claim = _read(directory / "claim", _claim)
    record = read_exit(directory)
    return Found(locked, claim, record, (directory / "noexec").exists())


def lock_held(directory: Path) -> bool:
    """Whether a shim lives that owns this directory."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def fence(directory: Path, boot: str) -> bool:
    """Take the claim for the daemon: True = nobody ran and nobody ever will, False = a shim has it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = f"{directory}/claim.fence.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(msgspec.json.encode({"v": VERSION, "by": "fence", "boot": boot}))
    try:
        os.link(temporary, f"{directory}/claim")
    except FileExistsError:
        claim = _read(directory / "claim", _claim)
        return claim is not None and claim.by == "fence"
    else:
        return True
    finally:
        os.unlink(temporary)


def ending(record: ExitRecord, sizes: dict[str, int], *, out_of_memory: bool = False) -> Ending:
    """Turn an exit record into what the job's record keeps."""
    resources = Resources(
        user_seconds=record.utime, system_seconds=record.stime, peak_rss_bytes=record.maxrss_kb * 1024,
        floor_rss_bytes=record.floor_kb * 1024, blocks_read=record.inblock, blocks_written=record.oublock,
        voluntary_switches=record.nvcsw, involuntary_switches=record.nivcsw,
    )  # fmt: skip
    return Ending(
        status=record.status, start_errno=record.exec_errno, start_step=record.exec_step, started_at=wall(record.t0),
        ended_at=wall(record.t1), elapsed=record.elapsed_ns / 1e9, resources=resources, out_of_memory=out_of_memory,
        output=sizes,
    )  # fmt: skip


def wall(nanoseconds: int) -> datetime:
    """Read nanoseconds since the epoch."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def clean_up(paths: Paths, job_id: int, number: int) -> bool:
    """Keep the output of an ended attempt under log/ and remove the rest; doing it again is harmless.

    False: a shim still holds it, so nothing was done. Raises OSError.
    """
    directory = output.attempt_directory(paths, job_id, number)
    if lock_held(directory):
        return False
    for name in output.NAMES:
        try:
            os.rename(directory / name, output.kept(paths, job_id, number, name))
        except FileNotFoundError:
            continue
    return discard(directory)


def discard(directory: Path) -> bool:
    """Remove a directory with all that is in it; False: a shim holds it, so nothing was done. Raises OSError.

    spec.json goes first and under the lock: a shim that comes late finds no command, even if it no longer finds the
    claim that fenced it off.
    """
    try:
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (directory / "spec.json").unlink(missing_ok=True)
        _remove(directory)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _remove(directory: Path) -> None:
    try:
        for name in os.listdir(directory):
            os.unlink(f"{directory}/{name}")
        os.rmdir(directory)
    except FileNotFoundError:
        return
    except OSError:
        from shutil import rmtree

        rmtree(directory)


def _read(path: Path, decoder: msgspec.json.Decoder[Record]) -> Record | None:
    try:
        return decoder.decode(path.read_bytes().rstrip(b" \n\0"))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
