"""jobd history --export: all that is found, for other programs."""

import csv
import io
import json

import pytest

from jobd.commands._export import COLUMNS
from tests.commands.running import House

#: More than a page of the largest size.
MANY = 1005


@pytest.fixture(scope="module")
def ids(house: House) -> list[int]:
    """Give jobs of two names, the newest first, one of them with a name that CSV must quote."""
    words = "a=line \n, comma"
    odd = house.ran("sh", "-c", "exit 3", name='say "hi"', labels={"a": words})
    plain = house.ran("printf", "a\nb", name="plain")
    return [plain, odd]


def test_csv(house: House, ids: list[int]) -> None:
    """A row of names, a row for each job, the newest first; null is empty, a list is JSON."""
    done = house("history", "--export", "csv")
    assert (done.status, done.err) == (0, "")
    table = csv.DictReader(io.StringIO(done.out))
    rows = list(table)
    assert tuple(table.fieldnames or ()) == COLUMNS
    assert [row["id"] for row in rows] == [str(job_id) for job_id in ids]
    assert [(row["name"], row["state"], row["exit_code"], row["signal"]) for row in rows] == [
        ("plain", "completed", "0", ""),
        ('say "hi"', "failed", "3", ""),
    ]
    assert json.loads(rows[0]["argv"]) == ["printf", "a\nb"]
    assert json.loads(rows[1]["labels"]) == {"a": "a=line \n, comma"}


def test_json_lines(house: House, ids: list[int]) -> None:
    """Each line is the job as all commands give it."""
    assert house.lines("history", "--export", "jsonl") == house.json("history", "--json")
    assert [job["id"] for job in house.lines("history", "--export", "jsonl")] == ids


def test_fields(house: House, ids: list[int]) -> None:
    """Those that are named, in that order."""
    fields = "--json=state,id,usage.rss_bytes"
    done = house("history", "--export", "csv", fields, "state=failed")
    assert done.out == f"state,id,usage.rss_bytes\nfailed,{ids[1]},\n"
    [told] = house.lines("history", "--export", "jsonl", fields, "--state", "failed")
    assert (told["state"], told["id"], set(told)) == ("failed", ids[1], {"state", "id", "usage"})


@pytest.mark.usefixtures("ids")
def test_limit_and_nothing(house: House) -> None:
    """Only so many if that is said; of nothing CSV has the names, JSON Lines have nothing."""
    assert house("history", "--export", "csv", "--json=name", "--limit", "1").out == "name\nplain\n"
    assert house("history", "--export", "csv", "--json=name", "--name", "nobody").out == "name\n"
    assert house("history", "--export", "jsonl", "--name", "nobody").out == ""


@pytest.mark.usefixtures("ids")
def test_bad_input(house: House) -> None:
    """No such form, no such field: a line that says so, and nothing is written."""
    for words, problem in {
        ("xml",): "'xml' is not one of 'csv', 'jsonl'",
        ("csv", "--json=nope"): "no field 'nope'",
        ("csv", "--json=argv.first"): "no field 'argv.first'",
        ("csv", "state="): "state=",
        ("csv", "--count"): "leave out --count",
        ("jsonl", "-q"): "leave out --count",
    }.items():
        done = house("history", "--export", *words)
        assert (done.out, done.err.count("jobd: "), done.status > 0) == ("", 1, True), done
        assert problem in done.err


def test_more_than_a_page(house: House, ids: list[int]) -> None:
    """All are written, each once, without a daemon too."""
    house.daemon.calls("begin", *({"name": f"many-{number}"} for number in range(MANY)))
    done = house("history", "--export", "csv", "--json=id,name", "--name", "many-*")
    names = [row["name"] for row in csv.DictReader(io.StringIO(done.out))]
    assert names == [f"many-{number}" for number in reversed(range(MANY))]
    assert ids
    nobody_looks(house, names)
    somebody_looks(house)


def nobody_looks(house: House, names: list[str]) -> None:
    """In a pipe all that is found is written, in any form; where it is cut it is said, and how to go on."""
    wanted = ("--name", "many-*")
    assert [job["name"] for job in house.json("history", "--json=name", *wanted)] == names
    assert house("history", "--format", "{name}", *wanted).out.split() == names
    assert [row.split("\t")[1] for row in house("history", *wanted).out.splitlines()] == names
    cut = house("history", "--limit", "2", "--format", "{name}", *wanted)
    assert cut.out.split() == names[:2]
    assert cut.err.startswith("! there are more: jobd history --limit 2 --page ")
    most = house("history", "--limit", "1002", "--format", "{name}", *wanted)
    assert (most.out.split(), most.err.count("there are more")) == (names[:1002], 1)
    assert house("history", "--export", "jsonl", "--json=name", "--limit", "1002", *wanted).out.count("\n") == 1002
    token = cut.err.split()[-1]
    assert house("history", "--page", token, "--limit", "1", "--format", "{name}").out.split() == names[2:3]
    assert house.json("history", "--json=name", "--limit", "1", *wanted) == [{"name": names[0]}]
    listed = house("list", "--name", "many-*", "--all")
    assert listed.out.count("\n") == 1000
    assert listed.err == "! no more than 1000 are listed; others: --limit, jobd history\n"
    seqs = [line["seq"] for line in house.lines("events", "--json=seq", "--since-seq", "0")]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) > MANY
    assert house("history", "--json", "--name", "nobody").out == "[]\n"


def somebody_looks(house: House) -> None:
    """On a terminal a page is shown, and how to see the next."""
    rows = house.screen("history", "--name", "many-*", columns=300)
    assert len(rows) == 52
    assert rows[-1].startswith("Next page: jobd history --page ")
    assert len(house.screen("events", "--since-seq", "0", columns=30)) == 100
    listed = house.screen("list", "--all", "--name", "many-*", columns=200)
    assert listed[-1] == "! no more than 50 are listed; others: --limit, jobd history"


def test_a_terminal_is_not_harmed(own: House) -> None:
    """What would move its cursor is shown, not sent, in any form; a program gets every byte."""
    own.ran("true", name="evil", labels={"a": "\x1b]0;x\x07\x9b2J"})
    forms = ("--export", "csv", "--json=labels"), ("--export", "jsonl"), ("--json=labels",), ("--format", "{labels}")
    for words in forms:
        with own.on_terminal("history", *words, columns=500) as session:
            session.end()
            assert "\x1b]0;" not in session.text, words
            assert "\x9b" not in session.text, words
    assert own.json("history", "--json=labels") == [{"labels": {"a": "\x1b]0;x\x07\x9b2J"}}]
    assert own.json("history", "--json=labels") == own.lines("history", "--export", "jsonl", "--json=labels")
