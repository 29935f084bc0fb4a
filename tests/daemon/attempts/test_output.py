"""The output of attempts: where it is at each time of a job's life, and under its limit without an offset moving."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jobd.config import Paths
from jobd.core.errors import OutputNotFound
from jobd.core.events import catalogue as happened
from jobd.core.model import Job, Origin, Spec
from jobd.daemon.attempts import directory, output
from tests.calling import jobd
from tests.living import Living, shared
from tests.making import Maker
from tests.waiting import until

LIMIT = 1 << 20


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    """Give a daemon that measures often, for all tests of this file that need one."""
    with shared(JOBD_JOBS_SAMPLE_EVERY="0.1s") as living:
        yield living


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Give a state directory."""
    for name in ("run", "log"):
        (tmp_path / name).mkdir()
    return Paths(tmp_path)


def running(*, split: bool = False) -> Job:
    """Make a job that runs."""
    maker = Maker()
    maker.submit(1, spec=Spec(argv=("true",), cwd="/", split=split))
    return maker.start(1)[0]


def over(maker: Maker) -> Job:
    """Make a job of which two attempts have ended."""
    maker.run(1)
    maker.happen(1, happened.Retried())
    maker.start(1)
    return maker.end(1)[0]


def holes_are_possible(path: Path) -> bool:
    """Whether the file system can give blocks back."""
    trial = path / "output"
    trial.write_bytes(bytes(1 << 18))
    with suppress(OSError):
        return bool(output.trim(path, 1 << 16))
    return False


def test_a_job_writes_into_its_directory(paths: Paths) -> None:
    """While it runs its output is where it was opened: one file, or two."""
    live = paths.run / "1.1"
    assert output.files(paths, running()) == {"output": live / "output"}
    assert output.files(paths, running(split=True)) == {"stdout": live / "stdout", "stderr": live / "stderr"}
    with pytest.raises(OutputNotFound, match="it has not started yet"):
        output.existing(paths, running())


def test_what_has_ended_is_kept(paths: Paths) -> None:
    """After the clean-up it is under log/, for each attempt; doing that twice is harmless."""
    job = over(Maker())
    for number in (1, 2):
        live = paths.run / f"1.{number}"
        live.mkdir()
        (live / "output").write_text(f"attempt {number}")
        (live / "spec.json").write_text("{}")
        assert output.files(paths, job, job.attempts[number - 1]) == {"output": live / "output"}
        assert directory.clean_up(paths, 1, number)
        assert directory.clean_up(paths, 1, number)
        assert not live.exists()
    found = [output.existing(paths, job, attempt)["output"] for attempt in job.attempts]
    assert [path.read_text() for path in found] == ["attempt 1", "attempt 2"]
    assert output.files(paths, job) == {"output": paths.log / "1.2"}
    output.delete(paths, 1, [1, 2])
    assert not list(paths.log.iterdir())
    with pytest.raises(OutputNotFound, match="nothing was kept"):
        output.existing(paths, job)


def test_what_is_just_moved_is_found(paths: Paths) -> None:
    """Between the move of its file and the end of its directory output is where it is kept."""
    job = over(Maker())
    (paths.run / "1.2").mkdir()
    output.kept(paths, 1, 2, "output").write_text("said")
    assert output.found(paths, job) == {"output": (paths.log / "1.2", 4)}


def test_what_was_begun_elsewhere_has_none(paths: Paths) -> None:
    """Nobody knows where it writes, and the refusal says why."""
    begun = happened.Begun(name="sync", origin=Origin(uid=0, pid=1), boot="b", boottime=1)
    job, _ = Maker().happen(1, begun)
    assert job is not None
    assert output.files(paths, job) == {}
    with pytest.raises(OutputNotFound, match="it was not started by jobd"):
        output.existing(paths, job)


def test_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    """Of the files that are there."""
    (tmp_path / "stdout").write_bytes(b"x" * 10)
    (tmp_path / "stderr").write_bytes(b"")
    (tmp_path / "report").write_bytes(b"y")
    assert output.sizes(tmp_path) == {"stdout": 10, "stderr": 0}


