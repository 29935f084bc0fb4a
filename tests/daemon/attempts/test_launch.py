"""What a job finds when it starts: exactly what its specification says, and nothing of the shim's."""

import errno
import os
import resource
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis.strategies import binary, lists

from tests.daemon.shims import NOBODY, PATH, Zygote, descriptors, executed, text
from tests.waiting import until


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Give a zygote for all tests here, and at their end kill what it has started."""
    with Zygote(tmp_path_factory.mktemp("zygote")) as zygote:
        yield zygote


def script(path: Path, content: str, mode: int = 0o755) -> Path:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


def test_argv_is_exact(zygote: Zygote) -> None:
    """Empty words, spaces, and bytes that are not UTF-8 arrive as they were given."""
    words = [b"", b"two words", b"\xff\xfe\x80", "ünï".encode(), b"-n", b"\n"]
    job = zygote.run("sh", "-c", r'for word; do printf "%s\0" "$word"; done', "sh", *words)
    assert job.output() == b"".join(word + b"\0" for word in words)


@settings(max_examples=25)
@given(words=lists(binary(max_size=20).map(lambda word: word.replace(b"\0", b"")), max_size=5))
def test_any_bytes_are_exact(zygote: Zygote, words: list[bytes]) -> None:
    """Whatever the words and values are made of, the job reads them as they were given."""
    variables = [PATH.encode(), *(b"V%d=%s" % pair for pair in enumerate(words))]
    job = zygote.run("sh", "-c", r'printf "%s\0" "$@"; env -0', "sh", *words, env=variables)
    found = job.output().split(b"\0")
    assert found[: len(words)] == words
    assert set(variables) <= set(found[max(len(words), 1) :])


def test_the_environment_is_exact(zygote: Zygote) -> None:
    """The job has the variables it was given, in their order, and no others."""
    variables = [b"B=2", b"A=", b"EQUAL==x=", b"RAW=\xff\xfe", b"LINES=one\ntwo", b"JOBD_JOB=12", PATH.encode()]
    job = zygote.run("/usr/bin/env", "-0", env=variables)
    assert job.output() == b"".join(variable + b"\0" for variable in variables)


def test_the_directory_is_that_of_the_specification(zygote: Zygote, tmp_path: Path) -> None:
    """Also if its name is not UTF-8."""
    place = os.fsencode(tmp_path) + b"/pl\xe4ce"
    os.mkdir(place)
    assert zygote.run("pwd", "-P", cwd=text(place)).output() == place + b"\n"


@pytest.mark.parametrize(("given", "found"), [(0o27, b"0027\n"), (0o777, b"0777\n"), (0, b"0000\n")])
def test_umask(zygote: Zygote, given: int, found: bytes) -> None:
    """The mask is the job's, and the contract's files stay private whatever it is."""
    job = zygote.run("sh", "-c", "umask", umask=given)
    assert job.output() == found
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in job.path.iterdir() if file.name != "spec.json"}
    assert modes == {**dict.fromkeys(("lock", "claim", "exit", "report", "output"), 0o600), "notify": 0o700}


def test_no_umask_is_the_inherited_one(tmp_path: Path) -> None:
    """A specification without a mask leaves the one that the zygote was started with."""
    with Zygote(tmp_path, umask=0o35) as zygote:
        assert zygote.run("sh", "-c", "umask", umask=None).output() == b"0035\n"


def test_input_comes_from_the_file(zygote: Zygote, tmp_path: Path) -> None:
    """A file that is named is read from its start."""
    (tmp_path / "in").write_bytes(b"\x00\xffbytes")
    assert zygote.run("cat", stdin=str(tmp_path / "in")).output() == b"\x00\xffbytes"


def test_without_a_file_there_is_no_input(zygote: Zygote) -> None:
    """Reading ends at once, and nothing can be written there."""
    job = zygote.run("sh", "-c", "cat; readlink /proc/$$/fd/0; grep flags: /proc/$$/fdinfo/0")
    target, _, flags = job.output().split()
    assert (target, int(flags, 8) & os.O_ACCMODE) == (b"/dev/null", os.O_RDONLY)


def test_output_is_one_file(zygote: Zygote) -> None:
    """Both streams go to one file, each write behind the last."""
    job = zygote.run("sh", "-c", "echo out; echo err >&2; echo out")
    assert job.output() == b"out\nerr\nout\n"
    assert not (job.path / "stdout").exists()


def test_output_is_split(zygote: Zygote) -> None:
    """Asked for, each stream has a file of its own."""
    job = zygote.run("sh", "-c", "echo out; echo err >&2", split=True)
    assert (job.output("stdout"), job.output("stderr")) == (b"out\n", b"err\n")
    assert not (job.path / "output").exists()


def test_files_are_appended_to(zygote: Zygote) -> None:
    """What is there already is never overwritten: a second writer and a truncation by the reader are harmless."""
    job = zygote.attempt("sh", "-c", "echo new; echo report >&8")
    (job.path / "output").write_bytes(b"old\n")
    (job.path / "report").write_bytes(b"1/2\n")
    zygote.ask(job)
    assert job.status() == 0
    assert (job.output(), job.output("report")) == (b"old\nnew\n", b"1/2\nreport\n")


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("fd", [3, 8, 9])
def test_reports_by_echo(zygote: Zygote, shell: str, fd: int) -> None:
    """A shell reports by a builtin; so does what it starts."""
    job = zygote.run(shell, "-c", f"echo 1/2 >&{fd}; sh -c 'echo 2/2 >&{fd}'", report_fd=fd)
    assert (job.status(), job.output("report")) == (0, b"1/2\n2/2\n"), job.output()


def test_no_descriptor_leaks(zygote: Zygote) -> None:
    """The job has its three streams and the report file, and nothing else is open."""
    job = zygote.start("sleep", "1000")
    pid = job.claim()["pid"]
    executed(pid, "sleep")
    output, report = str(job.path / "output"), str(job.path / "report")
    wanted = {0: "/dev/null", 1: output, 2: output, 8: report}
    until(lambda: descriptors(pid) == wanted, what="nothing else open, when the program has loaded its libraries")


def test_foreign_descriptors_do_not_reach_the_job(tmp_path: Path) -> None:
    """What a careless parent left open ends with the zygote."""
    ends = os.pipe()
    with Zygote(tmp_path, pass_fds=ends) as zygote:
        job = zygote.start("sleep", "1000")
        pid = job.claim()["pid"]
        executed(pid, "sleep")

        foreign = {os.readlink(f"/proc/self/fd/{end}") for end in ends}
        for process in (zygote.process.pid, job.claim()["shim"], pid):
            assert not foreign & set(descriptors(process).values())
        for end in ends:
            os.close(end)


def test_signals_are_as_in_a_fresh_process(tmp_path: Path) -> None:
    """Nothing is ignored, blocked or pending, though the zygote ignores some and its parent blocked others."""

    def spoil() -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM])

    with Zygote(tmp_path, preexec_fn=spoil) as zygote:
        job = zygote.run("cat", "/proc/self/status")
        found = dict(line.split(b":\t", 1) for line in job.output().splitlines())
        assert [int(found[name], 16) for name in (b"SigIgn", b"SigBlk", b"SigPnd", b"ShdPnd", b"SigCgt")] == [0] * 5


def test_the_job_leads_its_own_session(zygote: Zygote) -> None:
    """Its process is leader of session and group, and no terminal is attached."""
    job = zygote.start("sleep", "1000")
    pid = job.claim()["pid"]
    executed(pid, "sleep")
    assert os.getsid(pid) == os.getpgid(pid) == pid
    terminal = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[4]
    assert terminal == "0"


def test_limits(zygote: Zygote) -> None:
    """Each limit is set as given; -1 is none; one that the system does not know is left alone."""
    limits = {"NOFILE": [64, 128], "CORE": [0, -1], "STACK": [1 << 23, -1], "NONSENSE": [1, 1], "CPU": [-1, -1]}
    job = zygote.run("cat", "/proc/self/limits", rlimits=limits)
    found = {line[:26].strip(): tuple(line[26:].split()[:2]) for line in job.output().splitlines()}
    assert found[b"Max open files"] == (b"64", b"128")
    assert found[b"Max core file size"] == (b"0", b"unlimited")
    assert found[b"Max stack size"] == (b"8388608", b"unlimited")
    assert found[b"Max cpu time"] == (b"unlimited", b"unlimited")


def test_a_limit_above_what_is_allowed_comes_as_near_as_it_can(zygote: Zygote) -> None:
    """The soft limit that was asked for holds though the hard one cannot be raised that far, even by root."""
    job = zygote.run("cat", "/proc/self/limits", rlimits={"NOFILE": [77, 1 << 40]})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    line = next(line for line in job.output().splitlines() if line.startswith(b"Max open files"))
    assert line.split()[3:5] == [b"77", str(hard).encode()]


def test_a_narrow_limit_hits_the_job_only(zygote: Zygote) -> None:
    """Limits come last: neither the preparation nor the record suffers from them."""
    job = zygote.run("sh", "-c", "exit 4", rlimits={"NOFILE": [4, 4], "FSIZE": [0, 0], "NPROC": [0, 0]})
    assert job.status() == 4 << 8


def test_niceness_is_added(zygote: Zygote) -> None:
    """The job is nicer than the zygote by as much as was asked for; the shim is not."""
    job = zygote.start("sleep", "1000", nice=5)
    own, claim = os.getpriority(os.PRIO_PROCESS, 0), job.claim()
    until(lambda: os.getpriority(os.PRIO_PROCESS, claim["pid"]) == own + 5, what="a nicer job")
    assert os.getpriority(os.PRIO_PROCESS, claim["shim"]) == own


def test_the_oom_score_is_added(zygote: Zygote) -> None:
    """The job is likelier to be killed when memory runs out; the shim is not; more than everything is everything."""
    own = int(Path("/proc/self/oom_score_adj").read_text())
    job = zygote.run(
        "cat", "/proc/self/oom_score_adj", "/proc/" + str(zygote.process.pid) + "/oom_score_adj", oom_score=100
    )
    assert job.output().split() == [str(own + 100).encode(), str(own).encode()]
    assert zygote.run("cat", "/proc/self/oom_score_adj", oom_score=5000).output() == b"1000\n"


def test_the_job_joins_its_cgroup(zygote: Zygote, tmp_path: Path) -> None:
    """It puts itself in by writing 0; one that is not there is done without."""
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "cgroup.procs").touch()
    assert zygote.run("true", cgroup=str(tmp_path / "group")).status() == 0
    assert (tmp_path / "group" / "cgroup.procs").read_text() == "0"
    assert zygote.run("true", cgroup=str(tmp_path / "none")).status() == 0


def test_an_inaccessible_priority_is_done_without(tmp_path: Path) -> None:
    """What the system refuses as a favour does not keep the job from running."""
    with Zygote(tmp_path) as zygote:
        job = zygote.run("sh", "-c", "exit 3", nice=-5, oom_score=-1000, cgroup="/proc/none")
        assert job.status() == 3 << 8


@pytest.mark.parametrize(
    ("argv", "fields", "step", "number", "code"),
    [
        (["true"], {"cwd": "/nonexistent"}, "cwd", errno.ENOENT, 126),
        (["true"], {"cwd": "/etc/passwd"}, "cwd", errno.ENOTDIR, 126),
        (["true"], {"stdin": "/nonexistent"}, "stdin", errno.ENOENT, 126),
        (["true"], {"report_fd": 2**31 - 1}, "output", errno.EBADF, 126),
        (["/nonexistent"], {}, "exec", errno.ENOENT, 127),
        (["nonexistent-command"], {}, "exec", errno.ENOENT, 127),
        ([""], {}, "exec", errno.ENOENT, 127),
        (["/etc/passwd"], {}, "exec", errno.EACCES, 126),
        (["/"], {}, "exec", errno.EACCES, 126),
        (["/etc/passwd/x"], {}, "exec", errno.ENOTDIR, 126),
        (["true", "x" * 200_000], {}, "exec", errno.E2BIG, 126),
        ([], {}, "exec", errno.EINVAL, 126),
        (["true", "nul\0"], {}, "exec", errno.EINVAL, 126),
        (["true", {"b64": "%"}], {}, "exec", errno.EINVAL, 126),
        (["true"], {"env": ["=x"]}, "exec", errno.EINVAL, 126),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_start_says_why(
    zygote: Zygote, argv: list[str], fields: dict[str, object], step: str, number: int, code: int
) -> None:
    """The record names the step and the errno; the status is the shell's 126 or 127."""
    record = zygote.run(*argv, **fields).ended()
    found = record["exec_step"], record["exec_errno"], record["status"]
    assert found == (step, number, code << 8)


