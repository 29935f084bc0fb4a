"""A shim tells exactly how its job ended, whatever happens to the shim, the disk and the processes around it."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jobd.daemon.attempts import directory, shim
from tests.daemon.disks import fill, is_full, small_disk
from tests.daemon.shims import (
    PATH,
    PROGRAMS,
    RECORD_BYTES,
    Attempt,
    Zygote,
    altered,
    crashed,
    dead,
    executed,
    plan,
    standalone,
)
from tests.waiting import until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
BEFORE_GO = ("shim_start", "shim_locked", "before_claim", "after_claim")


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Give a zygote for all tests here, and at their end kill what it has started."""
    with Zygote(tmp_path_factory.mktemp("zygote")) as zygote:
        yield zygote


def traceable() -> bool:
    """Tell whether strace is there and may trace."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("code", [0, 1, 3, 137, 143, 255])
def test_exit_statuses_are_exact(zygote: Zygote, code: int) -> None:
    """An exit status stays one: 137 is not a signal 9."""
    assert zygote.run("sh", "-c", f"exit {code}").status() == code << 8


@pytest.mark.parametrize("name", ["KILL", "TERM", "INT", "PIPE", "HUP", "QUIT", "SEGV", "XFSZ", "USR1", "CHLD+20"])
def test_signals_are_exact(zygote: Zygote, name: str) -> None:
    """A signal stays one, also those that Python ignores, and real-time signals (SIGRTMIN+3)."""
    number = signal.SIGRTMIN + 3 if "+" in name else signal.Signals[f"SIG{name}"]
    status = zygote.run("sh", "-c", f"kill -{number:d} $$").status()
    assert (os.WIFSIGNALED(status), os.WTERMSIG(status)) == (True, number)


def test_the_record(zygote: Zygote) -> None:
    """The exit record holds all that the contract says, in one line of fixed length."""
    before = time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    job = zygote.run("sh", "-c", "exit 5")
    raw, record, claim = (job.path / "exit").read_bytes(), job.ended(), job.claim()
    after = time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert (len(raw), raw.count(b"\n"), raw[-1:]) == (RECORD_BYTES, 1, b"\n")
    assert list(record) == [
        "v", "status", "exec_errno", "exec_step", "t0", "t1", "elapsed_ns", "boot", "utime", "stime",
        "maxrss_kb", "floor_kb", "inblock", "oublock", "nvcsw", "nivcsw",
    ]  # fmt: skip
    assert (record["v"], record["status"]) == (1, 5 << 8)
    assert record["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert before[0] <= claim["t0"] == record["t0"] <= record["t1"] <= after[0]
    assert 0 < record["elapsed_ns"] <= after[1] - before[1]
    assert sorted(os.listdir(job.path)) == ["claim", "exit", "lock", "notify", "output", "report", "spec.json"]


def test_the_claim(zygote: Zygote) -> None:
    """The claim names shim and job so that no later process can be taken for them."""
    job = zygote.start("sleep", "1000")
    claim = job.claim()
    assert list(claim) == ["v", "by", "boot", "pidns", "shim", "shim_start", "pid", "start", "t0"]
    assert (claim["v"], claim["by"], claim["pidns"]) == (1, "shim", os.stat("/proc/self/ns/pid").st_ino)
    for pid, start in ((claim["shim"], claim["shim_start"]), (claim["pid"], claim["start"])):
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19] == str(start)
    assert psutil.Process(claim["pid"]).ppid() == claim["shim"]
    assert psutil.Process(claim["shim"]).ppid() == zygote.process.pid


def test_both_ends_agree(zygote: Zygote, tmp_path: Path) -> None:
    """What the daemon's code writes is run, and what the shim writes is read by the daemon's code."""
    path = tmp_path / "run" / "7.1"
    argv = ("sh", "-c", "echo $0; exit 2", "word")
    spec = directory.SpecFile(job=7, attempt=1, name="n", cookie="c", argv=argv, cwd="/", env=(PATH,))
    directory.prepare(path, spec)
    zygote.socket.send(os.fsencode(path))
    kind, _, raw = zygote.answer()
    claim = directory.parse_claim(raw)
    record = until(lambda: directory.read_exit(path), what="an exit record")
    assert claim is not None
    assert (kind, claim, record.status) == ("claimed", directory.look(path).claim, 2 << 8)
    assert (path / "output").read_bytes() == b"word\n"


def test_cpu_time_is_that_of_the_job(zygote: Zygote) -> None:
    """A job that computes has used processor time, one that sleeps has not."""
    busy = zygote.run("sh", "-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done").ended()
    idle = zygote.run("sleep", "0.2").ended()
    assert busy["utime"] + busy["stime"] > 2 * (idle["utime"] + idle["stime"])
    assert busy["utime"] + busy["stime"] <= busy["elapsed_ns"] / 1e9 * 1.1 + 0.05
    assert idle["elapsed_ns"] >= 2e8


def test_peak_memory_is_that_of_the_job_above_its_floor(zygote: Zygote) -> None:
    """What a child inherits from its shim is the floor; a job that uses more than that shows its own peak."""
    small = zygote.run("true").ended()
    large = zygote.run(sys.executable, "-I", "-S", "-c", "x = bytearray(80 << 20)").ended()
    assert 0 < small["maxrss_kb"] <= small["floor_kb"] < 20_000
    assert 80_000 < large["maxrss_kb"] < 200_000


def test_the_lock_is_held_to_the_end(zygote: Zygote) -> None:
    """The lock says that a shim lives, from before the claim until nothing of the job is left."""
    job = zygote.start("sh", "-c", "sleep 1000 & echo $!; exit 3")
    assert job.status() == 3 << 8
    left = int(job.output())
    assert job.locked()
    os.kill(left, signal.SIGKILL)
    job.free()
    assert job.status() == 3 << 8


def test_a_probing_daemon_does_not_turn_a_shim_away(tmp_path: Path) -> None:
    """The lock is tried again, because whoever looks holds it for a moment."""
    patient = altered(
        tmp_path,
        "shim.py",
        lambda source: source.replace("LOCK_PAUSE = 10,", "LOCK_PAUSE = 9999,"),
    )
    with Zygote(tmp_path, programs=patient) as zygote:
        job = zygote.attempt("true")
        with (job.path / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            zygote.ask(job)
            shims = psutil.Process(zygote.process.pid)
            until(shims.children, what="a shim that tries")
        assert (zygote.answer()[0], job.status()) == ("claimed", 0)


def test_orphans_come_to_the_shim(zygote: Zygote) -> None:
    """What leaves the job's session and loses its parent is still the shim's, which waits for it."""
    job = zygote.start("sh", "-c", "setsid sh -c 'sleep 1000 & echo $!' & wait")
    job.says(b"\n")
    orphan, shim_pid = int(job.output()), job.claim()["shim"]
    until(lambda: psutil.Process(orphan).ppid() == shim_pid, what="the shim as parent")
    assert job.status() == 0
    assert job.locked()
    os.kill(orphan, signal.SIGKILL)
    job.free()
    until(lambda: dead(shim_pid), what="the shim's end")


@pytest.mark.parametrize("policy", ["kill", "wait"])
def test_what_is_left_is_waited_for(zygote: Zygote, policy: str) -> None:
    """Whether leftovers are killed is the daemon's to do; the shim is there until they have gone."""
    job = zygote.run("sh", "-c", "sleep 1000 & echo $!", leftover=policy)
    assert job.locked()
    os.kill(int(job.output()), signal.SIGKILL)
    job.free()


