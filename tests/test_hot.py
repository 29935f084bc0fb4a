"""What a script calls in a loop: it takes just what the rules take, loads nothing, leaves the rest to the program."""

import json
import os
import posix
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd import hot
from jobd.config import state_directory
from jobd.core.errors import BadProgress, OutputFailed
from jobd.core.work import items, progress
from jobd.core.work import report as report_lines
from jobd.hot import asking
from tests.calling import JOBD, Done, jobd
from tests.client.serving import Line, Serving
from tests.living import Living


def accepted(line: bytes) -> bool:
    """Ask the rules."""
    try:
        progress.parse(line)
    except BadProgress:
        return False
    return True


PIECES = st.sampled_from(
    [*"0123456789", "٣", "²", *"%/. -+e_\t", "\u3000", "\x1c", "\x85", "\0", "a", "é", "100", "9" * 15]
)
WORDS = st.sampled_from(["stage", "message", "beat", "1/2", "40%", " ", "\n", "x"])
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from([0, 1, 1e15, 0.5])
)
FIELDS = st.tuples(st.sampled_from([*hot.NUMBERS, *hot.TEXTS, "restart", "x"]), VALUES)
SCRAPS = [*'{}":,', "1", "1.0", "-1", "01", "1.", "1e400", "1e3", "NaN", "null", "[", "]", " ", "\x01", "\x7f", "é"]
NAMES = ['"done":', '"total":', '"message":', '"a"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u00e9"', '"\\/"']


@given(st.lists(PIECES | WORDS, max_size=12).map("".join), st.binary(max_size=2))
def test_lines_are_taken_as_by_the_rules(text: str, rest: bytes) -> None:
    """Whatever is written by hand, both say the same."""
    assert hot.acceptable(text.encode() + rest) == accepted(text.encode() + rest)


@given(st.lists(FIELDS, max_size=4), st.sampled_from(["", " ", "\n", "\x0b", "x", "}"]), st.booleans())
def test_objects_are_taken_as_by_the_rules(fields: list[tuple[str, Any]], rest: str, ascii_only: bool) -> None:  # noqa: FBT001
    """Any fields with any values, also the same field twice."""
    members = ",".join(f"{json.dumps(key)}:{json.dumps(value, ensure_ascii=ascii_only)}" for key, value in fields)
    line = f"{{{members}}}{rest}".encode("utf-8", "surrogatepass")
    assert hot.acceptable(line) == accepted(line)


@given(st.lists(st.sampled_from(SCRAPS + NAMES), max_size=9).map("".join))
def test_broken_objects_are_refused_as_by_the_rules(text: str) -> None:
    """What is almost JSON is no report for either."""
    assert hot.acceptable(f"{{{text}}}".encode()) == accepted(f"{{{text}}}".encode())


EDGES = [
    *(
        b"item",
        b"item a",
        b"item a done",
        b"item a failed  no codec",
        b"item a 40% half",
        b"item a 4/3",
        b"item a 3/4x",
        b'item "a b" done',
        b'item "a 40%"  3/4 half',
        b'item "a b"',
        b'item "a b"done',
        b'item "a b done',
        b'item "a \\"\\\\" 40%',
        b'item "a\\qb" done',
        b'item "a\\nb" done',
        b'item "\\ud800" done',
        b'item "" done',
        b'item "' + b"k" * 201 + b'" done',
        b'item "k',
    ),
    *(b"item " + b"k" * 200 + b" done", b"item " + b"k" * 201 + b" done", b"item a completed\0", b"item  a  pending"),
    *(b"note x", b"note"),
    *(b"", b" ", b"beat", b"beat ", b"beat x", b"stage", b"stage  x ", b"message x", b"100%", b"100.5%", b"1000%"),
    *(b"40 %", b"40  %", b"4%x", b"3/10", b"3 / 10 x", b"11/10", b"0/0", b"3/0.0", b"3.5/10", b"3./10", b"\xff40%"),
    *(b'{"message":"\\ud800"}', b'{"done":true}', b'{"done":"5"}', b'{"total":1000000000000000.1}', b'{"x":1}', b"{}"),
    *(
        b'{"done":5,"total":3}',
        b'{"message":"%b"}' % (b"a" * 1001),
        b'{"unit":"%b"}' % (b"a" * 100),
        b"{" + b"[" * 4000,
    ),
    *(
        b"40% \0",
        b"40%\0",
        b"3/10 x\0",
        b"stage \0",
        b"message " + b"x" * 1000 + b"\0",
        b'{"stage":"\\u0000"}',
        b'{"x":"\\u0000"}',
    ),
    *(
        b'{"restart":true}',
        b'{"restart":null}',
        b'{"restart":1}',
        "stage \u3000".encode(),
        "stage\u3000x".encode(),
        b"stage",
    ),
    *("40%\u3000".encode(), "40%\u3000x".encode(), "beat\u3000".encode(), b"\x1c40%", b" {} ", b"\x0b{}", b"\x1c{}"),
    *(b"message " + b"x" * (hot.LONGEST_LINE - 8), b"message " + b"x" * (hot.LONGEST_LINE - 7), b'{"done":NaN}'),
]