def test_a_garbled_specification_says_so(zygote: Zygote) -> None:
    """A specification that is no JSON is told as such, and nothing runs."""
    job = zygote.attempt("true")
    (job.path / "spec.json").write_text('{"v":1,')
    zygote.ask(job)
    record = job.ended()
    assert (record["exec_step"], record["exec_errno"], record["status"]) == ("spec", errno.EINVAL, 126 << 8)


def test_a_command_that_starts_has_no_errno(zygote: Zygote) -> None:
    """126 and 127 of the command itself are exit statuses like others."""
    record = zygote.run("sh", "-c", "exit 127").ended()
    assert (record["status"], record["exec_errno"], record["exec_step"]) == (127 << 8, None, None)


def test_the_command_is_sought_in_the_path_of_the_job(zygote: Zygote, tmp_path: Path) -> None:
    """The first executable of the job's own PATH is taken; what cannot be executed is passed over."""
    script(tmp_path / "a" / "tool", "#!/bin/sh\necho wrong\n", 0o644)
    script(tmp_path / "b" / "tool", "#!/bin/sh\necho right\n")
    job = zygote.run("tool", env=[f"PATH=/nonexistent:/etc/passwd:{tmp_path}/a:{tmp_path}/b:/usr/bin:/bin"])
    assert (job.status(), job.output()) == (0, b"right\n")


