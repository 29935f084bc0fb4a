"""What makes no sense, or meets a broken world: one clear line, what to do next, an exit status, nothing half done.

Each row of a table is a command line, the exit status it ends with, and words that its line has.
"""

import os
import shutil
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.calling import JOBD, Done, jobd, pid_of_daemon
from tests.conftest import end_processes
from tests.living import Living
from tests.waiting import until

LONG = "x" * 5000
NOT_UTF8 = os.fsdecode(b"\xff\xfe")
LARGE = [word for name in "ABC" for word in ("--env", f"{name}={'x' * 100_000}")]
NAMES_JOBS = ("status", "list", "tail", "log", "cancel", "wait", "pause", "resume", "retry", "rm", "end")


def one_line(done: Done, status: int, *words: str) -> None:
    """Hold that it said one line and perhaps, below it, the place in what was typed and what to do next."""
    assert done.status == status, done
    lines = done.err.splitlines()
    assert 1 <= len(lines) <= 4, done
    assert lines[0].startswith("jobd: "), done
    assert all(line.startswith("  ") for line in lines[1:]), done
    assert "Traceback" not in done.err, done
    assert "Errno" not in done.err, done
    for word in words:
        assert word in done.err, done
    assert done.out == ""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """Share a daemon with one job that has failed: what is refused changes nothing, so the rows may share it."""
    state = tmp_path_factory.mktemp("state")
    state.chmod(0o700)
    with Living(state) as living:
        living.submit("sh", "-c", "echo said; exit 3", name="failed")
        living.ended(1)
        yield living
    end_processes(state)


def ask(living: Living, *words: str) -> Done:
    """Call the program for the shared daemon."""
    return jobd(*words, environ={"JOBD_DIR": str(living.state)})


