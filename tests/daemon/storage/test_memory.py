"""A database in memory is private, gone when its daemon ends, and removed by the next one if it was killed."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobd.daemon.storage import memory
from tests.daemon.storing import kept
from tests.making import Maker
from tests.source import ROOT

LEAVE = """
from jobd.daemon.storage import memory
import os
print(memory.make(), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a room of the test's own."""
    monkeypatch.setattr(memory, "SHARED_MEMORY", str(tmp_path))
    return tmp_path


def test_it_is_private_and_goes_with_its_store(room: Path) -> None:
    """The same store works on it; when it is closed nothing is left."""

    async def run() -> None:
        path = memory.make()
        assert path.parent.stat().st_mode & 0o777 == 0o700
        async with kept(path, "off") as running:
            await running.commit(Maker().submit(1))
            assert {file.name for file in path.parent.iterdir()} == {"jobd.db", "jobd.db-wal", "jobd.db-shm"}

    asyncio.run(run())
    assert list(room.iterdir()) == []


def test_in_shared_memory_where_there_is_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux has /dev/shm; elsewhere it is the directory for temporary files."""
    script = "from jobd.daemon.storage import memory; print(memory.SHARED_MEMORY)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "/dev/shm\n"
    monkeypatch.setattr(memory, "SHARED_MEMORY", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = memory.make()
    assert path.parent.parent == tmp_path
    memory.remove(path)


def test_what_a_killed_daemon_left_is_removed(room: Path) -> None:
    """The next daemon of the same user finds it, and lets those of the living alone."""
    script = LEAVE.replace("print", f"memory.SHARED_MEMORY = {str(room)!r}\nprint")
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    left = Path(done.stdout.strip())
    assert left.parent.is_dir()
    living = memory.make()
    assert not left.parent.exists()
    another = memory.make()
    assert living.parent.is_dir()
    for path in (living, another):
        memory.remove(path)
    assert list(room.iterdir()) == []


def test_nothing_else_is_removed(room: Path) -> None:
    """A database at a lasting place stays, and so does a directory that only has a similar name."""
    similar = room / f"jobd-memory-{os.geteuid() + 1}-x"
    similar.mkdir()
    lasting = room / "state" / "jobd.db"
    lasting.parent.mkdir()
    lasting.touch()
    memory.remove(lasting)
    memory.remove(memory.make())
    assert lasting.exists()
    assert similar.exists()


def test_many_begin_at_once(room: Path) -> None:
    """None takes the directory of another for left over before that one has locked it."""

    def begin_and_end(_: int) -> bool:
        path = memory.make()
        path.touch()
        there = path.exists()
        memory.remove(path)
        return there

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(begin_and_end, range(400)))
    assert list(room.iterdir()) == []
