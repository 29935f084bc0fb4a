"""The write-ahead log is brought into the database beside the thread that writes, and begins anew."""

import asyncio
import contextlib
import sqlite3
import subprocess
from pathlib import Path

from jobd.daemon.storage import checkpoints, database
from tests.daemon.storing import Kept, ask, kept, write
from tests.making import Maker
from tests.waiting import until

#: Pages that the log of a busy store may come to: those of two rounds of commits, and more than any here has.
FEW = 40 * 2 * checkpoints.EVERY


def log_bytes(path: Path) -> int:
    """Measure the log; it keeps the length that it has had once."""
    return path.with_name(f"{path.name}-wal").stat().st_size


async def run_jobs(running: Kept, maker: Maker, first: int, count: int) -> None:
    """Commit jobs one by one."""
    for number in range(first, first + count):
        await running.commit(maker.run(number))


def test_the_log_stays_short(tmp_path: Path) -> None:
    """However long the store is kept busy: without checkpoints these commits take a multiple of that."""
    path, maker = tmp_path / "jobd.db", Maker()

    async def busy() -> None:
        async with kept(path, "normal") as running:
            await run_jobs(running, maker, 1, 4 * checkpoints.EVERY)
            early = log_bytes(path)
            await run_jobs(running, maker, 1000, 16 * checkpoints.EVERY)
            assert log_bytes(path) < min(2 * early, FEW * database.PAGE)

    asyncio.run(busy())


def test_while_somebody_reads(tmp_path: Path) -> None:
    """The log grows, for whoever reads sees what was; afterwards it begins anew."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, maker.run(1))

    async def followed() -> None:
        async with kept(path, "normal") as running:
            with contextlib.closing(database.connect(path, read_only=True)) as reader:
                reader.execute("BEGIN")
                [(jobs,)] = reader.execute("SELECT count(*) FROM jobs").fetchall()
                await run_jobs(running, maker, 10, 3 * checkpoints.EVERY)
                grown = log_bytes(path)
                assert reader.execute("SELECT count(*) FROM jobs").fetchall() == [(jobs,)]
            await run_jobs(running, maker, 1000, 3 * checkpoints.EVERY)
            assert log_bytes(path) < 2 * grown

    asyncio.run(followed())


def test_it_ends_with_the_store(tmp_path: Path) -> None:
    """Nothing is left in the log then."""
    path, maker = tmp_path / "jobd.db", Maker()

    async def brief() -> None:
        async with kept(path) as running:
            await run_jobs(running, maker, 1, checkpoints.EVERY)

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
