"""jobd slow: what takes or took longer than the runs before it, as the preset @slow has it."""

import pytest

from tests.commands.running import House

COLUMNS = 8


@pytest.fixture(scope="module")
def past(house: House) -> dict[str, int]:
    """Give runs that were slow, and one that is, after quick ones; and some of which too little is known."""
    for name in ("nap",) * 5 + ("wait",) * 5 + ("new",):
        house.ran("sleep", "0.1", name=name)
    made = {
        "second": house.ran("sleep", "1.5", name="new"),
        "slow": house.ran("sleep", "3", name="nap", group="night"),
    }
    made["next"] = house.ran("sleep", "0.1", name="nap")
    made["now"] = house.running(name="wait")
    return made


def ids(house: House, *words: str) -> set[int]:
    """Give the ids that are printed."""
    return {int(word) for word in house(*words, "-q").out.split()}


def test_the_same_as_the_preset(house: House, past: dict[str, int]) -> None:
    """What is slow is said in one place; what has hardly a history is not slow, what runs may be."""
    found = ids(house, "slow", "--name", "nap")
    assert past["slow"] in found
    assert found == ids(house, "history", "@slow", "--name", "nap")
    assert house.daemon.job(past["second"])["elapsed"] > house.daemon.job(past["second"])["usual"]["p95"]
    assert ids(house, "slow", "--name", "new") == ids(house, "slow", "--name", "new", "--factor", "1") == set()
    assert past["now"] in ids(house, "slow", "--where", "state=running", "--factor", "0")


def test_chosen(house: House, past: dict[str, int]) -> None:
    """By how much, by group, time and filter."""
    assert ids(house, "slow", "--factor", "2", "--name", "nap") == {past["slow"]}
    assert ids(house, "slow", "--factor", "1000", "--name", "nap") == set()
    assert ids(house, "slow", "-g", "night", "--since", "-1h") == {past["slow"]}
    assert ids(house, "slow", "--until", "yesterday") == set()
    assert ids(house, "slow", "--name", "nap", "--where", "@failed") == set()
    job = house.json("slow", "--factor", "2", "--name", "nap", "--json=id,elapsed,usual")[0]
    assert job["elapsed"] > 2 * job["usual"]["p95"]


def test_columns(house: House, past: dict[str, int]) -> None:
    """How long it took, what is usual, and how many times as long."""
    rows = house.screen("slow", "--factor", "2", "--name", "nap")
    assert rows[0].split() == ["ID", "NAME", "STATE", "STARTED", "TOOK", "USUAL", "P95", "TIMES"]
    assert f" {past['slow']} " in rows[1]
    assert rows[1].endswith("x")
    row = house("slow", "--factor", "2", "--name", "nap").out.rstrip("\n").split("\t")
    assert len(row) == COLUMNS
    assert float(row[-1]) == pytest.approx(float(row[4]) / float(row[6]), abs=1e-4)
    assert house.screen("slow", "--name", "nobody")[0].startswith("nothing found")


@pytest.mark.usefixtures("past")
def test_pages(house: House) -> None:
    """The token alone is enough, whatever was asked with it."""
    first = house.screen("slow", "--factor", "0", "--name", "nap", "--limit", "1", columns=300)
    assert first[-1].startswith("Next page: jobd slow --limit 1 --page ")
    second = house("slow", "--page", first[-1].split()[-1], "-q")
    assert (second.status, second.err) == (0, "")
    assert second.out.strip().isdecimal()
    assert f" {second.out.strip()} " not in first[1]


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    refused = {
        ("--factor", "x"): (2, "invalid value for '--factor'"),
        ("--factor", "-1"): (2, "invalid value for '--factor'"),
        ("--factor", "nan"): (65, "is no number"),
        ("--where", "id = x"): (65, "filter: id"),
        ("--page", "x"): (65, "the page token was not made by this database"),
    }
    for words, (status, said) in refused.items():
        done = house("slow", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