def test_what_may_stay_is_left(zygote: Zygote) -> None:
    """With the policy to leave it, the shim goes as soon as the record is there."""
    job = zygote.run("sh", "-c", "sleep 1000 & echo $!", leftover="leave")
    job.free()
    left = int(job.output())
    assert not dead(left)
    os.kill(left, signal.SIGKILL)


def test_a_later_process_with_the_number_of_the_job_changes_nothing(zygote: Zygote) -> None:
    """Only the first end is recorded, however many orphans come after it."""
    job = zygote.run("sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.1; exit $i) & done; exit 9")
    record = (job.path / "exit").read_bytes()
    job.free()
    assert (job.path / "exit").read_bytes() == record
    assert job.status() == 9 << 8


def test_a_fenced_attempt_never_runs(zygote: Zygote, tmp_path: Path) -> None:
    """A claim that is there already is final: the shim answers so and leaves."""
    job = zygote.attempt("touch", str(tmp_path / "ran"))
    (job.path / "claim").write_text('{"v":1,"by":"fence","boot":"x"}')
    zygote.ask(job)
    assert zygote.answer() == ("fenced", os.fsencode(job.path), b"")
    job.free()
    assert job.read("claim") == {"v": 1, "by": "fence", "boot": "x"}
    assert not {"output", "exit", "noexec"} & set(os.listdir(job.path))
    assert not (tmp_path / "ran").exists()


