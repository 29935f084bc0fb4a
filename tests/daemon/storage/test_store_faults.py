"""When the disk is full, fails, or is locked: nothing is half done, everybody is told, and it goes on by itself."""

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobd.core.errors import JobdError, OutcomeUnknown, StorageBroken, StorageFull
from jobd.daemon.storage import database, filesystem
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.store import MOST_FAILURES
from tests.daemon.disks import fill, make_read_only, small_disk
from tests.daemon.planting import NOBODY, nobody, root_only
from tests.daemon.storing import Kept, ask, kept, reading, write
from tests.making import START, Maker
from tests.source import ROOT
from tests.waiting import until


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 2 MiB."""
    with small_disk(tmp_path / "disk", 2 << 20) as path:
        yield path


class Failing(sqlite3.Connection):
    """A connection of which commits fail as SQLite lets them fail: rolled back, and nobody knows more."""

    failures = 0
    code = sqlite3.SQLITE_IOERR_FSYNC

    def execute(self, text: str, *parameters: Any) -> sqlite3.Cursor:
        """Execute a statement, or fail."""
        if text == "COMMIT" and Failing.failures:
            Failing.failures -= 1
            super().execute("ROLLBACK")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode, error.sqlite_errorname = Failing.code, "SQLITE_IOERR_FSYNC"
            raise error
        return super().execute(text, *parameters)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Failing]]:
    """Let every connection be one that can fail."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, factory=Failing, **options))
    yield Failing
    Failing.failures, Failing.code = 0, sqlite3.SQLITE_IOERR_FSYNC


async def refused(running: Kept, job_id: int) -> JobdError:
    """Submit a job in vain; give the error that its caller sees."""
    with pytest.raises(JobdError) as caught:
        await running.commit(Maker(job_id - 1).submit(job_id))
    return caught.value


@root_only
def test_a_full_disk_refuses_everything_and_recovers(disk: Path) -> None:
    """The whole batch fails and all that was saved since, reading goes on, and with room again so does writing."""

    async def run() -> None:
        path, maker = disk / "jobd.db", Maker()
        async with kept(path) as running:
            await running.commit(maker.submit(1))
            filler = fill(disk)
            running.save(maker.submit(2))
            running.save(maker.submit(3))
            first = running.store.committed()
            await asyncio.sleep(0)
            running.save(maker.submit(4))
            second = running.store.committed()
            for waiting in (first, second):
                with pytest.raises(StorageFull, match=f"the disk that holds {disk} is full; nothing was changed"):
                    await waiting
            assert [type(failure) for failure in running.failures] == [StorageFull]
            fault = running.store.fault
            assert isinstance(fault, StorageFull)
            with pytest.raises(StorageFull):
                running.save(maker.submit(5))
            with pytest.raises(StorageFull):
                running.store.remember("request", "submit", START, b"1")
            assert running.store.committed().done()
            assert not await running.store.probe()
            with reading(path) as reader:
                assert [job.id for job in reader.live()] == [1]
                assert reader.last_seq() == 1
            filler.unlink()
            assert await running.store.probe()
            await running.commit(Maker(1).submit(2))
            assert not running.store.hopeless
        assert ask(path, "SELECT id FROM jobs") == [(1,), (2,)]

    asyncio.run(run())


@root_only
def test_a_disk_filled_by_jobd_itself(disk: Path) -> None:
    """However the last byte is used up, what was acknowledged is there and nothing else."""

    async def run() -> None:
        path, maker, acknowledged = disk / "jobd.db", Maker(), 0
        async with kept(path) as running:
            with contextlib.suppress(StorageFull):
                while True:
                    await running.commit(maker.submit(acknowledged + 1, labels={"padding": "x" * 5000}))
                    acknowledged += 1
            assert acknowledged > 10
        with reading(path) as reader:
            assert [job.id for job in reader.live()] == list(range(1, acknowledged + 1))
            assert reader.last_seq() == acknowledged

    asyncio.run(run())


@root_only
def test_killed_on_a_full_disk(disk: Path) -> None:
    """Killed while the disk is full, and started when there is room again: all is there, and it goes on."""
    from tests.daemon.storage.test_store import WRITER

    path = disk / "jobd.db"
    command = [sys.executable, "-c", WRITER.replace("await running.store.committed()", STUBBORN), str(path), "1000000"]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert [int(writer.stdout.readline()) for _ in range(3)] == [1, 2, 3]
        filler = fill(disk)
        lines = list(iter(writer.stdout.readline, b"full\n"))
        writer.send_signal(signal.SIGKILL)
    filler.unlink()
    acknowledged = 3 + len(lines)

    async def go_on() -> None:
        async with kept(path) as running:
            assert len(running.opened.live) == running.opened.last_seq == acknowledged
            await running.commit(Maker(acknowledged).submit(acknowledged + 1))

    asyncio.run(go_on())


