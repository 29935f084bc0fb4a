"""jobd events: the log of everything that happened, without a gap."""

import json
import os
import signal
import socket

from jobd.daemon.system import peers
from tests.commands.running import Gate, House, read_until
from tests.waiting import until

#: What this very process is called.
NAME = peers.look(os.getpid()).command
FOUR = ["submitted", "opened", "started", "completed"]


def test_the_log(own: House) -> None:
    """Numbers without a gap; a line each, tab separated, with what was said; after a number, of one job, so many."""
    first, second = own.ran("true"), own.ran("true")
    rows = [line.split("\t") for line in own("events").out.splitlines()]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert [row[3] for row in rows if row[2] == str(first)] == FOUR
    assert "name=true" in rows[0][4]
    assert own("events", "--since-seq", "4").out.splitlines()[0].split("\t")[0] == "5"
    assert [e["event"]["type"] for e in own.lines("events", "--json", "--job", str(second))] == FOUR
    assert len(own.lines("events", "--json", "--limit", "3")) == 3
    assert own.lines("events", "--json=seq", "--limit", "1") == [{"seq": len(rows)}]
    person = own.screen("events", "--job", str(first), columns=60)
    assert [row.split()[3] for row in person] == FOUR


def test_who_did_it_and_what_it_changed(own: House) -> None:
    """The kernel's word for who asked, with the name of the program; what jobd did by itself has none; the states."""
    own.ran("true")
    assert own("retry", "1").status == 0
    own.daemon.ended(1)
    entries = {entry["event"]["type"]: entry for entry in own.lines("events", "--json")}
    assert entries["submitted"]["by"] == {"uid": os.getuid(), "pid": os.getpid(), "command": NAME}
    assert entries["retried"]["by"]["command"]
    assert "by" not in entries["started"]
    by = {line["event"]["type"]: line["by"] for line in own.lines("events", "--json=event.type,by")}
    assert (by["submitted"], by["started"]) == (entries["submitted"]["by"], None)
    states = {kind: (entry["event"].get("from"), entry["event"].get("to")) for kind, entry in entries.items()}
    assert states == {
        "submitted": (None, "pending"),
        "opened": (None, None),
        "started": ("pending", "running"),
        "completed": ("running", "completed"),
        "retried": ("completed", "pending"),
    }
    rows = [line.split("\t") for line in own("events").out.splitlines()]
    assert rows[0][5] == f"{os.getuid()}:{os.getpid()}:{NAME}"
    assert "from=pending to=running" in rows[2][4]
    assert own.screen("events", columns=400)[0].endswith(f"by {NAME}[{os.getpid()}]")


def test_of_what_is_wanted(house: House) -> None:
    """By rooms, conditions, types and severity, as in the log; also live."""
    good, bad = house.ran("true", name="good"), house.ran("false", name="bad", group="night")

    def told(*words: str) -> list[tuple[int, str]]:
        return [(entry["job"], entry["event"]["type"]) for entry in house.lines("events", "--json", *words)]

    assert told("name:goo*", "--type", "completed") == [(good, "completed")]
    assert told(f"job:{good}", f"job:{bad}", "--type", "completed,failed") == [(good, "completed"), (bad, "failed")]
    assert told("name:good", "--type", "submitted", "--type", "started,completed") == [
        (good, "submitted"), (good, "started"), (good, "completed"),
    ]  # fmt: skip
    assert told("--group", "night", "--severity", "high") == [(bad, "failed")]
    assert told("--name", "bad", "--limit", "1") == [(bad, "failed")]
    assert told("--user", str(os.getuid()), "--name", "good") == [(good, kind) for kind in FOUR]
    assert told("--name", "bad", "--until", "2001-01-01") == []
    assert told("--name", "bad", "--since", "-1h", "--limit", "1") == [(bad, "submitted")]
    words = ("-f", "--json", "group:night", "--type", "failed", "--since", "-1h")
    with house.started("events", *words) as process:
        last = house.ran("false", group="night")
        said = read_until(process.stdout, lambda said: said.count(b"\n") == 2)
        assert [json.loads(line)["job"] for line in said.splitlines()] == [bad, last]


