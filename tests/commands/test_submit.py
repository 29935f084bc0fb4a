"""jobd submit: a command into the queue, exactly as it was given, and its id out."""

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.calling import JOBD
from tests.commands.running import Gate, House, read_until
from tests.living import Refusal


def test_a_script_gets_the_id_and_nothing_else(house: House) -> None:
    """In a pipe, with -p and with -q; the job runs by itself."""
    for words in ((), ("-p",), ("-q",), ("--parsable",)):
        done = house("submit", *words, "--", "true")
        assert (done.status, done.err) == (0, "")
        assert house.daemon.ended(int(done.out))["state"] == "completed"
    assert house("add", "true").out.strip().isdigit()


def test_progress_from_what_it_prints(house: House) -> None:
    """Only if that is asked for; the same in the foreground."""
    for flags, done in (("--progress=auto",), 3), (("--progress", "reports"), None):
        job = house("submit", *flags, "--", "echo", "3/4").out
        assert house.daemon.ended(int(job))["progress"]["done"] == done
    assert house("run", "-J", "printing", "--progress=auto", "--", "echo", "1/4").status == 0
    assert house.json("status", "--json", "printing")["progress"]["fraction"] == 0.25


def test_a_person_is_told_where_it_stands(own: House) -> None:
    """That it has started; with all slots busy how many, how many wait before it, and when one should be free."""
    rows = own.screen("submit", "-J", "quick", "--", "true")
    assert rows == ["1 quick: started", "jobd tail -f 1 · jobd cancel 1"]
    own.daemon.ended(1)
    script = "for n in 1 2 3; do echo $n/1000 >&$JOBD_FD; sleep 0.2; done; exec sleep 600"
    busy = [own.running("sh", "-c", script) for _ in range(4)]
    own.reaches(busy[0], "running")
    told = own.screen("submit", "-J", "next", "--", "true")[0]
    assert told.startswith("6 next: waiting for a free slot (4 of 4 busy)")
    assert own.screen("submit", "--", "true")[0] == "7 true: waiting for a free slot (4 of 4 busy, 1 before it)"
    narrow = own.screen("submit", "-o", "9", "--", "true", columns=40)
    assert narrow[0].startswith("8 true: waiting for a free slot (4 of 4")
    for job in busy:
        own.over(job)


def test_as_json_and_by_a_template(house: House) -> None:
    """The whole job, its fields, or a line."""
    job = house.json("submit", "--json", "-J", "whole", "--", "sh", "-c", "exit 2")
    assert (job["name"], job["state"], job["argv"], job["done"]) == ("whole", "pending", ["sh", "-c", "exit 2"], False)
    assert house.json("submit", "--json=name,origin.uid", "true") == {"name": "true", "origin": {"uid": os.getuid()}}
    assert house("submit", "--format", "{name}/{state}", "true").out == "true/pending\n"


def test_and_follow_or_wait_for_it(house: House) -> None:
    """--follow shows its output, --wait only waits; both end with its exit status."""
    followed = house("submit", "--follow", "--", "sh", "-c", "echo hi; exit 4")
    assert followed.status == 4
    number, *output = followed.out.splitlines()
    assert (number.isdigit(), output) == (True, ["hi"])
    waited = house("submit", "-W", "--", "sh", "-c", "echo hi; exit 5")
    assert (waited.status, waited.out.count("\n")) == (5, 1)


def test_bytes_that_are_not_text(house: House, tmp_path: Path) -> None:
    """Arguments, directory and variables come back in JSON without loss, and reach the command as they were."""
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.mkdir(folder)
    code = "import os, sys; sys.stdout.write(ascii((sys.argv[1:], os.getcwdb(), os.environb[b'V'])))"
    command = [sys.executable, "-S", "-c", code, b"\xc3\x28", "\n"]
    words = [*JOBD, "submit", "-J", "odd", "--env", b"V=\xc3", "--", *command]
    environ = {**os.environ, **house.environ}
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    job = house.daemon.ended(int(done.stdout))
    assert job["argv"][-2:] == [{"b64": base64.b64encode(b"\xc3\x28").decode()}, "\n"]
    assert base64.b64decode(job["cwd"]["b64"]) == folder
    assert house.daemon.output(job["id"]).decode() == ascii((["\udcc3(", "\n"], folder, b"\xc3"))
    card = house.screen("status", str(job["id"]), columns=300)
    assert any(r"\xff\xfe" in row for row in card), card


NUL_PARAMETERS: dict[str, dict[str, object]] = {
    "argv": {"argv": ["echo", "a\0b"]},
    "command": {"argv": ["ec\0ho"]},
    "cwd": {"cwd": "/t\0mp"},
    "stdin": {"stdin": "/dev\0/null"},
    "name": {"name": "a\0b"},
    "environment": {"surroundings": {"environment": ["A=\0"]}},
    "base64": {"argv": ["echo", {"b64": base64.b64encode(b"a\0").decode()}]},
    "no base64": {"argv": ["echo", {"b64": "=="}]},
    "a variable without a name": {"surroundings": {"environment": ["=x"]}},
    "a variable without a value": {"surroundings": {"environment": ["PATH"]}},
    "no arguments": {"argv": []},
    "an empty command": {"argv": [""]},
}


def submitted(house: House) -> list[int]:
    """List the numbers of what has come into being."""
    return [entry["seq"] for entry in house.daemon.entries() if entry["event"]["type"] == "submitted"]


