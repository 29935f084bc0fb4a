"""When the disk fills up under a running daemon: jobs run on, and all that happens to them is recorded in the end."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calling import jobd
from tests.daemon.disks import fill, small_disk
from tests.daemon.planting import root_only
from tests.living import Living, Refusal
from tests.waiting import until

pytestmark = root_only

#: More than what makes the daemon say that there is little room.
ROOM = 80 << 20
SLOTS = {"JOBD_JOBS_SLOTS": "20"}


@pytest.fixture
def living(state_dir: Path) -> Iterator[Living]:
    """Give a running daemon on a small disk."""
    with small_disk(state_dir / "disk", ROOM) as disk:
        living = Living(disk)
        try:
            yield living.start(SLOTS)
        finally:
            living.kill()


def problems(living: Living) -> list[str]:
    """Ask what is wrong with the daemon."""
    found: list[str] = living.call("daemon.status")["problems"]
    return found


def waiting(living: Living, gate: Path, script: str) -> dict[str, Any]:
    """Submit a job that waits at a gate, and wait until it runs."""
    if not gate.exists():
        os.mkfifo(gate)
    job = living.submit("sh", "-c", f"echo 1/4 >&$JOBD_FD; read word < {gate}; {script}")
    until(lambda: living.job(job["id"])["progress"]["reports"] == 1, what="a first report")
    return job


def refuses(living: Living) -> bool:
    """Whether a submission is refused for want of room."""
    try:
        living.submit("true")
    except Refusal as refusal:
        return refusal.reason == "STORAGE_FULL"
    return False


def test_nothing_is_lost(living: Living, state_dir: Path) -> None:
    """Jobs that start, report, pause and end while the disk is full are recorded exactly when there is room again."""
    gate = state_dir / "gate"
    ends = [waiting(living, gate, f"echo 2/4 >&$JOBD_FD; exit {code}")["id"] for code in (0, 3, 137)]
    killed = waiting(living, gate, "kill -9 $$")["id"]
    other = state_dir / "other"
    lasts = waiting(living, other, "echo 4/4 >&$JOBD_FD; exit 9")["id"]
    filler = fill(living.state)
    until(lambda: refuses(living), what="a refusal")
    assert any("is full; nothing was changed" in problem for problem in problems(living))
    assert any(problem.startswith("disk: only 0 MiB") for problem in problems(living))
    known = [entry["seq"] for entry in living.entries()]
    gate.open("w").close()
    pids = [living.job(job_id)["pid"] for job_id in (*ends, killed)]
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), what="the end of their processes")
    assert [living.job(job_id)["state"] for job_id in ends] == ["running"] * 3
    assert [entry["seq"] for entry in living.entries()] == known
    filler.unlink()
    codes = [(living.ended(job_id)["exit_code"], living.job(job_id)["progress"]["done"]) for job_id in ends]
    assert [code for code, _ in codes] == [0, 3, 137]
    assert living.ended(killed)["signal"] == 9
    until(lambda: not any("full" in problem for problem in problems(living)))
    other.open("w").close()
    ended = living.ended(lasts)
    assert (ended["exit_code"], ended["progress"]["reports"]) == (9, 2)
    assert living.ended(living.submit("true")["id"])["state"] == "completed"
    entries = living.entries()
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    starts = [entry["job"] for entry in entries if entry["event"]["type"] == "started"]
    assert sorted(starts) == sorted({*ends, killed, lasts, max(starts)})
    assert not list((living.state / "run").iterdir())


def test_reports_are_read_again(living: Living, state_dir: Path) -> None:
    """Lines that were read but could not be recorded are taken in when there is room, each once."""
    gate, last = state_dir / "gate", state_dir / "last"
    os.mkfifo(last)
    job = waiting(living, gate, f"for i in $(seq 50); do echo $i/50 >&$JOBD_FD; done; read word < {last}")
    report = living.state / "run" / f"{job['id']}.1" / "report"
    lines = "1/4\n" + "".join(f"{number}/50\n" for number in range(1, 51))
    filler = fill(living.state)
    until(lambda: refuses(living), what="a refusal")
    gate.open("w").close()
    until(lambda: report.read_text() == lines, what="all lines, in the page that the file has already")
    assert refuses(living)
    assert living.job(job["id"])["progress"]["reports"] == 1
    filler.unlink()
    until(lambda: living.job(job["id"])["progress"]["done"] == 50, what="the last line")
    last.open("w").close()
    ended = living.ended(job["id"])
    assert (ended["progress"]["reports"], ended["warned"]) == (51, 0)


def test_a_command_says_so(living: Living) -> None:
    """A submission is refused with one line and a status that means: try again."""
    fill(living.state)
    until(lambda: refuses(living), what="a refusal")
    done = jobd("submit", "--", "true", environ={"JOBD_DIR": str(living.state)})
    assert done.status == 75
    assert "the disk that holds" in done.err
    assert "nothing was changed" in done.err
    assert living.call("list", all=True) == []


def test_a_restart_on_a_full_disk(living: Living, state_dir: Path) -> None:
    """A daemon that starts while the disk is full serves what can be read, and records the rest when there is room."""
    gate = state_dir / "gate"
    job = waiting(living, gate, "exit 6")
    fill(living.state)
    until(lambda: refuses(living), what="a refusal")
    living.kill()
    gate.open("w").close()
    filler = fill(living.state)
    living.start(SLOTS)
    assert living.said == b"ok", (living.state / "daemon.out").read_text()
    assert living.job(job["id"])["attempt"] == 1
    filler.unlink()
    assert living.ended(job["id"])["exit_code"] == 6
    until(lambda: problems(living) == [])