def test_from_a_snapshot_on(house: House, gate: Gate) -> None:
    """The jobs as they are, then all that happens after it; all items say what they are, in JSON and in text."""
    running, ended = house.running("sh", "-c", gate.wait(), name="snap"), house.ran("true", name="over")
    rooms = ("name:snap", f"job:{ended}", "--heartbeat", "0.2s")
    with (
        house.started("events", "-f", "--json", "--snapshot", *rooms) as process,
        house.started("events", "-f", "--snapshot", *rooms) as plain,
    ):
        said = read_until(process.stdout, lambda said: b'"snapshot"' in said)
        shown = read_until(plain.stdout, lambda said: b"\tsnapshot\t" in said)
        gate.open()
        said += read_until(process.stdout, lambda said: b"completed" in said)
        said += read_until(process.stdout, lambda said: b"heartbeat" in said)
    first, second, marker, *more = [json.loads(line) for line in said.splitlines()]
    assert (first["type"], first["id"], first["state"]) == ("job", running, "running")
    assert (second["id"], second["state"]) == (ended, "completed")
    assert marker == {"type": "snapshot", "seq": marker["seq"], "jobs": 2}
    events = [item for item in more if item["type"] == "event"]
    assert (events[-1]["job"], events[-1]["event"]["to"]) == (running, "completed")
    assert all(item["seq"] > marker["seq"] for item in events)
    assert more[-1]["seq"] >= events[-1]["seq"]
    rows = [line.split("\t") for line in shown.decode().splitlines()]
    assert [row[3] for row in rows[:3]] == ["job", "job", "snapshot"]
    assert rows[0][4] == "name=snap state=running group=default"
    assert rows[2][0] == str(marker["seq"])


def test_a_room_that_a_job_leaves(own: House, gate: Gate) -> None:
    """The end of a job that was running is told there: after a snapshot, through a crash, to who comes back."""
    first = own.running("sh", "-c", gate.wait(), name="first")
    words = ("events", "-f", "--json", "--where", "state=running")
    with own.started(*words, "--snapshot") as process:
        said = read_until(process.stdout, lambda said: b'"snapshot"' in said)
        own.daemon.kill()
        own.daemon.start()
        gate.open()
        said += read_until(process.stdout, lambda said: b"completed" in said)
        second = own.ran("true", name="second")
        said += read_until(process.stdout, lambda said: b"completed" in said)
    items = [json.loads(line) for line in said.splitlines()]
    assert [item["id"] for item in items if item["type"] == "job"] == [first]
    told = [(item["job"], item["event"]["type"]) for item in items if item["type"] == "event"]
    assert told[-2:] == [(second, "started"), (second, "completed")]
    assert [kind for job, kind in told if job == first][-1] == "completed"
    started = next(item["seq"] for item in items if item["type"] == "event" and item["event"]["type"] == "started")
    with own.started(*words, "--since-seq", str(started)) as process:
        again = read_until(process.stdout, lambda said: b"completed" in said)
    assert json.loads(again.splitlines()[0]) == items[-1]


def test_in_other_forms(own: House) -> None:
    """By a template, with nothing where an event has no such field, or in the envelope of a CloudEvent; live, too."""
    own.ran("false", name="bad")
    lines = own("events", "--format", "{seq} {job} {event.type} {event.reason}").out.splitlines()
    assert [line.split() for line in lines][-1] == ["4", "1", "failed", "exit:1"]
    assert lines[0] == "1 1 submitted "
    last = own.lines("events", "--format", "cloudevents")[-1]
    plain = own.lines("events", "--json")[-1]
    assert last.pop("data") == plain
    assert last.pop("source") == f"//{socket.gethostname()}{own.state}"
    assert last == {
        "specversion": "1.0", "id": "4", "type": "jobd.failed", "time": plain["at"], "subject": "job/1",
        "sequence": f"{4:019}", "datacontenttype": "application/json",
    }  # fmt: skip
    assert own("events", "-f", "--since-seq", "3", "--limit", "1", "--format", "{event.type}").out == "failed\n"
    assert own("events", "--format", "{nope}").status == 2
    for manner in ("--snapshot", "--presence", "--heartbeat=1s"):
        refused = own("events", "-f", manner, "--format", "cloudevents")
        assert (refused.status, refused.out) == (2, "")
        assert "says what --format leaves out" in refused.err