@pytest.mark.parametrize("line", EDGES, ids=lambda line: repr(line[:30]))
def test_edges_are_taken_as_by_the_rules(line: bytes) -> None:
    """Each limit, and each side of it."""
    assert hot.acceptable(line) == accepted(line)


def test_the_limits_are_those_of_the_rules() -> None:
    """Numbers that are said twice are the same."""
    assert OutputFailed.exit_status == hot.BROKEN_OFF
    limits = hot.LONGEST_LINE, hot.LONGEST_TEXT, hot.LONGEST_KEY
    assert limits == (report_lines.LONGEST_LINE, report_lines.LONGEST_TEXT, items.LONGEST_KEY)
    assert set(hot.ITEM_STATES) == {*items.ItemState, *items.SPELLINGS}


SAID = {
    ("progress", "3/10"): "3/10",
    ("progress", "3/10", "b.png", "of 10"): "3/10 b.png of 10",
    ("progress", '{"done": 3}'): '{"done": 3}',
    ("stage", "encode", "again"): "stage encode again",
    ("message", "half\nway"): "message half way",
    ("note", "é"): "message é",
    ("item", "a.png", "failed", "no", "codec"): "item a.png failed no codec",
    ("item", "a b.png", "40%"): 'item "a b.png" 40%',
    ("item", "reel failed", "done", "so"): 'item "reel failed" done so',
    ("item", 'a "b" \\', "3/10"): 'item "a \\"b\\" \\\\" 3/10',
    ("item", "{a}", "completed"): 'item "{a}" completed',
    ("item", "a completed"): "item a completed",
    ("beat",): "beat",
}


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be inside a job: a report file, and its name in the environment."""
    path = tmp_path / "report"
    path.write_text("")
    monkeypatch.setitem(posix.environ, b"JOBD_REPORT", os.fsencode(path))
    monkeypatch.setenv("JOBD_REPORT", str(path))
    yield path
    monkeypatch.delitem(posix.environ, b"JOBD_FD", raising=False)


@pytest.mark.parametrize("words", SAID, ids=lambda words: words[-1])
def test_a_report_is_one_line(report: Path, words: tuple[str, ...]) -> None:
    """The words become one line at the end of the report file."""
    assert hot.run(["progress", "1%"]) == 0
    assert hot.run(list(words)) == 0
    assert report.read_text() == f"1%\n{SAID[words]}\n"


KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9) | st.lists(
    st.sampled_from(["a", " ", '"', "\\", "{", "}", "3/10", "40%", "failed", "\n", "\t", "\x85", "é"]), max_size=6
).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(KEYS, st.sampled_from(["completed", "done", "cancelled", "failed no codec", "40%", "3/10 frames"]))
def test_a_key_in_one_word_stays_as_it_is(report: Path, key: str, said: str) -> None:
    """Whatever is in it, and whatever follows: it is taken, or left to the program, and never another key."""
    report.write_text("")
    status = hot.run(["item", key, *said.split()])
    lines = report.read_bytes().splitlines()
    assert status == (0 if lines else None)
    unusual = not key or key.startswith("-") or not key.isprintable()
    wanted = msgspec.structs.replace(report_lines.parse(f"item k {said}".encode()), item=key)
    assert [report_lines.parse(line) for line in lines] in ([wanted], [] if unusual else [wanted])


@pytest.mark.parametrize(
    "words",
    [
        "progress",
        "progress --help",
        "progress -h",
        "progress x",
        "progress 11/10",
        "progress 3/10 --json",
        "stage",
        "beat x",
    ],
)
def test_the_unusual_is_left_to_the_program(report: Path, words: str) -> None:
    """Help, options, slips: nothing is written, and the program is asked."""
    assert hot.run(words.split()) is None
    assert report.read_text() == ""


def test_outside_of_a_job_the_program_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No report file, or one that has gone with its job: the program knows what to say."""
    assert hot.run(["progress", "3/10"]) is None
    monkeypatch.setitem(posix.environ, b"JOBD_REPORT", os.fsencode(tmp_path / "gone"))
    assert hot.run(["progress", "3/10"]) is None
    assert not (tmp_path / "gone").exists()


