"""Whatever is found where the database should be: it is used, repaired without losing anything, or clearly refused."""

import asyncio
import contextlib
import logging
import sqlite3
from pathlib import Path

import pytest

from jobd.core.errors import DatabaseTooNew, OutcomeUnknown, StorageBroken
from jobd.core.events import catalogue as happened
from jobd.daemon.storage import database, filesystem, migration, opening, safekeeping
from jobd.daemon.storage.opening import Opened
from tests.daemon import damaging
from tests.daemon.storage.test_migration import NEXT
from tests.daemon.storing import Kept, ask, kept, reading, write
from tests.making import Maker
from tests.waiting import until

JOBS = 300


def fill(path: Path, backup_after: int = 0) -> Maker:
    """Make a database of some hundred jobs, most of them ended, and back it up after so many."""
    maker = Maker()
    for first, last in ((1, backup_after), (backup_after + 1, JOBS)) if backup_after else ((1, JOBS),):
        changes = []
        for job_id in range(first, last + 1):
            changes += [maker.run(job_id)] if job_id % 10 else [maker.submit(job_id), maker.start(job_id)]
        write(path, *changes)
        if backup_after == last:
            safekeeping.rotate(path, 3)
    return maker


def reopen(path: Path, *changes: int) -> Opened:
    """Open a database as a new daemon does, and submit jobs with the next ids."""

    async def run() -> Opened:
        async with kept(path) as running:
            maker = Maker(running.opened.last_seq)
            for place in range(1, 1 + len(changes)):
                await running.commit(maker.submit(running.opened.last_job_id + place))
            return running.opened

    return asyncio.run(run())


def jobs_in(path: Path) -> dict[int, object]:
    """Read all jobs."""
    with reading(path) as reader:
        found = [reader.job(job_id) for job_id in range(1, reader.last_job_id() + 1)]
    return {job.id: job for job in found if job is not None}


