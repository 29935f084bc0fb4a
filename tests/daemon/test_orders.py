"""What follows from what was recorded: starts in the order of the queue, tries after failures, cleaning up."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from jobd.core.lifecycle import MOST_WITHDRAWALS
from jobd.daemon.system import cgroups
from tests.living import Living, shared
from tests.waiting import until


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    """Give a daemon with one slot."""
    with shared(JOBD_JOBS_SLOTS="1") as living:
        yield living


def events(living: Living, job_id: int) -> list[dict[str, Any]]:
    """List what has happened to a job."""
    return [entry for entry in living.entries() if entry["job"] == job_id]


def next_id(living: Living) -> int:
    """Give the id of the next job."""
    ids = [int(entry["job"]) for entry in living.entries()]
    return max([0, *ids]) + 1


def block(living: Living, job_id: int, attempts: int) -> None:
    """Put files where the directories of a job's first attempts should be."""
    for number in range(1, attempts + 1):
        (living.state / "run" / f"{job_id}.{number}").touch()


def unblock(living: Living, job_id: int) -> None:
    """Take the files away."""
    for path in (living.state / "run").glob(f"{job_id}.*"):
        path.unlink()


def test_an_attempt_that_never_ran_is_tried_again(living: Living) -> None:
    """After a pause that doubles; then it runs, and its number says how often it was tried."""
    job_id = next_id(living)
    block(living, job_id, 3)
    living.submit("sh", "-c", "exit 4")
    ended = living.ended(job_id)
    unblock(living, job_id)
    assert (ended["exit_code"], ended["attempt"]) == (4, 4)
    found = events(living, job_id)
    kinds = [entry["event"]["type"] for entry in found]
    assert kinds == ["submitted", *["opened", "withdrawn"] * 3, "opened", "started", "failed"]
    times = [datetime.fromisoformat(entry["at"]) for entry in found]
    pauses = [(times[place + 1] - times[place]).total_seconds() for place in (2, 4, 6)]
    assert all(pause >= least for pause, least in zip(pauses, (0.019, 0.039, 0.079), strict=True))


def test_it_is_not_tried_for_ever(living: Living) -> None:
    """Then the job could not be started, and says why; a retry tries anew."""
    job_id = next_id(living)
    block(living, job_id, MOST_WITHDRAWALS)
    living.submit("true")
    ended = living.ended(job_id)
    assert (ended["state"], ended["reason"]) == ("failed", "cannot_start")
    assert ended["detail"] == f"File exists: {living.state}/run/{job_id}.{MOST_WITHDRAWALS}"
    unblock(living, job_id)
    living.call("retry", jobs=[str(job_id)])
    until(lambda: living.job(job_id)["state"] == "completed")
    assert living.job(job_id)["attempt"] == MOST_WITHDRAWALS + 1


def test_others_start_meanwhile(living: Living) -> None:
    """A job that rests after an attempt that never ran keeps nobody else from starting."""
    job_id = next_id(living)
    block(living, job_id, 4)
    both = living.calls("submit", *({"argv": ["/bin/true"], "cwd": "/", "priority": priority} for priority in (5, 0)))
    other = both[1]
    assert living.ended(other["id"])["state"] == "completed"
    assert living.ended(job_id)["state"] == "completed"
    unblock(living, job_id)
    starts = [entry["job"] for entry in living.entries() if entry["event"]["type"] == "started"]
    assert starts[-2:] == [other["id"], job_id]


def test_the_order_of_the_queue(living: Living) -> None:
    """The higher priority first, then the older one, one at a time."""
    gate = living.state / "gate"
    os.mkfifo(gate)
    first = living.submit("sh", "-c", f"read word < {gate}")["id"]
    low, old, young, high = (living.submit("true", priority=priority)["id"] for priority in (-1, 0, 0, 9))
    gate.open("w").close()
    until(lambda: all(living.job(job_id)["done"] for job_id in (first, low, old, young, high)))
    running, order = set[int](), []
    for entry in living.entries():
        if entry["event"]["type"] == "opened":
            assert not running
            running.add(entry["job"])
            order.append(entry["job"])
        elif entry["event"]["type"] in ("completed", "failed", "withdrawn"):
            running.discard(entry["job"])
    assert order[-5:] == [first, high, old, young, low]


def test_a_job_knows_its_surroundings(living: Living) -> None:
    """What its submitter handed down, and what jobd adds goes before it."""
    job = living.submit("env", environment=["A=1", "JOBD_JOB_ID=7", "B=two words"], group="night", name="look")
    living.ended(job["id"])
    said = dict(line.split("=", 1) for line in living.output(job["id"]).decode().splitlines() if "=" in line)
    assert (said["A"], said["B"]) == ("1", "two words")
    assert (said["JOBD_JOB_ID"], said["JOBD_JOB_NAME"], said["JOBD_GROUP"]) == (str(job["id"]), "look", "night")
    assert (said["JOBD_ATTEMPT"], said["JOBD_FD"]) == ("1", "8")
    assert said["JOBD_REPORT"] == f"{living.state}/run/{job['id']}.1/report"
    assert said["JOBD_SOCKET"] == f"{living.state}/jobd.sock"


def test_nothing_is_left_of_what_has_ended(living: Living) -> None:
    """No directory, and no control group where there was one."""
    job = living.submit("sh", "-c", "cat /proc/self/cgroup; sleep 60 & exit 3", grace=0)
    living.ended(job["id"])
    assert not (living.state / "run" / f"{job['id']}.1").exists()
    group = events(living, job["id"])[1]["event"]["cgroup"]
    assert (group is not None) == (cgroups.own() is not None)
    if group is not None:
        assert f"/jobd-{job['id']}.1." in living.output(job["id"]).decode()
        assert not os.path.exists(group)


def test_a_job_retried_and_removed_in_one_go(living: Living) -> None:
    """All in one transaction, and its output is gone, too."""
    job = living.submit("sh", "-c", "echo said; exit 1")
    living.ended(job["id"])
    kept = living.state / "log" / f"{job['id']}.1"
    assert kept.read_text() == "said\n"
    gate = living.state / "other-gate"
    os.mkfifo(gate)
    other = living.submit("sh", "-c", f"read word < {gate}")
    until(lambda: living.job(other["id"])["state"] == "running")
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": {"jobs": [str(job["id"])]}}
        for number, method in enumerate(("retry", "cancel", "rm"))
    ]
    answers = {answer["id"]: answer for answer in living_lines(living, calls)}
    assert [answers[number].get("error") for number in range(3)] == [None, None, None]
    assert [view["id"] for view in answers[2]["result"]] == [job["id"]]
    kinds = [entry["event"]["type"] for entry in events(living, job["id"])]
    assert kinds[-3:] == ["retried", "canceled", "removed"]
    assert not kept.exists()
    gate.open("w").close()
    living.ended(other["id"])


def living_lines(living: Living, calls: list[dict[str, Any]]) -> list[Any]:
    """Ask several things in one write, and give the answers."""
    import json
    import socket

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(living.state / "jobd.sock"))
        client.sendall(b"".join(json.dumps(call).encode() + b"\n" for call in calls))
        lines = client.makefile("rb")
        return [json.loads(lines.readline()) for _ in calls]
