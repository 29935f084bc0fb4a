"""Records for tests: jobs in any state, and the lines of the log that lead there, by the rules of the product."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from jobd.core import lifecycle
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Entry, Event
from jobd.core.model import Ending, Job, Origin, Process, Spec
from jobd.core.work.progress import Report

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
BOOT = "5b6f2f6e-6a0c-4c55-9a11-0d6c3d1c0b1e"
ACTOR = Actor(1000, 4242)


class Maker:
    """Number entries and fold jobs as the engine does: one log, time going on by a second with every entry."""

    def __init__(self, seq: int = 0, at: datetime = START) -> None:
        self.seq = seq
        self.at = at
        self.jobs: dict[int, Job] = {}

    def happen(self, job_id: int, *events: Event, by: Actor | None = None) -> tuple[Job | None, list[Entry]]:
        """Let events happen to a job; give it as it then is (None: removed) and the entries."""
        job, entries = self.jobs.get(job_id), []
        for event in events:
            self.seq += 1
            self.at += timedelta(seconds=1)
            entries.append(Entry(self.seq, self.at, job_id, event, by))
            job = lifecycle.fold(job, entries[-1])
        if job is None:
            self.jobs.pop(job_id, None)
        else:
            self.jobs[job_id] = job
        return job, entries

    def submit(self, job_id: int, name: str = "encode", **fields: Any) -> tuple[Job, list[Entry]]:
        """Put a job into the queue."""
        spec = Spec(argv=("ffmpeg", "-i", "in.mkv", "out.mp4"), cwd="/srv/video", surroundings="0" * 64)
        origin = Origin(uid=1000, pid=4242, tty="pts/3")
        details: dict[str, Any] = {"name": name, "origin": origin, "spec": spec, **fields}
        event = happened.Submitted(**details)
        return self._living(*self.happen(job_id, event, by=ACTOR))

    def start(self, job_id: int) -> tuple[Job, list[Entry]]:
        """Open an attempt and start it."""
        number = self.jobs[job_id].numbered + 1
        opened = happened.Opened(number=number, boot=BOOT, cookie=f"{job_id}.{number}.0123456789abcdef")
        main, shim = Process(10_000 + job_id, 123456), Process(9_000 + job_id, 123455)
        started = happened.Started(main=main, shim=shim, started_at=self.at, boottime=10**12)
        return self._living(*self.happen(job_id, opened, started))

    def progress(self, job_id: int, done: float = 3, total: float = 10) -> tuple[Job, list[Entry]]:
        """Let a running job report."""
        event = happened.Progressed(report=Report(done=done, total=total), elapsed=done * 1.5, offset=int(done * 5))
        return self._living(*self.happen(job_id, event))

    def end(self, job_id: int, status: int = 0, elapsed: float = 12.5) -> tuple[Job, list[Entry]]:
        """Let a running job end with a raw wait status."""
        ending = Ending(status=status, ended_at=self.at, elapsed=elapsed, output={"output": 100})
        return self._living(*self.happen(job_id, *lifecycle.exited(self.jobs[job_id], ending, None)))

    def run(self, job_id: int, name: str = "encode", status: int = 0, elapsed: float = 12.5) -> tuple[Job, list[Entry]]:
        """Submit, start and end a job."""
        entries = [*self.submit(job_id, name)[1], *self.start(job_id)[1]]
        job, last = self.end(job_id, status, elapsed)
        return job, [*entries, *last]

    @staticmethod
    def _living(job: Job | None, entries: Iterable[Entry]) -> tuple[Job, list[Entry]]:
        assert job is not None
        return job, list(entries)
