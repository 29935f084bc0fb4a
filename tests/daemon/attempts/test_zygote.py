"""A zygote forks shims and nothing else: it answers when it cannot, and ends with its daemon without the shims."""

import errno
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from jobd.daemon.attempts import zygote as program
from tests.daemon.shims import (
    NOBODY,
    PROGRAMS,
    Zygote,
    altered,
    crashed,
    dead,
    descriptors,
    executed,
    plan,
)
from tests.waiting import until

#: More than twice what a shim needs; a specification or a module held by mistake is above it.
MOST_PRIVATE_KB = 1024


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    """Give a zygote, and kill what it has started."""
    with Zygote(tmp_path) as zygote:
        yield zygote


def test_many_jobs_at_once(zygote: Zygote) -> None:
    """Every request has one answer that names its directory, and every job its own end."""
    jobs = [zygote.attempt("sh", "-c", f"exit {code}") for code in range(60)]
    for job in jobs:
        zygote.ask(job)
    answers = [zygote.answer() for _ in jobs]
    assert {(kind, path) for kind, path, _ in answers} == {("claimed", os.fsencode(job.path)) for job in jobs}
    assert [job.status() for job in jobs] == [code << 8 for code in range(60)]


def test_the_answer_is_the_claim(zygote: Zygote) -> None:
    """What the daemon hears is what the file says."""
    job = zygote.attempt("true")
    zygote.ask(job)
    assert zygote.answer() == ("claimed", os.fsencode(job.path), (job.path / "claim").read_bytes())


def test_a_path_that_is_no_text(zygote: Zygote, tmp_path: Path) -> None:
    """A directory's name may be any bytes."""
    zygote.root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    assert zygote.run("true").status() == 0


@pytest.mark.parametrize(
    ("spoil", "number", "name"),
    [
        (lambda job: (job.path / "spec.json").unlink(), errno.ENOENT, b"spec.json"),
        (lambda job: job.path.rename(job.path.with_name("away")), errno.ENOENT, b"1.1"),
        (lambda job: (job.path / "lock").symlink_to("/etc/passwd"), errno.ELOOP, b"lock"),
        (lambda job: (job.path / "exit.tmp").mkdir(), errno.EISDIR, b"exit.tmp"),
    ],
    ids=["no specification", "no directory", "a planted link", "a planted directory"],
)
def test_failures_before_the_claim_are_answered(zygote: Zygote, spoil: object, number: int, name: bytes) -> None:
    """The errno comes first, then the words, then the file."""
    job = zygote.attempt("true")
    assert callable(spoil)
    spoil(job)
    zygote.ask(job)
    kind, path, why = zygote.answer()
    assert (kind, path) == ("failed", os.fsencode(job.path))
    assert why.startswith(b"%d %s: " % (number, os.strerror(number).encode()))
    assert why.endswith(name)
    assert zygote.run("true").status() == 0


