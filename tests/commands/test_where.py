"""--where: the jobs that a filter means, for every verb that takes jobs."""

import os
import subprocess
from datetime import datetime, timedelta

import pytest

from tests.commands.running import House


@pytest.fixture(scope="module")
def jobs(house: House) -> dict[str, int]:
    """Give running jobs of two names, and ended ones of two ends."""
    made = {"one": house.running(name="encode"), "two": house.running(name="deploy")}
    return {**made, "good": house.ran("true", name="check"), "bad": house.ran("false", name="check")}


def test_reading(house: House, jobs: dict[str, int]) -> None:
    """Alone it chooses among all jobs, whatever became of them; beside names, among those."""
    assert house("list", "--where", "name = check", "-q").out == f"{jobs['bad']}\n{jobs['good']}\n"
    assert house("list", "1-4", "--where", "state = running", "-q").out.split() == [str(jobs["one"]), str(jobs["two"])]
    assert house("status", "--where", "name=encode", "-q").out == f"{jobs['one']}\n"
    ended = f"{jobs['bad']}\n{jobs['good']}\n"
    assert house("status", "--where", "name=check", "-q").out == ended
    assert house("list", "where:name=check", "-q").out == ended
    assert house("history", "--where", "@failed", "name=check", "-q").out == f"{jobs['bad']}\n"
    assert house("history", "name=check", "OR", "name=encode", "--count").out == "3\n"


def test_several(house: House, jobs: dict[str, int]) -> None:
    """All of them must mean a job, as do the words before them."""
    assert house("list", "--where", "name=check", "--where", "state=failed", "-q").out == f"{jobs['bad']}\n"
    assert house("history", "@ended", "--where", "name=check", "--where", "exit=1", "-q").out == f"{jobs['bad']}\n"
    assert house("stats", "--where", "name=check", "--where", "@failed").out.split("\t")[:2] == ["check", "1"]


def test_output(house: House) -> None:
    """The output of ended jobs is found by what they were; that there is none is said, and seen by the status."""
    house.ran("sh", "-c", "echo first", name="speaker")
    house.ran("sh", "-c", "echo second; exit 3", name="speaker")
    assert house("log", "--where", "name=speaker state=failed").out == "second\n"
    assert house("tail", "--where", "name=speaker state=completed").out == "first\n"
    assert house("tail", "-f", "--exit-status", "--where", "name=speaker exit=3").status == 3
    for verb in "log", "tail", "status":
        none = house(verb, "--where", "name=nobody")
        assert (none.status, none.out, none.err) == (1, "", "! no job is concerned\n")
        assert house(verb, "--where", "name=nobody", "--json").out.strip() == ("" if verb == "tail" else "[]")


@pytest.mark.usefixtures("jobs")
def test_what_is_wrong_with_it_is_shown(house: House) -> None:
    """One line, the text with a caret below the place, and where to read on."""
    for words in (
        ("history", "stat = failed"),
        ("list", "--where", "stat = failed"),
        ("cancel", "--where", "stat = failed"),
    ):
        done = house(*words)
        assert (done.status, done.out) == (65, "")
        assert done.err.splitlines()[:3] == [
            'jobd: filter: no field "stat"; did you mean "state"?', "  stat = failed", "  ^^^^",
        ], done  # fmt: skip
    many = " OR ".join(f"name=n{number}" for number in range(90))
    for verb in ("list", "cancel"):
        done = house(verb, *("--where", many) * 3)
        assert (done.status, done.out) == (65, "")
        assert done.err.startswith("jobd: filter: more than 200 conditions"), done
    mixed = house("history", "name=a OR name=b AND state=failed")
    assert "(name=a OR name=b) AND state=failed" in mixed.err
    assert "name\ttext\t" in house("history", "--fields").out
    assert {"name": "id", "kind": "whole number", "help": "The number of the job."} in house.json(
        "history", "--fields", "--json"
    )


def test_changing(own: House) -> None:
    """A dry run says which; then only those are concerned, and none if none is meant."""
    mine, other = own.running(name="mine"), own.running(name="other")
    assert own("cancel", "--where", "name=mine", "--dry-run").out == f"would cancel {mine} mine: running\n"
    assert own("cancel", "--where", "name=mine", "--grace", "0s", "-q").out == f"{mine}\n"
    own.daemon.ended(mine)
    assert own("wait", "--where", "name=mine").status == 1
    assert own("pause", "--where", "name=nobody").status == 1
    dry = own("pause", "--where", "name=nobody", "--dry-run")
    assert (dry.status, dry.out, dry.err) == (1, "", "! no job is concerned\n")
    refused = own("pause", str(mine), "--dry-run")
    assert (refused.status, refused.out) == (1, ""), refused
    assert own("retry", "--where", "name=mine", "-q").out == f"{mine}\n"
    assert own("cancel").status == 2
    assert own.daemon.job(other)["state"] == "running"
    assert own("cancel", "all", "--where", "cpu > 9h").status == 1
    assert own("cancel", "where:name=other", "--grace", "0s", "-q").out == f"{other}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("history", "-q", "--where"),
        ("list", "-q", "--where"),
        ("status", "-q", "--where"),
        ("stats", "--plain", "--where"),
        ("retry", "--dry-run", "-q", "--where"),
        ("log", "--json=id", "--where"),
        ("events", "--type", "completed", "--where"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("zone", ["XXX-5:17", ":Pacific/Marquesas", "Nowhere/Known"])
def test_a_time_is_of_the_zone_of_who_asks(house: House, words: tuple[str, ...], zone: str) -> None:
    """Not of that of the daemon: a time of the day is one on the clock of the screen that shows it."""
    job = house.json("status", str(house.ran("true", name="zoned")), "--json")
    created = datetime.fromisoformat(job["created_at"])
    for distance, found in ((0, True), (2, False)):
        begin, end = (
            subprocess.run(
                ["date", "-d", (created + timedelta(hours=distance, minutes=minutes)).isoformat(), "+%Y-%m-%dT%H:%M"],
                env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True,
            ).stdout.strip()
            for minutes in (-1, 1)
        )  # fmt: skip
        said = house(*words, f"id={job['id']} AND created between {begin} and {end}", environ={"TZ": zone})
        assert (str(job["id"]) in said.out or "zoned" in said.out) == found, (said, begin, end)