#: Goes on for ever after the first failure.
STUBBORN = """
            try:
                await running.store.committed()
            except Exception as error:
                print("full", flush=True)
                await asyncio.sleep(3600)
"""


@root_only
def test_the_ballast_makes_room_to_open(tmp_path: Path) -> None:
    """A disk that is too full even to read the database: the ballast goes, and the daemon starts."""
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        path, maker = disk / "jobd.db", Maker()
        write(path, maker.submit(1))
        assert filesystem.ballast(path).exists()
        filler = fill(disk)

        async def run() -> None:
            async with kept(path) as running:
                assert [job.id for job in running.opened.live] == [1]
                assert not filesystem.ballast(path).exists()
                await running.commit(maker.submit(2))

        asyncio.run(run())
        filler.unlink()
        write(path, maker.submit(3))
        assert filesystem.ballast(path).exists()


@root_only
def test_no_room_at_all_is_said(disk: Path) -> None:
    """Without room to begin with, the daemon does not start, and says why."""
    filler = fill(disk)
    with pytest.raises(StorageFull, match=f"the disk that holds {disk} is full"):
        Kept(disk / "jobd.db", "full")
    filler.unlink()
    write(disk / "jobd.db", Maker().submit(1))


@root_only
def test_a_read_only_file_system_is_refused(disk: Path) -> None:
    """The reason is named, whether the database is there or not, and nothing is taken for damage."""
    (disk / "fresh").mkdir()
    write(disk / "jobd.db", Maker().submit(1))
    make_read_only(disk)
    for path in (disk / "jobd.db", disk / "fresh" / "jobd.db"):
        with pytest.raises(StorageBroken, match="its file system is read-only"):
            Kept(path, "full")


@root_only
def test_a_read_only_file_system_can_be_read(disk: Path) -> None:
    """What is remembered can be looked at there; a log that was left cannot be taken in, and the reason is named."""
    path, maker = disk / "jobd.db", Maker()
    write(path, maker.submit(1))
    left = disk / "left" / "jobd.db"
    left.parent.mkdir()
    write(left, maker.submit(2))
    with contextlib.closing(sqlite3.connect(left)) as writer:
        writer.execute("DELETE FROM jobs")
        writer.commit()
        log = left.with_name("jobd.db-wal").read_bytes()
    left.with_name("jobd.db-wal").write_bytes(log)
    make_read_only(disk)
    with reading(path) as reader:
        assert reader.live() == [maker.jobs[1]]
    with pytest.raises(StorageBroken, match="its file system is read-only"):
        Reader(left)


@root_only
@pytest.mark.parametrize(
    ("file_mode", "directory_mode", "reason"),
    [(0o400, 0o700, "you may not read and write it"), (0o600, 0o500, "you may not write in its directory")],
)
def test_a_file_that_may_not_be_used(file_mode: int, directory_mode: int, reason: str) -> None:
    """Missing rights are named."""
    path = Path(f"/tmp/jobd-rights-{os.getpid()}-{file_mode:o}") / "jobd.db"
    path.parent.mkdir()
    try:
        write(path, Maker().submit(1))
        for place, mode in ((path, file_mode), (path.parent, directory_mode)):
            os.chown(place, NOBODY, NOBODY)
            place.chmod(mode)
        with nobody(), pytest.raises(StorageBroken, match=f"the database {path} cannot be used: {reason}"):
            Kept(path, "full")
    finally:
        for file in [*path.parent.iterdir(), path.parent]:
            file.rmdir() if file.is_dir() else file.unlink()


def test_a_disk_that_fails_leaves_the_outcome_open(tmp_path: Path, failing: type[Failing]) -> None:
    """A commit that was not confirmed is neither done nor failed; after a few in a row only a fresh start can help."""

    async def run() -> None:
        maker = Maker()
        async with kept(tmp_path / "jobd.db") as running:
            await running.commit(maker.submit(1))
            for count in range(1, MOST_FAILURES + 1):
                failing.failures = 1
                error = await refused(running, 2)
                assert isinstance(error, OutcomeUnknown)
                assert "disk I/O error (SQLITE_IOERR_FSYNC)" in error.message
                assert len(running.failures) == count
                assert running.store.fault is None
                assert running.store.hopeless == (count == MOST_FAILURES)

    asyncio.run(run())


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace lets system calls fail")
@pytest.mark.parametrize(("call", "errno"), [("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC")])
def test_a_disk_that_really_fails(tmp_path: Path, call: str, errno: str) -> None:
    """One failing system call: the caller hears of it, and all that was acknowledged is there."""
    path, trace = tmp_path / "jobd.db", tmp_path / "trace"
    write(path)
    fault = f"inject={call}:error={errno}:when=25"
    command = ["strace", "-f", "-o", str(trace), "-e", f"trace={call}", "-e", fault, sys.executable, "-c", PERSISTENT]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, str(path)], env=environment, capture_output=True, text=True, check=True)
    assert "INJECTED" in trace.read_text()
    told = done.stdout.split()
    assert told.count("StorageFull" if errno == "ENOSPC" else "OutcomeUnknown") == 1
    acknowledged = [int(word) for word in told if word.isdigit()]
    assert len(acknowledged) > 25
    with reading(path) as reader:
        assert {job.id for job in reader.live()} >= set(acknowledged)
        assert reader.last_seq() == len(reader.entries(0, 1000)) == len(reader.live())


