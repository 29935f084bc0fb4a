"""`jobd item`: parts of a job's work, said from inside and outside of it, one by one and by thousands."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.calling import JOBD, Done
from tests.commands.running import Gate, House
from tests.waiting import until


def counts(house: House, job_id: int) -> dict[str, int]:
    """Say how many items of a job are in each state, leaving out the empty ones."""
    tally = house.daemon.job(job_id)["progress"]["items"] or {}
    return {state: number for state, number in tally.items() if state not in ("weight", "reached")}


def test_inside_a_job(house: House) -> None:
    """By the program, and by a line in the report file: the same."""
    script = (
        "jobd() { '%s' -P '%s' \"$@\"; }; jobd item a processing; jobd item a 40%% second pass;"
        " jobd item b failed no codec; echo item c skipped >&$JOBD_FD"
    )
    job_id = house.ran("sh", "-c", script % (JOBD[0], JOBD[-1]))
    assert counts(house, job_id) == {"processing": 1, "failed": 1, "skipped": 1}
    found = house.json("items", str(job_id), "--json")
    assert [(item["key"], item["state"]) for item in found] == [("a", "processing"), ("b", "failed"), ("c", "skipped")]
    assert (found[0]["fraction"], found[0]["message"], found[1]["error"]) == (0.4, "second pass", "no codec")
    assert house.daemon.job(job_id)["progress"]["fraction"] == pytest.approx(0.8)
    assert "item b failed: no codec" in [warning["text"] for warning in house.daemon.job(job_id)["warnings"]]


#: Keys in which something looks like what is said of an item, or like the way it is written.
TRICKY = {
    "reel failed": ("completed",),
    "take 50%": ("processing",),
    "part 3/10": ("90%", "so far"),
    "my file.png": ("1/4",),
    'the "b" \\ c': ("done",),
    "a\tb": ("cancelled",),
    "{x}": ("failed", "no", "codec"),
}
TOLD = {
    "reel failed": ("completed", None),
    "take 50%": ("processing", None),
    "part 3/10": ("processing", 0.9),
    "my file.png": ("processing", 0.25),
    'the "b" \\ c': ("completed", None),
    "a\tb": ("canceled", None),
    "{x}": ("failed", None),
}


def told(house: House, job_id: int) -> dict[str, tuple[str, float | None]]:
    """Give the state and the fraction of each item."""
    found = house.json("items", str(job_id), "--json")
    return {item["key"]: (item["state"], item.get("fraction")) for item in found}


def test_a_key_in_one_word_inside_a_job(house: House) -> None:
    """It stays as it is, blanks and all, and nothing of it is taken for what is said."""
    calls = " && ".join(shlex.join([JOBD[0], "-P", JOBD[-1], "item", key, *said]) for key, said in TRICKY.items())
    job_id = house.ran("sh", "-c", calls)
    assert told(house, job_id) == TOLD
    assert [warning["text"] for warning in house.daemon.job(job_id)["warnings"]] == ["item {x} failed: no codec"]


@pytest.mark.parametrize("options", [(), ("--weight", "2")], ids=["as it is", "with a weight"])
def test_a_key_in_one_word_from_outside(house: House, options: tuple[str, ...]) -> None:
    """It stays as it is, also where bytes of the words are not UTF-8."""
    job_id = house("begin", "tricky").out.strip()
    for key, said in {**TRICKY, "caf\udce9 x": ("failed", "caf\udce9")}.items():
        assert house("item", "--job", job_id, *options, key, *said).status == 0
    assert told(house, int(job_id)) == {**TOLD, "caf\\xe9 x": ("failed", None)}
    refused = house("item", "--job", job_id, *options, "a\nb", "completed")
    assert (refused.status, "a line break in the key" in refused.err) == (65, True)
    house("end", job_id)


def piped(house: House, folder: Path, text: str, *words: str) -> Done:
    """Run a command with a text on its standard input."""
    (folder / "input").write_text(text)
    with (folder / "input").open("rb") as file:
        return house(*words, stdin=file)


def test_from_outside(house: House, tmp_path: Path) -> None:
    """For a job begun elsewhere: one, with a weight, and several at once, all or none."""
    job_id = house("begin", "outside").out.strip()
    assert house("item", "--job", job_id, "a", "processing", "--weight", "3").status == 0
    done = piped(
        house,
        tmp_path,
        'a completed\n\n"b c" 40%\n{"item": "b c", "state": "pending"}\n',
        "item",
        "--job",
        job_id,
        "--stdin",
    )
    assert done.status == 0, done
    assert counts(house, int(job_id)) == {"pending": 1, "completed": 1}
    assert house.daemon.job(int(job_id))["progress"]["fraction"] == 0.75
    refused = piped(house, tmp_path, "d completed\na failed\n", "item", "--job", job_id, "--stdin")
    assert refused.status == 65
    assert "item a is completed" in refused.err
    assert counts(house, int(job_id)) == {"pending": 1, "completed": 1}
    house("end", job_id)
    assert house("item", "--job", job_id, "e", "pending").status == 1


def test_what_was_taken_in_before_a_refusal(house: House, tmp_path: Path) -> None:
    """The error says how many lines, and from which line of the input to go on, empty ones counted."""
    job_id = house("begin", "halves").out.strip()
    good = "".join(f"k{number} completed\n" for number in range(450))
    done = piped(house, tmp_path, f"\n{good}bad\n", "item", "--job", job_id, "--stdin")
    assert (done.status, done.out) == (65, "")
    assert done.err.splitlines()[0].endswith("; 400 lines before that were taken in; go on from line 402")
    assert counts(house, int(job_id)) == {"completed": 400}
    first = piped(house, tmp_path, "x pending\nbad\n", "item", "--job", job_id, "--stdin")
    assert first.err.splitlines()[0].endswith("; no lines before that were taken in; go on from line 1")
    house("end", job_id)


def test_the_daemon_takes_what_the_report_file_cannot(house: House) -> None:
    """Many at once, as one, arrive in a job whose report file is gone."""
    say = shlex.join([JOBD[0], "-P", JOBD[-1], "item"])
    script = f"rm $JOBD_REPORT; printf '%s completed\\n' a b c | {say} --stdin && {say} d processing"
    job_id = house.ran("sh", "-c", script)
    assert house.daemon.job(job_id)["state"] == "completed"
    assert counts(house, job_id) == {"completed": 3, "processing": 1}


@pytest.mark.parametrize(
    ("redirection", "problem"),
    [("<&-", "it is closed"), ("0>/dev/null", "Bad file descriptor")],
    ids=["none", "output"],
)
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_nothing_to_read_from(house: House, tmp_path: Path, where: str, redirection: str, problem: str) -> None:
    """It is told in a line, and what is open in its place is left alone."""
    (tmp_path / "report").touch()
    environ = {"inside": {"JOBD_REPORT": str(tmp_path / "report"), "JOBD_JOB_ID": "1"}, "outside": {"JOBD_JOB_ID": "1"}}
    words = ["sh", "-c", f'exec "$@" {redirection}', "sh", *JOBD, "item", "--stdin"]
    settings = {**os.environ, **house.environ, **environ[where]}
    done = subprocess.run(words, env=settings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.splitlines() == [f"jobd: standard input: {problem}", "  jobd item --help"]


def test_ten_thousand_through_the_death_of_the_daemon(own: House, gate: Gate) -> None:
    """Three states each, the daemon killed in the middle: all are counted, each once."""
    say = f"'{JOBD[0]}' -P '{JOBD[-1]}' item --stdin"
    numbers = "seq -f 'clip-%%.0f %s' 10000"
    states = ("pending", "processing", "completed")
    first, second, third = (f"{numbers % state} | {say}" for state in states)
    script = f"{first}; {second}; {gate.wait()}; {third}"
    job_id = own.running("sh", "-c", script)
    until(lambda: counts(own, job_id).get("processing", 0) > 3000, what="many are processed")
    own.daemon.kill()
    gate.open()
    own.daemon.start()
    ended = own.daemon.ended(job_id)
    assert (ended["state"], ended["warned"]) == ("completed", 0)
    assert counts(own, job_id) == {"completed": 10_000}
    assert (ended["progress"]["fraction"], ended["progress"]["reports"]) == (1, 30_000)
    assert own("items", str(job_id), "--state", "processing").status == 1
    assert len(own.json("items", str(job_id), "--limit", "10000", "--json")) == 10_000


def test_another_attempt_begins_without_items(own: House) -> None:
    """The log keeps what was; what is said next is counted anew."""
    script = "test $JOBD_ATTEMPT = 1 && echo item a failed >&$JOBD_FD || echo item b done >&$JOBD_FD; exit 3"
    job_id = own.ran("sh", "-c", script)
    own("retry", str(job_id))
    until(lambda: own.daemon.job(job_id)["attempt"] == 2 and own.daemon.job(job_id)["done"])
    assert counts(own, job_id) == {"completed": 1}
    assert [item["key"] for item in own.json("items", str(job_id), "--json")] == ["b"]
    assert own("rm", str(job_id)).status == 0
    assert own("items", str(job_id)).status == 66


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    job_id = house("begin", "bad").out.strip()
    environ = {name: "" for name in os.environ if name.startswith("JOBD_JOB")}
    refused = {
        ("a", "completed"): (2, "name one with --job"),
        ("--job", job_id): (2, "write KEY STATE"),
        ("--job", job_id, "a", "sleeping"): (65, "sleeping is neither"),
        ("--job", job_id, "a"): (65, "write `item KEY STATE`"),
        ("--job", job_id, "a", "4/3"): (65, "more done than the total"),
        ("--job", "999", "a", "completed"): (66, "no job 999"),
        ("--job", job_id, "--weight", "0", "a", "completed"): (2, "--weight"),
    }
    for words, (status, text) in refused.items():
        done = house("item", *words, environ=environ)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert text in done.err, (words, done)
    house("end", job_id)


def test_a_weight_needs_no_daemon(own: House) -> None:
    """Inside a job it goes into the report file, as all that is said there."""
    os.mkfifo(own.state / "gate")
    script = f"read word < {own.state}/gate; '{JOBD[0]}' -P '{JOBD[-1]}' item --weight 3 'a b' completed && echo said"
    job_id = own.running("sh", "-c", script)
    own.daemon.kill()
    (own.state / "gate").write_text("\n")
    until((own.state / "run" / f"{job_id}.1" / "exit").exists)
    own.daemon.start()
    assert own.daemon.ended(job_id)["progress"]["items"]["weight"] == 3
    assert own.daemon.output(job_id) == b"said\n"
