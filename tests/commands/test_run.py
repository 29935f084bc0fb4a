"""jobd run: a command in the foreground, with a record and its exit status, whatever becomes of the daemon."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.calling import JOBD
from tests.commands.running import Gate, House, read_until
from tests.source import PACKAGE
from tests.waiting import until

NO_DAEMON = {"JOBD_AUTOSTART": "0"}
#: How a daemon that cannot be started is had: a state directory whose database is one of a later jobd, for instance.
BARE = {"PATH": "/usr/bin:/bin"}
STATUSES = {
    "exit 0": 0,
    "exit 1": 1,
    "exit 3": 3,
    "exit 125": 125,
    "exit 255": 255,
    "kill -TERM $$": 143,
    "kill -KILL $$": 137,
    "kill -SEGV $$": 139,
    "kill -34 $$": 162,
}


@pytest.mark.parametrize("script", STATUSES)
def test_the_exit_status_is_passed_through(house: House, script: str) -> None:
    """Exit codes as they are, 128 + N for signal N, with the daemon and without one."""
    assert house("run", "--", "sh", "-c", script).status == STATUSES[script]
    alone = house("run", "--", "sh", "-c", script, environ={"JOBD_DIR": f"{house.state}/alone", **NO_DAEMON})
    assert alone.status == STATUSES[script]


def test_output_goes_to_a_pipe_as_it_is(house: House) -> None:
    """Every byte and nothing else; no remark on standard error; the job is in the record."""
    script = r"printf 'a\000b\377\033[31mred'; echo oops >&2"
    assert house.raw("run", "-J", "bytes", "--", "sh", "-c", script) == b"a\0b\xff\x1b[31mredoops\n"
    job = house.json("status", "--json", "bytes")
    assert (job["state"], job["exit_code"], job["argv"]) == ("completed", 0, ["sh", "-c", script])


def test_on_a_terminal_progress_at_the_bottom_and_how_it_ended(house: House, gate: Gate) -> None:
    """Output above, a line with bar and message below; at the end how it ended and what can be done."""
    script = f"echo one; echo 1/2 first half >&$JOBD_FD; {gate.wait()}; echo two; exit 4"
    with house.on_terminal("run", "-J", "show", "--", "sh", "-c", script) as session:
        session.until("50%")
        session.until("one")
        assert session.rows[0] == "one"
        assert session.rows[1].startswith("▶ show #")
        assert "██████████░" in session.rows[1]
        gate.open()
        assert session.end() == 4
        assert session.rows[:2] == ["one", "two"]
        assert session.rows[2].startswith("✖ show #")
        assert "failed, exit 4" in session.rows[2]
        assert session.rows[3].startswith("jobd retry ")
        assert len(session.rows) == 4


def test_what_is_not_harmless_is_shown_as_text(house: House) -> None:
    """On a terminal a job cannot move the cursor or set the title, unless --raw says so."""
    with house.on_terminal("run", "--", "printf", r"\033]0;title\007\033[2J!") as session:
        assert session.end() == 0
        assert "\x1b]0;" not in session.text
        assert session.rows[0] == "^[]0;title^G^[[2J!"
    with house.on_terminal("run", "--raw", "--", "printf", r"\033]0;title\007") as session:
        assert session.end() == 0
        assert "\x1b]0;title\x07" in session.text


def test_quiet_ok(house: House) -> None:
    """Nothing at all when it succeeds; when it fails the whole output and a summary; the status is kept."""
    good = house("run", "--quiet-ok", "--", "sh", "-c", "echo much; echo more >&2")
    assert (good.status, good.out, good.err) == (0, "", "")
    bad = house("run", "--quiet-ok", "-J", "backup", "--", "sh", "-c", "seq 2000; echo disk full >&2; exit 9")
    assert bad.status == 9
    assert bad.out.split("\n")[:2] == ["1", "2"]
    assert bad.out.endswith("2000\ndisk full\n")
    assert bad.err.startswith("! ✖ backup #")
    assert ", exit 9" in bad.err
    with house.on_terminal("run", "--quiet-ok", "--", "sh", "-c", "echo hm; exit 1") as session:
        assert session.end() == 1
        assert session.rows[0] == "hm"
        assert session.rows[1].startswith("! ✖ sh #")
        assert "^[" not in session.text


def test_as_json(house: House) -> None:
    """Lines of JSON: the output in pieces, and the job as it changes, at last its end; only the fields asked for."""
    told = house.lines("run", "--json=state,exit_code", "--", "sh", "-c", "echo hi; exit 2")
    assert told[-1] == {"type": "job", "state": "failed", "exit_code": 2}
    assert "".join(item["data"] for item in told if item["type"] == "output") == "hi\n"
    assert house("run", "-q", "--", "echo", "hi").out == "hi\n"


def test_timestamps(house: House) -> None:
    """The time stands before each line."""
    lines = house("run", "--timestamps", "--", "printf", "a\nb").out.splitlines()
    assert [line[8:] for line in lines] == [" a", " b"]
    assert all(line[2] == line[5] == ":" for line in lines)


def test_the_surroundings_are_those_of_the_caller(house: House, tmp_path: Path) -> None:
    """Directory, environment, umask and limits, byte by byte; nothing of jobd but what is documented."""
    weird = os.fsencode(tmp_path) + b"/no\xffutf8\n dir"
    os.mkdir(weird)
    code = (
        "import os, resource, sys; um = os.umask(0); sys.stdout.write(ascii((os.getcwdb(), sys.argv[1:], "
        "os.environb.get(b'ODD'), oct(um), resource.getrlimit(resource.RLIMIT_CORE)[0])))"
    )
    command = [*JOBD, "run", "--", sys.executable, "-S", "-c", code, b"\xe9\xff", "", "a b", "-x", "'\"$`\n"]
    environ = {**os.environb, b"ODD": b"\x80 =\n", **{os.fsencode(k): os.fsencode(v) for k, v in house.environ.items()}}
    settings = 'umask 027; ulimit -c 0; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", settings, "sh", *command], cwd=weird, env=environ, capture_output=True, check=False
    )
    assert done.stderr == b""
    said = done.stdout.decode()
    assert said == ascii((weird, ["\udce9\udcff", "", "a b", "-x", "'\"$`\n"], b"\x80 =\n", "0o27", 0))


def test_bad_input(house: House, tmp_path: Path) -> None:
    """Each ends with a line that says what is wrong, and with its status; nothing runs."""
    (tmp_path / "data").write_text("no program")
    (tmp_path / "broken").write_text("#!/no/such/interpreter\n")
    (tmp_path / "broken").chmod(0o755)
    before = house("list", "-qa").out
    refused = {
        (): (2, "there is no command; write it last"),
        ("--",): (2, "there is no command; write it last"),
        ("--", "no-such-command-anywhere"): (127, "cannot start no-such-command-anywhere: not found in PATH"),
        ("--", "/no/such/file"): (127, "cannot start /no/such/file: no such file"),
        ("--", f"{tmp_path}/data"): (126, "it is not executable"),
        ("--", f"{tmp_path}"): (126, "it is a directory"),
        ("-w", "/no/such/dir", "--", "true"): (126, "no directory /no/such/dir"),
        ("--stdin", "/no/such/file", "--", "true"): (126, "its input /no/such/file cannot be read"),
        ("--stdin", "/dev/stdin", "--", "true"): (125, "/dev/stdin cannot be handed on to a job"),
        ("--stdin", "-", "--", "true"): (125, "write it to a file first"),
        ("--name", "7", "--", "true"): (125, "name: '7' would be taken for an id"),
        ("--name", "a~b", "--", "true"): (125, "has a character that names cannot have"),
        ("--nice", "99", "--", "true"): (2, "invalid value for '--nice'"),
        ("--priority", "9" * 40, "--", "true"): (2, "invalid value for '-o'"),
        ("--grace", "soon", "--", "true"): (2, "invalid value for '--grace'"),
        ("--grace", "9" * 400 + "d", "--", "true"): (2, "invalid value for '--grace'"),
        ("--output-limit", "-5", "--", "true"): (2, "invalid value for '--output-limit'"),
        ("--env", "=x", "--", "true"): (2, "has no name before the ="),
        ("--signal", "99", "--", "true"): (2, "is no signal"),
    }
    for words, (status, said) in refused.items():
        for environ in ({}, {"JOBD_DIR": f"{house.state}/alone", **NO_DAEMON}):
            done = house("run", *words, environ=environ)
            assert done.status == status, (words, done)
            assert said in done.err, (words, done)
            assert done.out == ""
    assert house("run", "--", f"{tmp_path}/broken").status == 127
    assert house("list", "-qa").out.split()[1:] == before.split()


def test_an_interrupt_cancels_and_a_second_one_kills(house: House) -> None:
    """Ctrl-C asks the job to end and waits for that; once more kills it; the status is that of the job."""
    polite = "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done"
    with house.started("run", "--", "sh", "-c", polite) as process:
        assert read_until(process.stdout, lambda said: b"up\n" in said) == b"up\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out.splitlines()[-1], err) == (7, b"bye", b"")
    stubborn = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    with house.on_terminal("run", "-J", "stubborn", "--", "sh", "-c", stubborn) as session:
        session.until("up")
        session.interrupt()
        session.until("canceling")
        session.interrupt()
        assert session.end() == 137
        assert "canceled: interrupted" in session.rows[-2]
    assert house.json("status", "--json", "stubborn")["state"] == "canceled"


def test_a_termination_cancels_too(house: House) -> None:
    """timeout(1) and service managers send TERM: the job ends with the command that was told to."""
    with house.started("run", "-J", "timed", "--", "sleep", "600") as process:
        until(lambda: house.json("list", "--json", "-s", "running", "--name", "timed"), what="the job runs")
        process.terminate()
        assert process.wait(30) == 143
    assert house.json("status", "--json", "timed")["state"] == "canceled"


def test_a_killed_client_leaves_the_job_running(house: House) -> None:
    """A kill -9 of the client is no wish of anybody to end the job."""
    with house.started("run", "-J", "left", "--", "sleep", "600") as process:
        until(lambda: house.json("list", "--json", "-s", "running", "--name", "left"), what="the job runs")
        process.kill()
    [job] = house.json("list", "--json", "-s", "running", "--name", "left")
    os.kill(job["pid"], 0)
    house.over(job["id"])


def test_nobody_reads_or_nothing_can_be_written(house: House) -> None:
    """The job goes on, the status says why the command ended: 141, or 74 on a full disk."""
    with house.started("run", "-J", "unread", "--", "sh", "-c", "echo up; exec sleep 600") as process:
        assert read_until(process.stdout, lambda said: b"up\n" in said) == b"up\n"
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr is not None
        assert b"unread #" in process.stderr.read()
    [job] = house.json("list", "--json", "-s", "running", "--name", "unread")
    house.over(job["id"])
    with open("/dev/full", "wb") as full:
        done = house("run", "--", "echo", "hi", stdout=full)
    assert done.status == 74
    assert "jobd: cannot write output: No space left on device" in done.err


# ---- without a daemon


def test_without_a_daemon_the_command_runs_and_the_next_one_takes_it_in(empty: House) -> None:
    """Output, status and report are kept and imported; the terminal says what is going on."""
    script = "echo half >&2; echo 1/2 x >&$JOBD_FD; exit 5"
    done = empty("run", "-J", "alone", "--env", "A=b", "--", "sh", "-c", script, environ=NO_DAEMON)
    assert (done.status, done.out) == (5, "half\n")
    assert done.err.startswith("! no daemon is running for ")
    assert "its record is taken in later" in done.err
    empty.daemon.start()
    [job] = empty.json("list", "--json", "--all")
    assert (job["name"], job["state"], job["exit_code"], job["progress"]["done"]) == ("alone", "failed", 5, 1)
    assert empty.raw("log", "alone") == b"half\n"
    assert list((empty.state / "run").iterdir()) == []


def test_what_a_job_says_without_a_daemon(empty: House) -> None:
    """It is heard as with one: reports, items, and what is told to a service manager; all of it is taken in later."""
    connect = 'import os, socket; s = socket.socket(1, 2); s.connect(os.environ["NOTIFY_SOCKET"])'
    notify = f"{sys.executable} -c '{connect}; s.send(b\"STATUS=3/4 told\")'"
    script = f"echo item a failed >&$JOBD_FD; {notify}; until [ -e {empty.state}/go ]; do sleep 0.02; done"
    words = ("--beat-every", "1h", "-g", "night", "-o", "5", "--tag", "a=b")
    with empty.on_terminal("run", "-J", "alone", *words, "--", "sh", "-c", script, environ=NO_DAEMON) as session:
        session.until("told ")
        (empty.state / "go").touch()
        assert session.end() == 0
    empty.daemon.start()
    [job] = empty.json("list", "--json", "--all")
    progress = job["progress"]
    assert (progress["done"], progress["message"], progress["items"]["failed"]) == (3, "told", 1)
    assert (job["group"], job["priority"], job["labels"]) == ("night", 5, {"a": "b"})
    assert job["heartbeat"] == {"beat_every": 3600.0, "stale_after": 14400.0}


def test_promises_without_a_daemon(empty: House) -> None:
    """The client keeps them: a silent job is noted, or ended; what it declares counts. What does not hold is said."""
    silent = ("--stale-after", "300ms", "--grace", "5s")
    with empty.on_terminal("run", *silent, "--", "sleep", "600", environ=NO_DAEMON) as session:
        session.until("stale since")
        session.interrupt()
        assert session.end() == 143
    canceled = empty(
        *("run", "--json", *silent, "--on-stale", "cancel", "--", "sh", "-c", "echo up; sleep 600 & wait"),
        environ=NO_DAEMON,
    )
    told = [json.loads(line) for line in canceled.out.splitlines()]
    assert (canceled.status, told[-1]["state"], told[-1]["reason"]) == (143, "canceled", "stale")
    script = "echo rate_limited 600 >&$JOBD_FD; sleep 4; exit 3"
    done = empty(
        *("run", "--stale-after", "3s", "--on-stale", "retry", "--retries", "2"),
        *("--parent", "last", "--output-limit", "1M", "--", "sh", "-c", script), environ=NO_DAEMON,
    )  # fmt: skip
    assert done.status == 3
    assert done.err.splitlines()[0].endswith("; --retries, --parent, --output-limit cannot be kept without it")
    bad = empty("run", "--stale-after", "1s", "--beat-every", "2s", "--", "true", environ=NO_DAEMON)
    assert (bad.status, bad.out) == (125, "")
    empty.daemon.start()
    jobs = empty.json("list", "--json", "--all")
    assert {job["state"] for job in jobs} == {"failed"}
    assert [job["retries"] for job in jobs] == [None] * 3


def test_quiet_ok_without_a_daemon(empty: House) -> None:
    """A cron job says nothing of a daemon that is not there if all went well, and everything if not."""
    good = empty("run", "--quiet-ok", "--", "echo", "much", environ=NO_DAEMON)
    assert (good.status, good.out) == (0, "")
    bad = empty("run", "--quiet-ok", "-J", "b", "--", "sh", "-c", "echo why; exit 2", environ=NO_DAEMON)
    assert (bad.status, bad.out) == (2, "why\n")
    assert "! ✖ b failed, exit 2" in bad.err


def test_a_broken_daemon_keeps_no_command_from_running(empty: House) -> None:
    """The database is that of a newer jobd: no daemon starts, the command runs all the same."""
    from sqlite3 import connect

    with connect(empty.state / "jobd.db") as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    empty.state.chmod(0o700)
    done = empty("run", "--", "sh", "-c", "echo ran; exit 6")
    assert (done.status, done.out) == (6, "ran\n")
    assert "newer jobd" in done.err


def test_interrupts_without_a_daemon(empty: House) -> None:
    """The same as with one: the first asks the whole tree, the second kills it, and nothing is left."""
    script = "trap 'echo no' TERM; echo up; (trap '' TERM; exec sleep 601) & while :; do sleep 0.05; done"
    with empty.started("run", "--", "sh", "-c", script, environ=NO_DAEMON) as process:
        assert read_until(process.stdout, lambda said: b"up\n" in said) == b"up\n"
        process.send_signal(signal.SIGINT)
        assert b"no\n" in read_until(process.stdout, lambda said: b"no\n" in said)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 137
    with empty.started("run", "--grace", "0.2s", "--", "sh", "-c", script, environ=NO_DAEMON) as process:
        assert read_until(process.stdout, lambda said: b"up\n" in said) == b"up\n"
        process.terminate()
        assert process.wait(30) == 137
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "601"]]


def test_no_state_directory_can_be_had(empty: House, tmp_path: Path) -> None:
    """A clear line and 125; the command did not run."""
    (tmp_path / "file").write_text("")
    for state in (f"{tmp_path}/file", f"{tmp_path}/file/below", "/proc/jobd"):
        done = empty("run", "--", "touch", f"{tmp_path}/ran", environ={"JOBD_DIR": state})
        assert done.status == 125, done
        assert done.err.count("\n") <= 2
        assert done.err.startswith(f"jobd: the state directory {state}")
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    done = empty("run", "--", "touch", f"{tmp_path}/ran", environ={"JOBD_DIR": str(open_to_all)})
    assert (done.status, done.out) == (125, "")
    assert "lets others in" in done.err
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_state_directory(empty: House) -> None:
    """As above."""
    empty.state.chmod(0o500)
    assert empty("run", "--", "true").status == 125


def test_as_cron_does(empty: House, tmp_path: Path) -> None:
    """Next to nothing in the environment: no HOME, no locale; the daemon is started, the job runs in silence."""
    jobd = [sys.executable, str(PACKAGE / "__main__.py")]
    environ = {**BARE, "JOBD_DIR": str(empty.state)}
    command = [*jobd, "run", "--quiet-ok", "-J", "cron", "--", "sh", "-c", "env; true"]
    done = subprocess.run(command, env=environ, cwd="/", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    said = empty.raw("log", "cron")
    names = {line.partition(b"=")[0].decode() for line in said.splitlines()}
    known = {"PATH", "PWD", "SHLVL", "_", "OLDPWD", "NOTIFY_SOCKET"}
    assert {name for name in names if not name.startswith("JOBD_")} <= known
    home = {**BARE, "HOME": str(tmp_path)}
    done = subprocess.run(
        [*jobd, "run", "--", "echo", "hi"], env={**home, **NO_DAEMON}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"hi\n")
    assert (tmp_path / ".local/state/jobd/run").is_dir()


# ---- a daemon that dies meanwhile


def test_it_goes_on_when_the_daemon_dies(own: House, gate: Gate) -> None:
    """Killed in the middle: the client has another one started, shows the rest, and ends with the exact status."""
    script = f"echo one; {gate.wait()}; echo two; exit 8"
    with own.started("run", "--", "sh", "-c", script) as process:
        assert read_until(process.stdout, lambda said: b"one\n" in said) == b"one\n"
        own.daemon.kill()
        gate.open()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (8, b"two\n", b"")
    assert own.json("status", "--json", "sh")["exit_code"] == 8


def test_it_goes_on_when_the_daemon_stays_dead(own: House, gate: Gate) -> None:
    """No daemon may be started: the job's own files tell how it ended, and the next daemon records the same."""
    with own.started("run", "--", "sh", "-c", f"echo one; {gate.wait()}; exit 8", environ=NO_DAEMON) as process:
        assert read_until(process.stdout, lambda said: b"one\n" in said) == b"one\n"
        own.daemon.kill()
        gate.open()
        assert process.communicate(timeout=60)[0] == b""
    assert process.returncode == 8
    own.daemon.start()
    assert own.daemon.ended(1)["exit_code"] == 8


