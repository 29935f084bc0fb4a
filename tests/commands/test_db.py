"""jobd db: look through the database, copy it, put a copy back, make it smaller."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.commands.running import House


def jobs_in(path: Path) -> list[str]:
    """Read the names of jobs from a copy, as any program that reads SQLite can."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return [row[0] for row in database.execute("SELECT name FROM jobs ORDER BY id")]


def damage(path: Path) -> None:
    """Overwrite a page in the middle."""
    for part in (f"{path}-wal", f"{path}-shm"):
        Path(part).unlink(missing_ok=True)
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xaa" * 4096)


def test_check(own: House) -> None:
    """Whole, with a daemon and without one; damage is named, and the status is 1."""
    own.ran("true")
    done = own("db", "check")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"{own.state}/jobd.db (")
    assert done.out.endswith(") is whole\n")
    own.daemon.stop()
    assert own("db", "check").out.endswith(" is whole\n")
    assert own.json("db", "check", "--json=problems") == {"problems": []}
    damage(own.state / "jobd.db")
    broken = own("db", "check")
    assert broken.status == 1
    assert broken.out or broken.err
    assert "whole" not in broken.out


def test_path(own: House) -> None:
    """For programs that read SQLite; none if there is none yet."""
    none = own("db", "path", env={"PATH": "/usr/bin:/bin", "JOBD_DIR": f"{own.state}/none"})
    assert (none.status, none.out) == (66, "")
    own.ran("true", name="seen")
    path = own("db", "path").out
    assert path == f"{own.state}/jobd.db\n"
    with closing(sqlite3.connect(f"file:{path.strip()}?mode=ro", uri=True)) as database:
        assert database.execute("SELECT name, exit_code FROM v_jobs").fetchall() == [("seen", 0)]


def test_backup(own: House, tmp_path: Path) -> None:
    """Beside it, the newest few kept, or elsewhere; while it is in use; and never over a file that is there."""
    own.ran("true", name="kept")
    beside = own.json("db", "backup", "--json")
    assert jobs_in(Path(beside["path"])) == ["kept"]
    assert Path(beside["path"]).parent == own.state
    copy = tmp_path / "copy ü"
    assert own("db", "backup", copy.name, cwd=tmp_path).out.startswith(f"{copy} (")
    assert jobs_in(copy) == ["kept"]
    again = own("db", "backup", str(copy))
    assert again.status == 65
    assert "exists already" in again.err
    odd = own("db", "backup", os.fsdecode(b"copy\xff"), cwd=tmp_path)
    assert odd.status == 65
    assert r"copy\xff is not UTF-8" in odd.err
    gone = own("db", "backup", "/no/such/folder/copy")
    assert gone.status == 74
    own.daemon.stop()
    assert jobs_in(Path(own.json("db", "backup", "--json=path", f"{tmp_path}/cold")["path"])) == ["kept"]


def test_restore(own: House, tmp_path: Path) -> None:
    """The copy takes the place of the database, what is replaced is kept; not while a daemon serves."""
    own.ran("true", name="before")
    copy = tmp_path / "copy"
    own("db", "backup", str(copy))
    own.ran("true", name="after")
    refused = own("db", "restore", str(copy))
    assert refused.status == 69
    assert f"a daemon already serves {own.state} (pid {own.daemon.pid})" in refused.err
    own.daemon.stop()
    done = own("db", "restore", str(copy))
    assert (done.status, done.out) == (0, f"restored {copy}\n")
    own.daemon.start()
    assert "before" in own("list", "-a", "--format", "{name}").out.split()
    own.daemon.stop()
    assert own("db", "backup").status == 0
    newest = own("db", "restore")
    assert (newest.status, newest.out.startswith(f"restored {own.state}/jobd.db.bak-")) == (0, True)
    assert own.screen("db", "restore")[-1].startswith("what was there before is kept in ")


def test_restore_what_is_none(empty: House, tmp_path: Path) -> None:
    """No copy, no such file, no database: a line, its status, and nothing is replaced."""
    (tmp_path / "text").write_text("no database at all")
    assert empty("db", "restore").status == 66
    assert empty("db", "restore", f"{tmp_path}/none").status in (66, 69)
    broken = empty("db", "restore", f"{tmp_path}/text")
    assert broken.status == 69
    assert broken.err.count("\n") <= 2
    assert not (empty.state / "jobd.db").exists()


def test_restore_into_a_place_where_jobd_never_was(own: House, empty: House, tmp_path: Path) -> None:
    """A copy of another machine makes the history there."""
    own.ran("true", name="moved")
    copy = tmp_path / "copy"
    own("db", "backup", str(copy))
    fresh = {"JOBD_DIR": str(empty.state / "fresh")}
    assert empty("db", "restore", str(copy), environ=fresh).status == 0
    assert empty("list", "-a", "--format", "{name}", environ=fresh).out == "moved\n"


def test_vacuum(own: House) -> None:
    """With a daemon and without one; the jobs are still there."""
    own.ran("true", name="stays")
    made = own.json("db", "vacuum", "--json")
    assert made["path"] == f"{own.state}/jobd.db"
    own.daemon.stop()
    assert own("db", "vacuum").status == 0
    assert own("list", "-a", "--format", "{name}").out == "stays\n"


def test_before_there_was_a_database(empty: House) -> None:
    """Each says so, with 66, and makes nothing."""
    for verb in ("check", "backup", "vacuum"):
        done = empty("db", verb)
        assert (done.status, done.out) == (66, "")
        assert "the first job makes it" in done.err
    assert list(empty.state.iterdir()) == []


def test_bad_input(house: House) -> None:
    """A noun needs its verb; each a line and its status."""
    assert house("db").status in (0, 2)
    assert house("db", "explode").status == 2
    assert house("db", "check", "extra").status == 2
    assert house("db", "check", "--json=nope").status == 2


def test_ids_go_on_after_an_older_copy_is_restored(own: House) -> None:
    """A new job gets no id of which there is output: it shows its own."""
    own.ran("echo", "first")
    copy = own("db", "backup", "--json").out
    ids = [own.ran("echo", "old") for _ in range(3)]
    own.daemon.stop()
    assert own("db", "restore").status == 0, copy
    own.daemon.start()
    assert own("run", "--", "echo", "new").out == "new\n"
    assert own.json("last", "echo", "--json=id")["id"] > ids[-1]


def test_a_damaged_database_is_told_of(own: House) -> None:
    """As long as the daemon lives that set it aside."""
    own.ran("true")
    own.daemon.stop()
    path = own.state / "jobd.db"
    path.write_bytes(b"nonsense" * 1000)
    own.daemon.start()
    assert "database: it was damaged; it is in " in own("daemon", "status").out
    assert own("daemon", "status").status == 1
