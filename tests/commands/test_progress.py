"""jobd progress: how far a job is, told from inside of it and from outside."""

import json
from datetime import UTC, datetime

import pytest

from tests.calling import JOBD
from tests.commands.running import House


@pytest.fixture(scope="module")
def job(house: House) -> str:
    """Give a job that runs."""
    return str(house.running(name="work"))


LINES = {
    ("40%",): {"fraction": 0.4},
    ("3/10", "resizing", "b.png"): {"done": 3, "total": 10, "fraction": 0.3, "message": "resizing b.png"},
    ("stage", "upload"): {"stage": "upload"},
    ("message", "all", "is", "well"): {"message": "all is well"},
    ('{"done": 2, "total": 4, "unit": "files"}',): {"done": 2, "total": 4, "unit": "files"},
    ("99.5%", "ünïcödé"): {"fraction": 0.995, "message": "ünïcödé"},
}


@pytest.mark.parametrize("words", LINES)
def test_from_outside(house: House, job: str, words: tuple[str, ...]) -> None:
    """Every form of report, by id and by name; it is durable when the command ends, and silent."""
    for name in (job, "work"):
        done = house("progress", "--job", name, *words)
        assert (done.status, done.out, done.err) == (0, "", "")
    progress = house.daemon.job(int(job))["progress"]
    assert {key: progress[key] for key in LINES[words]} == LINES[words]


def test_as_json(house: House, job: str) -> None:
    """How far the job is with it, and how many reports there were."""
    said = house.json("progress", "--json", "--job", job, '{"restart": true, "fraction": 0.5, "message": "half"}')
    assert (said["job"], said["fraction"]) == (int(job), 0.5)
    again = house.json("progress", "--json=reports", "--job", job, "60%")
    assert again == {"reports": said["reports"] + 1}


def test_other_words_for_parts_of_it(house: House, job: str) -> None:
    """`stage`, `message`, `note` and `beat` save a word."""
    assert house("stage", "--job", job, "pack").status == 0
    assert house("note", "--job", job, "nearly").status == 0
    assert house("beat", "--job", job).status == 0
    progress = house.daemon.job(int(job))["progress"]
    assert (progress["stage"], progress["message"]) == ("pack", "nearly")


def test_a_rate_limit(house: House) -> None:
    """Shown wherever the job is: on its card, in the list, below its output, in the JSON; until it goes on."""
    job_id = str(house.running(name="limited"))
    house("progress", "--job", job_id, "1/10")
    assert house("progress", "--job", job_id, "--rate-limited", "80s", "the", "API", "is", "busy").status == 0
    progress = house.json("status", "--json", job_id)["progress"]
    until = datetime.fromisoformat(progress["rate_limited_until"])
    assert 70 < (until - datetime.now(UTC)).total_seconds() < 81
    assert (progress["message"], progress["fraction"]) == ("the API is busy", 0.1)
    assert house("list", job_id).out.split("\t")[2:4] == ["running", "rate_limited"]
    assert any("running, rate limited" in row for row in house.screen("list", columns=100))
    assert any("rate limited, 1m left" in row for row in house.screen("status", job_id, columns=100))
    with house.on_terminal("tail", "-f", job_id) as session:
        session.until("rate limited, 1m left")
        assert house("progress", "--job", job_id, "2/10").status == 0
        session.interrupt()
        session.end()
    assert house.json("status", "--json", job_id)["progress"]["rate_limited_until"] is None
    assert house("progress", "--job", job_id, "--rate-limited", "8d").status == 65
    for time in ("7d", "0"):
        assert house("progress", "--job", job_id, "--rate-limited", time).status == 0
    assert house.json("status", "--json", job_id)["progress"]["rate_limited_until"] is None
    house.over(int(job_id))


def test_what_is_not_in_a_hurry_needs_no_daemon_either(house: House) -> None:
    """In a job all that `progress` takes is written into the report file, or refused, also what it has to look at."""
    python, *words = JOBD
    script = f"""jobd() {{ {python} {" ".join(words)} "$@"; }}
    unset JOBD_SOCKET; export JOBD_DIR=/nowhere
    jobd progress '{{"item": "a", "state": "failed"}}' && jobd progress --rate-limited 1m && ! jobd progress soon"""
    job = house.daemon.job(house.ran("sh", "-c", script))
    assert (job["state"], job["progress"]["items"]["failed"], job["warned"]) == ("completed", 1, 1)
    assert "rate_limited" in [entry["event"]["type"] for entry in house.daemon.entries() if entry["job"] == job["id"]]


def test_from_inside_without_a_word_to_the_daemon(house: House) -> None:
    """In a job it needs neither --job nor a daemon: the line goes into the report file, once."""
    python, *words = JOBD
    script = f"""jobd() {{ {python} {" ".join(words)} "$@"; }}
    jobd progress 1/2 one && jobd progress 2/2 two && jobd beat"""
    job_id = house.ran("sh", "-c", script)
    progress = house.daemon.job(job_id)["progress"]
    assert (progress["done"], progress["total"], progress["message"], progress["reports"]) == (2, 2, "two", 3)


def test_bad_input(house: House, job: str) -> None:
    """Each a line, its status, and no change."""
    before = house.daemon.job(int(job))["progress"]
    refused = {
        ("--job", job): (2, "there is no report"),
        ("50%",): (2, "this is not inside a job"),
        ("--job", job, "150%"): (65, "cannot read the progress report '150%'"),
        ("--job", job, "7/3"): (65, "cannot read the progress report '7/3'"),
        ("--job", job, "1/0"): (65, "cannot read the progress report"),
        ("--job", job, "soon"): (65, "none of 40%, 3/10"),
        ("--job", job, '{"done": -1}'): (65, "cannot read the progress report"),
        ("--job", job, '{"dne": 1}'): (65, "cannot read the progress report"),
        ("--job", job, "9" * 5000 + "%"): (65, ""),
        ("--job", "999", "50%"): (66, "no job 999"),
        ("--job", f"{job},999", "50%"): (66, "no job 999"),
    }
    for words, (status, said) in refused.items():
        done = house("progress", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
        assert done.err.count("\n") <= 2
    assert house.daemon.job(int(job))["progress"] == before


def test_a_job_that_has_ended(house: House) -> None:
    """Nothing can be reported of it any more."""
    done = house("progress", "--job", str(house.ran("true")), "50%")
    assert done.status == 1
    assert "has already ended" in done.err


def test_a_bad_line_in_the_report_file_is_a_warning(house: House) -> None:
    """It never harms the job, and is shown."""
    job_id = house.ran("sh", "-c", "echo gibberish >&$JOBD_FD; echo 50% >&$JOBD_FD")
    job = house.json("status", "--json", str(job_id))
    assert (job["state"], job["progress"]["fraction"], job["warned"]) == ("completed", 0.5, 1)
    assert "gibberish" in json.dumps(job["warnings"])
    assert any("gibberish" in row for row in house.screen("status", str(job_id)))


def test_without_a_daemon(empty: House) -> None:
    """From outside it takes one."""
    assert empty("progress", "--no-start", "--job", "1", "50%").status == 69
    assert empty("progress", "--job", "1", "50%").status == 66
    assert "name one job; this names 0" in empty("progress", "--job", "all", "50%").err