def test_without_the_go_pipe_a_fenced_attempt_would_run(tmp_path: Path) -> None:
    """The test above can fail: it does where the child does not wait."""
    programs = altered(tmp_path, "launch.py", lambda source: source.replace("        wait_for_go(go, directory)\n", ""))
    with Zygote(tmp_path, programs=programs) as zygote:
        job = zygote.attempt("touch", str(tmp_path / "ran"))
        (job.path / "claim").write_text('{"v":1,"by":"fence","boot":"x"}')
        zygote.ask(job)
        until((tmp_path / "ran").exists, what="a command that should not run")


def test_two_shims_on_one_directory(zygote: Zygote, tmp_path: Path) -> None:
    """The second finds the lock held and leaves everything alone."""
    job = zygote.start("sh", "-c", f"echo x >> {tmp_path}/ran; sleep 1000")
    until((tmp_path / "ran").exists, what="a running job")
    before = sorted(os.listdir(job.path))
    zygote.ask(job)
    kind, path, why = zygote.answer()
    assert (kind, path, why.split()[0]) == ("failed", os.fsencode(job.path), b"%d" % errno.EWOULDBLOCK)
    assert standalone(job).wait(20) == shim.NOT_MINE
    assert sorted(os.listdir(job.path)) == before
    os.kill(job.claim()["pid"], signal.SIGTERM)
    assert job.status() == signal.SIGTERM
    assert (tmp_path / "ran").read_text() == "x\n"


def test_a_second_shim_after_the_first_was_killed_leaves_no_false_proof(zygote: Zygote, tmp_path: Path) -> None:
    """The claim of a killed shim stands: another neither runs the job again nor says that it never ran."""
    job = zygote.start("sh", "-c", f"echo x >> {tmp_path}/ran; exec sleep 1000")
    until((tmp_path / "ran").exists, what="a running job")
    os.kill(job.claim()["shim"], signal.SIGKILL)
    assert zygote.answer() == ("died", os.fsencode(job.path), b"its shim was killed")
    job.free()
    zygote.ask(job)
    assert zygote.answer()[0] == "fenced"
    assert not (job.path / "noexec").exists()
    assert (tmp_path / "ran").read_text() == "x\n"


@pytest.mark.parametrize("point", shim.CRASH_POINTS)
def test_a_shim_that_dies(tmp_path: Path, point: str) -> None:
    """At every point: the job runs at most once, and never if the shim had not claimed and said go."""
    with Zygote(tmp_path, env=plan(tmp_path, point)) as zygote:
        job = zygote.attempt("sh", "-c", f"echo x >> {tmp_path}/ran; exit 6")
        zygote.ask(job)
        until(lambda: crashed(tmp_path) == [point], what=f"a crash at {point}")
        job.free()
        ran = tmp_path / "ran"
        if point in BEFORE_GO:
            until(lambda: (job.path / "noexec").exists() or point.startswith("shim"), what="the proof that nothing ran")
            assert not ran.exists()
            assert not (job.path / "output").exists()
        else:
            until(ran.exists, what="a run")
        assert (job.read("claim") is None) == (point in ("shim_start", "shim_locked", "before_claim"))
        assert (job.read("exit") or {}).get("status") == (6 << 8 if point in ("exit_renamed", "shim_leaving") else None)
        assert zygote.run("true").status() == 0
        assert not ran.exists() or ran.read_text() == "x\n"


def test_a_crash_at_the_nth_turn(tmp_path: Path) -> None:
    """Turns are counted by the zygote, since each shim passes a point once."""
    with Zygote(tmp_path, env=plan(tmp_path, "after_go:2,before_claim:3")) as zygote:
        jobs = [zygote.attempt("true") for _ in range(4)]
        for job in jobs:
            zygote.ask(job)
        assert (jobs[0].status(), jobs[3].status()) == (0, 0)
        until(lambda: sorted(crashed(tmp_path)) == ["after_go", "before_claim"], what="two crashes")
        assert [job.read("exit") is None for job in jobs] == [False, True, True, False]


def test_sigterm_is_passed_on(zygote: Zygote) -> None:
    """The job can act on it in its own way and time; the shim waits and tells how it ended."""
    job = zygote.start("sh", "-c", "trap 'echo term; exit 7' TERM; echo ready; while :; do sleep 0.02; done")
    job.says(b"ready\n")
    os.kill(job.claim()["shim"], signal.SIGTERM)
    assert (job.status(), job.output()[-5:]) == (7 << 8, b"term\n")