def test_one_that_may_not_be_executed_is_remembered(zygote: Zygote, tmp_path: Path) -> None:
    """If nothing better is found, the errno tells that there was one: EACCES, not ENOENT."""
    script(tmp_path / "a" / "tool", "#!/bin/sh\n", 0o644)
    record = zygote.run("tool", env=[f"PATH={tmp_path}/a:/usr/bin"]).ended()
    assert (record["exec_errno"], record["status"]) == (errno.EACCES, 126 << 8)


@pytest.mark.parametrize("path", ["PATH=", "PATH=:/usr/bin", "PATH=/usr/bin:"])
def test_an_empty_part_of_the_path_is_the_directory_of_the_job(zygote: Zygote, tmp_path: Path, path: str) -> None:
    """As in every shell."""
    script(tmp_path / "tool", "#!/bin/sh\necho here\n")
    assert zygote.run("tool", env=[path], cwd=str(tmp_path)).output() == b"here\n"


def test_without_a_path_there_is_a_usual_one(zygote: Zygote) -> None:
    """A job without PATH still finds the system's programs."""
    assert zygote.run("true", env=[]).status() == 0


def test_a_command_with_a_slash_is_not_sought(zygote: Zygote, tmp_path: Path) -> None:
    """It is relative to the job's directory."""
    script(tmp_path / "sub" / "tool", "#!/bin/sh\necho here\n")
    assert zygote.run("sub/tool", cwd=str(tmp_path)).output() == b"here\n"