def test_the_inherited_descriptor_is_used(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the job still has the descriptor open it is written to, by a single call."""
    descriptor = os.open(report, os.O_WRONLY | os.O_APPEND)
    monkeypatch.setitem(posix.environ, b"JOBD_FD", str(descriptor).encode())
    written: list[tuple[int, bytes]] = []

    def note(descriptor: int, data: bytes) -> int:
        written.append((descriptor, data))
        return len(data)

    monkeypatch.setattr(posix, "write", note)
    assert hot.run(["progress", "3/10", "x"]) == 0
    os.close(descriptor)
    assert written == [(descriptor, b"3/10 x\n")]


@pytest.mark.parametrize("what", ["another file", "closed", "no number"])
def test_a_reused_descriptor_is_left_alone(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A program that closed the descriptor and opened something else there finds no report in it."""
    other = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    number = {"another file": str(other), "closed": "999", "no number": "x"}[what]
    monkeypatch.setitem(posix.environ, b"JOBD_FD", number.encode())
    assert hot.run(["progress", "3/10"]) == 0
    os.close(other)
    assert (report.read_text(), (tmp_path / "other").read_text()) == ("3/10\n", "")


def test_bytes_pass_as_they_are(report: Path) -> None:
    """A message that is not UTF-8 is written as it was given."""
    done = subprocess.run([*JOBD, "message", b"caf\xe9"], check=False)
    assert done.returncode == 0
    assert report.read_bytes() == b"message caf\xe9\n"


def piped(report: str, text: str) -> Done:
    """Run `jobd item --stdin` with a text in its standard input, in a job whose report file is that."""
    words = [*JOBD, "item", "--stdin"]
    environ = {**os.environ, "JOBD_REPORT": report}
    done = subprocess.run(words, input=text, env=environ, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def test_many_lines_at_once(report: Path) -> None:
    """Each becomes a report, the last one without its newline, too; an object stays as it is, an empty line is none."""
    assert (done := piped(str(report), 'a done\n\n {"item":"b"}\nc 40%')).status == 0, done
    assert report.read_text() == 'item a done\n {"item":"b"}\nitem c 40%\n'
    assert piped(str(report), "").status == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk")
def test_a_disk_that_is_full_is_told_with_what_was_taken_in() -> None:
    """What was read cannot be read again, so nobody else can be asked: it ends with a line."""
    done = piped("/dev/full", "a done\nb done\n")
    said = "jobd: item --stdin: No space left on device; no lines before that were taken in\n"
    assert (done.status, done.out, done.err) == (74, "", said)


PLACES = [
    {"JOBD_DIR": "/srv/jobd"},
    {"JOBD_DIR": "there"},
    {"JOBD_DIR": "/srv/jobd", "XDG_STATE_HOME": "/var/state"},
    {"XDG_STATE_HOME": "/var/state", "HOME": "/home/ann"},
    {"XDG_STATE_HOME": "relative", "HOME": "/home/ann"},
    {"HOME": "/home/ann"},
    {"JOBD_DIR": "", "XDG_STATE_HOME": "", "HOME": "/home/ann"},
]


@pytest.mark.parametrize("environ", PLACES, ids=str)
def test_the_socket_is_where_the_program_looks(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both find the same socket, by the same variables."""
    if sys.platform == "darwin" and "JOBD_DIR" not in environ:
        pytest.skip("the program is asked there")
    for name in ("JOBD_DIR", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delitem(posix.environ, name.encode(), raising=False)
    for name, value in environ.items():
        monkeypatch.setitem(posix.environ, name.encode(), value.encode())
    assert asking.socket_path() == os.path.join(state_directory(environ), "jobd.sock")


@pytest.mark.skipif(sys.platform != "linux", reason="the rules of other systems are left to platformdirs")
def test_the_socket_is_where_platformdirs_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without JOBD_DIR the state directory is the usual one of the system."""
    platformdirs = pytest.importorskip("platformdirs")
    for chosen in ("", str(tmp_path)):
        monkeypatch.setenv("XDG_STATE_HOME", chosen)
        monkeypatch.setitem(posix.environ, b"XDG_STATE_HOME", chosen.encode())
        monkeypatch.setitem(posix.environ, b"HOME", os.fsencode(Path.home()))
        assert asking.socket_path() == os.path.join(platformdirs.user_state_path("jobd"), "jobd.sock")


@pytest.mark.parametrize("environ", [{}, {"HOME": "relative"}, {"JOBD_DIR": "/" + "d" * 120}], ids=str)
def test_a_place_that_takes_thought_is_left_to_the_program(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No home, or a path that is no address."""
    for name in ("JOBD_DIR", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delitem(posix.environ, name.encode(), raising=False)
    for name, value in environ.items():
        monkeypatch.setitem(posix.environ, name.encode(), value.encode())
    assert asking.socket_path() is None


@pytest.fixture
def state(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a state directory that the hot path in this process knows, too."""
    monkeypatch.setitem(posix.environ, b"JOBD_DIR", os.fsencode(state_dir))
    return state_dir


def test_a_request_is_repeated_with_its_id(state: Path) -> None:
    """A daemon that restarts in the middle gets the same request again, and can tell."""
    heard: list[dict[str, Any]] = []

    def refuse(line: Line) -> None:
        heard.append(line.hear())

    def answer(line: Line) -> None:
        heard.append(line.answer({"fraction": 0.3}))

    with Serving(state, refuse, refuse, answer):
        assert hot.run(["progress", "--job", "7", "3/10", "\udcff"]) == 0
    assert heard[0] == heard[1] == heard[2]
    said = heard[0]["params"]
    assert (heard[0]["method"], said["job"], said["line"], len(said["request_id"])) == (
        "progress",
        "7",
        "3/10 \\xff",
        32,
    )


def test_an_error_is_left_to_the_program(state: Path) -> None:
    """What the daemon refuses is said by the program, as it says everything."""
    with Serving(state, lambda line: line.refuse("JOB_NOT_FOUND")):
        assert hot.run(["progress", "--job=7", "3/10"]) is None


def test_rubbish_is_left_to_the_program(state: Path) -> None:
    """Whatever else listens there, nothing is believed."""

    def rubbish(line: Line) -> None:
        line.hear()
        line.say(b"rubbish\n")

    with Serving(state, rubbish):
        assert hot.run(["progress", "--job=7", "3/10"]) is None


def test_silence_is_left_to_the_program(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that does not answer in time is told of by the program; a TAB key gets nothing."""
    monkeypatch.setattr(asking, "PATIENCE", 0.1)
    with Serving(state, Line.hear_to_the_end, Line.hear_to_the_end):
        assert hot.run(["progress", "--job=7", "3/10"]) is None
        assert hot.run(["__complete", "ids"]) == 0


def test_nobody_is_there(state: Path) -> None:
    """Without a daemon the program is asked, which starts one; a TAB key gets nothing, at once."""
    assert hot.run(["progress", "--job", "7", "3/10"]) is None
    done = jobd("__complete", "ids")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert list(state.iterdir()) == []


def test_words_for_the_tab_key(state: Path) -> None:
    """Each word with its description, one a line."""
    heard: list[dict[str, Any]] = []
    with Serving(state, lambda line: heard.append(line.answer(["7\tencode running", "é\tx"]))):
        done = jobd("__complete", "ids", "7")
    assert (done.status, done.out, done.err) == (0, "7\tencode running\né\tx\n", "")
    assert heard[0]["method"] == "completion.words"
    assert heard[0]["params"] == {"kind": "ids", "prefix": "7"}


def test_a_real_daemon_is_told(state: Path) -> None:
    """The answer comes when the report is durable; help, errors and their statuses are those of the program."""
    with Living(state) as living:
        job = living.submit("sleep", "60")["id"]
        assert jobd("progress", "--job", str(job), "3/10", "a b").status == 0
        shown = living.job(job)["progress"]
        assert (shown["done"], shown["total"], shown["message"]) == (3, 10, "a b")
        assert jobd("stage", "--job", str(job), "encode").status == 0
        assert living.job(job)["progress"]["stage"] == "encode"
        assert jobd("__complete", "ids").out.startswith(f"{job}\tsleep ")
        assert jobd("__complete", "names", "sl").out.startswith(f"sleep\t{job} ")
        assert jobd("__complete", "ids", "x").out == ""
        assert (lost := jobd("progress", "--job", "99", "3/10")).status == 66
        assert "no job 99" in lost.err
        assert (bad := jobd("progress", "--job", str(job), "x")).status == 65
        assert "progress report 'x'" in bad.err
        assert jobd("progress", "--help").out.startswith("Usage: jobd progress")


def test_inside_a_real_job(state: Path) -> None:
    """A job reports by the program as by its descriptor, and each report counts once."""
    call = '"$0" -P "$1"'
    script = f'{call} progress 1/3 one && {call} stage two && echo "2/3" >&$JOBD_FD && {call} beat; env > {state}/env'
    with Living(state) as living:
        job = living.ended(living.submit("sh", "-c", script, JOBD[0], JOBD[2])["id"])
    assert (job["state"], job["progress"]["reports"], job["progress"]["stage"]) == ("completed", 4, "two")
    assert f"JOBD_JOB_ID={job['id']}" in (state / "env").read_text()


ALLOWED = {"jobd", "jobd.hot", "jobd.hot.asking", "jobd.__main__", "_json", "_socket", "_signal", "gc"}


@pytest.mark.parametrize("words", [["progress", "3/10"], ["progress", "--job", "7", "3/10"], ["__complete", "ids"]])
@pytest.mark.usefixtures("report")
def test_nothing_is_loaded(state: Path, words: list[str]) -> None:
    """Only what the interpreter has anyway, and a few C modules."""
    look = (
        "import sys, os; before = set(sys.modules); os._exit = lambda status: None;"
        f"sys.argv = ['jobd', *{words!r}]; from jobd.__main__ import main; main();"
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    with Serving(state, lambda line: line.answer([])):
        done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
        if words == ["progress", "3/10"]:
            jobd("__complete", "ids")
    assert set(done.stderr.split()) <= ALLOWED


def test_it_does_without_the_private_modules(state: Path) -> None:
    """On a Python that has no `_json` the program does the same, more slowly."""
    run = "import sys; sys.modules['_json'] = None; from jobd.__main__ import main; main()"
    with Living(state) as living:
        job = living.submit("sleep", "60")["id"]
        words = [sys.executable, "-c", run, "progress", "--job", str(job), "3/10"]
        assert subprocess.run(words, check=False).returncode == 0
        assert living.job(job)["progress"]["done"] == 3