def test_sigterm_wakes_a_stopped_job(zygote: Zygote) -> None:
    """A stopped process could not act on it."""
    job = zygote.start("sleep", "1000")
    claim = job.claim()
    executed(claim["pid"], "sleep")
    os.kill(claim["pid"], signal.SIGSTOP)
    until(lambda: psutil.Process(claim["pid"]).status() == psutil.STATUS_STOPPED, what="a stopped job")
    os.kill(claim["shim"], signal.SIGTERM)
    assert job.status() == signal.SIGTERM


def test_sigterm_reaches_the_group_that_main_left_behind(zygote: Zygote) -> None:
    """It still ends what remains of the job's group, and cannot hit a stranger if nothing remains."""
    job = zygote.run("sh", "-c", "sleep 1000 & setsid sleep 1001 & echo $!; exit 0")
    mine, other = job.claim()["shim"], int(job.output())
    grouped = next(child for child in psutil.Process(mine).children() if child.pid != other)
    executed(other, "sleep")
    os.kill(mine, signal.SIGTERM)
    until(lambda: dead(grouped.pid), what="the end of the group")
    os.kill(mine, signal.SIGTERM)
    assert (dead(other), job.locked()) == (False, True)
    os.kill(other, signal.SIGKILL)
    job.free()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_signals_of_a_terminal_are_ignored(zygote: Zygote, tmp_path: Path, number: int) -> None:
    """Neither a closed terminal nor Ctrl-C ends the witness."""
    os.mkfifo(tmp_path / "fifo")
    job = zygote.start("sh", "-c", "read x < $0/fifo; exit 2", str(tmp_path))
    os.kill(job.claim()["shim"], number)
    (tmp_path / "fifo").write_text("go on\n")
    assert job.status() == 2 << 8


@as_root
def test_a_full_disk_cannot_lose_the_end(tmp_path: Path) -> None:
    """With not one byte free the record is still written: its room was reserved at the start."""
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        os.mkfifo(disk / "fifo")
        with Zygote(disk) as zygote:
            job = zygote.start("sh", "-c", "read x < $0/fifo; exit 3", str(disk))
            fill(disk)
            (disk / "fifo").write_text("go on\n")
            assert job.status() == 3 << 8
            assert is_full(disk)
            job.free()


@as_root
def test_a_job_is_not_started_on_a_full_disk(tmp_path: Path) -> None:
    """Where the record would have no room the attempt fails before the claim, with the reason."""
    with small_disk(tmp_path / "disk", 1 << 20) as disk, Zygote(disk) as zygote:
        job = zygote.attempt("true")
        fill(disk)
        zygote.ask(job)
        kind, _, why = zygote.answer()
        assert (kind, why) == ("failed", b"%d %s" % (errno.ENOSPC, os.strerror(errno.ENOSPC).encode()))
        assert (job.read("claim"), job.read("exit")) == (None, None)


@pytest.mark.parametrize(
    ("call", "error", "times"),
    [
        ("pwrite64", "ENOSPC", 2),
        ("fsync", "EIO", 1),
        ("fsync", "ENOSPC", 2),
        ("/^rename", "EDQUOT", 1),
        ("fallocate", "EOPNOTSUPP", 1),
    ],
)
def test_what_the_disk_refuses_is_tried_again(tmp_path: Path, call: str, error: str, times: int) -> None:
    """No passing failure of the disk loses the end of a job."""
    if not traceable():
        pytest.skip("strace is not there, or may not trace")
    job = Attempt(tmp_path / "run" / "1.1", ["sh", "-c", "exit 3"])
    log = tmp_path / "strace"
    injection = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when=1..{times}"]
    argv = ["strace", "-f", "-o", log, *injection, sys.executable, "-I", "-S", PROGRAMS / "shim.py", job.path]
    assert subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, start_new_session=True).returncode == 0
    assert log.read_text().count("(INJECTED)") == times
    assert (job.status(), (job.path / "exit").stat().st_size) == (3 << 8, RECORD_BYTES)
    assert not (job.path / "exit.tmp").exists()


def test_a_record_that_can_never_be_written_ends_the_shim_with_an_error(tmp_path: Path) -> None:
    """Somebody removed the directory under a running job: there is no place for the end, but no endless loop either."""
    job = Attempt(tmp_path / "run" / "1.1", ["sh", "-c", "echo ready; read x < $0/fifo", str(tmp_path)])
    os.mkfifo(tmp_path / "fifo")
    process = standalone(job)
    job.says(b"ready\n")
    shutil.rmtree(job.path)
    (tmp_path / "fifo").write_text("go on\n")
    assert process.wait(20) == shim.FAILED