def test_a_job_taken_by_a_daemon_that_died_runs_once(own: House) -> None:
    """The daemon dies after it has committed the job and before it answers: the command is not run here as well."""
    own.daemon.stop()
    ran = own.state / "ran"
    own.daemon.start({**own.environ, "JOBD_CRASH": "submitted:1"})
    done = own("run", "--", "sh", "-c", f"echo x >> {ran}", environ=NO_DAEMON)
    assert own.daemon.dead()
    assert done.status == 125
    assert "no daemon is there to start job 1" in done.err
    own.daemon.start()
    assert own.daemon.ended(1)["exit_code"] == 0
    assert ran.read_text() == "x\n"


def test_options_reach_the_record(house: House) -> None:
    """Name, group, priority, labels, niceness, split output, input from a file; `--label` is a name, too."""
    script = "cat; nice; echo err >&2"
    words = ["--name", "full", "-g", "night", "-o", "5", "--tag", "a=b", "--tag", "c", "--nice", "3", "--split"]
    given = house.state / "given"
    given.write_text("input\n")
    done = house("run", *words, "--stdin", str(given), "--env", "X=1", "--export=NONE", "--", "sh", "-c", script)
    assert done.status == 0
    assert sorted(done.out.splitlines()) == ["3", "input"]
    job = house.json("status", "--json", "full")
    assert (job["group"], job["priority"], job["labels"]) == ("night", 5, {"a": "b", "c": ""})
    assert sorted(job["output"]["files"]) == ["stderr", "stdout"]
    assert house("run", "--label", "other", "--", "true").status == 0
    assert json.loads(house("status", "-j", "other").out)["state"] == "completed"
    bare = house.raw("run", "--export=NONE", "--env", "X=1", "--", "env").decode()
    names = {line.partition("=")[0] for line in bare.splitlines()}
    assert names <= {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "X", "NOTIFY_SOCKET"} | {
        n for n in names if n[:5] == "JOBD_"
    }