#: Saves jobs, whatever happens, and prints what came of each.
PERSISTENT = """
import asyncio, sys
from pathlib import Path
from jobd.core.errors import JobdError
from tests.daemon.storing import kept
from tests.making import Maker

async def run():
    async with kept(Path(sys.argv[1])) as running:
        number = 0
        for _ in range(40):
            try:
                await running.commit(Maker(number).submit(number + 1))
                number += 1
                print(number)
            except JobdError as error:
                print(type(error).__name__)
                await running.store.probe()

asyncio.run(run())
"""


def test_failures_count_only_in_a_row(tmp_path: Path, failing: type[Failing]) -> None:
    """A commit that succeeds in between shows that there is hope."""

    async def run() -> None:
        async with kept(tmp_path / "jobd.db") as running:
            for turn in range(2 * MOST_FAILURES):
                failing.failures = 1
                await refused(running, turn + 1)
                await running.commit(Maker(turn).submit(turn + 1))
            assert not running.store.hopeless
            assert len(running.batches) == 2 * MOST_FAILURES

    asyncio.run(run())


def test_damage_met_while_writing(tmp_path: Path, failing: type[Failing]) -> None:
    """Where SQLite meets damage the daemon gives up at once, and the next one looks through everything first."""

    async def run() -> None:
        path = tmp_path / "jobd.db"
        async with kept(path) as running:
            failing.failures, failing.code = 1, sqlite3.SQLITE_CORRUPT_INDEX
            assert isinstance(await refused(running, 1), OutcomeUnknown)
            assert running.store.hopeless
            assert filesystem.suspect_mark(path).exists()
        async with kept(path) as again:
            assert again.opened.quarantined is None
            assert not filesystem.suspect_mark(path).exists()

    asyncio.run(run())


def test_after_a_failure_everything_is_written_anew(tmp_path: Path, failing: type[Failing]) -> None:
    """A job whose state was lost with a failed commit is written whole the next time, not its record alone."""

    async def run() -> None:
        path, maker = tmp_path / "jobd.db", Maker()
        async with kept(path) as running:
            await running.commit(maker.submit(1))
            failing.failures = 1
            running.save(maker.start(1))
            with pytest.raises(OutcomeUnknown):
                await running.store.committed()
            maker.seq = 1
            await running.commit(maker.progress(1))
            assert ask(path, "SELECT state FROM jobs") == [("running",)]

    asyncio.run(run())


def test_another_program_holds_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, then named as the reason; readers are not disturbed, and nobody gives up for good."""
    monkeypatch.setattr(database, "LOCK_WAIT", 50)

    async def run() -> None:
        path, maker = tmp_path / "jobd.db", Maker()
        async with kept(path) as running:
            await running.commit(maker.submit(1))
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                for _ in range(MOST_FAILURES + 1):
                    error = await refused(running, 2)
                    assert isinstance(error, OutcomeUnknown)
                    assert "another process has kept jobd.db locked" in error.message
                assert not running.store.hopeless
                with reading(path) as reader:
                    assert len(reader.live()) == 1
            await running.commit(Maker(1).submit(2))

    asyncio.run(run())


def test_a_lock_held_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    """A short transaction of another program costs time and nothing else."""

    async def run() -> None:
        path, maker = tmp_path / "jobd.db", Maker()
        async with kept(path) as running:
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                running.save(maker.submit(1))
                waiting = running.store.committed()
                await asyncio.sleep(0.02)
                assert not waiting.done()
                other.execute("COMMIT")
                await waiting
            assert running.failures == []

    asyncio.run(run())


def test_what_fails_beside_the_batches_is_told(tmp_path: Path) -> None:
    """An error in other work of the writing thread reaches who asked for it, and harms no batch."""

    async def run() -> None:
        path = tmp_path / "jobd.db"
        async with kept(path) as running:
            ask(path, "ALTER TABLE requests RENAME TO answers")
            with pytest.raises(OutcomeUnknown, match="no such table: requests"):
                await running.store.trim_requests()
            ask(path, "ALTER TABLE answers RENAME TO requests")
            await running.commit(Maker().submit(1))
            assert until(lambda: running.batches)

    asyncio.run(run())
