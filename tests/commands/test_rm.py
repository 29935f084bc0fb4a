"""jobd rm: ended jobs are forgotten, with their output."""

from pathlib import Path

from tests.commands.running import House


def test_record_and_output_are_gone_and_the_log_tells(house: House) -> None:
    """The id is not used again; the event log still says that it was there."""
    job_id = house.ran("sh", "-c", "echo hi; exit 1", split=True)
    house("retry", str(job_id))
    house.daemon.ended(job_id)
    kept = list((house.state / "log").glob(f"{job_id}.*"))
    assert len(kept) == 4
    done = house("rm", str(job_id))
    assert (done.status, done.out, done.err) == (0, f"{job_id} sh: removed\n", "")
    assert house("status", str(job_id)).status == 66
    assert not any(path.exists() for path in kept)
    assert house.lines("events", "--json", "--job", str(job_id))[-1]["event"] == {"type": "removed", "from": "failed"}
    assert house.ran("true") == job_id + 1


def test_how_it_is_printed(house: House) -> None:
    """Ids, JSON, a template, a dry run that removes nothing."""
    ids = [str(house.ran("true")) for _ in range(4)]
    assert house("rm", "--dry-run", f"{ids[0]}-{ids[3]}").out.splitlines() == [
        f"would remove {job_id} true: completed" for job_id in ids
    ]
    assert house("rm", "-q", ids[0]).out == f"{ids[0]}\n"
    assert house.json("rm", "--json=id", ids[1]) == [{"id": int(ids[1])}]
    assert house("rm", "--format", "{id} {name}", ids[2]).out == f"{ids[2]} true\n"
    assert house("list", "-q", ids[3]).out == f"{ids[3]}\n"


def test_a_person_is_asked_before_a_sweep(own: House) -> None:
    """A no removes nothing and ends with 1."""
    ids = [own.ran("true") for _ in range(2)]
    with own.on_terminal("rm", "1-2") as session:
        session.until("Remove 2 jobs (1 true, 2 true)? [y/N]")
        session.type("\n")
        assert session.end() == 1
    assert own("list", "-q").out.split() == [str(ids[1]), str(ids[0])]
    with own.on_terminal("rm", "1-2") as session:
        session.until("[y/N]")
        session.type("y\n")
        assert session.end() == 0
    assert own("list", "-q").out == ""


def test_all_are_the_ended_ones(own: House) -> None:
    """What runs stays; a second time there is nothing to remove."""
    living = own.running(name="living")
    ended = {str(own.ran("true")), str(own.ran("false"))}
    listed = [f"would remove {job}" for job in sorted(ended, reverse=True)]
    assert [" ".join(line.split()[:3]) for line in own("rm", "all", "--dry-run").out.splitlines()] == listed
    assert {*own("rm", "all", "-q").out.split()} == ended
    assert own("list", "-a", "-q").out == f"{living}\n"
    assert own("rm", "all").status == 1
    own.over(living)


def test_bad_input(house: House) -> None:
    """One that runs, one that is not there, none: each a line and its status, and nothing is removed."""
    over, living = str(house.ran("true")), str(house.running(name="living"))
    refused = {
        (): (2, "missing argument 'JOB...'"),
        (living,): (1, f"job {living} (living) is running; only a job that has ended can be removed"),
        (over, living): (1, "only a job that has ended can be removed"),
        (over, "999"): (66, "no job 999"),
    }
    for words, (status, said) in refused.items():
        done = house("rm", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    assert house("list", "-q", over).out == f"{over}\n"
    house.over(int(living))


def test_without_a_daemon(own: House) -> None:
    """One is started to do it, unless that is forbidden."""
    job_id = str(own.ran("true"))
    path = Path(own.daemon.job(int(job_id))["output"]["path"])
    own.daemon.stop()
    assert own("rm", "--no-start", job_id).status == 69
    assert path.exists()
    assert own("rm", job_id).status == 0
    assert not path.exists()
