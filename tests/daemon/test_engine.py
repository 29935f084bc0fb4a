"""The gate: numbers without a gap, all or nothing, a request once, and nothing is believed that is not durable."""

import asyncio
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from msgspec.structs import replace

from jobd.core import lifecycle
from jobd.core.errors import IllegalChange, JobFinished, JobNotFound, OutcomeUnknown, RequestReused
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Event
from jobd.core.history.selection import LIVING
from jobd.core.model import Ending, Job, Moment, Process, Spec, State, Surroundings, Usage
from jobd.core.views import JobView
from jobd.daemon.engine import Engine
from jobd.daemon.remembered.archive import Archive
from jobd.daemon.storage import filesystem
from jobd.wire import Mutation, Read
from tests.daemon.gating import gate, kinds, refusing, submitted
from tests.daemon.storing import ask
from tests.making import BOOT, START

ME = Actor(1000, 4242)


class Put(Mutation[JobView], frozen=True):
    """Submit a job."""

    method: ClassVar = "put"
    name: str = "encode"

    def answer(self, engine: Engine, caller: Actor) -> JobView:
        """Record it."""
        return engine.archive.view(engine.create(submitted(self.name), caller))


class Touch(Mutation[int], frozen=True):
    """Do nothing."""

    method: ClassVar = "touch"

    def answer(self, engine: Engine, caller: Actor) -> int:
        """Answer."""
        return 7


class Count(Read[int], frozen=True):
    """Count jobs."""

    method: ClassVar = "count"

    def answer(self, archive: Archive, caller: Actor) -> int:
        """Ask the archive."""
        return sum(archive.counts().values())


def opened(job: Job) -> list[Event]:
    """Open the next attempt."""
    return [happened.Opened(number=job.numbered + 1, boot=BOOT, cookie="c")]


def ended(job: Job, status: int = 0) -> list[Event]:
    """Start the open attempt, and end it."""
    started = happened.Started(main=Process(10, 1), shim=Process(9, 1), started_at=START, boottime=1)
    return [started, *lifecycle.exited(job, Ending(status=status, ended_at=START, elapsed=1.0), None)]


def cancel(job: Job) -> list[Event]:
    """Ask a job to end."""
    return lifecycle.cancel(job, Moment(START, 1, BOOT), 1.0, 15, None, None)


def test_numbers_have_no_gap(tmp_path: Path) -> None:
    """Whoever records, and however many: the log counts on from one, across restarts, and time never goes back."""

    async def run(first: int) -> None:
        async with gate(tmp_path) as engine:
            for _ in range(5):
                job = engine.create(submitted(), ME)
                engine.record(job, [*opened(job)], ME)
                await asyncio.sleep(0)
            await engine.committed()
            entries = engine.archive.entries(0, 1000)
            assert [entry.seq for entry in entries] == list(range(1, first + 10))
            assert sorted(entries, key=lambda entry: entry.at) == entries
            assert {entry.by for entry in entries} == {ME}

    asyncio.run(run(1))
    asyncio.run(run(11))


def test_a_refusal_changes_nothing(tmp_path: Path) -> None:
    """An event that cannot happen leaves no trace: not those before it in the same call, and no number is used up."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            job = engine.create(submitted())
            impossible = [*opened(job), happened.Paused(boottime=1)]
            with pytest.raises(IllegalChange):
                engine.record(job, impossible)
            assert engine.job(1) == job
            engine.record(job, opened(job))
            await engine.committed()
            assert kinds([entry.event for entry in engine.archive.entries(0, 10)]) == ["Submitted", "Opened"]

    asyncio.run(run())


def test_all_or_none_are_changed(tmp_path: Path) -> None:
    """If one of several jobs refuses, none has changed; else all have, and each is told as it now is."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            for number in range(3):
                engine.create(submitted(f"job-{number}"))
            engine.record(engine.job(2), cancel(engine.job(2)))
            seq = engine.archive.last_seq()
            with pytest.raises(JobFinished):
                engine.change(("1", "2", "3"), LIVING, cancel, ME)
            with pytest.raises(JobNotFound):
                engine.change(("1", "9"), LIVING, cancel, ME)
            assert [engine.job(number).state for number in (1, 3)] == [State.PENDING, State.PENDING]
            views = engine.change(("all",), LIVING, cancel, ME)
            assert [(view.id, view.state) for view in views] == [(1, State.CANCELED), (3, State.CANCELED)]
            await engine.committed()
            assert engine.archive.last_seq() == seq + 6
            assert engine.jobs == {}

    asyncio.run(run())


def test_a_request_is_done_once(tmp_path: Path) -> None:
    """The same id gives the same answer, at once, later and after a restart; for something else it is refused."""

    async def run(*, again: bool) -> bytes:
        async with gate(tmp_path) as engine:
            reply = engine.perform_now(Put(request_id="one"), ME)
            assert engine.perform_now(Put(request_id="one", name="other"), ME) == reply
            await engine.committed()
            assert engine.perform_now(Put(request_id="one"), ME) == reply
            with pytest.raises(RequestReused):
                engine.perform_now(Touch(request_id="one"), ME)
            assert engine.perform_now(Touch(), ME) == b"7"
            assert engine.perform_now(Count(), ME) == b"1"
            assert engine.archive.last_seq() == 1
            assert again or msgspec.json.decode(reply)["id"] == 1
            return reply

    assert asyncio.run(run(again=False)) == asyncio.run(run(again=True))