REFUSED: list[tuple[list[str], int, str]] = [
    # No command, or one that cannot be started.
    (["nosuch"], 2, "no command 'nosuch'"),
    (["daemon", "nosuch"], 2, "jobd daemon --help"),
    (["help", "nosuch"], 2, "no command or topic 'nosuch'"),
    (["submit", "--"], 2, "there is no command"),
    (["run"], 2, "there is no command"),
    (["submit", "--", ""], 127, "a command needs a name"),
    (["submit", "--", "no-such-program"], 127, "not found in PATH"),
    (["run", "--", "/no/such/program"], 127, "no such file"),
    (["submit", "--", "/etc/passwd"], 126, "it is not executable (chmod +x)"),
    (["run", "--", "/etc"], 126, "it is a directory"),
    (["submit", "-w", "/no/such/place", "--", "true"], 126, "no directory /no/such/place"),
    (["run", "-w", "/etc/passwd", "--", "true"], 126, "no directory /etc/passwd"),
    (["submit", "--stdin", "/no/such/file", "--", "true"], 126, "/no/such/file cannot be read"),
    (["submit", "--stdin", "/etc", "--", "true"], 126, "its input /etc is a directory"),
    # Absurd numbers, times and sizes.
    (["submit", "-o", "9" * 30, "--", "true"], 2, "is not in the range"),
    (["submit", "-o", "high", "--", "true"], 2, "'high'"),
    (["submit", "--nice", "99", "--", "true"], 2, "is not in the range"),
    (["submit", "--grace", "9" * 20 + "d", "--", "true"], 2, "the longest duration is"),
    (["submit", "--grace", "nan", "--", "true"], 2, "'nan' is no duration"),
    (["submit", "--output-limit", "9" * 20 + "T", "--", "true"], 2, "the largest size is"),
    (["submit", "--output-limit", "-1", "--", "true"], 2, "'-1' is no size"),
    (["submit", "--signal", "NOPE", "--", "true"], 2, "'NOPE' is no signal"),
    (["list", "--limit", "-1"], 2, "is not in the range"),
    (["history", "--since", "9999-99-99"], 2, "month must be in 1..12"),
    (["history", "--until", "0001-01-01"], 2, "is no time"),
    (["events", "--since-seq", "9" * 20], 65, "jobd events --help"),
    (["log", "--attempt", "9" * 20, "1"], 65, "jobd log --help"),
    (["log", "--attempt", "99", "1"], 66, "there is no attempt 99"),
    (["begin", "outside", "--pid", "999999999"], 65, "there is no process 999999999"),
    (["end", "--exit", "300", "1"], 2, "is not in the range"),
    (["wait", "--for", "progress>=1e999", "1"], 2, "neither state=STATE nor progress>=PERCENT"),
    # Texts that are none, or are too long.
    (["submit", "--name", "123", "--", "true"], 65, "choose a name with a letter"),
    (["submit", "--name", "a\nb", "--", "true"], 65, r"'a\nb' has a character"),
    (["submit", "--name", LONG, "--", "true"], 65, "must have 1 to 200 characters"),
    (["submit", "--name", NOT_UTF8, "--", "true"], 65, r"submit: '\xff\xfe' is not UTF-8"),
    (["submit", "--request-id", LONG, "--", "true"], 65, "request_id"),
    (["submit", "--env", "HOME", "--", "true"], 2, "write HOME=VALUE, or --export HOME"),
    (["submit", "--env", "=x", "--", "true"], 2, "has no name before the ="),
    (["submit", *LARGE, "--", "true"], 65, "the most is 262144"),
    (["submit", "--", "echo", *["x" * 120_000] * 10], 65, "longer than 1048576 bytes"),
    (["cancel", "--reason", LONG, "1"], 65, "cancel: reason: must have at most 200 characters"),
    (["history", "state=nosuch"], 65, '"nosuch"'),
    (["history", "label. = x"], 65, 'a name is missing after "label."'),
    (["history", " AND ".join(["name=a"] * 1500)], 65, "history: where: must have at most 10000 characters"),
    (["history", "-@failed"], 2, "jobd history -- FILTER"),
    (["run", "ls", "-d", "/tmp"], 2, "jobd run -- COMMAND"),
    (["list", "--where", "(state=failed"], 65, "filter"),
    (["history", "--page", "forged"], 65, "page"),
    (["list", "--state", "nosuch"], 2, "'nosuch' is no state"),
    (["list", "--format", "{argv[0].__class__}"], 2, "is no field"),
    (["list", "--format", "{argv.__class__}"], 2, "no field 'argv.__class__'"),
    (["list", "--json=argv.first"], 2, "no field 'argv.first'"),
    (["list", "--json=progress.fractoin"], 2, "did you mean 'fraction'? There are: "),
    # Progress that says nothing.
    (["progress", "40%"], 2, "not inside a job"),
    (["progress", "--job", "nosuch", "40%"], 66, "no job nosuch"),
    (["progress", "--job", "1", "4/0"], 65, "the total is 0"),
    (["progress", "--job", "1", "nan%"], 65, "cannot read the progress report"),
    (["progress", "--job", "1", '{"fraction": 0.5'], 65, "cannot read the progress report"),
    (["progress", "--job", "1", '{"message": "open'], 65, "cannot read the progress report"),
    (["progress", "--job", "1", NOT_UTF8], 65, "progress"),
    (["progress", "--job", "1", "40%"], 1, "has already ended"),
    # By hand.
    (["rpc", "nosuch"], 65, "no method nosuch"),
    (["rpc", "list", "{"], 65, "jobd rpc rpc.discover"),
    (["rpc", "list", "[]"], 65, "expected object, got array"),
    (["rpc", "list", '{"nosuch":1}'], 65, "unknown field nosuch"),
    (["rpc", "submit", '{"argv":["a\\u0000b"],"cwd":"/"}'], 65, "argv[0]: must not contain a NUL byte"),
    (["rpc", "submit", '{"argv":["true"],"cwd":"/a\\u0000"}'], 65, "cwd: must not contain a NUL byte"),
    (["rpc", "submit", '{"argv":["true"],"cwd":"/","name":"\\u0000"}'], 65, "name: must not contain a NUL byte"),
    (["rpc", "submit", '{"argv":["true"],"cwd":"/","priority":NaN}'], 65, "JSON is malformed"),
    (["rpc", "submit", '{"argv":["true"],"cwd":"rel"}'], 126, "rel is not an absolute path"),
    # Files of the database.
    (["db", "backup", "/no/such/place/copy"], 74, "/no/such/place/copy: No such file or directory"),
    (["db", "backup", "/etc/passwd"], 65, "it exists already"),
    (["db", "restore", "/etc/passwd"], 69, "a daemon already serves"),
    (["daemon", "run"], 69, "a daemon already serves"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "status", "said"), REFUSED)
def test_what_makes_no_sense_is_refused(shared: Living, words: list[str], status: int, said: str) -> None:
    """One line, its status, and the daemon knows of nothing: no job, no event."""
    before = shared.call("events", limit=10_000)
    one_line(ask(shared, *words), status, said)
    assert shared.call("events", limit=10_000) == before


