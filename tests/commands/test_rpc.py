"""jobd rpc: any method by hand, with the result as JSON and the right exit status."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

import jobd as package
from jobd import commands, openrpc, wire
from tests.calling import JOBD, jobd


def rpc(*words: str, **settings: Any) -> Any:
    """Call a method, and read its result."""
    done = jobd("rpc", *words, **settings)
    assert (done.status, done.err) == (0, "")
    assert done.out.count("\n") == 1
    return json.loads(done.out)


def test_hello_tells_who_serves(state_dir: Path) -> None:
    """Version, protocol, what can be asked, the pid and the directory."""
    welcome = rpc("hello")
    assert welcome["version"] == package.__version__
    assert welcome["protocol"] == wire.PROTOCOL
    assert welcome["capabilities"] == [kind.method for kind in commands.every()]
    assert welcome["pid"] == json.loads((state_dir / "daemon.json").read_text())["pid"]
    assert welcome["state"] == str(state_dir)


def test_a_job_from_submit_to_its_last_event(state_dir: Path, tmp_path: Path) -> None:
    """A change, a stream to its end, and a question with parameters from standard input."""
    (tmp_path / "in").write_text('{"argv": ["true"], "cwd": "/", "name": "by-hand"}')
    with (tmp_path / "in").open("rb") as given:
        job = rpc("submit", "-", stdin=given)
    assert (job["id"], job["name"]) == (1, "by-hand")
    told = jobd("rpc", "tail", '{"jobs": ["by-hand"]}')
    assert told.status == 0
    assert [json.loads(line)["done"] for line in told.out.splitlines()][-1] is True
    assert [entry["seq"] for entry in rpc("events", '{"since_seq": 1}')][:2] == [2, 3]
    assert (state_dir / "jobd.db").exists()


def test_a_stream_goes_on_until_it_is_interrupted(state_dir: Path) -> None:
    """Items come as they happen, a line each."""
    rpc("submit", '{"argv": ["true"], "cwd": "/"}')
    command = [*JOBD, "rpc", "events.follow", '{"since_seq": 0}']
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline())["seq"] for _ in range(3)] == [1, 2, 3]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (130, -signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert state_dir.exists()


def test_what_is_refused_ends_with_its_status(state_dir: Path) -> None:
    """One line on standard error, nothing on standard output, the status of the error."""
    refused = {
        ("nope",): (65, "jobd: no method nope\n"),
        ("list", '{"limit": "x"}'): (65, "jobd: list: limit: expected int, got str\n"),
        ("list", "{"): (65, "jobd: list: input data was truncated\n"),
        ("list", "[1]"): (65, "jobd: list: expected object, got array\n"),
        ("status", '{"jobs": ["9"]}'): (66, "jobd: no job 9; "),
        ("cancel", '{"jobs": ["9"]}'): (66, "jobd: no job 9; "),
        (): (2, "jobd: which METHOD?"),
    }
    assert jobd("rpc", "hello").status == 0
    for words, (status, said) in refused.items():
        done = jobd("rpc", *words)
        assert (done.status, done.out) == (status, "")
        assert done.err.startswith(said)
    assert state_dir.exists()


def test_the_schema_needs_no_daemon(state_dir: Path) -> None:
    """It is made from the types of the program itself, and is what the daemon says too."""
    schema = rpc("--schema")
    assert schema == json.loads(msgspec.json.encode(openrpc.discover(commands.every())))
    assert list(state_dir.iterdir()) == []
    assert rpc("hello")
    assert rpc("rpc.discover") == schema


@pytest.mark.parametrize("method", ["events", "history", "stats", "status"])
@pytest.mark.parametrize("time", ["2026-11-29T19:00:00", "yesterday", "2026-11-29"])
def test_a_time_has_a_zone(state_dir: Path, method: str, time: str) -> None:
    """One that has none is refused, since nobody knows which is meant; the schema says so."""
    refused = jobd("rpc", method, json.dumps({"since": time}))
    assert (refused.status, refused.out) == (65, ""), state_dir
    assert "since: " in refused.err
    odd = jobd("rpc", method, json.dumps({"since": "0001-01-01T00:00:00+14:00"}))
    assert odd.status in (0, 65), odd
    assert '"format":"date-time"' in jobd("rpc", "--schema").out.replace(" ", "")
