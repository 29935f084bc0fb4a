"""--parent, --no-parent and --weight: a job as a part of another, by name or because it is submitted inside of it."""

import subprocess
from pathlib import Path

from tests.calling import JOBD
from tests.commands.running import House
from tests.waiting import until

#: The program, for scripts.
CALL = " ".join(JOBD)


def test_each_command_that_makes_a_job(house: House) -> None:
    """Takes a parent, by id or name, and a share of its work."""
    parent = int(house("begin", "whole").out)
    with subprocess.Popen(["sleep", "600"]) as process:
        for words in (("submit", "--", "true"), ("begin", "outside"), ("attach", str(process.pid))):
            job = house.json(words[0], "--json", "--parent", "whole", "--weight", "2.5", *words[1:])
            assert (job["parent"], job["weight"]) == (parent, 2.5)
        process.kill()
    assert house("run", "--parent", str(parent), "-J", "ran", "--", "true").status == 0
    job = house.json("status", "--json", "ran")
    assert (job["parent"], job["weight"]) == (parent, 1.0)
    house("end", str(parent))


def test_inside_of_a_job(house: House) -> None:
    """What is submitted, run or begun there is a part of it, unless that is not wanted or another daemon is meant."""
    script = f"""
    {CALL} submit -J a -- true; {CALL} run -J b -- true; {CALL} begin c; {CALL} submit --no-parent -J d -- true
    {CALL} submit --parent other -J e -- true; JOBD_SOCKET=/elsewhere {CALL} submit -J f -- true
    """
    other = int(house("begin", "other").out)
    whole = house.ran("sh", "-c", script, name="whole")
    job = house.daemon.job(whole)
    assert job["state"] == "completed", house.daemon.output(whole)
    parents = {child["name"]: child["parent"] for child in house.json("list", "--all", "--json")}
    assert {name: parents[name] for name in "abcdef"} == dict.fromkeys("abc", whole) | {
        "d": None,
        "e": other,
        "f": None,
    }
    assert {child["name"] for child in house.json("list", "--parent", "whole", "--json")} == {"a", "b", "c"}
    house("end", "c")
    house("end", "other")


def test_what_outlives_its_job_belongs_to_nobody(house: House, tmp_path: Path) -> None:
    """A process that goes on when the job has ended may submit as ever."""
    script = f"(until [ -e {tmp_path}/go ]; do sleep 0.02; done; {CALL} submit -J late -- true) & exit 0"
    whole = house.ran("sh", "-c", script, leftover="leave")
    (tmp_path / "go").touch()
    until(lambda: house("list", "-q", "--name", "late").out, what="the late one")
    assert house.json("status", "--json", "late")["parent"] is None
    assert house.daemon.job(whole)["progress"]["children"] is None


def test_how_it_looks(house: House) -> None:
    """Counts and children on the card of the parent, its parent on that of a child, parts in the line below."""
    whole = house("begin", "whole").out.strip()
    parts = [house("begin", f"part-{n}", "--parent", whole, "--weight", "3").out.strip() for n in range(4)]
    house("progress", "--job", parts[0], "50%")
    house("end", parts[1])
    house("end", "--exit", "4", parts[2])
    until(lambda: (house.daemon.job(int(whole))["progress"]["children"] or {}).get("failed") == 1)
    card = house.screen("status", whole, columns=100)
    assert any("Progress: " in row and " 62%" in row for row in card)
    assert any("Parts: 2 running · 1 completed · 1 failed" in row for row in card)
    for number, shown in enumerate(("50%", "completed", "exit 4", "running")):
        assert any(f"{parts[number]} part-{number}  " in row and shown in row for row in card), card
    assert any(f"Part of: job {whole}, weight 3" in row for row in house.screen("status", parts[0], columns=100))
    with house.on_terminal("tail", "-f", whole, columns=100) as session:
        session.until("2/4 parts")
        session.interrupt()
        session.end()
    listed = house("list", "--parent", whole, "--plain").out.splitlines()
    assert [line.split("\t")[0] for line in listed] == parts[::-1]
    assert house("list", "--parent", whole, "-s", "failed", "-q").out.split() == [parts[2]]
    assert [child["id"] for child in house.daemon.call("status", jobs=[whole])["children"]] == [
        int(parts[number]) for number in (3, 0, 2, 1)
    ]
    for job in (parts[0], parts[3], whole):
        house("end", job)
    assert house("list", "--parent", parts[0]).out == ""


def test_bad_input(house: House) -> None:
    """Each a line and its status, and no job comes into being."""
    over, other = str(house.ran("true", name="over")), house.ran("true")
    before = house.json("list", "--all", "--json=id", "--limit", "1")
    refused = {
        ("--parent", "9999"): (66, "no job 9999"),
        ("--parent", "nosuch"): (66, "no job nosuch"),
        ("--parent", over): (1, f"job {over} (over) has already ended (completed); only a job that has not ended"),
        ("--parent", f"{over},{other}"): (65, "name one job"),
        ("--parent", over, "--no-parent"): (2, "exclude each other"),
        ("--parent", over, "--weight", "0"): (2, "--weight"),
        ("--weight", "-1"): (2, "--weight"),
        ("--weight", "nan"): (65, "weight"),
        ("--weight", "1e10"): (2, "--weight"),
    }
    for words, (status, said) in refused.items():
        done = house("submit", *words, "--", "true")
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    assert house.json("list", "--all", "--json=id", "--limit", "1") == before
    assert house("list", "--parent", "nosuch").status == 66


def test_a_job_that_waits_for_its_parts(own: House) -> None:
    """It gets them done with a single slot, however deep they are."""
    own.daemon.stop()
    own.daemon.start({"JOBD_JOBS_SLOTS": "1"})
    script = f"{CALL} wait $({CALL} submit -- true) && {CALL} run -- echo deep"
    done = own("run", "--", *JOBD, "run", "--", "sh", "-c", script)
    assert (done.status, done.out.splitlines()[-1]) == (0, "deep"), done