@pytest.mark.parametrize("verb", NAMES_JOBS)
@pytest.mark.parametrize(
    ("word", "status", "said"),
    [
        ("999", 66, "no job 999; the newest is 1"),
        ("nosuch", 66, "no job nosuch"),
        ("9" * 30, 65, "is not an id"),
        ("1-99999999999", 65, "is too much"),
        ("5-1", 65, "is an empty range"),
        ("", 65, "is not an id"),
        ("a\nb", 65, r"'a\nb' is not an id"),
        (NOT_UTF8, 65, r"'\xff\xfe' is not UTF-8"),
    ],
    ids=["missing", "name", "large", "range", "reverse", "empty", "lines", "bytes"],
)
def test_a_job_that_is_none(shared: Living, verb: str, word: str, status: int, said: str) -> None:
    """Every command that names jobs says so in the same words, with what to do next."""
    done = ask(shared, verb, word)
    one_line(done, status, said)
    assert done.err.splitlines()[1:], done


@pytest.mark.parametrize("words", [["log", "1"], ["tail", "1"], ["tail", "-f", "1"], ["status", "1"], ["events"]])
def test_a_full_disk_under_what_is_followed(shared: Living, words: list[str]) -> None:
    """Output of a job goes to the descriptor by the shortest way; a failure of it is told as any other's."""
    with Path("/dev/full").open("wb") as full:
        done = jobd(*words, environ={"JOBD_DIR": str(shared.state)}, stdout=full)
    one_line(done, 74, "cannot write output: No space left on device")


# What stands where the state directory should be, or around it.


@pytest.mark.parametrize(
    "words", [["list"], ["submit", "--", "true"], ["run", "--", "true"], ["log", "1"], ["daemon", "run"]]
)
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("file", "it is not a directory"),
        ("link", "it is a symbolic link"),
        ("loose", "its mode 0755 lets others in (chmod 700"),
        ("foreign", "it belongs to user 65534"),
        ("bytes", r"its name is not UTF-8"),
        ("long", "File name too long"),
    ],
)
def test_a_state_directory_that_cannot_be_used(tmp_path: Path, words: list[str], kind: str, said: str) -> None:
    """It is refused by every command, and nothing is written into it: no record, no log."""
    state = tmp_path / "state"
    if kind == "file":
        state.touch()
    elif kind == "link":
        state.symlink_to(tmp_path)
    elif kind == "loose":
        state.mkdir(0o755)
        state.chmod(0o755)
    elif kind == "foreign":
        if os.geteuid() != 0:
            pytest.skip("only root can give a directory away")
        state.mkdir(0o700)
        os.chown(state, 65534, 65534)
    else:
        state = tmp_path / (NOT_UTF8 if kind == "bytes" else "x" * 300)
    before = sorted(tmp_path.rglob("*"))
    status = 125 if words[0] == "run" else 69
    one_line(jobd(*words, environ={"JOBD_DIR": str(state)}), status, "the state directory", said, "Set JOBD_DIR")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_long_path_to_the_state_works(state_dir: Path) -> None:
    """A socket's address holds some 100 bytes; the state directory may be farther away than that."""
    far = state_dir / ("x" * 140) / "state"
    environ = {"JOBD_DIR": str(far)}
    done = jobd("run", "--", "sh", "-c", 'echo "3/10 here" >&$JOBD_FD; echo said', environ=environ)
    assert (done.status, done.out) == (0, "said\n"), done
    assert jobd("list", "--format", "{id} {progress.fraction}", environ=environ).out == "1 0.3\n"
    assert jobd("daemon", "stop", environ=environ).status == 0


def test_what_is_made_on_the_side_is_private(state_dir: Path) -> None:
    """A command that runs without a daemon makes the state directory as the daemon wants it."""
    state = state_dir / "state"
    environ = {"JOBD_DIR": str(state)}
    assert jobd("run", "--", "true", environ={**environ, "JOBD_AUTOSTART": "0"}, umask=0).status == 0
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert jobd("submit", "--wait", "--", "true", environ=environ).status == 0


def test_a_log_of_a_bug_is_made_privately(state_dir: Path) -> None:
    """Where a bug is the first thing that happens, its log makes the state directory as the daemon wants it."""
    state = state_dir / "state"
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from jobd import cli, commands\n"
        "commands.find_command = lambda name: 1 // 0\n"
        "sys.exit(cli.main(['list']))"
    )
    root = str(Path(JOBD[-1]).parent.parent)
    environ = {**os.environ, "JOBD_DIR": str(state)}
    done = subprocess.run([*JOBD[:-1], "-c", program, root], env=environ, umask=0, capture_output=True, check=False)
    assert done.returncode == 70, done
    assert b"ZeroDivisionError" in done.stderr
    assert str(state / "log" / "client.log").encode() in done.stderr
    assert [stat.S_IMODE(path.stat().st_mode) for path in (state, state / "log")] == [0o700, 0o700]


