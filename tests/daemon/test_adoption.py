"""Jobs that a killed daemon leaves running are taken over by the next one, whatever they are in the middle of."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.living import Living, Refusal
from tests.waiting import until

#: Leaves a child behind that is deaf to TERM, and says who it is.
LEAVING = 'trap "" TERM; sleep 60 & echo $! > child; '
#: Goes on whatever is asked of it.
DEAF = ("sh", "-c", 'trap "" TERM; echo ready; while :; do sleep 1; done')


@pytest.fixture
def living(state_dir: Path) -> Iterator[Living]:
    """Give a running daemon."""
    with Living(state_dir) as living:
        yield living


def again(living: Living, **environ: str) -> None:
    """Kill the daemon and start another one."""
    living.kill()
    living.start(environ)


def shim_of(living: Living, job_id: int) -> psutil.Process:
    """Find the shim of a job: the parent of its main process."""
    parent = psutil.Process(living.job(job_id)["pid"]).parent()
    assert parent is not None
    assert parent.name() == "jobd-shim"
    return parent


def in_state(living: Living, job_id: int, state: str) -> dict[str, Any]:
    """Wait until a job is in a state."""
    found: dict[str, Any] = {}

    def look() -> bool:
        found.update(living.job(job_id))
        return bool(found["state"] == state)

    until(look, what=f"job {job_id} is {state}, not {found.get('state')}")
    return found


def is_ready(living: Living, job_id: int) -> bool:
    """Whether a job has said so."""
    job = living.job(job_id)
    return job["pid"] is not None and job["output"] is not None and living.output(job_id) == b"ready\n"


def child_of(state: Path) -> psutil.Process:
    """Find what a job has left behind."""
    path = state / "child"
    until(lambda: path.exists() and path.read_text().endswith("\n"), what="a child")
    return psutil.Process(int(path.read_text()))


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.timeout(120)
def test_three_hundred_jobs_are_taken_over(state_dir: Path) -> None:
    """After a kill all run on, and each status is exact, though they all end at once."""
    gate = state_dir / "gate"
    os.mkfifo(gate)
    slots = {"JOBD_JOBS_SLOTS": "300"}
    living = Living(state_dir)
    living.start(slots)
    try:
        for number in range(300):
            living.submit("sh", "-c", f"read word < {gate}; exit {number % 256}")
        until(lambda: living.call("status")["counts"] == {"running": 300}, 60, what="300 running jobs")
        again(living, **slots)
        assert living.call("status")["counts"] == {"running": 300}
        gate.open("w").close()
        until(lambda: "running" not in living.call("status")["counts"], 60, what="the end of all jobs")
        jobs = living.call("list", all=True, limit=1000)
        assert {job["id"]: job["exit_code"] for job in jobs} == {number + 1: number % 256 for number in range(300)}
        assert [job["attempt"] for job in jobs] == [1] * 300
    finally:
        living.kill()


@pytest.mark.parametrize("shim_dies", [False, True])
def test_what_is_left_over_is_waited_for(living: Living, state_dir: Path, *, shim_dies: bool) -> None:
    """With `wait` a job lasts until the last of its processes has ended, through a restart or without its shim."""
    os.mkfifo(state_dir / "gate")
    job = living.submit("sh", "-c", f"{LEAVING} read word < gate; exit 4", cwd=str(state_dir), leftover="wait")
    child = child_of(state_dir)
    in_state(living, job["id"], "running")
    if shim_dies:
        shim_of(living, job["id"]).kill()
        until(lambda: "adopted" in [entry["event"]["type"] for entry in living.entries()])
    (state_dir / "gate").write_text("\n")
    in_state(living, job["id"], "completing")
    if not shim_dies:
        again(living)
        assert living.job(job["id"])["state"] == "completing"
    assert not is_gone(child)
    child.kill()
    ended = living.ended(job["id"])
    assert (ended["state"], ended["exit_code"]) == ("failed", 4)


@pytest.mark.parametrize("shim_dies", [False, True])
def test_what_is_left_over_is_ended(living: Living, state_dir: Path, *, shim_dies: bool) -> None:
    """With `kill` what outlives a job gets its signal, the grace, then KILL: also from the next daemon."""
    script = f"{LEAVING} read word < gate; exit 4"
    os.mkfifo(state_dir / "gate")
    job = living.submit("sh", "-c", script, cwd=str(state_dir), leftover="kill", grace=1.0)
    child = child_of(state_dir)
    in_state(living, job["id"], "running")
    if shim_dies:
        shim_of(living, job["id"]).kill()
        until(lambda: "adopted" in [entry["event"]["type"] for entry in living.entries()])
    (state_dir / "gate").write_text("\n")
    in_state(living, job["id"], "completing")
    if not shim_dies:
        again(living)
    ended = living.ended(job["id"])
    assert (ended["state"], ended["exit_code"]) == ("failed", 4)
    assert is_gone(child)


def test_what_is_left_is_left(living: Living, state_dir: Path) -> None:
    """With `leave` the job has ended, and its daemon lives on."""
    job = living.submit("sh", "-c", f"{LEAVING} exit 4", cwd=str(state_dir), leftover="leave")
    child = child_of(state_dir)
    ended = living.ended(job["id"])
    assert (ended["state"], ended["exit_code"]) == ("failed", 4)
    assert not is_gone(child)
    child.kill()


def test_an_orphan_is_taken_over(living: Living) -> None:
    """A job whose shim and daemon are both killed runs on; the next daemon watches it and can end it."""
    job = living.submit("sleep", "60")
    main = psutil.Process(in_state(living, job["id"], "running")["pid"])
    shim = shim_of(living, job["id"])
    living.kill()
    shim.kill()
    living.start()
    assert living.job(job["id"])["state"] == "running"
    living.call("cancel", jobs=[str(job["id"])])
    ended = living.ended(job["id"])
    assert ended["state"] == "canceled"
    assert is_gone(main)


def test_a_cancel_goes_on(living: Living) -> None:
    """The grace counts from the request: the next daemon waits for what is left of it, then kills."""
    job = living.submit(*DEAF, grace=1.5)
    until(lambda: is_ready(living, job["id"]))
    living.call("cancel", jobs=[str(job["id"])], reason="enough")
    again(living)
    assert living.job(job["id"])["state"] == "canceling"
    ended = living.ended(job["id"])
    assert (ended["state"], ended["reason"], ended["signal"]) == ("canceled", "enough", 9)
    assert ended["elapsed"] > 1.4


def test_a_second_kill_takes_over_once(living: Living) -> None:
    """Daemons may be killed as often as one likes: the job runs once."""
    job = living.submit("sh", "-c", "sleep 2; exit 7")
    in_state(living, job["id"], "running")
    for _ in range(3):
        again(living)
    ended = living.ended(job["id"])
    assert (ended["exit_code"], ended["attempt"]) == (7, 1)
    assert [entry["event"]["type"] for entry in living.entries()] == ["submitted", "opened", "started", "failed"]


def test_an_abandoned_job_is_let_go(living: Living, state_dir: Path) -> None:
    """Given up on, it is canceled while its processes live; it cannot be removed before they have ended."""
    job = living.submit(*DEAF, grace=60)
    number, run = str(job["id"]), state_dir / "run" / f"{job['id']}.1"
    with pytest.raises(Refusal, match="abandon is not possible"):
        living.call("cancel", jobs=[number], abandon=True)
    until(lambda: is_ready(living, job["id"]))
    main, shim = psutil.Process(living.job(job["id"])["pid"]), shim_of(living, job["id"])
    living.call("cancel", jobs=[number])
    (view,) = living.call("cancel", jobs=[number], abandon=True)
    assert (view["state"], view["detail"]) == ("canceled", "abandoned with processes alive")
    with pytest.raises(Refusal) as refused:
        living.call("rm", jobs=[number])
    assert refused.value.reason == "TREE_STILL_ALIVE"
    again(living)
    assert living.job(job["id"])["state"] == "canceled"
    assert run.is_dir()
    assert not is_gone(main)
    main.kill()
    until(lambda: is_gone(shim), what="the end of the shim")
    again(living)
    until(lambda: not run.exists())
    assert living.output(job["id"]) == b"ready\n"
    assert [gone["id"] for gone in living.call("rm", jobs=[number])] == [job["id"]]


def test_an_abandoned_job_is_cleaned_up_by_its_daemon(living: Living, state_dir: Path) -> None:
    """The same without a restart: the end of its processes is noticed."""
    job = living.submit(*DEAF, grace=60)
    until(lambda: is_ready(living, job["id"]))
    main = psutil.Process(living.job(job["id"])["pid"])
    for abandon in (False, True):
        living.call("cancel", jobs=[str(job["id"])], abandon=abandon)
    main.kill()
    until(lambda: not (state_dir / "run" / f"{job['id']}.1").exists())
    assert living.output(job["id"]) == b"ready\n"
    assert [gone["id"] for gone in living.call("rm", jobs=[str(job["id"])])] == [job["id"]]
    assert not (state_dir / "log" / f"{job['id']}.1").exists()
