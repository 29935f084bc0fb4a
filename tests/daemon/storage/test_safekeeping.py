"""A backup is whole, on disk and private; restoring one loses nothing."""

import asyncio
import contextlib
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from jobd.core.errors import StorageBroken, StorageFull
from jobd.daemon.storage import safekeeping
from tests.daemon import damaging
from tests.daemon.disks import fill, small_disk
from tests.daemon.planting import root_only
from tests.daemon.storing import ask, kept, reading, write
from tests.making import Maker
from tests.waiting import until


def filled(path: Path, count: int = 100) -> Maker:
    """Make a database of ended jobs."""
    maker = Maker()
    write(path, *(maker.run(job_id) for job_id in range(1, count + 1)))
    return maker


def test_a_backup_is_the_whole_database(tmp_path: Path) -> None:
    """It is one sound file of its own, readable by its owner only."""
    path, copy = tmp_path / "jobd.db", tmp_path / "copy"
    maker = filled(path)
    safekeeping.backup(path, copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert safekeeping.check(copy, thorough=True) == []
    assert safekeeping.is_usable(copy)
    with reading(copy) as reader:
        assert [reader.job(job_id) for job_id in maker.jobs] == list(maker.jobs.values())
        assert len(reader.entries(0, 1000)) == maker.seq
        assert reader.last_job_id() == len(maker.jobs)


def test_backed_up_while_it_is_written(tmp_path: Path) -> None:
    """A backup of a database in use is one moment of it: no job without its entry, no entry without its job."""
    path = tmp_path / "jobd.db"
    over = threading.Event()

    async def run() -> None:
        maker, job_id = Maker(), 0
        async with kept(path, "normal") as running:
            while not over.is_set():
                job_id += 1
                await running.commit(maker.submit(job_id))

    writer = threading.Thread(target=lambda: asyncio.run(run()))
    writer.start()
    try:
        until(lambda: path.exists() and safekeeping.is_usable(path))
        for number in range(5):
            copy = tmp_path / f"copy-{number}"
            safekeeping.backup(path, copy)
            assert safekeeping.check(copy, thorough=True) == []
            assert ask(copy, "SELECT id FROM jobs") == ask(copy, "SELECT job FROM events")
    finally:
        over.set()
        writer.join()


def test_backups_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay, by the time in their names; other files are let alone."""
    path = tmp_path / "jobd.db"
    filled(path)
    (tmp_path / "jobd.db.bak-mine").touch()
    days = [f"2026010{day}-120000" for day in range(1, 6)]
    for day in days:
        monkeypatch.setattr(safekeeping, "stamp", lambda day=day: day)
        made = safekeeping.rotate(path, 3)
        assert made.name == f"jobd.db.bak-{day}"
        assert safekeeping.backups(path)[0] == made
    assert [backup.name[-15:] for backup in safekeeping.backups(path)] == days[:1:-1]
    assert (tmp_path / "jobd.db.bak-mine").exists()
    version = safekeeping.back_up_version(path, 1)
    safekeeping.rotate(path, 1)
    assert safekeeping.of_version(path, 3) == version


def test_when_a_backup_is_due(tmp_path: Path) -> None:
    """The first at once, the next when the newest is old enough."""
    path = tmp_path / "jobd.db"
    filled(path)
    assert safekeeping.backup_is_due(path, 3600)
    made = safekeeping.rotate(path, 3)
    assert not safekeeping.backup_is_due(path, 3600)
    os.utime(made, (0, made.stat().st_mtime - 3601))
    assert safekeeping.backup_is_due(path, 3600)


def test_the_backup_to_go_back_to(tmp_path: Path) -> None:
    """The newest of the highest version that the program knows."""
    path = tmp_path / "jobd.db"
    for name in ("v1-20260101-000000", "v2-20260102-000000", "v2-20260103-000000", "v4-20260104-000000"):
        (tmp_path / f"jobd.db.{name}").touch()
    found = {known: safekeeping.of_version(path, known) for known in range(5)}
    names = {known: copy and copy.name.removeprefix("jobd.db.") for known, copy in found.items()}
    assert names == {
        0: None,
        1: "v1-20260101-000000",
        2: "v2-20260103-000000",
        3: "v2-20260103-000000",
        4: "v4-20260104-000000",
    }


@root_only
def test_a_backup_without_room_leaves_nothing(tmp_path: Path) -> None:
    """A backup that fails is not half there, and the database is as it was."""
    with small_disk(tmp_path / "disk", 4 << 20) as disk:
        path = disk / "jobd.db"
        filled(path)
        fill(disk)
        with pytest.raises(StorageFull, match=f"the disk that holds {disk} is full"):
            safekeeping.rotate(path, 3)
        assert list(disk.glob("jobd.db.bak*")) == []
        (disk / "filler").unlink()
        assert ask(path, "SELECT count(*) FROM jobs") == [(100,)]
        assert safekeeping.is_usable(safekeeping.rotate(path, 3))


@root_only
def test_the_disk_without_room_is_named(tmp_path: Path) -> None:
    """It is that of the backup, not that of the database."""
    path = tmp_path / "jobd.db"
    filled(path)
    with small_disk(tmp_path / "disk", 64 << 10) as disk:
        with pytest.raises(StorageFull, match=f"the disk that holds {disk} is full"):
            safekeeping.backup(path, disk / "copy.db")
        assert list(disk.iterdir()) == []


def test_what_was_left_of_a_killed_backup_is_no_hindrance(tmp_path: Path) -> None:
    """Half a copy from before is replaced."""
    path, copy = tmp_path / "jobd.db", tmp_path / "copy"
    filled(path)
    (tmp_path / "copy.part").write_bytes(b"half")
    safekeeping.backup(path, copy)
    assert safekeeping.is_usable(copy)
    assert not (tmp_path / "copy.part").exists()


def test_check_names_the_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound database has no problems; a damaged or a missing one has, in SQLite's words."""
    path = tmp_path / "jobd.db"
    filled(path, 300)
    assert safekeeping.check(path) == []
    assert "unable to open" in safekeeping.check(tmp_path / "missing")[0]
    damaging.KINDS["flipped bits"](path)
    assert safekeeping.check(path) != []
    monkeypatch.setattr(safekeeping, "_INSTRUCTIONS", 1)
    assert safekeeping.check(path, stopped=lambda: True) == [], "told to stop, it says nothing"


def test_a_thorough_check_compares_indexes(tmp_path: Path) -> None:
    """An index that lacks a row is found, which a quick check cannot."""
    path = tmp_path / "jobd.db"
    filled(path)
    for change in ("sql || ' WHERE name = 1'", "replace(sql, ' WHERE name = 1', '')"):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute(f"UPDATE sqlite_master SET sql = {change} WHERE name = 'jobs_by_name'")  # noqa: S608
            connection.commit()
        write(path, Maker(path.stat().st_mtime_ns).submit(path.stat().st_mtime_ns))
    assert safekeeping.check(path) == []
    assert "missing from index jobs_by_name" in safekeeping.check(path, thorough=True)[0]


def test_a_backup_is_restored(tmp_path: Path) -> None:
    """It takes the place of the database, which is kept aside; without a database it simply takes the place."""
    path = tmp_path / "jobd.db"
    filled(path, 10)
    copy = safekeeping.rotate(path, 3)
    write(path, Maker(1000).submit(11))
    aside = safekeeping.restore(path, copy)
    assert aside is not None
    assert aside.name.startswith("replaced-")
    assert ask(path, "SELECT count(*) FROM jobs") == [(10,)]
    assert ask(aside / "jobd.db", "SELECT count(*) FROM jobs") == [(11,)]
    path.unlink()
    assert safekeeping.restore(path, copy) is None
    assert ask(path, "SELECT count(*) FROM jobs") == [(10,)]
    assert copy.exists()


def test_only_a_good_backup_is_restored(tmp_path: Path) -> None:
    """A damaged, foreign or newer file is refused, and the database stays."""
    path = tmp_path / "jobd.db"
    filled(path, 300)
    damaged, foreign, newer = (tmp_path / name for name in ("damaged", "foreign", "newer"))
    for copy in (damaged, newer):
        safekeeping.backup(path, copy)
    damaging.KINDS["zeroed page"](damaged)
    ask(newer, "PRAGMA user_version = 99")
    ask(foreign, "CREATE TABLE things (thing)")
    for source in (damaged, foreign, newer, tmp_path / "missing"):
        with pytest.raises(StorageBroken, match=f"the database {source} cannot be used"):
            safekeeping.restore(path, source)
    assert ask(path, "SELECT count(*) FROM jobs") == [(300,)]


def test_names_aside_are_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moved aside twice within a second, nothing is overwritten."""
    monkeypatch.setattr(safekeeping, "stamp", lambda: "20260101-000000")
    path = tmp_path / "jobd.db"
    for content in (b"first", b"second"):
        path.write_bytes(content)
        safekeeping.move_aside(path, "corrupt")
    kept_aside = sorted(path.parent.glob("corrupt-*/jobd.db"))
    assert [file.read_bytes() for file in kept_aside] == [b"first", b"second"]
    assert safekeeping.move_aside(path, "corrupt") is None


def test_room_of_deleted_rows_is_given_back(tmp_path: Path) -> None:
    """After a vacuum the file is as small as a new one with the same rows."""
    path = tmp_path / "jobd.db"
    filled(path, 300)
    before = path.stat().st_size
    ask(path, "DELETE FROM events")
    safekeeping.vacuum(path)
    assert path.stat().st_size < before * 0.7
    assert safekeeping.check(path, thorough=True) == []
    with pytest.raises(StorageBroken):
        safekeeping.vacuum(tmp_path / "missing")
