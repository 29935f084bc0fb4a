"""--beat-every, --stale-after and --on-stale through the real program, and how a stale job looks."""

import subprocess

from tests.commands.running import House
from tests.waiting import until


def test_promises_are_kept_in_the_record(house: House) -> None:
    """Each command that makes a job takes them, and tells what it has understood."""
    with subprocess.Popen(["sleep", "600"]) as process:
        for words in (("submit", "--", "true"), ("begin", "outside"), ("attach", str(process.pid))):
            job = house.json(words[0], "--json", "--beat-every", "30s", *words[1:])
            assert job["heartbeat"] == {"beat_every": 30.0, "stale_after": 120.0}
        process.kill()
    assert house("run", "--stale-after", "2m", "--on-stale", "cancel", "-J", "promised", "--", "true").status == 0
    assert house.json("status", "--json", "promised")["heartbeat"] == {"stale_after": 120.0, "on_stale": "cancel"}


def test_a_stale_job_is_seen(house: House) -> None:
    """In the list, on its card and in the line below what it says."""
    job_id = house.running(heartbeat={"beat_every": 0.1, "stale_after": 0.2})
    until(lambda: house.daemon.job(job_id)["stale_since"], what="it is stale")
    assert house("list", str(job_id)).out.split("\t")[2:4] == ["running", "stale"]
    assert any("running, stale" in row for row in house.screen("list", columns=100))
    card = house.screen("status", str(job_id), columns=100)
    assert any("running since" in row and "stale since" in row for row in card)
    assert any("Heartbeat: every 0.1s, stale after 0.2s" in row for row in card)
    with house.on_terminal("tail", "-f", str(job_id)) as session:
        session.until("stale since")
        session.interrupt()
        session.end()
    house.over(job_id)
    assert not any("Heartbeat" in row for row in house.screen("status", str(job_id)))


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    refused = {
        ("submit", "--on-stale", "cancel"): (65, "it says neither beat_every nor stale_after"),
        ("submit", "--stale-after", "1s", "--beat-every", "2s"): (65, "1 s is less than the 2 s of beat_every"),
        ("submit", "--stale-after", "0s"): (65, "stale_after"),
        ("submit", "--beat-every", "soon"): (2, "--beat-every"),
        ("submit", "--stale-after", "1s", "--on-stale", "never"): (2, "--on-stale"),
        ("begin", "--stale-after", "1s", "--on-stale", "cancel"): (2, "--on-stale"),
    }
    for words, (status, said) in refused.items():
        done = house(*words, "--", "true")
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
