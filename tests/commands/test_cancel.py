"""jobd cancel: the end of jobs with everything they have started."""

import json
import os

import psutil

from tests.commands.running import Gate, House
from tests.waiting import until


def test_a_running_job_is_gone_with_all_its_processes(house: House) -> None:
    """The signal, the grace, and nothing is left; the reason is kept."""
    mark = str(60_000_000 + os.getpid())
    job_id = house.running("sh", "-c", f"(setsid sleep {mark} &) ; exec sleep {mark}", name="tree")
    done = house("cancel", "--reason", "wrong branch", "--wait", "tree")
    assert (done.status, done.out, done.err) == (0, f"{job_id} tree: canceled: wrong branch\n", "")
    job = house.json("status", "--json", "tree")
    assert (job["state"], job["reason"], job["signal"]) == ("canceled", "wrong branch", 15)
    assert not [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]


def test_a_waiting_one_never_runs(own: House) -> None:
    """It is canceled at once, without an attempt."""
    busy = [own.running() for _ in range(4)]
    job_id = own.submit("touch", f"{own.state}/ran")
    assert own("cancel", str(job_id)).out == f"{job_id} touch: canceled\n"
    for job in busy:
        own.over(job)
    assert not (own.state / "ran").exists()
    assert own.daemon.job(job_id)["attempts"] == []


def test_how_it_is_asked_to_end(house: House) -> None:
    """With a signal of one's choice; one that ignores it is killed after the grace."""
    for signal in ("INT", "sigint", "2"):
        job_id = house.trapping("'echo got it; exit 5' INT")
        house("cancel", "-s", signal, "-W", str(job_id))
        assert house.raw("log", str(job_id)).endswith(b"got it\n")
    deaf = house.trapping("'' TERM")
    house("cancel", "--grace", "0.1s", "-W", str(deaf))
    assert house.daemon.job(deaf)["signal"] == 9


def test_several_and_all(own: House, gate: Gate) -> None:
    """By ids, ranges, names and `all`; a script is never asked; ids, JSON and templates."""
    ids = [own.running("sh", "-c", gate.wait(), name=f"job-{n}") for n in range(4)]
    waiting = own.submit("sh", "-c", gate.wait(), name="waits")
    dry = own("cancel", "--dry-run", "all")
    assert (dry.status, dry.out.count("would cancel ")) == (0, 5)
    assert own("cancel", "-q", f"{ids[0]}-{ids[1]}").out.split() == [str(ids[0]), str(ids[1])]
    assert [job["id"] for job in own.json("cancel", "--json=id", "job-2")] == [ids[2]]
    own("wait", *map(str, ids[:3]))
    left = own("cancel", "--format", "{name}", "-W", "all").out.split()
    assert sorted(left) == ["job-3", "waits"]
    assert own.daemon.job(waiting)["state"] == "canceled"
    nothing = own("cancel", "all")
    assert (nothing.status, nothing.out, nothing.err) == (1, "", "! no job is concerned\n")
    assert own.json("cancel", "--json", "all", status=1) == []


def test_a_person_is_asked_before_a_sweep(own: House) -> None:
    """Who names several jobs by one word at a terminal; a no leaves them, --yes answers before."""
    ids = [own.running(name=f"job-{n}") for n in range(2)]
    with own.on_terminal("cancel", "all") as session:
        session.until("Cancel 2 jobs (1 job-0, 2 job-1)? [y/N]")
        session.type("n\n")
        assert session.end() == 1
    assert own.daemon.job(ids[0])["state"] == "running"
    assert own.screen("cancel", "--yes", "-W", f"{ids[0]}-{ids[1]}")[-2:] == ["1 job-0: canceled", "2 job-1: canceled"]


def test_bad_input(house: House) -> None:
    """Each a line and its status; if one of several cannot be canceled, none is."""
    over, living = house.ran("true"), house.running()
    refused = {
        (): (2, "missing argument 'JOB...'"),
        (str(over),): (1, "has already ended (completed); only a job that has not ended can be canceled"),
        (str(living), str(over)): (1, "has already ended"),
        (str(living), "999"): (66, "no job 999"),
        ("-s", "NOPE", str(living)): (2, "is no signal"),
        ("-s", "0", str(living)): (2, "is no signal"),
        ("--grace", "5", str(living)): (2, "invalid value for '--grace'"),
        ("--reason", "x" * 201, str(living)): (65, "reason"),
        ("--abandon", str(living)): (1, "abandon is not possible now"),
    }
    for words, (status, said) in refused.items():
        done = house("cancel", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    assert house.daemon.job(living)["state"] == "running"
    house.over(living)


def test_an_acknowledged_cancel_survives_the_daemon(own: House) -> None:
    """Killed while the grace runs: the next daemon ends the job."""
    job_id = own.trapping("'' TERM")
    assert json.loads(own("cancel", "--json", "--grace", "0.3s", str(job_id)).out)[0]["state"] == "canceling"
    own.daemon.kill()
    own.daemon.start()
    assert own.daemon.ended(job_id)["state"] == "canceled"


def test_waiting_goes_on_through_the_death_of_the_daemon(own: House, gate: Gate) -> None:
    """--wait has another one started and says how it ended."""
    job_id = own.trapping(f"'{gate.wait()}; exit 3' TERM")
    with own.started("cancel", "--grace", "10m", "-W", str(job_id)) as process:
        until(lambda: own.daemon.job(job_id)["state"] == "canceling", what="the job is canceling")
        own.daemon.kill()
        gate.open()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, f"{job_id} sh: canceled\n".encode(), b"")


def test_without_a_daemon(own: House) -> None:
    """One is started to do it, unless that is forbidden."""
    job_id = own.running()
    own.daemon.kill()
    assert own("cancel", "--no-start", str(job_id)).status == 69
    assert own("cancel", "-W", str(job_id)).out == f"{job_id} sleep: canceled\n"
