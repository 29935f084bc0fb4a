"""jobd pause: jobs that stand still."""

from tests.commands.running import House
from tests.waiting import until


def test_every_process_stands_still_until_it_is_resumed(house: House) -> None:
    """The clock of the job too; it goes on where it was."""
    job_id = house.running("sh", "-c", "while :; do date +%N; sleep 0.02; done", name="busy")
    until(lambda: (house.daemon.job(job_id)["output"] or {}).get("bytes"), what="its output")
    done = house("pause", "busy")
    assert (done.status, done.err) == (0, "")
    assert done.out in (f"{job_id} busy: pausing\n", f"{job_id} busy: paused\n")
    job = house.reaches(job_id, "paused")
    before = house.raw("log", "busy")
    assert house.daemon.job(job_id)["elapsed"] == job["elapsed"]
    assert house.raw("log", "busy") == before
    assert house("suspend", "busy").out == f"{job_id} busy: paused\n"
    assert any("jobd resume" in row for row in house.screen("status", "busy"))
    assert house("resume", "busy").out == f"{job_id} busy: running\n"
    until(lambda: len(house.raw("log", "busy")) > len(before), what="the job goes on")
    house.over(job_id)


def test_all_that_run(own: House) -> None:
    """`all` names those; dry run, ids and JSON; with none of them 1."""
    ids = [str(own.running()) for _ in range(3)]
    begun = own("begin", "outside").out.strip()
    assert own("pause", "--dry-run", "all").out.count("would pause ") == 3
    assert own("pause", "-q", "all").out.split() == ids
    for job_id in ids:
        own.reaches(int(job_id), "paused")
    nothing = own("pause", "all")
    assert (nothing.status, nothing.err) == (1, "! no job is concerned\n")
    assert [job["state"] for job in own.json("pause", "--json=state", *ids)] == ["paused"] * 3
    assert own.daemon.job(int(begun))["state"] == "running"


def test_a_paused_job_outlives_the_daemon_and_can_be_canceled(own: House) -> None:
    """It is still paused afterwards, and a cancel reaches it."""
    job_id = own.trapping("'exit 3' TERM")
    own("pause", str(job_id))
    own.reaches(job_id, "paused")
    own.daemon.kill()
    own.daemon.start()
    assert own.daemon.job(job_id)["state"] == "paused"
    assert own("cancel", "-W", str(job_id)).out == f"{job_id} sh: canceled\n"
    assert own.daemon.job(job_id)["exit_code"] == 3


def test_bad_input(own: House) -> None:
    """Each a line and its status."""
    over = own.ran("true", name="over")
    busy = [own.running() for _ in range(4)]
    waiting = own.submit("true", name="waiting")
    refused = {
        (): (2, "missing argument 'JOB...'"),
        ("over",): (1, "job 1 (over) has already ended (completed); only a job that has not ended can be paused"),
        ("waiting",): (1, f"job {waiting} (waiting) is pending; pause is not possible now"),
        (str(busy[0]), str(over)): (1, "has already ended"),
        ("999",): (66, "no job 999"),
    }
    for words, (status, said) in refused.items():
        done = own("pause", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    assert own.daemon.job(busy[0])["state"] == "running"
    own.daemon.stop()
    assert own("pause", "--no-start", str(busy[0])).status == 69
