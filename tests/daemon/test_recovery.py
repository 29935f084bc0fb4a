"""What a new daemon makes of what the last one left: each verdict is carried out on real directories."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jobd.core.events import catalogue as happened
from jobd.core.model import Ending, Origin, Process
from tests.daemon.remains import NOBODY, OTHER_BOOT, Remains
from tests.living import Living, short_directory
from tests.making import START
from tests.waiting import until

REQUEUED = ["submitted", "opened", "withdrawn", "opened", "started", "failed"]


class Recovered(NamedTuple):
    """What has become of it."""

    state: Path
    living: Living
    jobs: dict[int, dict[str, Any]]
    events: dict[int, list[str]]


def canceling(remains: Remains, job_id: int) -> None:
    """Let a job be asked to end while it runs."""
    remains.start(job_id)
    remains.happen(job_id, happened.CancelAsked(boottime=1, grace=10.0, signal=15, reason="enough"))


def over(remains: Remains, job_id: int, number: int = 1) -> None:
    """Let an attempt of a job end well."""
    if number == 1:
        remains.start(job_id)
    remains.happen(job_id, happened.Completed(ending=Ending(status=0, ended_at=START, elapsed=2.0)))


def plant(state: Path) -> Remains:
    """Make one attempt of each kind; the number of the job is its kind."""
    remains = Remains(state)
    shim, fence, end = remains.claim(), remains.claim("fence"), remains.exit(3 << 8)
    remains.open(1)
    remains.open(2)
    remains.directory("2.1")
    remains.open(3)
    remains.directory("3.1", claim=fence)
    remains.open(4)
    remains.directory("4.1", claim=shim, noexec="{}")
    remains.start(5)
    remains.directory("5.1", claim=shim, report="1/2\nnonsense\n2/2", output="said")
    remains.start(6, OTHER_BOOT)
    remains.directory("6.1", claim="", exit="", report="1/2\n", output="")
    remains.open(7, OTHER_BOOT)
    remains.start(8)
    remains.directory("8.1", claim=shim, exit=end, report="1/4\n3/4", output="all of it")
    over(remains, 9)
    remains.directory("9.1", claim=shim, exit=remains.exit(0), output="said before")
    remains.directory("10.1", claim=shim, exit=remains.exit(9), output="unknown")
    remains.directory("11.1", spec=False, claim=shim, exit=end, output="precious")
    remains.submit(12)
    remains.happen(12, happened.Opened(number=1, boot=remains.boot, cookie="c"), happened.Withdrawn(number=1, why=""))
    remains.directory("12.1", claim=fence)
    canceling(remains, 13)
    remains.directory("13.1", claim=shim, exit=remains.exit(15), output="")
    begun(remains, 14, OTHER_BOOT, None)
    begun(remains, 15, remains.boot, NOBODY)
    over(remains, 16)
    remains.happen(16, happened.Removed())
    remains.directory("16.1", claim=shim, exit=end, output="nobody wants it")
    over(remains, 17)
    remains.directory("17.2", claim=shim, exit=end, output="after the backup")
    remains.open(18)
    remains.directory("18.1", claim=shim, exit=end, output="started, but that was not saved")
    remains.directory("adhoc-1", claim=shim, exit=end, report="40%\n", output="from cron")
    remains.directory("adhoc-2")
    earlier = remains.directory("adhoc-6", claim=shim, exit=end) / "spec.json"
    os.utime(earlier, (1, 1))
    remains.directory("adhoc-3", spec=False, claim=shim, exit=end, output="precious, too")
    remains.directory("adhoc-4", claim=shim, noexec="{}")
    spec = remains.directory("adhoc-5", claim=shim, exit=end, output="no less") / "spec.json"
    spec.write_text(json.dumps({**json.loads(spec.read_text()), "priority": 10**23}))
    (state / "run" / "notes").mkdir()
    remains.save()
    return remains


def begun(remains: Remains, job_id: int, boot: str, watched: Process | None) -> None:
    """Let somebody begin a job that jobd does not start."""
    origin = Origin(uid=0, pid=1)
    remains.happen(job_id, happened.Begun(name="sync", origin=origin, watched=watched, boot=boot, boottime=1))


@pytest.fixture(scope="module")
def recovered() -> Iterator[Recovered]:
    """Start a daemon where another one was killed in the middle of everything, and wait until all is settled."""
    with short_directory() as state:
        plant(state)
        with Living(state) as living:
            until(lambda: all(job["done"] for job in living.call("list", all=True)), what="the end of all jobs")
            jobs = {job["id"]: job for job in living.call("list", all=True, limit=1000)}
            events: dict[int, list[str]] = {}
            for entry in living.entries():
                events.setdefault(entry["job"], []).append(entry["event"]["type"])
            yield Recovered(state, living, jobs, events)


def outcome(job: dict[str, Any]) -> tuple[Any, ...]:
    """Say how a job ended."""
    return job["state"], job["reason"], job["detail"], job["exit_code"], job["signal"]


def kept(recovered: Recovered, name: str) -> str | None:
    """Read what was kept of the output of an attempt; None if nothing was."""
    path = recovered.state / "log" / name
    return path.read_text() if path.exists() else None


@pytest.mark.parametrize("job_id", [1, 2, 3, 4])
def test_what_never_ran_is_run(recovered: Recovered, job_id: int) -> None:
    """Without a directory, without a claim, fenced off, or with the proof of its shim: the attempt is withdrawn."""
    job = recovered.jobs[job_id]
    assert outcome(job) == ("failed", "exit:5", None, 5, None)
    assert recovered.events[job_id] == REQUEUED
    assert [attempt["number"] for attempt in job["attempts"]] == [2]
    assert kept(recovered, f"{job_id}.2") == "ran\n"
    assert kept(recovered, f"{job_id}.1") is None


def test_what_may_have_run_is_lost(recovered: Recovered) -> None:
    """Claimed, without an end and without a witness: it is not run again; its last words and its output are kept."""
    job = recovered.jobs[5]
    assert outcome(job) == ("failed", "lost", "shim", None, None)
    assert (job["progress"]["done"], job["progress"]["reports"], job["warned"]) == (2.0, 2, 1)
    assert kept(recovered, "5.1") == "said"


@pytest.mark.parametrize("job_id", [6, 7])
def test_what_a_reboot_ended_is_lost(recovered: Recovered, job_id: int) -> None:
    """After another boot even the absence of a directory proves nothing, and files may be empty."""
    assert outcome(recovered.jobs[job_id]) == ("failed", "lost", "reboot", None, None)
    assert "withdrawn" not in recovered.events[job_id]


def test_the_end_is_taken_from_the_record(recovered: Recovered) -> None:
    """Status, times and last reports are exact, a last line without its end too, and the output is there."""
    job = recovered.jobs[8]
    assert outcome(job) == ("failed", "exit:3", None, 3, None)
    assert (job["elapsed"], job["usage"]["cpu_seconds"]) == (1.5, 0.75)
    assert (job["progress"]["fraction"], job["progress"]["reports"]) == (0.75, 2)
    assert recovered.events[8] == ["submitted", "opened", "started", "progressed", "progressed", "failed"]
    assert kept(recovered, "8.1") == "all of it"
    assert job["output"]["path"] == str(recovered.state / "log" / "8.1")


def test_a_clean_up_is_finished(recovered: Recovered) -> None:
    """What was over stays as it was, and its output is put where it belongs."""
    assert outcome(recovered.jobs[9]) == ("completed", None, None, 0, None)
    assert recovered.events[9] == ["submitted", "opened", "started", "completed"]
    assert kept(recovered, "9.1") == "said before"


def test_a_job_of_which_only_the_directory_knows_is_taken_in(recovered: Recovered) -> None:
    """It keeps its number, its name, its output, and how it ended."""
    job = recovered.jobs[10]
    assert outcome(job) == ("failed", "signal:9", "SIGKILL, possibly out of memory", None, 9)
    assert (job["name"], job["argv"][0], job["attempt"]) == ("job-10.1", "sh", 1)
    assert recovered.events[10] == ["imported", "started", "failed"]
    assert kept(recovered, "10.1") == "unknown"


def test_numbers_are_in_the_order_of_time(recovered: Recovered) -> None:
    """Of jobs that were taken in, too: a search for times trusts in it, and a name means the newest."""
    by_name = {job["name"]: job_id for job_id, job in recovered.jobs.items()}
    assert by_name["job-adhoc-6"] < by_name["job-adhoc-1"]
    born = [job["created_at"] for _, job in sorted(recovered.jobs.items())]
    assert born == sorted(born)


def test_what_cannot_be_understood_is_kept_aside(recovered: Recovered) -> None:
    """An attempt that ended, but nobody knows what it was: nothing is made up, and nothing removed."""
    run = recovered.state / "run"
    assert 11 not in recovered.jobs
    assert (run / "unreadable-11.1" / "output").read_text() == "precious"
    assert (run / "unreadable-adhoc-3" / "output").read_text() == "precious, too"
    assert (run / "unreadable-adhoc-5" / "output").read_text() == "no less"


def test_the_rest_of_a_withdrawn_attempt_goes(recovered: Recovered) -> None:
    """The directory of an attempt that was taken back is removed; the job runs as the next one."""
    assert outcome(recovered.jobs[12]) == ("failed", "exit:5", None, 5, None)
    assert recovered.events[12] == REQUEUED
    assert kept(recovered, "12.2") == "ran\n"


def test_a_cancel_is_remembered(recovered: Recovered) -> None:
    """A job that ended by the signal after a cancel is canceled, with the reason that was given."""
    assert outcome(recovered.jobs[13]) == ("canceled", "enough", None, None, 15)


@pytest.mark.parametrize(("job_id", "detail"), [(14, "reboot"), (15, "process")])
def test_what_somebody_began_is_looked_after(recovered: Recovered, job_id: int, detail: str) -> None:
    """A job that jobd does not run is lost with the machine, or with the process it told to watch."""
    assert outcome(recovered.jobs[job_id]) == ("failed", "lost", detail, None, None)


def test_a_removed_job_stays_removed(recovered: Recovered) -> None:
    """A directory that was left of it is removed; the log says that the job is no mistake of the database."""
    assert 16 not in recovered.jobs
    assert recovered.events[16][-1] == "removed"
    assert kept(recovered, "16.1") is None


def test_an_attempt_after_the_backup_is_taken_in(recovered: Recovered) -> None:
    """A database that knows only the first attempt learns of the second."""
    job = recovered.jobs[17]
    assert outcome(job) == ("failed", "exit:3", None, 3, None)
    assert [(a["number"], a["state"]) for a in job["attempts"]] == [(1, "completed"), (2, "failed")]
    assert recovered.events[17][-4:] == ["retried", "opened", "started", "failed"]
    assert kept(recovered, "17.2") == "after the backup"


def test_a_start_that_was_not_recorded_is(recovered: Recovered) -> None:
    """The claim says who ran, and the exit record how it ended."""
    job = recovered.jobs[18]
    assert outcome(job) == ("failed", "exit:3", None, 3, None)
    assert (job["pid"] or job["attempts"][0]["pid"]) == NOBODY.pid
    assert recovered.events[18] == ["submitted", "opened", "started", "failed"]


def test_what_ran_without_a_daemon_is_taken_in(recovered: Recovered) -> None:
    """It gets the next number; a directory whose shim is still to come is left alone; what never ran is no job."""
    job = recovered.jobs[max(recovered.jobs)]
    assert job["id"] > 18
    assert outcome(job) == ("failed", "exit:3", None, 3, None)
    assert (job["name"], job["progress"]["fraction"]) == ("job-adhoc-1", 0.4)
    assert kept(recovered, f"{job['id']}.1") == "from cron"
    assert [job["name"] for job in recovered.jobs.values()].count("job-adhoc-2") == 0


def test_nothing_else_is_left(recovered: Recovered) -> None:
    """Of all attempts that are over no directory is left; what is not jobd's is not touched."""
    left = {path.name for path in (recovered.state / "run").iterdir()}
    assert left == {"adhoc-2", "notes", "unreadable-11.1", "unreadable-adhoc-3", "unreadable-adhoc-5"}


def test_the_log_is_whole(recovered: Recovered) -> None:
    """The numbers go on without a gap, and no job has ended twice."""
    entries = recovered.living.entries()
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    for job_id, kinds in recovered.events.items():
        ends = [kind for kind in kinds if kind in ("completed", "failed", "canceled")]
        assert len(ends) == 1 + kinds.count("retried"), (job_id, kinds)


def test_the_next_daemon_changes_nothing(recovered: Recovered) -> None:
    """Once settled it stays settled."""
    before = json.dumps(recovered.living.entries())
    recovered.living.stop()
    recovered.living.start()
    assert json.dumps(recovered.living.entries()) == before