# What stands where the database should be.


@pytest.fixture
def stopped(state_dir: Path) -> Path:
    """Leave a state directory with one job and without a daemon."""
    assert jobd("run", "--quiet", "--", "true").status == 0
    assert jobd("daemon", "stop").status == 0
    return state_dir


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["status", "1"],
        ["history"],
        ["log", "1"],
        ["events"],
        ["submit", "--", "true"],
        ["cancel", "1"],
        ["daemon", "run"],
    ],
)
def test_a_newer_database_is_left_alone(stopped: Path, words: list[str]) -> None:
    """Neither read, since it would be misread, nor written."""
    with closing(sqlite3.connect(stopped / "jobd.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    one_line(jobd(*words), 69, "the database was written by a newer jobd (schema 99")
    with closing(sqlite3.connect(stopped / "jobd.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_the_doctor_knows_a_newer_database(stopped: Path) -> None:
    """Whoever is sent to the doctor finds the reason there."""
    with closing(sqlite3.connect(stopped / "jobd.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    done = jobd("doctor")
    assert done.status == 1
    assert "written by a newer jobd" in done.out
    assert "jobd db restore" in done.out


@pytest.mark.parametrize("words", [["list"], ["submit", "--", "true"]])
def test_a_database_that_is_a_directory(state_dir: Path, words: list[str]) -> None:
    """It is no database and stays where it is."""
    (state_dir / "jobd.db").mkdir()
    one_line(jobd(*words), 69, f"the database {state_dir / 'jobd.db'} cannot be used", "jobd doctor")
    assert (state_dir / "jobd.db").is_dir()


def test_garbage_for_a_database(stopped: Path) -> None:
    """Reading commands say so; the next daemon puts it aside and gives no id twice."""
    (stopped / "jobd.db").write_bytes(b"garbage" * 100)
    one_line(jobd("list"), 69, "file is not a database", "jobd db restore")
    assert jobd("submit", "--print-id", "--", "true").out == "2\n"
    assert [path.read_bytes()[:7] for path in stopped.glob("corrupt-*/jobd.db")] == [b"garbage"]


# What else can come to a daemon.


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"{broken\n", "BAD_JSON"),
        (b"\xff\xfe\n", "BAD_JSON"),
        (b'{"id":1,"method":"list"}x\n', "BAD_JSON"),
        (b"[" * 100_000 + b"\n", "BAD_REQUEST"),
        (b'{"id":1,"method":"list","params":' + b'{"a":' * 20_000 + b"}" * 20_001 + b"\n", "BAD_JSON"),
        (b"[]\n", "BAD_REQUEST"),
        (b'{"id":1,"method":5}\n', "BAD_REQUEST"),
        (b"x" * (1 << 20) + b"xx", "LINE_TOO_LONG"),
    ],
    ids=["broken", "bytes", "garbage", "brackets", "deep", "batch", "type", "long"],
)
def test_a_line_that_is_no_request(shared: Living, sent: bytes, reason: str) -> None:
    """It is answered with an error that says where to read on, and others are served as before."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(shared.state / "jobd.sock"))
        sock.sendall(sent)
        answer = sock.makefile("rb").readline()
    assert f'"reason":"{reason}"'.encode() in answer
    assert b'"hint":"' in answer
    assert shared.job(1)["state"] == "failed"


def test_a_client_that_is_killed(state_dir: Path) -> None:
    """Whoever waits for a job may die: the job and the daemon go on, and nothing of the client is left."""
    assert jobd("daemon", "start").status == 0
    client = subprocess.Popen(
        [*JOBD, "run", "--", "sh", "-c", "until [ -e go ]; do sleep 0.05; done; exit 4"],
        cwd=state_dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: jobd("list", "--format", "{state}").out == "running\n", what="the job runs")
    client.kill()
    client.wait()
    (state_dir / "go").touch()
    assert jobd("wait", "1", "--quiet").status == 4
    assert pid_of_daemon(state_dir) > 0


@pytest.mark.skipif(not shutil.which("man"), reason="there is no man here")
@pytest.mark.parametrize("words", [["submit"], ["protocol"], ["states"], ["jobd.toml"]])
@pytest.mark.parametrize("columns", ["1", "38", "40"])
def test_a_manual_on_a_narrow_terminal(words: list[str], columns: str) -> None:
    """The page ends, however narrow the terminal: groff does not where the head of a page does not fit."""
    done = jobd("help", *words, environ={"COLUMNS": columns, "MANPAGER": "cat", "PAGER": "cat"})
    assert (done.status, done.err) == (0, ""), done
    assert done.out.strip()
