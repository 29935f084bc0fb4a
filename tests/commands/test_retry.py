"""jobd retry: ended jobs again, under their ids."""

from pathlib import Path

from tests.commands.running import House


def test_a_new_attempt_with_the_old_output_kept(house: House, tmp_path: Path) -> None:
    """The same command in the same surroundings; the second attempt counts, the first is remembered."""
    script = f"echo attempt $JOBD_ATTEMPT; [ -e {tmp_path}/fixed ]"
    job_id = house.ran("sh", "-c", script, name="flaky")
    (tmp_path / "fixed").touch()
    done = house("retry", "flaky")
    assert (done.status, done.out, done.err) == (0, f"{job_id} flaky: pending\n", "")
    job = house.daemon.ended(job_id)
    assert (job["state"], job["attempt"], [each["exit_code"] for each in job["attempts"]]) == ("completed", 2, [1, 0])
    assert house.raw("log", "flaky") == b"attempt 2\n"
    assert house.raw("log", "--attempt", "1", "flaky") == b"attempt 1\n"
    assert any("(attempt 2)" in row for row in house.screen("status", "flaky"))
    assert house("restart", "flaky").status == 0
    assert house.daemon.ended(job_id)["attempt"] == 3


def test_every_failed_one(own: House) -> None:
    """--failed: those that jobd ran and that failed; dry run, ids, JSON; with none of them 1."""
    bad = [str(own.ran("sh", "-c", "[ $JOBD_ATTEMPT = 2 ]")) for _ in range(2)]
    own.ran("true")
    own("end", "--exit", "1", own("begin", "outside").out.strip())
    assert sorted(own("retry", "--failed", "--dry-run").out.splitlines()) == [
        f"would retry {job_id} sh: exit 1" for job_id in bad
    ]
    assert sorted(own("retry", "--failed", "-q").out.split()) == bad
    for job_id in bad:
        assert own.daemon.ended(int(job_id))["state"] == "completed"
    nothing = own("retry", "--failed")
    assert (nothing.status, nothing.out, nothing.err) == (1, "", "! no job is concerned\n")
    assert [job["state"] for job in own.json("retry", "--json=state", bad[0])] == ["pending"]


def test_bad_input(house: House) -> None:
    """Each a line and its status; if one of several cannot be run again, none is."""
    over, living = house.ran("true", name="over"), house.running(name="living")
    begun = house("begin", "outside").out.strip()
    house("end", begun)
    refused = {
        (): (2, "name the jobs to run again, or say --failed"),
        (str(living),): (1, f"job {living} (living) is running; only a job that has ended can be retried"),
        (str(over), str(living)): (1, "only a job that has ended can be retried"),
        (begun,): (1, "was not started by jobd, so it cannot be retried"),
        ("999",): (66, "no job 999"),
    }
    for words, (status, said) in refused.items():
        done = house("retry", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    assert house.daemon.job(over)["attempt"] == 1
    house.over(living)


def test_without_a_daemon(own: House) -> None:
    """One is started to do it, unless that is forbidden."""
    job_id = own.ran("false")
    own.daemon.stop()
    assert own("retry", "--no-start", str(job_id)).status == 69
    assert own("retry", str(job_id)).out == f"{job_id} false: pending\n"
    assert own.daemon.ended(job_id)["attempt"] == 2