@pytest.mark.parametrize("kind", damaging.KINDS)
def test_damage_is_found_and_repaired(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    """The daemon starts all the same; the damaged file is kept aside as it was, and what can be read of it is saved."""
    path = tmp_path / "jobd.db"
    maker = fill(path)
    damaging.KINDS[kind](path)
    damaged = path.read_bytes() if path.exists() else None
    with caplog.at_level(logging.ERROR):
        opened = reopen(path)
    assert "the database is damaged" in caplog.text
    assert safekeeping.check(path, thorough=True) == []
    if damaged is None:
        assert opened.quarantined is None
    else:
        assert opened.quarantined is not None
        assert opened.quarantined.name.startswith("corrupt-")
        assert (opened.quarantined / "jobd.db").read_bytes() == damaged
        assert str(opened.quarantined) in caplog.text
    saved = jobs_in(path)
    assert {job_id: maker.jobs[job_id] for job_id in saved} == saved, "what is saved is as it was"
    assert [job.id for job in opened.live] == [job_id for job_id in saved if job_id % 10 == 0]
    if kind in damaging.HOPELESS:
        assert not saved
    elif kind == "truncated":
        assert len(saved) > JOBS // 4
    else:
        assert saved == maker.jobs
    assert reopen(path).quarantined is None, "once is enough"


@pytest.mark.parametrize("kind", damaging.KINDS)
def test_what_cannot_be_read_comes_from_the_backup(tmp_path: Path, kind: str) -> None:
    """With a backup nothing older than it is lost, and what is newer is saved where it can be read."""
    path = tmp_path / "jobd.db"
    maker = fill(path, backup_after=200)
    damaging.KINDS[kind](path)
    reopen(path)
    saved = jobs_in(path)
    assert {job_id: maker.jobs[job_id] for job_id in saved} == saved
    assert saved.keys() >= set(range(1, 201))
    assert (saved == maker.jobs) == (kind not in damaging.HOPELESS | {"truncated"})


def test_a_backup_that_is_damaged_too_is_passed_over(tmp_path: Path) -> None:
    """The newest backup that is whole, and of this program, is taken."""
    path = tmp_path / "jobd.db"
    fill(path, backup_after=100)
    for later in ("29990101-000000", "29990102-000000"):
        (tmp_path / f"jobd.db.bak-{later}").write_bytes(b"not a database at all" * 500)
    with contextlib.closing(sqlite3.connect(tmp_path / "jobd.db.bak-29990103-000000")) as foreign:
        foreign.execute("CREATE TABLE things (thing)")
    path.unlink()
    reopen(path)
    assert jobs_in(path).keys() == set(range(1, 101))


def test_a_log_left_by_a_kill_goes_with_its_file(tmp_path: Path) -> None:
    """The write-ahead log and its index are kept beside the damaged file that they belong to."""
    path = tmp_path / "jobd.db"
    fill(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO meta (key, value) VALUES ('only in', 'the log')")
        connection.commit()
        parts = {name: path.with_name(f"jobd.db{name}").read_bytes() for name in ("-wal", "-shm")}
    damaging.KINDS["garbage header"](path)
    for name, content in parts.items():
        path.with_name(f"jobd.db{name}").write_bytes(content)
    aside = reopen(path).quarantined
    assert aside is not None
    assert {file.name for file in aside.iterdir()} == {"jobd.db", "jobd.db-wal", "jobd.db-shm"}
    assert (aside / "jobd.db-wal").read_bytes() == parts["-wal"]


def test_jobs_older_than_the_log_are_brought_up_to_date(tmp_path: Path) -> None:
    """Where the jobs cannot be read but the log can, they are folded from it, not taken back to the backup's day."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(change for job_id in range(1, 41) for change in (maker.submit(job_id), maker.start(job_id))))
    safekeeping.rotate(path, 3)
    later = [maker.end(job_id, status=job_id % 2) for job_id in range(1, 31)]
    removed = [maker.happen(job_id, happened.Removed()) for job_id in range(1, 11)]
    write(path, *later, *removed, *(maker.submit(job_id) for job_id in range(41, 61)))
    damaging.overwrite(path, damaging.pages(path, "records")[0], bytes(damaging.PAGE))
    reopen(path)
    assert jobs_in(path) == maker.jobs
    with reading(path) as reader:
        assert reader.last_seq() == maker.seq


def test_no_id_is_given_twice_after_a_loss(tmp_path: Path) -> None:
    """With nothing left to read, the files of older jobs still say which ids are used."""
    path = tmp_path / "jobd.db"
    fill(path)
    (tmp_path / "log").mkdir()
    (tmp_path / "run" / "421.3").mkdir(parents=True)
    for name in ("417.1", "419.2.stdout", "daemon.log", "12345"):
        (tmp_path / "log" / name).touch()
    damaging.KINDS["empty"](path)
    assert reopen(path, 1).last_job_id == 421
    assert jobs_in(path).keys() == {422}


def test_an_empty_file_is_new_only_where_nothing_was(tmp_path: Path) -> None:
    """Killed while making its first file, a daemon starts again; but with jobs in run/ an empty file is a loss."""
    path = tmp_path / "jobd.db"
    path.touch()
    assert reopen(path).quarantined is None
    for file in (path, filesystem.created_mark(path)):
        file.unlink()
    path.touch()
    (tmp_path / "run" / "1.1").mkdir(parents=True)
    assert reopen(path).quarantined is not None


@pytest.mark.parametrize("moved", [False, True])
def test_a_repair_cut_short_is_done_again(tmp_path: Path, moved: bool) -> None:  # noqa: FBT001 -- a case
    """Killed before the damaged file was moved, or between that and the new one's taking its place: nothing is lost."""
    path, fresh = tmp_path / "jobd.db", tmp_path / "jobd.db.repaired"
    maker = fill(path)
    if moved:
        safekeeping.backup(path, fresh)
        damaging.KINDS["empty"](path)
        safekeeping.move_aside(path, "corrupt")
    else:
        damaging.KINDS["zeroed page"](path)
        fresh.write_bytes(b"half written")
    reopen(path)
    assert jobs_in(path) == maker.jobs
    assert not fresh.exists()


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    """A file from a newer program is refused untouched, naming both versions and the backup to go back to."""
    path, known = tmp_path / "jobd.db", len(migration.scripts())
    fill(path)
    older = safekeeping.back_up_version(path, known)
    ask(path, f"PRAGMA user_version = {known + 5}")
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew) as caught:
        Kept(path, "full")
    assert caught.value.details == {"found": known + 5, "known": known, "backup": str(older)}
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A file that is not jobd's is refused untouched, not taken for a damaged one."""
    path = tmp_path / "jobd.db"
    ask(path, "CREATE TABLE things (thing)")
    before = path.read_bytes()
    with pytest.raises(StorageBroken, match="it is the database of another program"):
        Kept(path, "full")
    assert path.read_bytes() == before


def test_an_older_database_is_backed_up_and_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the schema changes, a copy is made that later rotations leave alone."""
    path, known = tmp_path / "jobd.db", len(migration.scripts())
    maker = fill(path)
    scripts = (*migration.scripts(), NEXT)
    monkeypatch.setattr(migration, "scripts", lambda: scripts)
    assert [job.id for job in reopen(path).live] == [job_id for job_id in maker.jobs if job_id % 10 == 0]
    assert ask(path, "PRAGMA user_version") == [(known + 1,)]
    copy = safekeeping.of_version(path, known)
    assert copy is not None
    safekeeping.rotate(path, 1)
    assert ask(copy, "PRAGMA user_version") == [(known,)]
    assert ask(copy, "SELECT count(*) FROM jobs") == [(JOBS,)]


def test_a_migration_that_fails_is_told_and_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon does not start, says why, and the older program can go on with the same file."""
    path = tmp_path / "jobd.db"
    maker = fill(path)
    with monkeypatch.context() as patch:
        scripts = (*migration.scripts(), "CREATE TABLE half (done);\nINSERT INTO nowhere VALUES (1);\n")
        patch.setattr(migration, "scripts", lambda: scripts)
        with pytest.raises(StorageBroken, match="nowhere"):
            Kept(path, "full")
    assert reopen(path).quarantined is None
    assert jobs_in(path) == maker.jobs


def test_a_large_database_is_looked_through_while_it_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage found in the background makes the daemon give up, and its successor repair before it serves."""
    monkeypatch.setattr(opening, "CHECKED_AT_ONCE", 0)
    path = tmp_path / "jobd.db"
    maker = fill(path)
    damaging.KINDS["flipped bits"](path)

    async def run() -> None:
        async with kept(path) as running:
            assert running.opened.unchecked
            assert running.opened.quarantined is None
            while not running.failures:  # noqa: ASYNC110 -- the store tells nobody but this list
                await asyncio.sleep(0.005)
            assert isinstance(running.failures[0], OutcomeUnknown)
            assert "the database is damaged" in running.failures[0].message
            assert running.store.hopeless

    asyncio.run(asyncio.wait_for(run(), 30))
    assert reopen(path).quarantined is not None
    assert jobs_in(path) == maker.jobs
    assert not filesystem.suspect_mark(path).exists()


def test_a_sound_large_database_serves_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that finds nothing changes nothing, and one that is not done does not hold up the end."""
    monkeypatch.setattr(opening, "CHECKED_AT_ONCE", 0)
    path = tmp_path / "jobd.db"
    maker = fill(path)

    async def run() -> None:
        async with kept(path) as running:
            assert running.opened.unchecked
            await running.commit(maker.submit(JOBS + 1))
            assert running.failures == []
            assert not running.store.hopeless

    asyncio.run(run())
    assert jobs_in(path) == maker.jobs


def test_an_old_sqlite_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library cannot find words by their parts the daemon does not start, and says what it takes."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 0))
    with pytest.raises(StorageBroken, match=r"SQLite .* is too old; it takes 3\.35"):
        Kept(tmp_path / "jobd.db", "full")
    assert list(tmp_path.iterdir()) == []


def test_room_is_set_aside(tmp_path: Path) -> None:
    """A database that lasts has its mark and its ballast beside it; closed, it is one file."""
    path = tmp_path / "jobd.db"
    fill(path)
    assert {file.name for file in tmp_path.iterdir()} == {"jobd.db", "db.created", "ballast"}
    assert filesystem.ballast(path).stat().st_blocks * 512 >= filesystem.BALLAST_BYTES


def test_locked_by_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds the whole file is waited for, then named as the reason."""
    monkeypatch.setattr(database, "LOCK_WAIT", 50)
    path = tmp_path / "jobd.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageBroken, match="locked"):
            Kept(path, "full")
    assert until(lambda: reopen(path).last_job_id == 0)
