"""jobd history: the jobs that were, by state, name, group and time."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.commands.running import House
from tests.living import Refusal

COLUMNS = 7


@pytest.fixture(scope="module")
def past(house: House) -> dict[str, int]:
    """Give jobs of several names, groups and ends, oldest first."""
    made = {
        "backup-home": house.ran("sh", "-c", "exit 3", name="backup-home"),
        "backup-db": house.ran("true", name="backup-db", group="night"),
        "encode": house.ran("sh", "-c", "kill -9 $$", name="encode"),
    }
    house.submit("true", name="a-very-long-name-that-fits-no-small-screen-at-all")
    return made


def test_in_a_pipe(house: House, past: dict[str, int]) -> None:
    """Columns separated by tabs, the newest first, times in RFC 3339, seconds and bytes as numbers."""
    done = house("history", "--name", "[be]*")
    assert (done.status, done.out, done.err) == (0, "", "")
    rows = [line.split("\t") for line in house("history", "--name", "?*k*").out.splitlines()]
    assert {len(row) for row in rows} == {COLUMNS}
    assert [row[:3] for row in rows] == [
        [str(past["backup-db"]), "backup-db", "completed"],
        [str(past["backup-home"]), "backup-home", "failed"],
    ]
    assert all(row[3].endswith("Z") and float(row[4]) >= 0 and (row[6] == "-" or int(row[6]) > 0) for row in rows)


@pytest.mark.usefixtures("past")
def test_for_a_person(house: House) -> None:
    """How each ended; long names give way first; nothing is wider than 40 columns; what comes next."""
    rows = house.screen("history")
    assert rows[0].split()[:4] == ["ID", "NAME", "STATE", "STARTED"]
    assert any("encode" in row and "SIGKILL" in row for row in rows)
    assert any("exit 3" in row for row in rows)
    assert rows[-1].startswith("jobd retry ")
    narrow = house.screen("history", columns=40, environ={"NO_COLOR": "1"})
    assert any("a-very-" in row and "…" in row for row in narrow), narrow
    assert house.screen("history", "--limit", "2", columns=200)[-1].startswith(
        "Next page: jobd history --limit 2 --page "
    )
    assert house.screen("history", "--name", "nobody") == ["nothing found; all there is: jobd history"]


def test_chosen(house: House, past: dict[str, int]) -> None:
    """By state, name with wildcards, group, and the time of submission, alone and together."""

    def found(*words: str) -> list[str]:
        return [name for name, job_id in past.items() if str(job_id) in house("history", "-q", *words).out.split()]

    assert found("-s", "failed") == ["backup-home", "encode"]
    assert found("-s", "failed", "--name", "backup*") == ["backup-home"]
    assert found("-g", "night") == ["backup-db"]
    assert found("--since", "-1h") == list(past)
    assert found("--since", "1h") == list(past)
    assert found("--since", "2999-01-01") == []
    assert found("--until", "yesterday") == []
    assert found("-S", "yesterday", "-E", "2999-01-01") == list(past)
    middle = house.json("status", "--json=created_at", "backup-db")["created_at"]
    assert found("--since", middle) == ["backup-db", "encode"]
    assert found("--until", middle) == ["backup-home"]
    assert house("history", "-q", "--limit", "1").out.count("\n") == 1
    assert house("history", "-q", "--limit", "0").status == 2


def test_as_json(house: House, past: dict[str, int]) -> None:
    """An array of whole jobs, or of their fields; a line by a template."""
    jobs = house.json("history", "--json", "--name", "encode")
    assert [(job["id"], job["signal"], job["reason"]) for job in jobs] == [(past["encode"], 9, "signal:9")]
    when = datetime.fromisoformat(jobs[0]["started_at"])
    assert abs(datetime.now(UTC) - when) < timedelta(hours=1)
    assert house.json("history", "--json=name", "-g", "night") == [{"name": "backup-db"}]
    assert house("history", "--format", "{name}:{signal}", "--name", "encode").out == "encode:9\n"


def test_pages(house: House, past: dict[str, int]) -> None:
    """A page says how to see the next one; the token stands for all that was asked, and for nothing else."""

    def page(*words: str) -> tuple[list[str], list[str]]:
        rows = house.screen("history", "--limit", "1", "--name", "backup*", *words, columns=300)
        return rows, rows[-1].split()[3:]

    first, following = page()
    assert any(" backup-db " in row for row in first)
    second = house.screen(*following)
    assert any(" backup-home " in row for row in second)
    assert not any("Next page" in row for row in second)
    token = following[-1]
    assert house("history", "-q", "--page", token, "--name", "backup*").out == f"{past['backup-home']}\n"
    refused = house("history", "--page", token, "--name", "encode")
    assert (refused.status, refused.out) == (65, "")
    assert "the page token belongs to another question" in refused.err
    assert house("history", "--page", token[:-4] + "AAAA").status == 65
    assert house("history", "--page", "x").err.startswith("jobd: the page token was not made by this database")


def test_orders(house: House, past: dict[str, int]) -> None:
    """By any field, rising or falling; a field that is none is named."""
    names = house("history", "--format", "{name}", "--sort", "name", "--state", "completed,failed").out.split()
    assert names[-len(past) :] == sorted(past)
    assert names == sorted(names)
    longest = house.json("history", "--json=elapsed", "--sort=-duration", "--state", "completed,failed")
    times = [job["elapsed"] for job in longest]
    assert times == sorted(times, reverse=True)
    refused = house("history", "--sort", "colour")
    assert (refused.status, refused.out) == (65, "")
    assert "no order; there are id, created" in refused.err


def test_how_many_and_how(house: House, past: dict[str, int]) -> None:
    """The number alone, and how they are found with the time that takes."""
    assert house("history", "--count", "--name", "backup*").out == "2\n"
    assert house("history", "--count", "--state", "paused").out == "0\n"
    plan = house("history", "--explain", "--name", "encode").out.splitlines()
    assert any("jobs_by_name" in line for line in plan)
    assert re.fullmatch(r"1 found, \d+ looked at in the file, in [0-9.]+ ms", plan[-1])
    assert house.json("history", "--explain", "--json")["found"] >= len(past)


def test_pages_by_the_protocol(house: House, past: dict[str, int]) -> None:
    """As AIP-158 has it: a size, a token, an empty token at the end, a total if it is wanted."""
    call = house.daemon.call
    first = call("history", page_size=1, name="backup*", total=True)
    assert first["total_size"] == 2
    second = call("history", page_size=1, page_token=first["next_page_token"])
    assert [job["name"] for job in (*first["jobs"], *second["jobs"])] == ["backup-db", "backup-home"]
    assert (second["next_page_token"], second["total_size"], second["explained"]) == ("", None, None)
    assert len(call("history", page_size=10**9)["jobs"]) >= len(past)
    with pytest.raises(Refusal, match="page_size"):
        call("history", page_size=-1)


def test_against_what_is_usual(own: House) -> None:
    """A run that took much longer than the ones before is compared with them; it is slow if there were enough."""
    for _ in range(4):
        own.ran("sleep", "0.05", name="nap")
    early, late = (own.ran("sleep", seconds, name="nap") for seconds in ("0.5", "1.5"))
    rows = own.screen("history", "--name", "nap")
    compared, marked = (next(row for row in rows if f" {job_id} " in row) for job_id in (early, late))
    assert re.search(r"\+\d+%(?! slow)", compared)
    assert "% slow" in marked
    assert own("history", "-q", "@slow", "--name", "nap").out.split() == [str(late)]


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    refused = {
        ("--since", "whenever"): (2, "invalid value for '-S'"),
        ("--until", "2026-13-45"): (2, "invalid value for '-E'"),
        ("--since", "-" + "9" * 30 + "d"): (2, "invalid value for '-S'"),
        ("-s", "dead"): (2, "'dead' is no state"),
        ("--limit", "x"): (2, "invalid value for '--limit'"),
        ("id = x",): (65, "filter: id"),
    }
    for words, (status, said) in refused.items():
        done = house("history", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    with open("/dev/full", "wb") as full:
        assert house("history", stdout=full).status in (0, 74)


def test_as_cron_asks(own: House) -> None:
    """Without a daemon, without HOME: the history is there, the notice is on standard error, the status 0."""
    job_id = own.ran("true", name="backup")
    own.daemon.stop()
    bare = {"PATH": "/usr/bin:/bin", "JOBD_DIR": str(own.state)}
    done = own("history", "--json=id,state", "--name", "backup", env=bare)
    assert (done.status, json.loads(done.out)) == (0, [{"id": job_id, "state": "completed"}])
    assert done.err == ""
    told = own("history", env=bare)
    assert told.err.startswith("! daemon not running: saved state of ")
    assert not (own.state / "daemon.json").exists()


def test_what_is_not_utf8_without_a_daemon(own: House) -> None:
    """It is refused in a line, as a daemon refuses it."""
    own.ran("true")
    own.daemon.stop()
    for words in (("history", "name=\udcff"), ("history", "--name", "\udcff"), ("check", "\udcff"), ("last", "\udcff")):
        done = own(*words)
        assert (done.status, "is not UTF-8" in done.err) == (65, True), done


@pytest.mark.parametrize("zone", ["XXX20", "XXX-20"])
def test_a_day_is_that_of_the_zone(own: House, zone: str) -> None:
    """Today begins at midnight there, also where the date is not that of Greenwich."""
    own.ran("true")
    own.daemon.stop()
    asked = own("history", "--count", "created = today AND @today AND NOT @yesterday", environ={"TZ": zone})
    assert (asked.status, asked.out) == (0, "1\n"), asked
