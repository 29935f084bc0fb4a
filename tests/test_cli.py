"""The program as the shell sees it: the right command, the right exit status, one clear line, and never a traceback."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from jobd import __version__, cli, commands
from jobd.cli import ALIASES, spell_out
from jobd.core.errors import FilterInvalid, JobNotFound, every
from jobd.wire import Failure, failure
from tests.calling import JOBD, Done, jobd, on_terminal
from tests.living import Living
from tests.waiting import until

FULL = Path("/dev/full")


def one_error(done: Done, status: int, *words: str) -> None:
    """Hold that there is one clear line and perhaps what to do, the right status, and nothing on standard output."""
    assert done.status == status, done
    assert done.err.startswith("jobd: "), done
    assert len(done.err.splitlines()) <= 2, done
    assert "Traceback" not in done.err + done.out
    for word in words:
        assert word in done.err, done
    assert done.out == ""


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[BaseException], None]]:
    """Let every command fail in a way that nobody foresaw."""

    def put(error: BaseException) -> None:
        @click.command("list")
        def command() -> None:
            raise error

        monkeypatch.setattr(commands, "find_command", lambda _: command)

    handler = signal.getsignal(signal.SIGINT)
    yield put
    signal.signal(signal.SIGINT, handler)


def test_the_version() -> None:
    """It says its name and version."""
    done = jobd("--version")
    assert (done.status, done.out, done.err) == (0, f"jobd {__version__}\n", "")


def test_help_names_every_command_under_a_heading() -> None:
    """All commands, each with a sentence; the hidden options of all commands are told here."""
    done = jobd("--help")
    assert done.status == 0
    for heading in ("Examples:", "Jobs:", "From inside a job:", "History:", "Daemon and program:", "Options:"):
        assert f"{heading}\n" in done.out
    for name in commands.names():
        assert f"\n  {name} " in done.out
    assert "--no-start" in done.out


@pytest.mark.parametrize("name", commands.names())
def test_every_command_has_help(name: str) -> None:
    """Usage first, then a sentence, then examples, then options; 40 columns are enough."""
    done = jobd(name, "--help", environ={"COLUMNS": "40"})
    assert done.status == 0, done
    assert done.out.startswith(f"Usage: jobd {name} ")
    assert done.out.index("Examples:") < done.out.index("Options:") if "Options:" in done.out else True
    assert f"jobd {name}" in done.out.partition("Examples:")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lst"], "no command 'lst'; did you mean 'list'?"),
        (["xyzzy"], "no command 'xyzzy'"),
        (["list", "--jsn"], "--json"),
        (["list", "--limit", "x"], "--limit"),
        (["--colour"], "--color"),
        (["submit"], "there is no command"),
        (["submit", "--"], "there is no command"),
        (["daemon", "sttus"], "sttus"),
        (["list", "--json=idd"], "did you mean 'id'?"),
        (["list", "--format", "{idd}"], "did you mean 'id'?"),
        (["list", "--format", "{"], "'{'"),
        (["list", "--state", "runing"], "did you mean 'running'?"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(state_dir: Path, words: list[str], said: str) -> None:
    """One line says what is wrong, with what was probably meant; the next where help is; nothing is started."""
    done = jobd(*words)
    one_error(done, 2, said, "--help")
    assert list(state_dir.iterdir()) == []


@pytest.mark.parametrize("name", ["daemon", "completion", "config", "db"])
def test_a_noun_alone_shows_its_help(name: str) -> None:
    """Whoever types only the noun wants to know what there is."""
    done = jobd(name)
    assert (done.status, done.err) == (0, "")
    assert done.out == jobd(name, "--help").out


@pytest.mark.parametrize("name", ["ls", "ps", "add", "kill", "logs", "cat", "follow", "restart", "show"])
def test_other_words_are_known(name: str) -> None:
    """Fingers that learned another program find the command; the help shows its own name."""
    done = jobd(name, "--help")
    assert (done.status, done.out.split()[2]) == (0, cli.ALIASES[name])


def test_aliases_of_commands_that_are_not_there_are_no_commands() -> None:
    """Only what exists is offered."""
    assert set(ALIASES.values()) <= set(commands.names())


def test_without_words_it_is_the_overview(state_dir: Path) -> None:
    """`jobd`, with any options, shows how things stand."""
    assert jobd().status == jobd("status").status == 0
    assert jobd("--json").out == jobd("status", "--json").out != ""
    assert jobd("--color", "never", "--ascii").status == 0
    assert not (state_dir / "jobd.db").exists()


def test_options_of_all_commands_may_stand_anywhere(state_dir: Path) -> None:
    """Before the command or after it."""
    for words in (["--no-start", "submit", "--", "true"], ["submit", "--no-start", "--", "true"]):
        one_error(jobd(*words), 69, "no daemon is running", "jobd daemon start")
    assert list(state_dir.iterdir()) == []


def test_autostart_can_be_switched_off(state_dir: Path) -> None:
    """JOBD_AUTOSTART=0 does as --no-start."""
    one_error(jobd("submit", "--", "true", environ={"JOBD_AUTOSTART": "0"}), 69, "no daemon is running")
    assert list(state_dir.iterdir()) == []


ONE = click.Command("one", params=[click.Argument(["words"], nargs=-1), click.Option(["-n", "--number"])])
ONE.params += [click.Option(["-j", "--json"], is_flag=False, flag_value="all"), click.Option(["-q"], is_flag=True)]
GROUP = click.Group("group", commands={"one": ONE})
SHORT = click.Command("run", params=list(ONE.params), context_settings={"allow_interspersed_args": False})


@pytest.mark.parametrize(
    ("command", "given", "meant"),
    [
        (ONE, "--json 5", "--json=all 5"),
        (ONE, "5 --json", "5 --json=all"),
        (ONE, "--json=id 5", "--json=id 5"),
        (ONE, "-j 5", "-jall 5"),
        (ONE, "-qj 5", "-qjall 5"),
        (ONE, "-jid 5", "-jid 5"),
        (ONE, "-n -j 5", "-n -j 5"),
        (ONE, "--number --json 5", "--number --json 5"),
        (ONE, "-nj 5", "-nj 5"),
        (ONE, "-- --json 5", "-- --json 5"),
        (ONE, "- --json", "- --json=all"),
        (ONE, "--number", "--number"),
        (GROUP, "one --json 5", "one --json=all 5"),
        (GROUP, "two --json 5", "two --json 5"),
        (SHORT, "-j cmd --json 5", "-jall cmd --json 5"),
    ],
)
def test_values_that_are_left_out_are_written_out(command: click.Command, given: str, meant: str) -> None:
    """`--json` never takes the next word, and the words of a job's command are never touched."""
    assert spell_out(command, given.split()) == meant.split()


