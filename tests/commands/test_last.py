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


def test_there_is_none(house: House) -> None:
    """One line says so, with the status of what is not there."""
    house.ran("true", name="fine")
    missing = house("last", "nobody")
    assert (missing.status, missing.out) == (66, "")
    assert "a run of 'nobody' that has ended" in missing.err
    assert house("last", "fine", "--failed").status == 66
