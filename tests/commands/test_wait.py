"""jobd wait: until jobs have ended, or are where they should be, through restarts of the daemon."""

import re
import signal
from pathlib import Path

import psutil

from tests.commands.running import Gate, House
from tests.waiting import until


def test_the_exit_status_is_the_jobs(house: House, gate: Gate) -> None:
    """Of several the largest; never 0 for a failed one; what has ended already is waited for no longer."""
    ids = [str(house.submit("sh", "-c", f"{gate.wait()}; exit {status}")) for status in (0, 3, 2)]
    with house.started("wait", *ids) as process:
        until(lambda: house.daemon.job(int(ids[2]))["state"] == "running", what="the jobs run")
        assert process.poll() is None
        gate.open()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (3, b"")
    assert out.decode().splitlines() == [f"{ids[0]} sh: completed", f"{ids[1]} sh: exit 3", f"{ids[2]} sh: exit 2"]
    assert house("wait", ids[0]).status == 0
    killed = house.running()
    house.over(killed)
    assert house("wait", str(killed)).status in (137, 143)


def test_until_one_of_them(house: House, gate: Gate) -> None:
    """--any: as soon as one has ended, with its status."""
    slow, quick = house.running(), house.submit("sh", "-c", f"{gate.wait()}; exit 4")
    with house.started("wait", "--any", str(slow), str(quick)) as process:
        gate.open()
        assert process.wait(30) == 4
    house.over(slow)


def test_until_a_condition(house: House, gate: Gate) -> None:
    """A state or a share of progress: 0 when it is met, 1 when a job ended before."""
    job_id = str(house.running("sh", "-c", f"{gate.wait(1)}; echo 60% >&$JOBD_FD; {gate.wait(2)}"))
    assert house("wait", "--for", "state=running", job_id).status == 0
    assert house("wait", "-s", "running,paused", job_id).status == 0
    with (
        house.started("wait", "--for", "progress>=50", job_id) as half,
        house.started("wait", "--for", "progress>=90%", job_id) as most,
    ):
        gate.open(1)
        assert half.wait(30) == 0
        assert most.poll() is None
        gate.open(2)
        assert most.wait(30) == 1
    assert house("wait", "--for", "state=paused", job_id).status == 1
    assert house("wait", "--for", "state=completed", job_id).status == 0


def test_only_so_long(house: House) -> None:
    """--timeout: 124, and a line that says where it stands."""
    job_id = str(house.running())
    done = house("wait", "--timeout", "0.1s", job_id)
    assert (done.status, done.out, done.err) == (124, "", "jobd: still running after 0.1 s\n")
    assert house("wait", "--timeout", "0s", "--for", "state=running", job_id).status == 0
    house.over(int(job_id))


def test_how_it_is_printed(house: House) -> None:
    """JSON, ids, a template; a bell on a terminal if wanted."""
    job_id = house.ran("sh", "-c", "exit 2")
    done = house("wait", "--json=state,exit_code", str(job_id))
    assert (done.status, done.out) == (2, '[{"state":"failed","exit_code":2}]\n')
    assert house("wait", "-q", str(job_id)).out == f"{job_id}\n"
    assert house("wait", "--format", "{exit_code}", str(job_id)).out == "2\n"
    with house.on_terminal("wait", "--bell", str(job_id)) as session:
        assert session.end() == 2
        assert session.text == f"\a{job_id} sh: exit 2\n"


def test_nobody_to_wait_for(own: House) -> None:
    """`all` when nothing runs is over at once, and well."""
    done = own("wait", "all")
    assert (done.status, done.out, done.err) == (0, "", "! no job is concerned\n")


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    job_id = str(house.ran("true"))
    refused = {
        (): (2, "missing argument 'JOB...'"),
        ("999",): (66, "no job 999"),
        ("--for", "coffee", job_id): (2, "'coffee' is neither state=STATE nor progress>=PERCENT"),
        ("--for", "progress>=101", job_id): (2, "neither"),
        ("--for", "state=runing", job_id): (2, "did you mean 'running'"),
        ("--any", "--all", job_id): (2, "exclude each other"),
        ("--timeout", "5", job_id): (2, "invalid value for '--timeout'"),
        ("--timeout", "9" * 30 + "d", job_id): (2, "invalid value for '--timeout'"),
    }
    for words, (status, said) in refused.items():
        done = house("wait", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)


def test_through_a_restart_and_the_death_of_the_daemon(own: House, gate: Gate) -> None:
    """Neither is noticed; the status is exact."""
    job_id = own.running("sh", "-c", f"{gate.wait()}; exit 6")
    with own.started("wait", str(job_id)) as process:
        until(lambda: own.daemon.call("watchers"), what="it waits")
        assert own("daemon", "restart").status == 0
        assert process.poll() is None
        own.daemon.kill()
        until(lambda: own("list", "--no-start", "-q").out.strip() == str(job_id), what="the job is in the saved state")
        gate.open()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (6, f"{job_id} sh: exit 6\n".encode(), b"")


def hears_interrupts(pid: int) -> bool:
    """Whether a process catches SIGINT; a fork ignores it, and has sockets of its parent, until it is the program."""
    status = Path(f"/proc/{pid}/status")
    caught = re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.MULTILINE) if status.exists() else None
    return caught is None or bool(int(caught[1], 16) >> (signal.SIGINT - 1) & 1)


def test_an_interrupt_ends_only_the_waiting(house: House) -> None:
    """130, and the job runs on; a killed client is nothing to the job either."""
    job_id = house.running()
    with house.started("wait", str(job_id)) as process, house.started("wait", str(job_id)) as other:
        for client in (process, other):
            until(lambda pid=client.pid: hears_interrupts(pid), what="the client is the program")
            until(lambda pid=client.pid: psutil.Process(pid).net_connections("unix"), what="the client is connected")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        other.kill()
    assert house.daemon.job(job_id)["state"] == "running"
    house.over(job_id)


def test_without_a_daemon(own: House, gate: Gate) -> None:
    """What has ended needs none; what runs needs one, which is started unless that is forbidden."""
    ended, running = own.ran("sh", "-c", "exit 3"), own.running("sh", "-c", gate.wait())
    own.daemon.kill()
    done = own("wait", "--no-start", str(ended))
    assert (done.status, done.out) == (3, f"{ended} sh: exit 3\n")
    assert own("wait", "--no-start", str(running)).status == 69
    gate.open()
    assert own("wait", "-q", str(running)).status == 0


def test_any_of_them_as_long_as_one_can(house: House, gate: Gate) -> None:
    """A job that ends otherwise does not end the waiting for another one."""
    later = house.running("sh", "-c", gate.wait())
    bad = house.ran("false")
    with house.started("wait", str(bad), str(later), "--any", "-s", "completed") as process:
        house.watched(later)
        gate.open()
        assert process.wait(30) == 0
    assert house("wait", str(bad), "--any", "-s", "completed").status == 1