def test_formats(state_dir: Path) -> None:
    """JSON, some fields, a template, ids, tabs: all of the same jobs; the fields can be listed."""
    with Living(state_dir) as living:
        living.submit("true", name="one")
        living.submit("true", name="two")
        living.ended(1)
        living.ended(2)
        assert jobd("list", "--json=id,name").out == '[{"id":2,"name":"two"},{"id":1,"name":"one"}]\n'
        assert jobd("list", "-j", "1").out.startswith('[{"id":1,"name":"one"')
        assert jobd("list", "--format", "{id}: {name} {{{exit_code}}}").out == "2: two {0}\n1: one {0}\n"
        assert jobd("list", "-q").out == "2\n1\n"
        assert jobd("list", environ={"JOBD_OUTPUT": "json"}).out.startswith("[{")
        assert jobd("list", "-q", environ={"JOBD_OUTPUT": "json"}).out == "2\n1\n"
        assert [line.count("\t") > 3 for line in jobd("list", "--plain").out.splitlines()] == [True, True]
    assert {"id", "name", "state"} <= set(jobd("list", "--json=?").out.split())


def test_reading_without_a_daemon(state_dir: Path) -> None:
    """The saved state is shown with its time on standard error, the exit status is 0; with --json only the data."""
    done = jobd("list")
    assert (done.status, done.out) == (0, "")
    assert done.err == "! daemon not running: nothing is saved yet (start it: jobd daemon start)\n"
    with Living(state_dir) as living:
        living.submit("true", name="one")
        living.ended(1)
        living.stop()
    done = jobd("list", "--format", "{name}")
    assert (done.status, done.out) == (0, "one\n")
    assert "saved state of " in done.err
    assert jobd("list", "--json").err == jobd("list", "-q").err == ""
    one_error(jobd("status", "99", "--json"), 66, "no job 99; the newest is 1")


