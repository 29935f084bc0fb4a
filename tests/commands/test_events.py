"""jobd events: the log of everything that happened, without a gap."""

import json
import os
import signal

from tests.commands.running import House, read_until
from tests.waiting import until

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
    assert own("events", "--since-seq", "999999").out == ""
    person = own.screen("events", "--job", str(first), columns=60)
    assert [row.split()[3] for row in person] == FOUR


def test_who_did_it(own: House) -> None:
    """The kernel's word for who asked is in the log; what jobd did by itself has none."""
    own.ran("true")
    entries = own.lines("events", "--json")
    assert entries[0]["by"]["uid"] == os.getuid()
    assert "by" not in entries[2]


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
        ("--job", "0"): (2, "invalid value for '--job'"),
        ("--job", "9" * 30): (65, "job"),
        ("--job", "999"): (66, "no job 999"),
        ("-f", "--job", "999"): (66, "no job 999"),
        ("--limit", "0"): (2, "invalid value for '--limit'"),
        ("--json=nope",): (2, "no field 'nope'"),
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
