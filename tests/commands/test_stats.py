"""jobd stats: how often, how well and how long jobs ran, in a table, as JSON and for a pipe."""

import pytest

from jobd.core.history.stats import By
from tests.commands.running import House
from tests.living import Refusal

TOTAL = "6 runs · 80% ok · 0.0 CPU hours · busiest hour "
NOTHING = "! no run found that has ended; what there is: jobd history\n"
#: Tab separated: the key, runs, the share that was well, four quantiles, wait, CPU, peak, trend.
COLUMNS = 11


@pytest.fixture(scope="module")
def past(house: House) -> House:
    """Give runs of two names: three good ones, one that failed and one that was canceled; and one of another."""
    for seconds in ("0", "0.1", "2"):
        house.ran("sleep", seconds, name="nap", labels={"env": "prod"})
    house.ran("false", name="nap", group="night")
    house.over(house.running(name="nap"))
    house.ran("true", name="encode")
    return house


def test_on_a_terminal(past: House) -> None:
    """The name with the most runs first, how the latest went, and what all were together; more where there is room."""
    rows = past.screen("stats")
    assert rows[0].split() == ["NAME", "RUNS", "OK", "p50", "p90", "p99", "CPU·h", "LAST", "14"]
    name, runs, good, *_, latest = rows[1].split()
    assert (name, runs, good) == ("nap", "5", "75%")
    assert latest[2:] == "▇xc"
    assert rows[2].split()[:3] == ["encode", "1", "100%"]
    assert rows[3].startswith(TOTAL)
    assert {"p95", "WAIT", "PEAK"} <= set(past.screen("stats", columns=130)[0].split())
    ascii_rows = past.screen("stats", "--ascii", columns=130)
    assert ascii_rows[1].endswith("#xc")
    assert all(row.isascii() for row in ascii_rows)
    *_, total, busiest = past.screen("stats", columns=40)
    assert f"{total} · {busiest[: len('busiest hour ')]}" == TOTAL
    assert past.screen("stats", "--limit", "1")[-1] == "! no more than 1 are shown; more: --limit"


def test_chosen(past: House) -> None:
    """By a name with wildcards, a group, the time of the end and a filter, alone and together."""
    expected = {
        (): {"nap": 5, "encode": 1},
        ("n*",): {"nap": 5},
        ("--name", "encode"): {"encode": 1},
        ("-g", "night"): {"nap": 1},
        ("--where", "@failed"): {"nap": 1},
        ("n?p", "--where", "state=completed", "--since", "-1h"): {"nap": 3},
        ("--until", "yesterday"): {},
        ("--limit", "1"): {"nap": 5},
        ("--by", "group"): {"default": 5, "night": 1},
        ("--label", "env"): {"prod": 3, None: 3},
        ("--by", "label", "--label", "env", "-g", "default"): {"prod": 3, None: 2},
    }
    for words, runs in expected.items():
        report = past.json("stats", "--json", *words, status=0 if runs else 1)
        assert {one["key"]: one["runs"] for one in report["statistics"]} == runs, words
    days = past.json("stats", "--by", "day", "--json=statistics")["statistics"]
    assert sum(day["runs"] for day in days) == 6


def test_for_programs(past: House) -> None:
    """A report as the protocol gives it; a line for each key with bare numbers, and none of all together."""
    report = past.json("stats", "--json", "nap")
    assert report == past.daemon.call("stats", name="nap")
    one = report["statistics"][0]
    assert (one["completed"], one["failed"], one["canceled"], one["success"]) == (3, 1, 1, 0.75)
    assert one["p50"] < one["p90"] < one["p95"] < one["p99"]
    assert [state for _, state in one["latest"]] == ["completed"] * 3 + ["failed", "canceled"]
    assert sum(report["hours"]) == report["total"]["runs"] == 5
    rows = [line.split("\t") for line in past("stats").out.splitlines()]
    assert [row[:3] for row in rows] == [["nap", "5", "0.75"], ["encode", "1", "1.0"]]
    assert {len(row) for row in rows} == {COLUMNS}
    assert [float(row) for row in rows[0][3:7]] == [one[share] for share in ("p50", "p90", "p95", "p99")]


def test_nothing_found(past: House) -> None:
    """That is said, and is the exit status."""
    done = past("stats", "nobody")
    assert (done.status, done.out, done.err) == (1, "", NOTHING)
    report = past.json("stats", "nobody", "--json", status=1)
    assert (report["statistics"], report["total"]["runs"]) == ([], 0)


def test_bad_input(past: House) -> None:
    """Each a line and its status."""
    refused = {
        ("--by", "week"): (2, "invalid value for '--by'"),
        ("--by", "label"): (2, "--by label needs --label NAME"),
        ("--by", "name", "--label", "env"): (2, "--label goes with --by label, not with --by name"),
        ("nap", "--name", "nap"): (2, "give either NAME or --name"),
        ("--where", "id = x"): (65, "filter: id"),
        ("--since", "whenever"): (2, "invalid value for '-S'"),
    }
    for words, (status, said) in refused.items():
        done = past("stats", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    for params in ({"by": "week"}, {"by": By.LABEL}, {"limit": -1}, {"where": "("}):
        with pytest.raises(Refusal):
            past.daemon.call("stats", **params)


def test_without_a_daemon(own: House) -> None:
    """The file answers."""
    own.ran("true", name="good")
    own.daemon.stop()
    done = own("stats", "--json=total")
    assert (done.status, '"runs":1' in done.out) == (0, True)
    assert own("stats", "nobody").status == 1
