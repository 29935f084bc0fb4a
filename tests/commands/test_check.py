"""jobd check: yes or no by the exit status, and one line that says why."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jobd.core.events import catalogue as happened
from tests.commands.running import Gate, House
from tests.daemon.storing import write
from tests.making import Maker


@pytest.fixture(scope="module")
def past(house: House) -> dict[str, int]:
    """Give runs of three names: one that ended well, one that failed last, one that was canceled."""
    runs = {"good": house.ran("true", name="good"), "bad before": house.ran("true", name="bad")}
    runs["bad"] = house.ran("sh", "-c", "exit 3", name="bad")
    runs["ended"] = house.running(name="ended")
    house.over(runs["ended"])
    return runs


def test_in_words(house: House, past: dict[str, int]) -> None:
    """The run by which it is judged, how and when that ended; the status is 0 only if all is well."""
    expected = {
        ("good",): (0, f"good #{past['good']} completed, "),
        ("good", "--max-age", "1h"): (0, f"good #{past['good']} completed, "),
        ("good", "--max-age", "0s"): (1, f"good #{past['good']} completed, "),
        ("bad",): (1, f"bad #{past['bad']} failed, exit 3, "),
        ("bad", "--success"): (0, f"bad #{past['bad before']} completed, "),
        ("ba?",): (1, f"bad #{past['bad']} failed, exit 3, "),
        ("ended",): (1, f"ended #{past['ended']} canceled, "),
        ("ended", "--success"): (1, "ended: no run has ended well yet"),
        ("nobody",): (1, "nobody: no run has ended yet"),
    }
    for words, (status, line) in expected.items():
        done = house("check", *words)
        assert (done.status, done.err, done.out.count("\n")) == (status, "", 1), (words, done)
        assert done.out.startswith(line), (words, done)
        assert (", more than 0s" in done.out) == ("0s" in words), done
        assert house("check", *words, "-q").out == ""


def test_an_id_is_no_name(house: House, past: dict[str, int]) -> None:
    """It would be a name of which nothing ever ran."""
    for verb in ("check", "last"):
        done = house(verb, str(past["good"]))
        assert (done.status, done.out) == (2, "")
        assert "is an id, and a NAME is wanted" in done.err


def test_as_json(house: House, past: dict[str, int]) -> None:
    """What is wrong in a word, the run, and its age in seconds."""
    good = house.json("check", "good", "--json")
    assert (good["ok"], good["problem"], good["job"]["id"]) == (True, None, past["good"])
    assert 0 <= good["age"] < 3600
    bad = json.loads(house("check", "bad", "--json=ok,problem").out)
    assert bad == {"ok": False, "problem": "failed"}
    assert json.loads(house("check", "nobody", "--json").out) == {
        "ok": False, "problem": "never", "job": None, "age": None, "day": None,
    }  # fmt: skip


def test_what_runs_does_not_count(house: House, gate: Gate) -> None:
    """Only an end is judged, however long ago: not the run of now."""
    house.ran("true", name="again")
    running = house.running("sh", "-c", gate.wait(), name="again")
    assert house("check", "again").status == 0
    gate.open()
    house.daemon.ended(running)
    assert f"#{running} " in house("check", "again").out


def test_without_a_daemon(own: House) -> None:
    """The file answers."""
    own.ran("true", name="good")
    own("daemon", "stop")
    assert own("check", "good").status == 0
    assert own("check", "nobody").status == 1


def test_an_end_that_is_still_to_come(own: House) -> None:
    """A clock that was wrong makes no run young for ever; the daemon says that its log is ahead."""
    maker = Maker(at=datetime.now(UTC) + timedelta(days=400))
    write(own.state / "jobd.db", maker.run(1, "odd"))
    own.daemon.stop()
    for _ in range(2):
        odd = own("check", "odd", "--max-age", "1h", "--no-start")
        assert (odd.status, odd.out) == (1, "odd #1 completed, 400d from now: the clock is wrong, or was\n"), odd
        assert own.json("check", "odd", "--json=problem", status=1) == {"problem": "future"}
        own.daemon.start()
    assert "clock: the log goes on from" in own("daemon", "status").out
    now = own.ran("true", name="now")
    assert own("check", "now", "--max-age", "1h").status == 0, now


def test_names_with_wildcards(empty: House) -> None:
    """A percent sign says that it is surely a name, whatever signs it has; such is a name in stats and last, too."""
    maker = Maker()
    names = ("a*b", "a\\b", "a[b", "axb")
    write(empty.state / "jobd.db", *(maker.run(at, name) for at, name in enumerate(names, 1)))
    for at, name in enumerate(names, 1):
        assert empty("check", f"%{name}").out.startswith(f"{name} #{at} completed")
        assert empty("last", f"%{name}", "-q").out == f"{at}\n"
        assert empty("history", "--name", f"%{name}", "-q").out == f"{at}\n"
        assert empty("stats", f"%{name}").out.split("\t")[:2] == [name, "1"]
        assert [line["seq"] for line in empty.lines("events", "--json=seq", "--name", f"%{name}")] == list(
            range(at * 4 - 3, at * 4 + 1)
        )
    write(empty.state / "jobd.db", maker.happen(1, happened.Removed(why="retention")))
    assert empty("stats", "%a*b").out.split("\t")[:2] == ["a*b", "1"]
    assert empty("history", "--name", "a*b", "--count").out == "3\n"


def test_retention_has_removed_them(empty: House) -> None:
    """The day of the latest of them is still known, of a success if that is asked for."""
    maker, gone = Maker(), happened.Removed(why="retention")
    runs = [maker.run(1, "brief"), maker.run(2, "brief", status=256)]
    maker.at += timedelta(days=2)
    write(empty.state / "jobd.db", *runs, maker.run(3, "brief", status=256))
    write(empty.state / "jobd.db", *(maker.happen(number, gone) for number in (1, 2, 3)))
    said = empty("check", "br*f")
    assert (said.status, said.out) == (1, "br*f: no run is kept any more; the latest ended on 2026-03-03\n"), said
    well = empty("check", "brief", "--success").out
    assert well == "brief: no run is kept any more; the latest ended well on 2026-03-01\n"
    verdict = empty.json("check", "brief", "--json", status=1)
    assert (verdict["problem"], verdict["day"]) == ("forgotten", "2026-03-03")
    last = empty("last", "brief", "--success")
    assert last.status == 66
    assert "that has completed and is still kept; the latest ended on 2026-03-01" in last.err


def test_bad_input(house: House) -> None:
    """A name of nothing, an age that is none."""
    assert house("check", "").status == 65
    assert house("check").status == 2
    assert house("check", "good", "--max-age", "soon").status == 2
    assert house("check", "good", "--max-age", "-1h").status == 2
