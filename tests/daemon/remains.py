"""What a daemon that was killed leaves behind, made by hand: rows of the database and directories of attempts."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from jobd.core.events import catalogue as happened
from jobd.core.model import Job, Origin, Process, Spec, Surroundings
from jobd.daemon.system.processes import boot_id
from tests.daemon.storing import kept
from tests.living import SEARCH_PATH
from tests.making import START, Maker

OTHER_BOOT = "00000000-0000-4000-8000-000000000000"
#: The identity of a process that is not there: a number that is never reached.
NOBODY = Process(2**22 + 1, 1)
COMMAND = ("sh", "-c", "echo ran; exit 5")
BODY = msgspec.json.encode(Surroundings(environment=(SEARCH_PATH,), umask=0o022))
DIGEST = hashlib.sha256(BODY).hexdigest()


class Remains:
    """A state directory in the making."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.boot = boot_id()
        self.maker = Maker()
        self._changes: list[tuple[Job | None, list[happened.Entry]]] = []
        for name in ("run", "log"):
            (state / name).mkdir(mode=0o700)

    def happen(self, job_id: int, *events: happened.Event) -> None:
        """Let events happen to a job."""
        self._changes.append(self.maker.happen(job_id, *events))

    def submit(self, job_id: int) -> None:
        """Put a job into the queue."""
        spec = Spec(argv=COMMAND, cwd="/", surroundings=DIGEST)
        self.happen(job_id, happened.Submitted(name=f"job-{job_id}", origin=Origin(uid=0, pid=1), spec=spec))

    def open(self, job_id: int, boot: str | None = None) -> None:
        """Put a job into the queue and open its first attempt."""
        self.submit(job_id)
        self.happen(job_id, happened.Opened(number=1, boot=boot or self.boot, cookie=f"{job_id}.1.cookie"))

    def start(self, job_id: int, boot: str | None = None) -> None:
        """Let a job run as a process that is not there."""
        self.open(job_id, boot)
        started = happened.Started(main=NOBODY, shim=NOBODY, started_at=START, boottime=1)
        self.happen(job_id, started)

    def directory(self, name: str, *, spec: bool = True, **files: str | bytes) -> Path:
        """Make the directory of an attempt with its specification and these files."""
        path = self.state / "run" / name
        path.mkdir(mode=0o700)
        if spec:
            (path / "spec.json").write_text(json.dumps(self._spec(name)))
        for file, content in files.items():
            (path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def claim(self, by: str = "shim", boot: str | None = None) -> str:
        """Write a claim; a shim's names processes that are not there."""
        owner = {"pidns": 1, "shim": NOBODY.pid, "shim_start": 1, "pid": NOBODY.pid, "start": 1, "t0": _nanoseconds()}
        return json.dumps({"v": 1, "by": by, "boot": boot or self.boot, **(owner if by == "shim" else {})})

    def exit(self, status: int, boot: str | None = None) -> str:
        """Write an exit record: a raw wait status after 1.5 s."""
        t0 = _nanoseconds()
        record = {"v": 1, "status": status, "t0": t0, "t1": t0 + 1_500_000_000, "elapsed_ns": 1_500_000_000}
        return json.dumps({**record, "boot": boot or self.boot, "utime": 0.25, "stime": 0.5}).ljust(1023) + "\n"

    def save(self) -> None:
        """Write the database."""

        async def write() -> None:
            async with kept(self.state / "jobd.db") as running:
                running.store.keep(DIGEST, BODY)
                await running.commit(*self._changes)

        asyncio.run(write())

    @staticmethod
    def _spec(name: str) -> dict[str, Any]:
        job, _, attempt = name.partition(".")
        numbers = {"job": int(job), "attempt": int(attempt)} if attempt else {"job": 0, "attempt": 1}
        return {
            "v": 1, **numbers, "name": f"job-{name}", "cookie": f"{name}.cookie", "argv": COMMAND, "cwd": "/",
            "env": [SEARCH_PATH], "umask": 0o022, "leftover": "kill",
        }  # fmt: skip


def _nanoseconds() -> int:
    return int(START.timestamp()) * 10**9