def test_so_many(own: House) -> None:
    """Also of what is followed: it ends then."""
    first, second = own.ran("true", name="one"), own.ran("true", name="two")
    assert [line["seq"] for line in own.lines("events", "-f", "--json=seq", "--since-seq", "2", "--limit", "3")] == [
        3,
        4,
        5,
    ]
    assert own.lines("events", "--json=job", "--job", "one", "--limit", "1") == [{"job": first}]
    assert own.lines("events", "--json=job", "--job", "last", "--limit", "1") == [{"job": second}]
    for words, status, said in (
        (("--job", "1-2"), 65, "name one job; this names 2"),
        (("--job", "nobody"), 66, "no job nobody"),
        (("-f", "--snapshot", "--since-seq", "0"), 2, "goes without --since and --since-seq"),
    ):
        done = own("events", *words)
        assert (done.status, done.out) == (status, ""), done
        assert said in done.err


def test_so_many_entries(own: House) -> None:
    """What is told beside them does not count."""
    own.running(name="long")
    words = ("events", "-f", "--json", "--snapshot", "--presence", "--heartbeat", "0.1s", "--limit", "1")
    with own.started(*words) as process:
        said = read_until(process.stdout, lambda said: b'"type":"heartbeat"' in said)
        own.ran("true")
        out, _ = process.communicate(timeout=60)
    items = [json.loads(line) for line in (said + out).splitlines()]
    assert {"job", "snapshot", "heartbeat"} <= {item["type"] for item in items[:-1]}
    assert [item["type"] for item in items].count("event") == 1
    assert (process.returncode, items[-1]["event"]["type"]) == (0, "submitted")


def test_a_job_that_was_removed(own: House) -> None:
    """It is judged as it was last, not as it began, and is in no snapshot."""
    bad = own.ran("false", name="bad")
    assert own("rm", str(bad)).status == 0
    for words, found in (("name=bad state=failed", 5), ("state=pending", 0), ("ended is null", 0)):
        assert len(own.lines("events", "--json", "--where", words)) == found, words
    with own.started("events", "-f", "--json", "--snapshot", f"job:{bad}") as process:
        said = read_until(process.stdout, lambda said: b"snapshot" in said)
    assert json.loads(said) == {"type": "snapshot", "seq": 5, "jobs": 0}


def test_a_snapshot_is_taken_once(own: House) -> None:
    """After a restart it goes on from the last number: nothing is told twice, not even how things stood."""
    own.running(name="long")
    with own.started("events", "-f", "--json", "--snapshot") as process:
        said = read_until(process.stdout, lambda said: b"snapshot" in said)
        own.daemon.kill()
        own.daemon.start()
        own.ran("true")
        said += read_until(process.stdout, lambda said: b"completed" in said)
    items = [json.loads(line) for line in said.splitlines()]
    assert [item["type"] for item in items[:2]] == ["job", "snapshot"]
    assert [item["seq"] for item in items[2:]] == list(range(items[1]["seq"] + 1, items[1]["seq"] + len(items) - 1))


def test_progress_is_made_short(house: House, gate: Gate) -> None:
    """Of many reports little is told, and all that is important; the last report is never missing."""
    script = f"{gate.wait()}; for n in 1 2 3 4 5 6 7 8; do echo $n/8 >&$JOBD_FD; sleep 0.05; done"
    job_id = house.running("sh", "-c", script)
    with house.started("events", "-f", "--json", "--coalesce", "1m", f"job:{job_id}", "--since-seq", "0") as process:
        said = read_until(process.stdout, lambda said: b"started" in said)
        gate.open()
        said += read_until(process.stdout, lambda said: b"completed" in said)
    told = [json.loads(line)["event"] for line in said.splitlines()]
    reports = [event for event in told if event["type"] == "progressed"]
    assert len(reports) == 1
    assert (reports[0]["report"]["done"], reports[0]["count"]) == (8, 8)
    assert told[-1]["type"] == "completed"