def test_stdout_and_stderr_apart(house: House) -> None:
    """What a job keeps apart goes where it would have gone without jobd, byte for byte."""
    script = "printf 'a\\0b'; echo err >&2; printf c"
    apart = house("run", "--split", "--", "sh", "-c", script)
    assert (apart.status, apart.out, apart.err) == (0, "a\0bc", "err\n")
    assert house("run", "--split", "--timestamps", "--", "sh", "-c", "echo x").out.endswith(" stdout | x\n")


def test_lost_output_is_no_success(house: House, gate: Gate) -> None:
    """If more than the limit was written before anybody read, the status says that not all came."""
    script = f"head -c 30000000 /dev/zero; {gate.wait()}"
    with house.started("run", "--name", "lossy", "--output-limit", "1M", "--", "sh", "-c", script) as process:
        job_id = house.named("lossy")
        until(lambda: house.daemon.job(job_id)["warned"], what="its output is over the limit")
        gate.open()
        assert process.stdout is not None
        assert len(process.stdout.read()) < 30_000_000
        assert process.wait(30) == 74


def test_what_cannot_start_says_why_in_a_pipe(house: House, tmp_path: Path) -> None:
    """The status alone would leave whoever reads the mail of cron without a word."""
    script = tmp_path / "script"
    script.write_text("#!/nonexistent/interpreter\n")
    script.chmod(0o755)
    done = house("run", "--", str(script))
    assert (done.status, done.out) == (127, "")
    assert "No such file or directory" in done.err


def test_settings_that_make_no_sense(own: House, tmp_path: Path) -> None:
    """The command runs all the same, and it is said what is wrong with them."""
    settings = tmp_path / "jobd"
    settings.mkdir()
    (settings / "config.toml").write_text("[jobs]\nslots = 0\n")
    for stop in (False, True):
        if stop:
            own.daemon.stop()
        done = own("run", "--", "echo", "done", environ={"XDG_CONFIG_HOME": str(tmp_path)})
        assert (done.status, done.out) == (0, "done\n"), done
        assert "jobs.slots" in done.err or "slots" in done.err
        assert own("run", "--", "echo", "-h", environ={"XDG_CONFIG_HOME": str(tmp_path)}).out == "-h\n"
        assert own("run", "-h", environ={"XDG_CONFIG_HOME": str(tmp_path)}).status == 0