def test_a_refused_request_may_be_repeated(tmp_path: Path) -> None:
    """A refusal is not remembered: it may be otherwise the next time."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            with pytest.raises(JobNotFound):
                engine.perform_now(Cancel(request_id="one"), ME)
            engine.create(submitted())
            assert engine.perform_now(Cancel(request_id="one"), ME) == b"1"

    asyncio.run(run())


class Cancel(Mutation[int], frozen=True):
    """Cancel job 1."""

    method: ClassVar = "cancel-one"

    def answer(self, engine: Engine, caller: Actor) -> int:
        """Record it."""
        return len(engine.change(("1",), LIVING, cancel, caller))


def test_what_did_not_become_durable_is_forgotten(tmp_path: Path) -> None:
    """After a commit that failed, jobs, numbers and the queue are as the file says; who waited is told; it goes on."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            mended: list[bool] = []
            engine.mend = lambda: mended.append(True)
            engine.create(submitted("kept"))
            engine.create(submitted("changed"))
            await engine.committed()
            with refusing(tmp_path, "doomed"):
                engine.create(submitted("doomed"))
                engine.record(engine.job(2), opened(engine.job(2)))
                with pytest.raises(OutcomeUnknown, match="trouble"):
                    await engine.committed()
            assert mended == [True]
            assert list(engine.jobs) == [1, 2]
            assert engine.job(2).attempts == ()
            with pytest.raises(JobNotFound):
                engine.job(3)
            assert [engine.queue.take(9), engine.queue.take(9), engine.queue.take(9)] == [1, 2, None]
            job = engine.create(submitted("next"))
            assert job.id == 4, "an id that somebody may have seen is not used again"
            await engine.committed()
            assert [entry.seq for entry in engine.archive.entries(0, 10)] == [1, 2, 3]

    asyncio.run(run())


def test_a_removed_job_is_gone_at_once(tmp_path: Path) -> None:
    """Before the removal is durable nobody can change the job; if it fails, the job is there as before."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            engine.record(engine.create(submitted()), cancel(engine.job(1)))
            await engine.committed()
            with refusing(tmp_path, "removed"):
                engine.record(engine.job(1), [happened.Removed()])
                for attempt in (lambda: engine.job(1), lambda: engine.change(("1",), LIVING, lifecycle.remove, ME)):
                    with pytest.raises(JobNotFound):
                        attempt()
                with pytest.raises(OutcomeUnknown):
                    await engine.committed()
            assert engine.job(1).state is State.CANCELED
            engine.record(engine.job(1), [happened.Removed()])
            await engine.committed()
            with pytest.raises(JobNotFound):
                engine.job(1)

    asyncio.run(run())


def test_consequences_follow_the_commit(tmp_path: Path) -> None:
    """They see the job as it now is, even one that is gone in the same transaction; one that fails harms no other."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            seen: list[tuple[str, int, State]] = []

            def note(job: Job, event: Event) -> None:
                seen.append((type(event).__name__, job.id, job.state))

            def fail(job: Job, event: Event) -> None:
                raise OSError(f"trouble with {job.id}, {event.title()}")

            engine.consequences.update(
                {happened.Opened: fail, happened.Completed: note, happened.Removed: note, happened.Submitted: note}
            )
            job = engine.create(submitted())
            job = engine.record(job, opened(job))
            assert seen == []
            await engine.committed()
            assert seen == [("Submitted", 1, State.PENDING)]
            job = engine.record(job, ended(job))
            engine.record(job, [happened.Removed()])
            engine.create(submitted())
            await engine.committed()
            assert seen[1:] == [
                ("Completed", 1, State.COMPLETED), ("Removed", 1, State.COMPLETED), ("Submitted", 2, State.PENDING),
            ]  # fmt: skip

    asyncio.run(run())


def test_ended_jobs_leave_the_memory(tmp_path: Path) -> None:
    """Only what lives is held; what is asked of the others comes from the file."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            job = engine.create(submitted())
            job = engine.record(job, opened(job))
            engine.usage[1] = Usage(cpu_percent=3.0)
            job = engine.record(job, ended(job, 3 << 8))
            assert engine.job(1).reason == "exit:3"
            await engine.committed()
            assert (engine.jobs, engine.usage) == ({}, {})
            assert engine.job(1) == job

    asyncio.run(run())


def test_surroundings_are_kept_once(tmp_path: Path) -> None:
    """Jobs with the same environment share it; the digest is its name, and what was read is read once."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            one = Surroundings(environment=("A=1",))
            digest = engine.keep_surroundings(one)
            assert engine.keep_surroundings(Surroundings(environment=("A=1",))) == digest
            other = engine.keep_surroundings(Surroundings(environment=("A=2",)))
            assert other != digest
            for needed in (digest, digest, other):
                engine.create(replace(submitted(), spec=Spec(argv=("true",), cwd="/", surroundings=needed)))
            await engine.committed()
            assert ask(engine.paths.database, "SELECT count(*) FROM surroundings") == [(2,)]
            found = engine.archive.surroundings(digest)
            assert found == one
            assert engine.archive.surroundings(digest) is found

    asyncio.run(run())


def test_troubles_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is well, until the disk is nearly full or a part of the daemon has something to say."""

    async def run() -> None:
        async with gate(tmp_path) as engine:
            assert engine.health() == []
            engine.concerns.append(lambda: "socket: it is gone")
            monkeypatch.setattr(filesystem, "LITTLE_ROOM", 1 << 60)
            disk, socket = engine.health()
            assert disk.startswith("disk: only ")
            assert disk.endswith(f" MiB are free at {tmp_path}")
            assert socket == "socket: it is gone"

    asyncio.run(run())