@pytest.mark.parametrize("code", [0, 9])
def test_alone(tmp_path: Path, code: int) -> None:
    """Without a zygote the same files come about; the shim says nothing and returns 0 whatever the job returned."""
    job = Attempt(tmp_path / "run" / "1.1", ["sh", "-c", f"echo out; exit {code}"])
    process = standalone(job, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (process.communicate(timeout=20)[0], process.returncode) == (b"", shim.ENDED)
    assert (job.status(), job.output(), job.claim()["shim"]) == (code << 8, b"out\n", process.pid)
    assert sorted(os.listdir(job.path)) == ["claim", "exit", "lock", "notify", "output", "report", "spec.json"]


def test_alone_by_a_relative_path(tmp_path: Path) -> None:
    """The directory is that of the caller, though the shim keeps no directory busy but its own."""
    job = Attempt(tmp_path / "run" / "1.1", ["true"])
    assert standalone(Path("run/1.1"), cwd=tmp_path).wait(20) == shim.ENDED
    assert job.status() == 0


def test_alone_in_a_fenced_directory(tmp_path: Path) -> None:
    """An attempt that belongs to somebody else is 75."""
    job = Attempt(tmp_path / "run" / "1.1", ["true"])
    (job.path / "claim").write_text('{"v":1,"by":"fence","boot":"x"}')
    assert standalone(job).wait(20) == shim.NOT_MINE
    assert not (job.path / "output").exists()


def test_alone_without_what_it_needs(tmp_path: Path) -> None:
    """No directory, no specification, no argument: 1, and only the last is worth a line."""
    assert standalone(tmp_path / "none").wait(20) == shim.FAILED
    (tmp_path / "empty").mkdir()
    assert standalone(tmp_path / "empty").wait(20) == shim.FAILED
    argv = [sys.executable, "-I", "-S", str(PROGRAMS / "shim.py")]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "shim.py: name one attempt directory\n")


def test_alone_with_a_descriptor_of_the_caller(tmp_path: Path) -> None:
    """A pipe of the caller is not held open by shim or job, whatever its number."""
    reading, writing = os.pipe()
    job = Attempt(tmp_path / "run" / "1.1", ["sleep", "1000"])
    process = standalone(job, pass_fds=[writing], preexec_fn=lambda: os.dup2(writing, 10))
    os.close(writing)
    job.claim()
    assert os.read(reading, 1) == b""
    os.kill(job.claim()["pid"], signal.SIGKILL)
    assert process.wait(20) == shim.ENDED
    os.close(reading)


@pytest.mark.parametrize("module", ["ctypes", "_json"])
def test_modules_that_a_system_may_lack(tmp_path: Path, module: str) -> None:
    """Without ctypes there are no names and no subreaper, without _json the json package reads; a job runs."""
    programs = altered(tmp_path, "shim.py", lambda source: source.replace(
        'launch = __import__("launch")', f'sys.modules["{module}"] = None; launch = __import__("launch")'
    ))  # fmt: skip
    job = Attempt(tmp_path / "run" / "1.1", ["sh", "-c", "exit 3"])
    assert standalone(job, programs=programs).wait(20) == shim.ENDED
    assert job.status() == 3 << 8


@pytest.mark.parametrize(
    ("program", "old", "new"),
    [
        ("process.py", "/proc/", "/nonexistent/"),
        ("shim.py", "posix.posix_fallocate", "posix.missing"),
        ("shim.py", '"CLOCK_BOOTTIME"', '"CLOCK_MISSING"'),
    ],
)
def test_calls_that_a_system_may_lack(tmp_path: Path, program: str, old: str, new: str) -> None:
    """Without /proc an identity is 0, without fallocate the room is written, without BOOTTIME the clock is another."""
    programs = altered(tmp_path, program, lambda source: source.replace(old, new))
    job = Attempt(tmp_path / "run" / "1.1", ["sh", "-c", "exit 3"])
    assert standalone(job, programs=programs).wait(20) == shim.ENDED
    claim, record = job.claim(), job.ended()
    assert (record["status"], (job.path / "exit").stat().st_size) == (3 << 8, RECORD_BYTES)
    assert record["elapsed_ns"] > 0
    identity = claim["boot"], claim["pidns"], claim["shim_start"], claim["start"]
    assert (identity == ("", 0, 0, 0)) == (program == "process.py")
