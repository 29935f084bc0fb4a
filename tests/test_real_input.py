"""Real work under jobd: a C package built, a library compressed, a nightly backup; the daemon killed in the middle."""

import gzip
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calling import JOBD
from tests.commands.conftest import built
from tests.commands.running import House, read_until
from tests.waiting import until

LIBRARY = Path(os.__file__).parent
MOST_FILES = 400
#: What pip says when there is nowhere to get a package from.
NO_INDEX = ("No matching distribution", "Temporary failure in name resolution", "Connection", "Network is unreachable")

COMPRESS = """\
target=$1; shift
done=0
for file; do
    name=${file##*/}
    done=$((done + 1))
    gzip -9 -c "$file" > "$target/$done" || exit
    echo "$done $name"
    echo "$done/$# $name" >&$JOBD_FD
done
exit 7
"""


@pytest.fixture
def own() -> Iterator[House]:
    """Give a daemon that may be killed."""
    with built(serving=True) as house:
        yield house


def compiler() -> str | None:
    """Find what C packages are built with; None if something of it is missing."""
    header = Path(sysconfig.get_path("include"), "Python.h")
    return (shutil.which("cc") or shutil.which("gcc")) if header.exists() else None


@pytest.mark.skipif(compiler() is None, reason="no C compiler, or no headers of Python")
def test_a_c_package_built_from_its_source_archive(own: House, tmp_path: Path) -> None:
    """Followed live to the end through two deaths of the daemon: every byte of the log, the exact status, a wheel."""
    pip = [sys.executable, "-m", "pip", "wheel", "--no-cache-dir", "--no-deps", "--no-binary", "psutil", "-v"]
    job_id = own("submit", "--name", "build", "--", *pip, "--wheel-dir", str(tmp_path), "psutil").out.strip()
    with own.started("tail", "-f", "--all", "--exit-status", job_id) as process:
        said = read_until(process.stdout, lambda so_far: so_far.count(b"\n") >= 3)
        own.daemon.kill()
        said += read_until(process.stdout, lambda more: b"building 'psutil" in said + more)
        if b"building 'psutil" in said:
            assert own("list", "-q", "--state", "running").out.strip() == job_id
            os.kill(own.serving(), 9)
        rest, complaints = process.communicate(timeout=100)
    said += rest
    if process.returncode and any(words in said.decode() for words in NO_INDEX):
        pytest.skip("no package index can be reached")
    assert (process.returncode, complaints) == (0, b""), said.decode()
    assert own.raw("log", job_id) == said
    job = own.json("status", "--json", job_id)
    assert (job["state"], job["exit_code"], job["attempt"]) == ("completed", 0, 1)
    assert job["usage"]["cpu_seconds"] > 0.5
    assert [path.suffix for path in tmp_path.iterdir()] == [".whl"]


def test_the_standard_library_compressed_file_by_file(own: House, tmp_path: Path) -> None:
    """A script of the plainest shell reports each file without starting a process; no report is lost by two kills."""
    files = [path for path in sorted(LIBRARY.rglob("*.py")) if not {"test", "site-packages"} & {*path.parts}]
    files = files[:MOST_FILES]
    (tmp_path / "compress.sh").write_text(COMPRESS)
    target = tmp_path / "compressed"
    target.mkdir()
    job_id = own.submit("sh", str(tmp_path / "compress.sh"), str(target), *map(str, files), name="squeeze")
    for share in (0.2, 0.6):
        until(lambda: (own.daemon.job(job_id)["progress"]["fraction"] or 0) > share, what=f"{share:.0%} are done")  # noqa: B023
        own.daemon.kill()
        own.daemon.start()
        assert own.daemon.job(job_id)["progress"]["fraction"] >= share
    job = own.daemon.ended(job_id)
    assert (job["state"], job["exit_code"], job["attempt"]) == ("failed", 7, 1)
    progress = job["progress"]
    assert (progress["reports"], progress["done"], progress["total"]) == (len(files),) * 3
    assert (progress["message"], job["warned"]) == (files[-1].name, 0)
    assert own.daemon.output(job_id).decode() == "".join(f"{n} {file.name}\n" for n, file in enumerate(files, 1))
    for number, file in enumerate(files, 1):
        assert gzip.decompress((target / str(number)).read_bytes()) == file.read_bytes()


def test_a_backup_as_cron_makes_it(tmp_path: Path) -> None:
    """Nothing in the environment but a PATH and a home: silent if it went well, everything and the status if not."""
    home = tmp_path / "home"
    home.mkdir()
    environ = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={home}"]
    run = [*environ, *JOBD, "run", "--quiet-ok", "--name", "backup", "--"]
    archive = tmp_path / "backup.tgz"
    try:
        good = subprocess.run(
            [*run, "tar", "-czvf", str(archive), "-C", str(LIBRARY), "json", "email"],
            capture_output=True, cwd="/", check=False,
        )  # fmt: skip
        assert (good.returncode, good.stdout, good.stderr) == (0, b"", b"")
        with tarfile.open(archive) as made:
            assert "json/__init__.py" in made.getnames()
        bad = subprocess.run(
            [*run, "tar", "-czvf", str(archive), "-C", str(LIBRARY), "json", "no-such-folder"],
            capture_output=True, cwd="/", text=True, check=False,
        )  # fmt: skip
        assert bad.returncode == 2
        assert "json/__init__.py\n" in bad.stdout
        assert "no-such-folder" in bad.stdout
        assert "backup #2 failed, exit 2" in bad.stderr
        history = subprocess.run(
            [*environ, *JOBD, "history", "--format", "{name} {state} {exit_code}", "--name", "backup"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert history.stdout == "backup failed 2\nbackup completed 0\n"
        assert (home / ".local/state/jobd/jobd.db").exists()
    finally:
        subprocess.run([*environ, *JOBD, "daemon", "stop"], capture_output=True, check=False)