def test_what_is_held_is_not_touched(paths: Paths) -> None:
    """As long as a shim has the lock, a directory is neither cleaned up nor removed."""
    live = paths.run / "1.1"
    live.mkdir()
    (live / "output").write_text("said")
    with (live / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not directory.clean_up(paths, 1, 1)
        assert not directory.discard(live)
        assert (live / "output").read_text() == "said"
    assert directory.discard(live)
    assert directory.discard(live)


def test_the_middle_goes(tmp_path: Path) -> None:
    """Over its limit a file gives blocks back: size, beginning and end stay, and a writer goes on at the end."""
    if not holes_are_possible(tmp_path):
        pytest.skip("no holes here")
    path = tmp_path / "output"
    path.unlink()
    with path.open("ab", buffering=0) as file:
        for number in range(4 * LIMIT // 16):
            file.write(b"%015d\n" % number)
        assert output.trim(tmp_path, 8 * LIMIT) == {}
        lost = output.trim(tmp_path, LIMIT)
        assert lost == {"output": pytest.approx(3.25 * LIMIT, abs=1 << 16)}
        assert output.trim(tmp_path, LIMIT) == {}
        file.write(b"still here\n")
    assert path.stat().st_size == 4 * LIMIT + 11
    assert path.stat().st_blocks * 512 < LIMIT
    data = path.read_bytes()
    assert data[: LIMIT // 2].count(b"\n") == LIMIT // 2 // 16
    assert b"\0" * LIMIT in data
    last = data[-LIMIT // 4 :].splitlines()
    assert last[1:-1] == [b"%015d" % (4 * LIMIT // 16 - count) for count in range(len(last) - 2, 0, -1)]
    assert last[-1] == b"still here"


def test_where_nothing_can_be_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no holes nothing happens."""
    (tmp_path / "output").write_bytes(b"x" * (4 * LIMIT))
    monkeypatch.setattr(output, "_libc", object)
    assert output.trim(tmp_path, LIMIT) == {}
    assert (tmp_path / "output").read_bytes() == b"x" * (4 * LIMIT)


def waits_for(living: Living, job: dict[str, Any], kind: str) -> None:
    """Wait until something has happened to a job."""
    until(lambda: kind in [e["event"]["type"] for e in living.entries() if e["job"] == job["id"]], what=kind)


def test_a_running_job_is_trimmed(living: Living) -> None:
    """Its owner is warned, it goes on writing, and its last lines can be shown while it runs and afterwards."""
    gate = living.state / "gate"
    os.mkfifo(gate)
    script = f"seq -w 1000000; echo half; read word < {gate}; echo end"
    job = living.submit("sh", "-c", script, output_limit=LIMIT)
    waits_for(living, job, "output_trimmed")
    environ = {"JOBD_DIR": str(living.state)}
    until(lambda: jobd("tail", "-n", "1", str(job["id"]), environ=environ).out == "half\n")
    gate.open("w").close()
    ended = living.ended(job["id"])
    assert ended["state"] == "completed"
    assert 1 <= ended["warned"] <= 6, "however often it was trimmed"
    assert ended["warnings"][0]["text"].startswith(f"output is over its limit of {LIMIT} bytes: ")
    assert ended["output"]["bytes"] == 1_000_000 * len("0000001\n") + len("half\nend\n")
    assert Path(ended["output"]["path"]).stat().st_blocks * 512 < 2 * LIMIT
    assert jobd("tail", "-n", "2", str(job["id"]), environ=environ).out == "half\nend\n"
    assert jobd("log", str(job["id"]), environ=environ).out.startswith("0000001\n0000002\n")


def test_a_short_job_is_trimmed_at_its_end(living: Living) -> None:
    """What was written between two looks is over the limit no longer than the job runs, if it is not seen earlier."""
    ended = living.ended(living.submit("head", "-c", str(5 * LIMIT), "/dev/urandom", output_limit=LIMIT)["id"])
    assert ended["output"]["bytes"] == 5 * LIMIT
    assert Path(ended["output"]["path"]).stat().st_blocks * 512 < 2 * LIMIT
    assert {warning["text"].split(":")[0] for warning in ended["warnings"]} == {
        f"output is over its limit of {LIMIT} bytes"
    }


def test_both_streams_are_kept_apart(living: Living) -> None:
    """On request stdout and stderr have a file each, at first and at last."""
    job = living.submit("sh", "-c", "echo out; echo err >&2", split=True)
    ended = living.ended(job["id"])
    files = ended["output"]["files"]
    assert {name: Path(path).read_text() for name, path in files.items()} == {"stdout": "out\n", "stderr": "err\n"}
    assert ended["output"]["bytes"] == 8
    assert not (living.state / "run" / f"{job['id']}.1").exists()


def test_removed_output_is_gone(living: Living) -> None:
    """With the record of a job the output of all its attempts goes."""
    job = living.submit("sh", "-c", "echo said; exit 1")
    living.ended(job["id"])
    living.call("retry", jobs=[str(job["id"])])
    until(lambda: living.job(job["id"])["done"] and living.job(job["id"])["attempt"] == 2)
    kept = [living.state / "log" / f"{job['id']}.{number}" for number in (1, 2)]
    assert [path.read_text() for path in kept] == ["said\n", "said\n"]
    living.call("rm", jobs=[str(job["id"])])
    assert not any(path.exists() for path in kept)
