"""The write-ahead log is brought into the database beside the thread that writes, and begins anew."""

import asyncio
import contextlib
import sqlite3
import subprocess
from pathlib import Path

import pytest

from jobd.daemon.storage import checkpoints, database
from tests.daemon.storing import Kept, ask, kept, write
from tests.making import Maker
from tests.waiting import until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a checkpoint after fewer commits."""
    monkeypatch.setattr(checkpoints, "EVERY", 20)


def beginnings(path: Path) -> int:
    """Read how often the log has begun anew (https://www.sqlite.org/fileformat2.html#walformat)."""
    header = path.with_name(f"{path.name}-wal").read_bytes()[:16]
    return int.from_bytes(header[12:], "big")


async def run_jobs(running: Kept, maker: Maker, rounds: int = 1) -> None:
    """Commit jobs one by one, as many as it takes to a checkpoint."""
    for _ in range(rounds * checkpoints.EVERY):
        await running.commit(maker.run(max(maker.jobs, default=0) + 1))


async def until_it_begins(path: Path, running: Kept, maker: Maker, wanted: int) -> None:
    """Go on with jobs, without a rest, until the log has begun anew so often."""
    for _ in range(100):
        if beginnings(path) >= wanted:
            return
        await run_jobs(running, maker)
    raise AssertionError("the log only grows")


def test_a_busy_store(tmp_path: Path) -> None:
    """The log begins anew, although there is always a commit; it is far too short for SQLite to do that by itself."""
    path, maker = tmp_path / "jobd.db", Maker()

    async def busy() -> None:
        async with kept(path) as running:
            await run_jobs(running, maker)
            await until_it_begins(path, running, maker, beginnings(path) + 5)
            assert path.with_name(f"{path.name}-wal").stat().st_size < database.LONGEST_LOG

    asyncio.run(busy())


def test_while_somebody_reads(tmp_path: Path) -> None:
    """The log grows, for whoever reads sees what was; afterwards it begins anew."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, maker.run(1))

    async def followed() -> None:
        async with kept(path) as running:
            await run_jobs(running, maker)
            with contextlib.closing(database.connect(path, read_only=True)) as reader:
                reader.execute("BEGIN")
                seen = reader.execute("SELECT count(*) FROM jobs").fetchall()
                await run_jobs(running, maker, 2)
                before = beginnings(path)
                await run_jobs(running, maker, 3)
                assert beginnings(path) == before
                assert reader.execute("SELECT count(*) FROM jobs").fetchall() == seen
            await until_it_begins(path, running, maker, before + 1)

    asyncio.run(followed())


def test_it_ends_with_the_store(tmp_path: Path) -> None:
    """Nothing is left in the log then."""
    path, maker = tmp_path / "jobd.db", Maker()

    async def brief() -> None:
        async with kept(path) as running:
            await run_jobs(running, maker)

    asyncio.run(brief())
    assert not path.with_name("jobd.db-wal").exists()


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """It is tried again after as many commits; whoever writes is told what is wrong."""
    path, finished = tmp_path / "jobd.db", list[int]()
    making = checkpoints.Checkpoints(path, "full", lambda: finished.append(path.exists()))
    making.start()
    for expected in (1, 2):
        for _ in range(checkpoints.EVERY):
            making.count()
        until(lambda wanted=expected: len(finished) == wanted, what="it was tried")
    making.close()
    assert finished == [False, False]


def test_the_writer_is_asked_for_the_rest(tmp_path: Path) -> None:
    """After so many commits, once the file by itself has what was in the log."""
    path, alone = tmp_path / "jobd.db", tmp_path / "alone.db"
    write(path, Maker().run(1))
    finished: list[object] = []
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("INSERT INTO meta (key, value) VALUES ('late', 7)")
        making = checkpoints.Checkpoints(
            path, "full", lambda: finished.append(subprocess.run(["cp", path, alone], check=True))
        )
        making.start()
        for _ in range(checkpoints.EVERY - 1):
            making.count()
        assert finished == []
        making.count()
        until(lambda: finished, what="the writer is asked")
        making.close()
    assert ask(alone, "SELECT value FROM meta WHERE key = 'late'") == [(7,)]
    assert len(finished) == 1