def test_live_through_restarts_without_a_gap(own: House) -> None:
    """From a number on, or from now on: everything once and in order, whatever becomes of the daemon."""
    own.ran("true")
    with own.started("events", "-f", "--json", "--since-seq", "2") as process:
        said = read_until(process.stdout, lambda said: said.count(b"\n") >= 2)
        assert own("daemon", "restart").status == 0
        own.ran("true")
        said += read_until(process.stdout, lambda more: (said + more).count(b"\n") >= 6)
        own.daemon.kill()
        own.daemon.start()
        own.ran("true")
        said += read_until(process.stdout, lambda more: (said + more).count(b"\n") >= 10)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
    seqs = [json.loads(line)["seq"] for line in said.splitlines()]
    assert seqs == list(range(3, 3 + len(seqs)))


def test_from_now_on(own: House) -> None:
    """Without a number only what happens from then on."""
    own.ran("true")
    with own.started("events", "-f", "--json=job") as process:
        assert process.stdout is not None
        said = process.stdout.fileno()
        os.set_blocking(said, False)

        def heard() -> bytes:
            own.ran("true")
            try:
                return os.read(said, 65536)
            except BlockingIOError:
                return b""

        assert json.loads(until(heard, what="an event").split()[0])["job"] > 1


def test_bad_input(house: House) -> None:
    """Each a line and its status; a full disk is 74."""
    house.ran("true")
    refused = {
        ("--since-seq", "-1"): (2, "invalid value for '--since-seq'"),
        ("--job", "0"): (65, "job"),
        ("--job", "9" * 30): (65, "job"),
        ("--job", "999"): (66, "no job 999"),
        ("-f", "--job", "999"): (66, "no job 999"),
        ("--limit", "0"): (2, "invalid value for '--limit'"),
        ("--json=nope",): (2, "no field 'nope'"),
        ("--since-seq", "999999"): (66, "the log has no entry 999999; the newest is "),
        ("-f", "--since-seq", "999999"): (66, "jobd events --since-seq "),
        ("nowhere",): (65, "'nowhere' is none; it is one of all, job:ID, group:GROUP"),
        ("-f", "job:999"): (66, "no job 999"),
        ("--user", "nobody-at-all"): (65, "there is no 'nobody-at-all'"),
        ("--type", "fail"): (2, "'fail' is no type; did you mean 'failed'?"),
        ("--severity", "bad"): (2, "'bad' is not one of 'low', 'medium', 'high', 'critical'"),
        ("--snapshot",): (2, "--snapshot goes with --follow only"),
        ("-f", "--snapshot", "--since-seq", "1"): (2, "--snapshot begins with the present"),
        ("-f", "--until", "14:30"): (2, "--until and --follow exclude each other"),
        ("-f", "--heartbeat", "0s"): (65, "heartbeat"),
        ("--since", "never"): (2, "'never'"),
    }
    for words, (status, said) in refused.items():
        done = house("events", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    with open("/dev/full", "wb") as full:
        assert house("events", stdout=full).status == 74


def test_nobody_reads(house: House) -> None:
    """141, at the next event at the latest."""
    house.ran("true")
    with house.started("events", "-f", "--since-seq", "0") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        house.ran("true")
        assert process.wait(30) == 141


def test_without_a_daemon(own: House) -> None:
    """The log is read from the saved state; following needs a daemon."""
    own.ran("true")
    own.daemon.stop()
    done = own("events", "--limit", "2")
    assert (done.status, done.out.count("\n")) == (0, 2)
    assert done.err.startswith("! daemon not running: ")
    assert own("events", "-f", "--no-start").status == 69