def test_a_script_without_interpreter_is_read_by_the_shell(zygote: Zygote, tmp_path: Path) -> None:
    """Its arguments follow, as execvp(3) does it."""
    path = script(tmp_path / "plain", 'echo "$0 $1"\nexit 9\n')
    job = zygote.run("plain", "word", env=[f"PATH={tmp_path}"])
    assert (job.status(), job.output()) == (9 << 8, f"{path} word\n".encode())


def test_a_job_that_waits_for_its_input_can_be_ended(zygote: Zygote, tmp_path: Path) -> None:
    """Opening a FIFO blocks before the command; the shim still passes SIGTERM on."""
    os.mkfifo(tmp_path / "fifo")
    job = zygote.start("true", stdin=str(tmp_path / "fifo"))
    shim = psutil.Process(job.claim()["shim"])
    until(lambda: shim.status() == psutil.STATUS_SLEEPING, what="the shim waits for its child")
    shim.terminate()
    assert job.status() == signal.SIGTERM


def test_an_ordinary_user(state_dir: Path) -> None:
    """All this needs no privilege."""
    if os.geteuid():
        pytest.skip("this is run by an ordinary user anyway")
    python = "/usr/bin/python3"
    if not os.access(python, os.X_OK):
        pytest.skip(f"no {python}, and the interpreter of the tests may be one that others cannot reach")
    os.chown(state_dir, NOBODY, NOBODY)
    with Zygote(state_dir, python=python, user=NOBODY, group=NOBODY, extra_groups=[]) as zygote:
        job = zygote.attempt("sh", "-c", "id -u; nice", rlimits={"NOFILE": [50, 1 << 30]}, nice=3)
        for path in (state_dir / "run", job.path, job.path / "spec.json"):
            os.chown(path, NOBODY, NOBODY)
        zygote.ask(job)
        assert job.status() == 0
        assert job.output().split() == [str(NOBODY).encode(), b"3"]
