"""jobd status: a card for a job, and how everything stands."""

from itertools import count

import pytest

from tests.commands.running import House
from tests.waiting import until


@pytest.fixture(scope="module")
def failed(house: House) -> int:
    """Give a job that has failed, with something to show."""
    script = "echo 3/4 third >&$JOBD_FD; echo bad >&$JOBD_FD; seq 1 20; echo out of cheese; exit 3"
    return house.ran("sh", "-c", script, name="bake", group="night", priority=5, labels={"oven": "2"})


def test_a_card(house: House, failed: int) -> None:
    """State, progress, place, output, what happened, the last lines of output, and what comes next."""
    rows = house.screen("status", str(failed))
    assert rows[0].startswith(f"● bake #{failed} - sh -c echo 3/4 third")
    told = {row.partition(":")[0].strip(): row.partition(":")[2].strip() for row in rows if ":" in row}
    assert told["State"].startswith("failed, exit 3 at ")
    assert told["Progress"] == "██████████████░░░░  75% · 3/4 · third"
    assert told["In"].startswith("/ by ")
    assert told["Group"] == "night, priority 5"
    assert told["Labels"] == "oven=2"
    assert told["Output"].endswith("B)")
    assert "bad" in told["Warning"]
    assert rows[-6:-1] == [" | 17", " | 18", " | 19", " | 20", " | out of cheese"]
    assert rows[-1] == f"jobd retry {failed} · jobd status {failed} · jobd log {failed}"
    assert not [row for row in rows if "after 0s" in row or row.rstrip().endswith(":")]


def test_a_card_of_40_columns_in_plain_ascii(house: House, failed: int) -> None:
    """Nothing is wider; what does not fit is cut with a mark; no colour, no block, no dot."""
    with house.on_terminal("status", str(failed), columns=40, environ={"LANG": "C", "NO_COLOR": "1"}) as session:
        assert session.end() == 0
        assert session.text.isascii()
        assert "\x1b" not in session.text
        assert max(map(len, session.rows)) <= 40
        assert session.rows[0].startswith(f"# bake #{failed} - sh -c echo")


@pytest.mark.parametrize("stages", ["", "stages a:1 b:1"])
def test_the_rate(house: House, stages: str) -> None:
    """It is shown in units; that of all stages together has none."""
    job_id, numbers = house.daemon.call("begin", name="rated")["id"], count(1)

    def reported() -> object:
        house.daemon.call("progress", job=str(job_id), line=f"{next(numbers)}/99999")
        return house.daemon.job(job_id)["progress"]["rate"]

    for line in filter(None, (stages, stages and "stage a")):
        house.daemon.call("progress", job=str(job_id), line=line)
    until(reported, what="a rate")
    (shown,) = [row for row in house.screen("status", str(job_id)) if "/99999" in row]
    assert ("/s" in shown) is not bool(stages)
    house.daemon.call("end", jobs=[str(job_id)])


@pytest.mark.usefixtures("failed")
def test_in_a_pipe_a_card_is_whole(house: House) -> None:
    """Nothing is cut, nothing coloured, no hint."""
    done = house("status", "bake")
    assert (done.status, done.err) == (0, "")
    assert "echo out of cheese; exit 3\n" in done.out
    assert "\x1b" not in done.out


def test_what_a_job_says_cannot_harm_the_terminal(house: House) -> None:
    """Names, messages and output become text."""
    job_id = house.ran("sh", "-c", r"printf 'message \033[2Jboo\n' >&$JOBD_FD; printf '\033]0;t\007x'", name="nasty")
    with house.on_terminal("status", str(job_id)) as session:
        assert session.end() == 0
        assert "^[[2Jboo" in session.text
        assert "\x1b]0" not in session.text


def test_several_cards(house: House, failed: int) -> None:
    """Each with an empty line between, in the order named."""
    other = house.ran("true", name="fine")
    heads = [row for row in house.screen("status", str(other), str(failed)) if row.startswith("●")]
    assert [row.split()[1] for row in heads] == ["fine", "bake"]


