"""jobd attach: a record for a process that runs already."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.running import Gate, House
from tests.daemon.planting import linux_only
from tests.waiting import until

pytestmark = linux_only


@pytest.fixture
def stranger(gate: Gate, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give a shell that ends with status 7 when the gate is opened."""
    with subprocess.Popen(["sh", "-c", f"{gate.wait()}; exit 7"], cwd=tmp_path) as process:
        yield process
        process.kill()


def test_the_record_begins_with_the_process_and_ends_with_it(
    house: House, stranger: subprocess.Popen[bytes], gate: Gate, tmp_path: Path
) -> None:
    """What it runs, where and since when is seen, and what it uses; it takes reports, but no orders."""
    ticks = int(Path(f"/proc/{stranger.pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    job_id = house("attach", str(stranger.pid), "--name", "import", "-g", "night").out.strip()
    job = house.json("status", "--json", job_id)
    assert (job["name"], job["group"], job["state"], job["begun"]) == ("import", "night", "running", True)
    assert (job["argv"], job["cwd"], job["pid"]) == (stranger.args, str(tmp_path), stranger.pid)
    assert job["started_at"] < job["created_at"]
    assert house("progress", "--job", job_id, "3/10").status == 0
    assert "was not started by jobd" in house("cancel", job_id).err
    until(lambda: house.daemon.job(int(job_id))["usage"]["rss_bytes"], what="it is measured")
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    elapsed = house.json("status", "--json", job_id)["elapsed"]
    assert elapsed >= uptime - ticks / os.sysconf("SC_CLK_TCK") - 0.1
    gate.open()
    ended = house.daemon.ended(int(job_id))
    assert (ended["state"], ended["elapsed"] >= elapsed) == ("failed", True)
    assert ended["usage"]["peak_rss_bytes"] > 0


def test_how_it_ended_is_what_the_kernel_says(house: House) -> None:
    """A status that its parent has not asked for yet is read, for a signal too."""
    for script, expected in (("read x; exit 7", ("failed", "exit:7")), ("read x; exit 0", ("completed", None))):
        with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE) as process:
            job_id = int(house("attach", str(process.pid)).out)
            assert process.stdin
            process.stdin.write(b"\n")
            process.stdin.close()
            ended = house.daemon.ended(job_id)
            assert (ended["name"], ended["state"], ended["reason"]) == ("sh", *expected)
    with subprocess.Popen(["sleep", "600"]) as process:
        job_id = int(house("attach", str(process.pid)).out)
        process.kill()
        assert house.daemon.ended(job_id)["reason"] == "signal:9"


def test_what_ends_while_no_daemon_looks_is_lost(own: House) -> None:
    """Nobody can say how; `end` can, before."""
    with subprocess.Popen(["sleep", "600"]) as first, subprocess.Popen(["sleep", "600"]) as second:
        lost, said = (int(own("attach", str(process.pid)).out) for process in (first, second))
        assert own("end", str(said), "--exit", "3").status == 0
        own.daemon.kill()
        first.kill()
        second.kill()
        first.wait()
    own.daemon.start()
    job = own.daemon.ended(lost)
    assert (job["state"], job["reason"], job["detail"]) == ("failed", "lost", "process")
    assert own.daemon.job(said)["reason"] == "exit:3"


def test_refusals(house: House, stranger: subprocess.Popen[bytes]) -> None:
    """No such process, somebody else's, one that is followed already: each a line and its status."""
    house.json("attach", "--json", "--name", "mine", str(stranger.pid))
    own_job = house.running()
    main = house.daemon.job(own_job)["pid"]
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    refused = {
        (): (2, "missing argument 'PID'"),
        ("0",): (2, "invalid value for 'PID'"),
        ("x",): (2, "invalid value for 'PID'"),
        ("4194305",): (65, "there is no process 4194305"),
        (str(ended.pid),): (65, f"there is no process {ended.pid}"),
        ("9" * 25,): (65, "process"),
        (str(stranger.pid), "--name", "12"): (1, "is followed already"),
        (str(os.getpid()), "--name", "12"): (65, "would be taken for an id"),
        (str(stranger.pid),): (1, f"process {stranger.pid} is followed already, as job"),
        (str(main),): (1, f"as job {own_job} (sleep)"),
    }
    for words, (status, said) in refused.items():
        done = house("attach", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    house.over(own_job)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of somebody else")
def test_nobody_elses_process(house: House) -> None:
    """Whose it is, is said."""
    with subprocess.Popen(["sleep", "600"], user=65534) as process:
        done = house("attach", str(process.pid))
        process.kill()
    assert (done.status, done.out) == (77, "")
    assert f"process {process.pid} belongs to user 65534, not to you" in done.err


def test_a_repeated_request_attaches_once(house: House, stranger: subprocess.Popen[bytes]) -> None:
    """With the same id the same record is told again."""
    words = ("attach", str(stranger.pid), "--request-id", "once", "--format", "{id} {name}")
    assert house(*words).out == house(*words).out