def test_every_error_is_one_line(capsys: pytest.CaptureFixture[str], bug: Callable[[BaseException], None]) -> None:
    """Whatever jobd can refuse, it ends with the exit status of its class."""
    for kind in every():
        bug(kind())
        assert cli.main(["list"]) == kind.exit_status
        assert capsys.readouterr().err.startswith("jobd: ")


def test_an_error_in_a_text_shows_the_place(
    capsys: pytest.CaptureFixture[str], bug: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was typed stands below the line, with carets, also if the daemon found the error."""
    error = FilterInvalid(problem='no field "stat"', text="a AND stat = x", start=6, end=10, advice="man 7 jobd-filter")
    heard = msgspec.json.decode(msgspec.json.encode(failure(error)), type=Failure).revive()
    for columns, shown in (("80", "a AND stat = x"), ("14", "a AND stat ~")):
        bug(heard)
        monkeypatch.setenv("COLUMNS", columns)
        assert cli.main(["list", "--ascii"]) == 65
        below = f"  {shown}\n        ^^^^\n  man 7 jobd-filter\n"
        assert capsys.readouterr().err == f'jobd: filter: no field "stat"\n{below}'


def test_a_bug_is_one_line_and_a_log(
    state_dir: Path, capsys: pytest.CaptureFixture[str], bug: Callable[[BaseException], None]
) -> None:
    """The traceback goes to a file that only its owner reads, and the line names the file."""
    bug(ZeroDivisionError("two\nlines"))
    assert cli.main(["list", "--ascii"]) == 70
    said = capsys.readouterr()
    log = state_dir / "log" / "client.log"
    one_error(Done(70, said.out, said.err), 70, "ZeroDivisionError: two lines", str(log))
    assert "Traceback" in log.read_text()
    assert "'--ascii'" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_bug_where_no_log_can_be_written(
    state_dir: Path, capsys: pytest.CaptureFixture[str], bug: Callable[[BaseException], None]
) -> None:
    """Then the line says so."""
    (state_dir / "log").write_text("")
    bug(RecursionError())
    assert cli.main(["list"]) == 70
    said = capsys.readouterr()
    one_error(Done(70, said.out, said.err), 70, "RecursionError", "not written to", "client.log")


ENDINGS: list[tuple[BaseException, int]] = [
    (KeyboardInterrupt(), 130),
    (click.Abort(), 130),
    (BrokenPipeError(), 141),
    (SystemExit(7), 7),
    (click.exceptions.Exit(3), 3),
]


@pytest.mark.parametrize(("error", "status"), ENDINGS, ids=lambda value: type(value).__name__)
def test_some_ends_are_silent(
    error: BaseException, status: int, capsys: pytest.CaptureFixture[str], bug: Callable[[BaseException], None]
) -> None:
    """Ctrl-C, a reader that has gone, an exit status: nobody needs to be told."""
    bug(error)
    assert cli.main(["list"]) == status
    assert capsys.readouterr() == ("", "")


def test_details_of_the_daemon_are_told(
    capsys: pytest.CaptureFixture[str], bug: Callable[[BaseException], None]
) -> None:
    """An error says what, and below it what to do next."""
    bug(JobNotFound(job=9, newest=4))
    cli.main(["list"])
    assert capsys.readouterr().err == "jobd: no job 9; the newest is 4\n  jobd list --all · jobd history --since 7d\n"


EVERYWHERE = [["list"], ["status"], ["--help"], ["history"], ["doctor"], ["config", "show"], ["help", "states"]]


@pytest.mark.parametrize("words", EVERYWHERE, ids=" ".join)
@pytest.mark.parametrize(
    "environ",
    [
        {"env": {"PATH": "/usr/bin:/bin"}},
        {"environ": {"LANG": "C", "LC_ALL": "C"}},
        {"environ": {"LANG": "de_DE.ISO-8859-1", "PYTHONIOENCODING": "latin-1"}},
        {"environ": {"COLUMNS": "40", "TERM": "dumb"}},
        {"environ": {"NO_COLOR": "1", "COLUMNS": "x", "TERM": ""}},
    ],
    ids=["env -i", "C", "latin-1", "40 columns", "nonsense"],
)
def test_any_environment_will_do(state_dir: Path, words: list[str], environ: dict[str, Any]) -> None:
    """Cron, old locales, narrow screens: no traceback, and a sensible status."""
    settings = {**environ}
    if "env" in settings:
        settings["env"] = {**settings["env"], "JOBD_DIR": str(state_dir)}
    done = jobd(*words, **settings)
    assert done.status == 0, done
    assert "Traceback" not in done.out + done.err


@pytest.mark.usefixtures("state_dir")
@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["list", "--json"], ["config", "show"], ["--version"]], ids=" ".join)
def test_a_full_disk_under_standard_output(words: list[str]) -> None:
    """One line, and the status that says that the output was lost."""
    with FULL.open("wb") as full:
        done = jobd(*words, stdout=full)
    one_error(done, 74, "cannot write output: No space left on device")


@pytest.mark.usefixtures("state_dir")
@pytest.mark.parametrize("words", [["--help"], ["list", "--json"], ["--version"]], ids=" ".join)
def test_closed_standard_output(words: list[str]) -> None:
    """`>&-`: what was asked for cannot arrive, which is an error; nothing else becomes standard output."""
    done = jobd(*words, stdout=None, preexec_fn=lambda: os.close(1))
    one_error(done, 74, "cannot write output: Bad file descriptor")


@pytest.mark.parametrize("closed", [(0,), (0, 2), (2,), (0, 1, 2)], ids=str)
def test_closed_standard_streams(state_dir: Path, closed: tuple[int, ...]) -> None:
    """Whatever is closed, a job is submitted, and neither the socket nor the database becomes a standard stream."""
    with Living(state_dir) as living:
        streams: dict[str, Any] = {"stdin": None, "stdout": None if 1 in closed else subprocess.PIPE}
        streams["stderr"] = None if 2 in closed else subprocess.PIPE

        def close() -> None:
            for descriptor in closed:
                os.close(descriptor)

        done = jobd("submit", "--", "true", preexec_fn=close, **streams)
        assert done.status == (74 if 1 in closed else 0), done
        assert living.ended(1)["state"] == "completed"


@pytest.mark.usefixtures("state_dir")
def test_a_reader_that_goes_away() -> None:
    """`jobd … | head -1` ends silently, as programs do that are ended by SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    done = jobd("--help", stdout=writing)
    os.close(writing)
    assert (done.status, done.err) == (141, "")


def _obey_modes() -> None:
    """Give up what lets root write everywhere, from the next exec on (prctl(2): PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(24, 1)


@pytest.fixture
def poor(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Give the settings of a process that may write nothing in its home."""
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    environ = {"HOME": str(home), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""}
    yield {"environ": environ, "preexec_fn": _obey_modes}
    home.chmod(0o755)


def test_a_read_only_home(poor: dict[str, Any], tmp_path: Path) -> None:
    """Reading works without a state directory; what needs one says in one line what is wrong and what to set."""
    done = jobd("list", **poor)
    assert (done.status, done.out) == (0, "")
    one_error(jobd("submit", "--", "true", **poor), 69, "the state directory", "Permission denied", "Set JOBD_DIR")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_home_that_is_none(tmp_path: Path) -> None:
    """The same where the way there leads through a file."""
    (tmp_path / "file").write_text("")
    environ = {"JOBD_DIR": str(tmp_path / "file" / "state")}
    assert jobd("list", environ=environ).status == 0
    one_error(jobd("submit", "--", "true", environ=environ), 69, "Not a directory", "Set JOBD_DIR")


def test_a_directory_that_others_can_write(state_dir: Path) -> None:
    """It is refused with the command that mends it, by reading commands, too."""
    state_dir.chmod(0o770)
    for words in (["list"], ["submit", "--", "true"]):
        one_error(jobd(*words), 69, f"chmod 700 {state_dir}")
    state_dir.chmod(0o700)


def test_a_current_directory_that_is_gone(state_dir: Path, tmp_path: Path) -> None:
    """What needs no directory works; a job cannot be submitted from there, in one line."""
    gone = tmp_path / "gone"

    def lose() -> None:
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    assert jobd("list", preexec_fn=lose).status == 0
    one_error(jobd("submit", "--", "true", preexec_fn=lose), 65, "does not exist any more")
    assert list(state_dir.iterdir()) == []


SETTINGS = {
    "unknown key": ("[jobs]\nslotz = 3\n", "did you mean", ":2"),
    "wrong type": ("[jobs]\nslots = 'x'\n", "slots", ":2"),
    "not TOML": ("[jobs\n", "not TOML", ":1"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_cannot_be_read(state_dir: Path, tmp_path: Path, case: str) -> None:
    """Every command says where and what, but for those that help to mend them."""
    text, *said = SETTINGS[case]
    (tmp_path / "jobd").mkdir()
    (tmp_path / "jobd" / "config.toml").write_text(text)
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    for words in (["list"], [], ["submit", "--", "true"], ["config", "check"]):
        one_error(jobd(*words, environ=environ), 78, *said)
    for words in (["help"], ["config", "path"], ["list", "--help"], ["--version"]):
        assert jobd(*words, environ=environ).status == 0
    assert jobd("doctor", environ=environ).status == 1
    assert list(state_dir.iterdir()) == []


def test_interrupted_while_it_waits(state_dir: Path) -> None:
    """Ctrl-C ends a command silently with 130; the job runs on."""
    with Living(state_dir) as living:
        job = living.submit("sleep", "60")["id"]
        until(lambda: living.job(job)["pid"])
        process = subprocess.Popen([*JOBD, "wait", str(job)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(lambda: _has_socket(process.pid), what="the client waits")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (130, b"", b"")
        assert living.job(job)["state"] == "running"


def _has_socket(pid: int) -> bool:
    """Whether a process has a socket open: it has connected."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(os.readlink(entry))
    return any(link.startswith("socket:") for link in links)


@pytest.mark.usefixtures("state_dir")
@pytest.mark.parametrize("delay", [0.0, 0.01, 0.02, 0.04, 0.08, 0.16])
def test_interrupted_at_any_moment(delay: float) -> None:
    """From its first line on an interrupt is silent: no traceback of a half-loaded program."""
    run = (
        "import sys, signal; sys.argv = ['jobd', 'list']; from jobd.__main__ import main;"
        "signal.signal(signal.SIGINT, signal.SIG_DFL); print(flush=True); main()"
    )
    process = subprocess.Popen([sys.executable, "-c", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(1)
    with suppress(subprocess.TimeoutExpired):
        process.wait(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert b"Traceback" not in err


def test_an_ignored_interrupt_stays_ignored(state_dir: Path) -> None:
    """What is started with SIGINT ignored, as `nohup` and `&` in scripts do, is not ended by it."""
    with Living(state_dir) as living:
        job = living.submit("sleep", "60")["id"]
        until(lambda: living.job(job)["pid"])
        ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *JOBD]
        process = subprocess.Popen([*ignoring, "wait", str(job)])
        until(lambda: _has_socket(process.pid), what="the client waits")
        process.send_signal(signal.SIGINT)
        living.call("cancel", jobs=[str(job)])
        assert process.wait(20) not in (130, -signal.SIGINT)


@pytest.mark.usefixtures("state_dir")
def test_the_terminal_gets_colors_and_hints() -> None:
    """On a terminal an error is colored; NO_COLOR and --color=never take that away."""
    assert "\x1b[" in on_terminal("status", "99").out
    assert "\x1b[" not in on_terminal("status", "99", environ={"NO_COLOR": "1"}).out
    assert "\x1b[" not in on_terminal("status", "99", "--color", "never").out


HEAVY = {
    "asyncio",
    "watchfiles",
    "psutil",
    "sqlite3",
    "rich",
    "logging",
    "subprocess",
    "socket",
    "selectors",
    "tomllib",
}


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["status"],
        ["history"],
        ["submit", "--", "true"],
        ["daemon", "status"],
        ["cancel", "1"],
        ["wait", "1"],
        ["events"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded(state_dir: Path, words: list[str]) -> None:
    """A command that has a daemon to ask loads neither the daemon nor anything slow."""
    look = (
        "import sys, os; end = os._exit;"
        "os._exit = lambda status: (print(*sorted(sys.modules), file=sys.stderr), end(status));"
        f"sys.argv = ['jobd', *{words!r}]; from jobd.__main__ import main; main()"
    )
    with Living(state_dir) as living:
        living.submit("true")
        living.ended(1)
        done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    modules = set(done.stderr.splitlines()[-1].split())
    assert "jobd.client" in modules
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
    assert [name for name in modules if name.startswith(("jobd.daemon", "jobd.server", "jobd.manual"))] == []
