"""jobd list: what runs, what waits and what has just ended."""

import os
from collections.abc import Iterator

import pytest

from tests.commands.running import House
from tests.waiting import until

FIELDS = 9


@pytest.fixture(scope="module")
def jobs(house: House) -> Iterator[dict[str, int]]:
    """Give one job of each kind that a list shows; the oldest runs."""
    made = {
        "busy": house.running("sh", "-c", "echo 1/4 step >&$JOBD_FD; exec sleep 600", name="busy"),
        "ok": house.ran("true", name="ok"),
        "bad": house.ran("sh", "-c", "echo one; echo out of cheese; exit 3", name="bad", group="night"),
    }
    until(lambda: house.daemon.job(made["busy"])["progress"]["done"] == 1, what="the report")
    yield made
    house.over(made["busy"])


def test_in_a_pipe_a_line_of_columns_for_each(house: House, jobs: dict[str, int]) -> None:
    """Tab separated, no titles, no marks; active ones first, then the newest; what is not known is a dash."""
    done = house("list")
    assert (done.status, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert {len(row) for row in rows} == {FIELDS}
    assert [row[:5] for row in rows] == [
        [str(jobs["busy"]), "busy", "running", "-", "0.25"],
        [str(jobs["bad"]), "bad", "failed", "exit:3", "-"],
        [str(jobs["ok"]), "ok", "completed", "-", "-"],
    ]


def test_a_person_sees_two_tables_and_what_to_do_next(house: House, jobs: dict[str, int]) -> None:
    """Active ones with a bar, ended ones with when and what they said last, no column in which nothing stands."""
    rows = house.screen("list")
    assert rows[0].split()[:4] == ["ID", "NAME", "STATE", "PROGRESS"]
    assert f"▶ {jobs['busy']:>2}  busy  running  ████░" in rows[1].replace("  ▶", "▶")
    assert " 25%" in rows[1]
    titles = [title for title in rows[3].split() if title != "TOOK"]  # only where a job took time
    assert titles == ["ID", "NAME", "STATE", "ENDED", "LAST", "LINE"]
    assert rows[4].split()[:5] == ["✖", str(jobs["bad"]), "bad", "exit", "3"]
    assert rows[4].endswith("out of cheese")
    assert rows[-1] == f"jobd tail -f {jobs['busy']} · jobd pause {jobs['busy']} · jobd cancel {jobs['busy']}"


@pytest.mark.usefixtures("jobs")
def test_forty_columns_no_colours_ascii(house: House) -> None:
    """Nothing is wider than the screen; NO_COLOR and --ascii leave plain ASCII, but for the cursor nothing else."""
    with house.on_terminal("list", "--ascii", columns=40, environ={"NO_COLOR": "1"}) as session:
        assert session.end() == 0
        assert max(map(len, session.rows)) <= 40
        assert session.text.isascii()
        assert "\x1b[" not in session.text
    with house.on_terminal("list") as session:
        assert session.end() == 0
        assert "\x1b[31m" in session.text


def test_as_json_and_by_fields(house: House, jobs: dict[str, int]) -> None:
    """One array of whole jobs, or of what was asked for; `?` names the fields, an unknown one is refused."""
    found = house.json("list", "--json")
    assert [job["id"] for job in found] == [jobs["busy"], jobs["bad"], jobs["ok"]]
    assert found[1] | {"state": "failed", "reason": "exit:3", "exit_code": 3, "done": True} == found[1]
    assert house.json("list", "-j", "--state", "running")[0]["progress"]["fraction"] == 0.25
    picked = house.json("list", "--json=id,progress.fraction", "busy")
    assert picked == [{"id": jobs["busy"], "progress": {"fraction": 0.25}}]
    assert {"id", "name", "state", "progress", "usage"} <= set(house("list", "--json=?").out.split())
    wrong = house("list", "--json=id,nme")
    assert (wrong.status, wrong.out) == (2, "")
    assert "did you mean 'name'" in wrong.err


def test_by_a_template_and_only_ids(house: House, jobs: dict[str, int]) -> None:
    """--format fills in a line for each, -q prints ids, --plain is the pipe's form even on a terminal."""
    assert house("list", "--format", "{name}={exit_code}", "--state", "failed,completed").out == "bad=3\nok=0\n"
    assert house("list", "-q").out.split() == [str(jobs[name]) for name in ("busy", "bad", "ok")]
    assert house("list", "--format", "{id").status == 2
    assert house("list", "--format", "{idd}").status == 2
    with house.on_terminal("list", "--plain") as session:
        assert session.end() == 0
        assert session.text.startswith(f"{jobs['busy']}\tbusy\trunning\t")


def test_which_jobs(house: House, jobs: dict[str, int]) -> None:
    """By name with wildcards, by group, by state in both spellings, by id and range, and so many at most."""
    assert house("list", "-q", "--name", "b*").out.split() == [str(jobs["busy"]), str(jobs["bad"])]
    assert house("list", "-q", "-g", "night").out.split() == [str(jobs["bad"])]
    assert house("list", "-q", "-s", "cancelled,failed").out.split() == [str(jobs["bad"])]
    assert house("list", "-q", "-s", "failed", "-s", "completed").out.split() == [str(jobs["bad"]), str(jobs["ok"])]
    assert house("list", "-q", f"{jobs['busy']}-{jobs['ok']}", "-s", "running").out.split() == [str(jobs["busy"])]
    assert house("list", "-q", "bad", "ok").out.split() == [str(jobs["bad"]), str(jobs["ok"])]
    assert house("list", "-q", "--all", "--limit", "1").out.split() == [str(jobs["bad"])]
    assert house("list", "-q", "--limit", "0").out == ""


def test_what_runs_is_listed_however_much_came_later(own: House) -> None:
    """An old job that still runs is not pushed out by newer ones that ended."""
    old = own.running()
    ids = [own.submit("true") for _ in range(14)]
    for job_id in ids:
        own.daemon.ended(job_id)
    listed = own("list", "-q", "--limit", "12").out.split()
    assert listed == [str(old), *(str(job_id) for job_id in reversed(ids[-10:]))]


@pytest.mark.usefixtures("jobs")
def test_bad_input(house: House) -> None:
    """Each a line that says what and where, and its status."""
    refused = {
        ("999",): (66, "jobd: no job 999; the newest is 3"),
        ("nobody",): (66, "jobd: no job nobody; the newest is 3"),
        ("5-2",): (65, "jobd: job: 5-2 is an empty range"),
        ("1-99999999",): (65, "jobd: job: 1-99999999 is too much"),
        ("99999999999999999999",): (65, "jobd: job: '99999999999999999999' is not an id"),
        ("--state", "runing"): (2, "jobd: invalid value for '-s' / '--state': 'runing' is no state; did you mean"),
        ("--limit", "-1"): (2, "jobd: invalid value for '--limit'"),
        ("--limit", "9" * 30): (0, ""),
        ("--nope",): (2, "jobd: no such option"),
    }
    for words, (status, said) in refused.items():
        done = house("list", *words)
        assert done.status == status, (words, done)
        assert done.err.startswith(said), (words, done)


def test_what_runs_is_shown_before_what_waits(own: House) -> None:
    """However many wait, and of those the ones that come next; the overview does the same."""
    busy = [own.running() for _ in range(4)]
    waiting = own.daemon.calls("submit", *({"argv": ["true"], "cwd": "/"} for _ in range(20)))
    shown = own.json("list", "--json=id", "--limit", "6")
    assert [job["id"] for job in shown] == sorted([*busy, *(job["id"] for job in waiting[:2])], reverse=True)
    told = own.screen("submit", "--", "true")
    assert "waiting for a free slot (4 of 4 busy, 20 before it)" in told[0]


@pytest.mark.usefixtures("jobs")
def test_nobody_reads_or_nothing_can_be_written(house: House) -> None:
    """A closed pipe ends quietly with 141, a full disk with 74 and one line, a closed stdout with 74."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as unread:
        done = house("list", stdout=unread)
    assert (done.status, done.err) == (141, "")
    with open("/dev/full", "wb") as full:
        done = house("list", stdout=full)
    assert (done.status, done.err) == (74, "jobd: cannot write output: No space left on device\n")


def test_without_a_daemon(own: House) -> None:
    """The saved state is listed all the same; standard error says so, the status is 0, and nothing is started."""
    job_id = own.ran("true", name="was")
    assert own.daemon.stop() == 0
    done = own("list", "-q")
    assert (done.status, done.out) == (0, f"{job_id}\n")
    told = own("list")
    assert told.status == 0
    assert told.err.startswith("! daemon not running: saved state of ")
    assert not (own.state / "daemon.json").exists()


def test_before_there_was_any_job(empty: House) -> None:
    """An empty list is empty, and no state directory is made for it."""
    done = empty("list")
    assert (done.status, done.out) == (0, "")
    assert empty.json("list", "--json") == []
    assert empty.screen("list")[-1] == "no jobs; submit one: jobd submit -- COMMAND"
    assert list(empty.state.iterdir()) == []
