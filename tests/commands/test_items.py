"""`jobd items`: the parts of a job's work, for a person, a pipe and a program."""

import json

from tests.commands.running import House

SAY = "printf 'item %s\\n' 'b failed no codec' 'a completed' 'd 40% soon' 'c skipped' >&$JOBD_FD"


def test_by_key_and_state(house: House) -> None:
    """All of them, those in a state, the next page; without any the status is 1."""
    job_id = str(house.ran("sh", "-c", SAY))
    rows = [line.split("\t") for line in house("items", job_id).out.splitlines()]
    assert [row[:4] for row in rows] == [
        ["a", "completed", "-", "1"],
        ["b", "failed", "-", "1"],
        ["c", "skipped", "-", "1"],
        ["d", "processing", "0.4", "1"],
    ]
    assert [row[4] for row in rows] == ["", "no codec", "", "soon"]
    assert house("items", job_id, "--failed", "--format", "{key}: {error}").out == "b: no codec\n"
    assert house("items", job_id, "-s", "done,skipped", "--format", "{key}").out == "a\nc\n"
    page = house("items", job_id, "--limit", "2", "--after", "a", "--format", "{key}")
    assert (page.out, page.status) == ("b\nc\n", 0)
    assert house("items", job_id, "--state", "canceled").status == 1
    assert house("items", str(house.ran("true"))).status == 1


def test_every_field_is_there(house: House) -> None:
    """Also those that have their default: in a template, in chosen JSON and in all of it, on the wire too."""
    job_id = str(house.ran("sh", "-c", SAY))
    assert house("items", job_id, "-s", "failed", "--format", "{key} {attempt} {error}").out == "b 1 no codec\n"
    fields = house("items", job_id, "--json=?").out.split()
    assert fields == ["key", "state", "weight", "fraction", "attempt", "message", "error", "updated_at"]
    chosen = house("items", job_id, "--after", "c", f"--json={','.join(fields[:-1])}")
    item = {"key": "d", "state": "processing", "weight": 1.0, "fraction": 0.4}
    assert json.loads(chosen.out) == [{**item, "attempt": 1, "message": "soon", "error": None}]
    printed = json.loads(house("items", job_id, "--json").out)
    assert [list(item) for item in printed] == [fields] * 4
    assert house.daemon.call("items", job=job_id) == printed


def test_on_a_terminal(house: House) -> None:
    """Titles and percent; the card of the job counts them."""
    job_id = str(house.ran("sh", "-c", SAY))
    shown = house.screen("items", job_id, columns=60)
    assert shown[0].split() == ["ITEM", "STATE", "DONE", "TRY", "TEXT"]
    assert shown[4].split() == ["d", "processing", "40%", "1", "soon"]
    card = "\n".join(house.screen("status", job_id))
    assert "Items: 1 processing · 1 completed · 1 failed · 1 skipped" in card


def test_stages_on_the_card(house: House) -> None:
    """Which of how many it is in."""
    job_id = str(house.ran("sh", "-c", "printf '%s\\n' 'stages probe:1 encode:9' 'stage encode' 50% >&$JOBD_FD"))
    assert "stage 2/2 encode" in "\n".join(house.screen("status", job_id))
    assert house.daemon.job(int(job_id))["progress"]["fraction"] == 0.55


def test_bad_input(house: House) -> None:
    """Each a line and its status; a full disk is 74."""
    job_id = str(house.ran("sh", "-c", SAY))
    refused = {
        (): (2, "missing argument"),
        ("999",): (66, "no job 999"),
        (job_id, "--state", "sleeping"): (2, "'sleeping' is no state"),
        (job_id, "--limit", "0"): (2, "--limit"),
        (job_id, "--json=nope"): (2, "no field 'nope'"),
    }
    for words, (status, text) in refused.items():
        done = house("items", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert text in done.err, (words, done)
    with open("/dev/full", "wb") as full:
        assert house("items", job_id, stdout=full).status == 74


def test_without_a_daemon(own: House) -> None:
    """They are read from the file."""
    job_id = str(own.ran("sh", "-c", SAY))
    own.daemon.stop()
    assert own("items", job_id, "--format", "{key}").out == "a\nb\nc\nd\n"


def test_more_than_are_asked_for_at_a_time(house: House) -> None:
    """In a pipe all of them are given; on a terminal, or with a limit, it is said how to go on."""
    script = 'i=1; while [ $i -le 1100 ]; do echo "item $i done"; i=$((i + 1)); done >&$JOBD_FD'
    job_id = str(house.ran("sh", "-c", script))
    assert house("items", job_id).out.count("\n") == 1100
    assert len(house.json("items", job_id, "--json")) == 1100
    assert house("items", job_id, "--limit", "1050", "--format", "{key}").out.count("\n") == 1050
