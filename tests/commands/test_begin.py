"""jobd begin: a record for what jobd did not start."""

import subprocess

from tests.commands.running import House
from tests.waiting import until


def test_it_counts_as_running_until_it_is_ended(house: House) -> None:
    """Begun, reported for, ended; it takes no slot, and cannot be paused or canceled."""
    begun = house("begin", "nightly-sync", "-g", "night")
    assert (begun.status, begun.err) == (0, "")
    job_id = begun.out.strip()
    assert house("progress", "--job", job_id, "3/10", "photos").status == 0
    job = house.json("status", "--json", job_id)
    assert (job["name"], job["state"], job["group"], job["argv"]) == ("nightly-sync", "running", "night", None)
    assert (job["progress"]["done"], job["progress"]["message"]) == (3, "photos")
    for verb in ("pause", "cancel", "resume"):
        refused = house(verb, job_id)
        assert refused.status == 1
        assert "was not started by jobd" in refused.err
    assert house("end", job_id).status == 0


def test_it_fails_as_lost_when_its_process_goes(house: House) -> None:
    """--pid: the process is watched, and need not say goodbye."""
    with subprocess.Popen(["sleep", "600"]) as process:
        job_id = int(house("begin", "watched", "--pid", str(process.pid)).out)
        process.kill()
    job = house.daemon.ended(job_id)
    assert (job["state"], job["reason"], job["detail"]) == ("failed", "lost", "process")


def test_how_it_is_printed(house: House) -> None:
    """The id, the whole record, its fields, or a line."""
    assert house.json("begin", "--json", "one")["name"] == "one"
    assert house.json("begin", "--json=state", "two") == {"state": "running"}
    assert house("begin", "--format", "{name}", "three").out == "three\n"
    assert house("begin", "-q", "four").out.strip().isdigit()
    assert house.screen("begin", "five")[0].isdigit()


def test_labels(house: House) -> None:
    """As those of jobs that jobd starts."""
    job_id = house("begin", "labelled", "--tag", "env=prod", "--tag", "x").out.strip()
    assert house.daemon.job(int(job_id))["labels"] == {"env": "prod", "x": ""}
    assert house("end", job_id).status == 0


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    refused = {
        (): (2, "missing argument 'NAME'"),
        ("12",): (65, "would be taken for an id"),
        ("a,b",): (65, "has a character that names cannot have"),
        ("x", "--pid", "0"): (2, "invalid value for '--pid'"),
        ("x", "--pid", "4194305"): (65, "there is no process 4194305"),
        ("x", "--pid", "9" * 25): (65, "watch"),
    }
    for words, (status, said) in refused.items():
        done = house("begin", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)


def test_through_the_death_of_the_daemon(own: House) -> None:
    """It is still running afterwards, and still watched."""
    with subprocess.Popen(["sleep", "600"]) as process:
        job_id = int(own("begin", "outside", "--pid", str(process.pid)).out)
        own.daemon.kill()
        assert own.json("list", "--json=state", "-q", "--no-start", str(job_id)) == [{"state": "running"}]
        own.daemon.start()
        assert own.daemon.job(job_id)["state"] == "running"
        process.kill()
    until(lambda: own.daemon.job(job_id)["reason"] == "lost", what="the loss is seen")


def test_without_a_daemon(empty: House) -> None:
    """One is started unless that is forbidden."""
    assert empty("begin", "--no-start", "x").status == 69
    assert empty("begin", "x").out == "1\n"