def test_it_lives_on_when_it_cannot_fork(state_dir: Path) -> None:
    """Without room for a process the zygote itself answers, and forks again when there is room."""
    python, user = sys.executable, {}
    if not os.geteuid():
        python, user = "/usr/bin/python3", {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if not os.access(python, os.X_OK):
            pytest.skip(f"the limit does not bind root, and there is no {python} that others can reach")
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    limit = partial(resource.setrlimit, resource.RLIMIT_NPROC, (0, hard))
    with Zygote(state_dir, python=python, preexec_fn=limit, **user) as zygote:
        job = zygote.attempt("true")
        for path in (state_dir, state_dir / "run", job.path, job.path / "spec.json"):
            os.chown(path, user.get("user", -1), -1)
        for _ in range(3):
            zygote.ask(job)
            kind, path, why = zygote.answer()
            assert (kind, path, why.split()[0]) == ("failed", os.fsencode(job.path), b"%d" % errno.EAGAIN)
        raising = f"import resource; resource.prlimit({zygote.process.pid}, resource.RLIMIT_NPROC, ({hard}, {hard}))"
        subprocess.run([python, "-c", raising], check=True, **user)
        zygote.ask(job)
        assert (zygote.answer()[0], job.status()) == ("claimed", 0)


def test_a_shim_that_cannot_fork_says_so(tmp_path: Path) -> None:
    """The job's own process may be one too many: the shim answers, and nothing is left of the attempt."""
    refusing = "    pid = posix.fork()\n", "    raise BlockingIOError(11, 'fork')\n"
    programs = altered(tmp_path, "shim.py", lambda source: source.replace(*refusing))
    with Zygote(tmp_path, programs=programs) as zygote:
        job = zygote.attempt("true")
        zygote.ask(job)
        kind, _, why = zygote.answer()
        assert (kind, why.split()[0]) == ("failed", b"%d" % errno.EAGAIN)
        job.free()
        assert job.read("claim") is None


def test_no_answer_is_lost_when_the_daemon_is_slow(tmp_path: Path) -> None:
    """With a full socket a shim waits to answer; its job does not wait for that."""
    with Zygote(tmp_path, room=1) as zygote:
        jobs = [zygote.attempt("sh", "-c", "echo ran") for _ in range(40)]
        for job in jobs:
            zygote.ask(job)
        for job in jobs:
            job.says(b"ran\n")
        until(lambda: not all(job.locked() for job in jobs), what="one that has answered")
        assert [job for job in jobs if job.locked()]
        answers = [zygote.answer() for _ in jobs]
        assert {path for _, path, _ in answers} == {os.fsencode(job.path) for job in jobs}
        assert {kind for kind, _, _ in answers} == {"claimed"}
        assert [job.status() for job in jobs] == [0] * 40


def test_a_dead_daemon_hurts_nobody(tmp_path: Path) -> None:
    """A shim that cannot answer any more runs its job all the same."""
    with Zygote(tmp_path) as zygote:
        jobs = [zygote.attempt("sh", "-c", "exit 8") for _ in range(5)]
        for job in jobs:
            zygote.ask(job)
        zygote.close()
        assert [job.status() for job in jobs] == [8 << 8] * 5
        for job in jobs:
            job.free()


def test_it_ends_with_its_daemon_and_the_shims_live_on(zygote: Zygote) -> None:
    """The end of the socket is the end of the zygote alone."""
    os.mkfifo(zygote.root / "fifo")
    job = zygote.start("sh", "-c", "read x < $0/fifo; exit 2", str(zygote.root))
    zygote.close()
    assert zygote.process.returncode == 0
    assert not dead(job.claim()["shim"])
    (zygote.root / "fifo").write_text("go on\n")
    assert job.status() == 2 << 8


def test_the_daemon_notices_a_dead_zygote_though_shims_live(zygote: Zygote) -> None:
    """Neither shim nor job keeps the zygote's end of the socket open."""
    job = zygote.start("sleep", "1000")
    executed(job.claim()["pid"], "sleep")
    zygote.process.kill()
    assert zygote.socket.recv(1) == b""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE])
def test_signals_of_a_terminal_are_ignored(zygote: Zygote, number: int) -> None:
    """A daemon in the foreground of a terminal does not lose its zygote by Ctrl-C."""
    assert zygote.run("true").status() == 0
    zygote.process.send_signal(number)
    assert zygote.run("true").status() == 0


def test_no_zombies(zygote: Zygote) -> None:
    """Shims that have ended need nobody to collect them."""
    jobs = [zygote.run("true") for _ in range(5)]
    for job in jobs:
        job.free()
    until(lambda: not psutil.Process(zygote.process.pid).children(), what="no child")


