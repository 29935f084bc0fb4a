"""jobd last: the latest run of a name that has ended."""

from tests.commands.running import Gate, House


def test_the_latest(house: House, gate: Gate) -> None:
    """Of all runs that have ended, or of those that ended well or badly; a pattern names several."""
    good = house.ran("true", name="nightly")
    bad = house.ran("sh", "-c", "exit 3", name="nightly")
    house.running("sh", "-c", gate.wait(), name="nightly")
    assert house.json("last", "nightly", "--json")["id"] == bad
    assert house("last", "nightly", "-q").out == f"{bad}\n"
    assert house("last", "night*", "--success", "-q").out == f"{good}\n"
    assert house("last", "nightly", "--failed", "--format", "{id} {exit_code}").out == f"{bad} 3\n"
    assert f"nightly #{bad} - sh -c exit 3" in house.screen("last", "nightly")[0]
    gate.open()


def test_it_is_the_one_that_ended_last(house: House) -> None:
    """Whichever was submitted last: an older one that was run again, or took longer, is judged, by check as well."""
    first, second = house.ran("sh", "-c", "exit 4", name="again"), house.ran("true", name="again")
    assert house("check", "again").status == 0
    assert house("retry", str(first)).status == 0
    house.daemon.ended(first)
    assert house("last", "again", "-q").out == f"{first}\n"
    assert house("check", "again").status == 1
    assert house("last", "again", "--success", "-q").out == f"{second}\n"
    ids = [house("begin", "bk").out.strip() for _ in range(2)]
    for job_id, code in ((ids[1], "0"), (ids[0], "2")):
        assert house("end", job_id, "--exit", code).status == 0
    assert house("check", "bk").status == 1


def test_there_is_none(house: House) -> None:
    """One line says so, with the status of what is not there."""
    house.ran("true", name="fine")
    missing = house("last", "nobody")
    assert (missing.status, missing.out) == (66, "")
    assert "a run of 'nobody' that has ended" in missing.err
    assert house("last", "fine", "--failed").status == 66
    refused = house("rpc", "last", '{"name": "fine", "states": ["running"]}')
    assert "states: a job that has ended is canceled, completed, failed" in refused.out + refused.err