def test_as_json(house: House, failed: int) -> None:
    """One job is one object, several are an array; fields, templates and ids as everywhere."""
    job = house.json("status", "--json", str(failed))
    assert (job["id"], job["reason"], job["detail"], job["done"]) == (failed, "exit:3", None, True)
    assert job["attempts"][0]["exit_code"] == 3
    assert [job["id"] for job in house.json("status", "--json=id", str(failed), "bake")] == [failed]
    assert house.json("status", "--json=exit_code,progress.done", "bake") == {"exit_code": 3, "progress": {"done": 3}}
    assert house("status", "--format", "{name} {exit_code}", "bake").out == "bake 3\n"
    assert house("status", "-q", "bake").out == f"{failed}\n"


def test_the_overview(own: House) -> None:
    """Who serves since when, what runs and waits, what failed last and why, and what to do about it."""
    bad = own.ran("sh", "-c", "echo why; exit 9", name="bad")
    own.ran("true")
    busy = own.running("sh", "-c", "echo 1/2 >&$JOBD_FD; exec sleep 600", name="busy")
    assert own("wait", str(busy), "--for", "progress>=50").status == 0
    rows = own.screen()
    assert rows[0].startswith("jobd ")
    assert " · 1 running · today 1 ok, 1 failed" in rows[0]
    assert "up " in rows[0]
    assert rows[3].startswith(f"▶  {busy}  busy  running  █████████░░░░░░░░░  50%")
    assert rows[-2].split()[:6] == ["✖", str(bad), "bad", "exit", "9", "now"] or "ago" in rows[-2]
    assert rows[-2].endswith("why")
    assert rows[-1] == f"Follow: jobd tail -f {busy} · Why it failed: jobd status {bad} · Again: jobd retry {bad}"
    assert own.screen(columns=40)[1] == "today 1 ok, 1 failed"
    overview = own.json("status", "--json")
    assert (overview["counts"], overview["today"]) == ({"running": 1, "completed": 1, "failed": 1},) * 2
    assert overview["serving_since"].endswith("Z")
    assert [job["name"] for job in overview["jobs"]] == ["busy"]
    assert [job["name"] for job in overview["failures"]] == ["bad"]
    assert own("status").out.split("\t")[:3] == [str(busy), "busy", "running"]
    assert own().out.split("\t")[:3] == [str(busy), "busy", "running"]
    own.over(busy)


def test_the_first_time(empty: House) -> None:
    """A sentence, four examples, where to read more; nothing is made on disk."""
    rows = empty.screen()
    text = "\n".join(rows)
    assert "There are none yet." in text
    for words in ("jobd run -- make", "jobd submit -- make", "jobd list", "jobd history", "jobd help · man jobd"):
        assert words in text
    assert list(empty.state.iterdir()) == []


@pytest.mark.usefixtures("failed")
def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    refused = {
        ("999",): (66, "jobd: no job 999; the newest is "),
        ("nobody",): (66, "jobd: no job nobody"),
        ("bake~7",): (66, "jobd: no job bake~7"),
        ("a~b",): (65, "jobd: job: 'a~b' is not an id"),
        ("0",): (66, "jobd: no job 0"),
        ("99999999999999999999",): (65, "jobd: job: '99999999999999999999' is not an id"),
        ("--format", "{nope}", "bake"): (2, "jobd: invalid value for '--format': no field 'nope'"),
        ("--format", "{usage.nope}", "bake"): (
            2,
            "jobd: invalid value for '--format': no field 'usage.nope'. There are: cpu_percent",
        ),
        ("--json=usage.nope", "bake"): (
            2,
            "jobd: invalid value for '-j' / '--json': no field 'usage.nope'. There are: cpu_percent",
        ),
    }
    for words, (status, said) in refused.items():
        done = house("status", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert done.err.startswith(said), (words, done)


def test_without_a_daemon(own: House) -> None:
    """Cards and overview from the saved state, also of a daemon that was killed while a job ran."""
    job_id = own.running(name="on")
    own.daemon.kill()
    shown = own("status", "on")
    assert (shown.status, shown.out.split("\n")[0]) == (0, f"● on #{job_id} - sleep 600")
    assert shown.err.startswith("! daemon not running: saved state of ")
    overview = own.screen()
    assert any("no daemon · 1 running" in row for row in overview)
    assert own.json("status", "--json=state", "on") == {"state": "running"}
    assert own("status", "999").status == 66