@pytest.mark.parametrize("case", NUL_PARAMETERS)
def test_what_no_process_can_be_given_is_refused(house: House, case: str) -> None:
    """NUL, broken base64 and the like are refused with a line when they are submitted, not when they are run."""
    before = submitted(house)
    with pytest.raises(Refusal) as refused:
        house.daemon.call("submit", **{"argv": ["echo"], "cwd": "/", **NUL_PARAMETERS[case]})
    assert refused.value.reason in {"BAD_PARAMETERS", "BAD_VALUE", "CANNOT_START", "COMMAND_NOT_FOUND"}
    assert "\n" not in str(refused.value)
    assert submitted(house) == before


def test_bad_input(house: House, tmp_path: Path) -> None:
    """Each a line, its status, and no job."""
    house.ran("true")
    before = house("list", "-qa").out
    (tmp_path / "plain").write_text("x")
    refused = {
        (): (2, "there is no command"),
        ("--", "no-such-command-anywhere"): (127, "not found in PATH"),
        ("--", f"{tmp_path}/plain"): (126, "is not executable"),
        ("-w", f"{tmp_path}/gone", "true"): (126, f"no directory {tmp_path}/gone"),
        ("-w", f"{tmp_path}/plain", "true"): (126, "no directory"),
        ("--name", "all", "true"): (65, "would be taken for an id or a keyword"),
        ("--name", "x" * 201, "true"): (65, "must have 1 to 200 characters"),
        ("--name", "", "true"): (65, "must have 1 to 200 characters"),
        ("-g", "", "true"): (65, "group"),
        ("-o", "1e9", "true"): (2, "'1e9'"),
        ("--output-limit", "1000000Y", "true"): (2, "invalid value for '--output-limit'"),
        ("--grace", "-1s", "true"): (2, "invalid value for '--grace'"),
        ("--request-id", "x" * 129, "true"): (65, "request_id"),
        ("--export", ",", "true"): (65, "export"),
        ("--leftover", "eat", "true"): (2, "'eat' is not one of"),
        ("--progress", "maybe", "true"): (2, "'maybe' is not one of"),
        ("--json=nope", "true"): (2, "no field 'nope'"),
    }
    for words, (status, said) in refused.items():
        done = house("submit", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
        assert done.err.startswith("jobd: ")
    assert house("list", "-qa").out == before


def test_an_environment_that_is_too_large(house: House) -> None:
    """A message line is at most 1 MiB: that is said, with 65, and no job is made."""
    big = {f"BIG{n}": "x" * 120_000 for n in range(10)}
    done = house("submit", "true", environ=big)
    assert (done.status, done.out) == (65, "")
    assert "longer than 1048576 bytes" in done.err


def test_the_same_request_twice_makes_one_job(house: House) -> None:
    """--request-id: the same answer; used for another method it is refused."""
    first, again = (house("submit", "--request-id", "once", "--", "true").out for _ in range(2))
    assert first == again
    other = house("begin", "--request-id", "once", "x")
    assert (other.status, other.out) == (65, "")
    assert "request id once was used before for submit" in other.err


def test_the_current_directory_is_gone(house: House, tmp_path: Path) -> None:
    """A line that says so."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd {gone} && rmdir {gone} && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *JOBD, "submit", "true"], env={**os.environ, **house.environ}, capture_output=True,
        check=False, text=True,
    )  # fmt: skip
    assert done.returncode in (65, 126)
    assert done.stderr.count("\n") <= 2
    assert "director" in done.stderr


def test_without_a_daemon(empty: House) -> None:
    """One is started, unless that is forbidden: 69, and nothing is there afterwards."""
    for words, environ in ((("--no-start",), {}), ((), {"JOBD_AUTOSTART": "0"})):
        refused = empty("submit", *words, "--", "true", environ=environ)
        assert (refused.status, refused.out) == (69, "")
        assert refused.err.startswith("jobd: no daemon is running for ")
        assert "jobd daemon start" in refused.err
    assert list(empty.state.iterdir()) == []
    done = empty("submit", "--", "true")
    assert (done.status, done.out, done.err) == (0, "1\n", "")
    assert (empty.state.stat().st_mode & 0o777, (empty.state / "daemon.json").exists()) == (0o700, True)


def test_a_daemon_that_dies_before_it_answers(own: House) -> None:
    """The job was committed: the client asks again with the same id, and it is there once."""
    own.daemon.stop()
    own.daemon.start({**own.environ, "JOBD_CRASH": "submitted:1"})
    done = own("submit", "--", "true")
    assert (done.status, done.out, done.err) == (0, "1\n", "")
    assert own.daemon.ended(1)["state"] == "completed"
    assert own("list", "-qa").out == "1\n"


def test_an_interrupt_while_following_leaves_it_running(house: House, gate: Gate) -> None:
    """Ctrl-C ends the command only."""
    with house.started("submit", "--follow", "--", "sh", "-c", f"echo up; {gate.wait()}") as process:
        said = read_until(process.stdout, lambda said: b"up\n" in said)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    job_id = int(said.split()[0])
    assert house.daemon.job(job_id)["state"] == "running"
    gate.open()
    assert house.daemon.ended(job_id)["exit_code"] == 0


def test_nothing_can_be_written(house: House) -> None:
    """A full disk under standard output: 74; the job is there all the same, as its commit is not to be taken back."""
    with open("/dev/full", "wb") as full:
        done = house("submit", "-J", "unsaid", "--", "true", stdout=full)
    assert done.status == 74
    assert json.loads(house("list", "--json=name", "unsaid").out) == [{"name": "unsaid"}]