def test_what_zygote_and_shim_keep_open(zygote: Zygote) -> None:
    """Descriptors 0-9 lead to nowhere, and no directory but the attempt's is kept busy."""
    job = zygote.start("sleep", "1000")
    pid, claim = zygote.process.pid, job.claim()
    executed(claim["pid"], "sleep")
    nowhere = dict.fromkeys(range(10), "/dev/null")
    assert descriptors(pid) == nowhere | {10: os.readlink(f"/proc/{pid}/fd/10")}
    kept = [str(job.path), str(job.path / "exit.tmp"), str(job.path / "lock"), "socket"]

    def opened() -> list[str]:
        return sorted(target.partition(":")[0] for target in descriptors(claim["shim"]).values())[10:]

    until(lambda: opened() == kept, what="three files and a socket open in the shim")
    for process in (pid, claim["shim"]):
        assert (os.readlink(f"/proc/{process}/cwd"), descriptors(process)[2]) == ("/", "/dev/null")


def test_names(zygote: Zygote) -> None:
    """Each kind of process shows what it is, in a session of its own."""
    job = zygote.start("sleep", "1000")
    claim, pid = job.claim(), zygote.process.pid
    names = {process: Path(f"/proc/{process}/comm").read_text() for process in (pid, claim["shim"])}
    assert names == {pid: "jobd-zygote\n", claim["shim"]: "jobd-shim\n"}
    assert os.getsid(claim["shim"]) == claim["shim"]


def test_a_waiting_shim_is_small(zygote: Zygote) -> None:
    """A large specification does not stay in memory for as long as the job runs."""
    env = [f"VARIABLE_{number}={'x' * 200}" for number in range(1000)]
    jobs = [zygote.start("/bin/sleep", "1000", env=env) for _ in range(3)]
    for job in jobs:
        executed(job.claim()["pid"], "sleep")
    for job in jobs:
        rollup = Path(f"/proc/{job.claim()['shim']}/smaps_rollup").read_text().splitlines()
        assert sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")) < MOST_PRIVATE_KB


@pytest.mark.parametrize("point", program.CRASH_POINTS)
def test_a_zygote_that_dies(tmp_path: Path, point: str) -> None:
    """The daemon sees the end of the socket; a request that was in flight has run at most once."""
    with Zygote(tmp_path, env=plan(tmp_path, point)) as zygote:
        job = zygote.attempt("sh", "-c", f"echo x >> {tmp_path}/ran; exit 6")
        try:
            zygote.ask(job)
        except BrokenPipeError:
            assert point == "zygote_start"
        assert zygote.process.wait(20) == -signal.SIGKILL
        assert crashed(tmp_path) == [point]
        if point == "zygote_forked":
            assert (job.status(), (tmp_path / "ran").read_text()) == (6 << 8, "x\n")
        else:
            assert not (job.path / "lock").exists()


def test_the_second_request(tmp_path: Path) -> None:
    """Turns count requests."""
    with Zygote(tmp_path, env=plan(tmp_path, "zygote_received:2")) as zygote:
        assert zygote.run("true").status() == 0
        job = zygote.attempt("true")
        zygote.ask(job)
        assert zygote.process.wait(20) == -signal.SIGKILL
        assert not (job.path / "lock").exists()


def test_the_plan_does_not_reach_the_job(tmp_path: Path) -> None:
    """A job sees nothing of the points, nor of any other variable of the zygote."""
    with Zygote(tmp_path, env=plan(tmp_path, "zygote_received:99")) as zygote:
        assert zygote.run("/usr/bin/env", env=["A=1"]).output() == b"A=1\n"


def test_without_a_socket() -> None:
    """Started by hand, it says what it needs."""
    argv = [sys.executable, "-I", "-S", str(PROGRAMS / "zygote.py")]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("zygote.py: standard input must be a socket to the daemon: ")
    assert done.stderr.count("\n") == 1


def test_a_socket_that_does_not_block_at_first(tmp_path: Path) -> None:
    """Whatever the daemon did to its sockets, the zygote waits for requests and the shims for room."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.setblocking(False)
    argv = [sys.executable, "-I", "-S", str(PROGRAMS / "zygote.py")]
    with theirs:
        process = subprocess.Popen(argv, stdin=theirs, start_new_session=True, cwd=tmp_path)
    until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "jobd-zygote\n", what="a zygote that serves")
    ours.close()
    assert process.wait(20) == 0
