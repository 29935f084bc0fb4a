"""jobd watchers: who watches, for as long as they do, and what is told of them."""

import json
import os
import signal

from tests.commands.running import Gate, House, read_until
from tests.waiting import until


def test_everybody_who_watches(house: House, gate: Gate) -> None:
    """Whoever follows, waits, runs or listens is listed with process, user, terminal and time, until it is gone."""
    with house.started("run", "--name", "seen", "--", "sh", "-c", gate.wait()) as run:
        job_id = house.named("seen")
        with (
            house.on_terminal("tail", "-f", str(job_id)) as tail,
            house.started("wait", str(job_id)) as wait,
            house.started("events", "-f", "name:seen") as listening,
            house.started("events", "-f", "name:other") as elsewhere,
        ):
            found = {watcher["pid"]: watcher for watcher in house.watched(job_id, by=4)}
            pids = {run.pid: "tail", tail.process.pid: "tail", wait.pid: "wait", listening.pid: "events.follow"}
            assert {pid: watcher["method"] for pid, watcher in found.items()} == pids
            assert {watcher["uid"] for watcher in found.values()} == {os.getuid()}
            assert all(watcher["command"] and watcher["since"] for watcher in found.values())
            assert found[tail.process.pid]["rooms"] == [f"job:{job_id}"]
            assert found[listening.pid]["rooms"] == ["name:seen"]
            everybody = {*pids, elsewhere.pid}
            until(lambda: {watcher["pid"] for watcher in house.json("watchers", "--json")} == everybody)
            rows = [line.split("\t") for line in house("watchers", "seen").out.splitlines()]
            assert {(int(row[1]), row[4], row[5]) for row in rows} == {
                (pid, watcher["method"], " ".join(watcher["rooms"])) for pid, watcher in found.items()
            }
            screen = house.screen("watchers", "seen", columns=100)
            assert screen[0].split() == ["USER", "PID", "PROGRAM", "TERMINAL", "BY", "WATCHES", "SINCE"]
            assert len(screen) == 5
            wait.kill()
            listening.send_signal(signal.SIGINT)
            house.watched(job_id, by=2)
        house.watched(job_id, by=1)
        gate.open()
        assert run.wait(30) == 0
    assert house("watchers", "seen").out == ""


def test_the_card_of_a_job(house: House, gate: Gate) -> None:
    """It says how many watch, and who came last; JSON lists them, and of jobs in a list nobody was asked."""
    job_id = house.running("sh", "-c", gate.wait())
    assert not [row for row in house.screen("status", str(job_id)) if "Watchers" in row]
    with house.started("tail", "-f", str(job_id)) as process:
        house.watched(job_id)
        (row,) = [row for row in house.screen("status", str(job_id)) if "Watchers" in row]
        assert row.partition(": ")[2].startswith("1 (")
        assert house.json("status", str(job_id), "--json")["watchers"][0]["pid"] == process.pid
        assert house.daemon.job(job_id)["watchers"] is None
    gate.open()
    house.daemon.ended(job_id)


def test_who_comes_and_goes_is_told_live(house: House) -> None:
    """To those who asked for it, of their rooms: who is there, then each change; it is in no log."""
    job_id = house.running()
    words = ("events", "-f", "--presence", "--type", "submitted", f"job:{job_id}")
    with house.started(*words, "--json") as process:
        said = read_until(process.stdout, lambda said: b"\n" in said)
        with house.started("tail", "-f", str(job_id)) as tail:
            said += read_until(process.stdout, lambda said: b"joined" in said)
        said += read_until(process.stdout, lambda said: b"left" in said)
    there, *changes = [json.loads(line) for line in said.splitlines()]
    assert (there["type"], [watcher["pid"] for watcher in there["watchers"]]) == ("watchers", [process.pid])
    assert [(item["type"], item["pid"], item["rooms"]) for item in changes] == [
        ("joined", tail.pid, [f"job:{job_id}"]),
        ("left", tail.pid, [f"job:{job_id}"]),
    ]
    assert {entry["event"]["type"] for entry in house.lines("events", "--json", "--job", str(job_id))} == {
        "submitted",
        "opened",
        "started",
    }
    with house.started(*words) as plain:
        row = read_until(plain.stdout, lambda said: b"\n" in said).decode().rstrip().split("\t")
        assert row[3] == "watchers"
        assert f"[{plain.pid}]" in row[4]
    house.over(job_id)


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    refused = {("999",): (66, "no job 999"), ("nobody",): (66, "no job nobody"), ("1", "2"): (2, "unexpected")}
    for words, (status, said) in refused.items():
        done = house("watchers", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)


def test_without_a_daemon(empty: House) -> None:
    """Nobody watches, and nothing is started to say so."""
    done = empty("watchers")
    assert (done.status, done.out) == (0, "")
    assert done.err.startswith("! daemon not running: ")
    assert not (empty.state / "jobd.sock").exists()
