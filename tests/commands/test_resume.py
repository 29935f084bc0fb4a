"""jobd resume: paused jobs go on."""

from tests.commands.running import House


def paused(house: House, name: str) -> int:
    """Give a job that is paused."""
    job_id = house.running(name=name)
    house("pause", str(job_id))
    house.reaches(job_id, "paused")
    return job_id


def test_they_go_on(house: House) -> None:
    """One, several, all; the time it stood still does not count."""
    ids = [str(paused(house, f"p{n}")) for n in range(3)]
    assert house("resume", "p0").out == f"{ids[0]} p0: running\n"
    assert house.json("resume", "--json=state", ids[1]) == [{"state": "running"}]
    assert house("resume", "--dry-run", "all").out == f"would resume {ids[2]} p2: paused\n"
    assert house("resume", "-q", "all").out == f"{ids[2]}\n"
    again = house("resume", ids[0])
    assert (again.status, again.out) == (0, f"{ids[0]} p0: running\n")
    nothing = house("resume", "all")
    assert (nothing.status, nothing.err) == (1, "! no job is concerned\n")
    assert house.screen("resume", ids[0]) == [f"{ids[0]} p0: running", f"jobd tail -f {ids[0]}"]
    for job_id in ids:
        house.over(int(job_id))


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    over = str(house.ran("true", name="over"))
    refused = {
        (): (2, "missing argument 'JOB...'"),
        (over,): (1, "has already ended (completed); only a job that has not ended can be resumed"),
        ("999",): (66, "no job 999"),
        ("x~y",): (65, "is not an id"),
    }
    for words, (status, said) in refused.items():
        done = house("resume", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)


def test_without_a_daemon(own: House) -> None:
    """One is started to do it, unless that is forbidden."""
    job_id = paused(own, "p")
    own.daemon.kill()
    assert own("resume", "--no-start", "p").status == 69
    assert own("resume", "p").out == f"{job_id} p: running\n"
