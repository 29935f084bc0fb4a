"""Processes are told apart for certain, and signals reach nobody else."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.model import Process
from jobd.daemon.system import portable, processes
from jobd.daemon.system.processes import Snapshot, Stat
from tests.daemon.planting import PYTHON, identified, linux_only, nobody, planted_nasty, root_only, run_script
from tests.waiting import until

pytestmark = linux_only

SLEEP = ("sleep", "3600")
MAIN_THREAD_ENDS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(3600,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""
NO_DESCRIPTORS = """
import errno, os, resource
from jobd.core.model import Process
from jobd.daemon.system import processes
me = processes.identify(os.getpid())
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
for look in (lambda: processes.alive(me), processes.snapshot, lambda: processes.send(Process(2, 3), 0)):
    try:
        print(look())
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
NO_PIDFDS = """
import os, signal, subprocess
del os.pidfd_open
from jobd.core.model import Process
from jobd.daemon.system import processes
child = subprocess.Popen(["sleep", "3600"])
process = processes.identify(child.pid)
print(processes.open_pidfd(process))
print(processes.send(Process(process.pid, process.ticks + 1), signal.SIGKILL), child.poll())
print(processes.send(process, signal.SIGKILL), child.wait())
"""
REUSED_NUMBER = """
import os, signal, subprocess
from jobd.daemon.system import processes
old = subprocess.Popen(["sleep", "3600"])
process = processes.identify(old.pid)
pidfd = processes.open_pidfd(process)
old.kill(); old.wait()
new = None
while new is None or new.pid != old.pid or processes.identify(new.pid).ticks == process.ticks:
    if new:
        new.kill(); new.wait()
    open("/proc/sys/kernel/ns_last_pid", "w").write(str(old.pid - 1))
    new = subprocess.Popen(["sleep", "3600"])
print(os.kill(process.pid, 0), processes.alive(process), processes.open_pidfd(process))
print(processes.send(process, signal.SIGKILL), new.poll())
try:
    signal.pidfd_send_signal(pidfd, 0)
except ProcessLookupError:
    print("ESRCH")
new.kill(); new.wait()
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that sleeps, and end it afterwards."""
    with subprocess.Popen(SLEEP) as child:
        until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_SLEEPING)
        yield child
        child.kill()


def test_boot_is_the_kernels() -> None:
    """A boot has the name the kernel gave it."""
    assert processes.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_stat_agrees_with_psutil(sleeper: subprocess.Popen[bytes]) -> None:
    """What is read of a process is what psutil reads."""
    stat, other = processes.stat(sleeper.pid), psutil.Process(sleeper.pid)
    assert stat is not None
    cpu = other.cpu_times()
    assert stat == Stat(
        ppid=other.ppid(),
        pgid=os.getpgid(sleeper.pid),
        sid=os.getsid(sleeper.pid),
        ticks=stat.ticks,
        state="S",
        threads=other.num_threads(),
        cpu_ticks=round((cpu.user + cpu.system) * processes.TICKS_PER_SECOND),
        ended_ticks=round((cpu.children_user + cpu.children_system) * processes.TICKS_PER_SECOND),
        rss_bytes=stat.rss_bytes,
    )
    assert stat.rss_bytes == pytest.approx(other.memory_info().rss, abs=1 << 20)


@given(st.text("() \n0SZ", max_size=15))
def test_any_name_of_a_process_is_read_past(name: str) -> None:
    """A process may call itself what it likes, such as ") Z 1 1", without being taken for another or for dead."""
    rest = " ".join(map(str, range(4, 53)))
    stat = processes.parse_stat(f"77 ({name}) S {rest}\n".encode())
    assert stat == Stat(4, 5, 6, 22, "S", 20, 14 + 15, 16 + 17, 24 * processes.PAGE_BYTES)


def test_identity_holds_and_ends(sleeper: subprocess.Popen[bytes]) -> None:
    """A process is itself until it is gone; as a zombie it has an identity, but no life."""
    process = identified(sleeper.pid)
    assert processes.alive(process)
    assert processes.identify(sleeper.pid) == process
    sleeper.kill()
    until(lambda: not processes.alive(process))
    assert processes.identify(sleeper.pid) == process, "nobody has waited for it yet"
    sleeper.wait()
    assert processes.identify(sleeper.pid) is None
    assert not processes.alive(process)


def test_another_start_is_another_process(sleeper: subprocess.Popen[bytes]) -> None:
    """The number alone says nothing: nothing is opened by it, and nobody gets a signal meant for an earlier owner."""
    stranger = Process(sleeper.pid, identified(sleeper.pid).ticks + 1)
    assert not processes.alive(stranger)
    assert processes.open_pidfd(stranger) is None
    assert not processes.send(stranger, signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_number_that_is_a_threads_by_now() -> None:
    """The number of an ended process may be given to a thread: that is not the process."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert thread.native_id is not None
    earlier = Process(thread.native_id, identified(os.getpid()).ticks - 1)
    try:
        assert not processes.alive(earlier)
        assert processes.open_pidfd(earlier) is None
        assert not processes.send(earlier, 0)
    finally:
        stop.set()
        thread.join()


@root_only
@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare(1)")
def test_a_number_used_again_is_not_mistaken() -> None:
    """Where kill(2) and the number say alive, the identity, a new pidfd and the old pidfd say gone."""
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", REUSED_NUMBER]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n") == ["None False None", "False None", "ESRCH", ""]


def test_vanishing_between_open_and_read_is_an_answer(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel reports a process that ended after its file was opened as ESRCH, not as a missing file."""
    process, really_open = identified(sleeper.pid), os.open

    def open_then_die(path: str, flags: int) -> int:
        descriptor = really_open(path, flags)
        sleeper.kill()
        sleeper.wait()
        return descriptor

    monkeypatch.setattr(os, "open", open_then_die)
    assert processes.identify(process.pid) is None
    monkeypatch.undo()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_main_thread_that_has_ended_is_no_death() -> None:
    """A process lives as long as any thread of it, though it looks like a zombie."""
    with subprocess.Popen([*PYTHON, "-c", MAIN_THREAD_ENDS]) as child:
        process = identified(child.pid)
        until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
        assert processes.alive(process)
        assert processes.send(process, signal.SIGKILL)
        until(lambda: not processes.alive(process))


def test_being_unable_to_look_is_not_death() -> None:
    """Without a free descriptor nobody is declared dead: the failure is raised."""
    assert run_script(NO_DESCRIPTORS).split() == ["EMFILE", "EMFILE", "EMFILE"]


def test_a_signal_arrives_or_says_that_it_does_not(sleeper: subprocess.Popen[bytes]) -> None:
    """A signal to a living process is sent; to one that is gone it is not."""
    process = identified(sleeper.pid)
    assert processes.send(process, signal.SIGTERM)
    assert sleeper.wait() == -signal.SIGTERM
    assert not processes.send(process, signal.SIGTERM)


def test_init_and_oneself_are_never_signalled() -> None:
    """Not even with a signal that does nothing."""
    assert not processes.send(identified(1), 0)
    assert not processes.send(identified(os.getpid()), 0)


@root_only
def test_a_foreign_process_is_not_signalled(sleeper: subprocess.Popen[bytes]) -> None:
    """A process we may not signal is told from one that got the signal."""
    process = identified(sleeper.pid)
    with nobody():
        assert not processes.send(process, signal.SIGKILL)
    assert processes.alive(process)


def test_signals_without_pidfds() -> None:
    """Where the system has no pidfds the identity is still checked before every signal."""
    assert run_script(NO_PIDFDS).split("\n") == ["None", "False None", "True -9", ""]


def test_a_snapshot_shows_all(sleeper: subprocess.Popen[bytes]) -> None:
    """One pass finds every process, with the same facts as a look at one; a second one reuses what has not changed."""
    seen = processes.snapshot()
    again = processes.snapshot(before=seen)
    assert {1, os.getpid(), sleeper.pid} <= seen.keys()
    assert seen.shows(identified(sleeper.pid))
    assert sleeper.pid in seen.children[os.getpid()]
    assert sleeper.pid in seen.sessions[os.getsid(0)]
    assert sleeper.pid in seen.groups[os.getpgid(0)]
    assert again[sleeper.pid] == processes.stat(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert sleeper.pid not in processes.snapshot(before=again)


def test_more_children_than_one_page_lists() -> None:
    """The kernel lists children a page at a time, and all of them count."""
    script = "i=0; while [ $i -lt 800 ]; do sleep 3600 & i=$((i+1)); done; kill -STOP $$"
    with subprocess.Popen(["sh", "-c", script], start_new_session=True) as parent:
        until(lambda: psutil.Process(parent.pid).status() == psutil.STATUS_STOPPED)
        listed = processes.children(parent.pid)
        os.killpg(parent.pid, signal.SIGKILL)
    assert len(set(listed)) == len(listed) == 800


def test_looking_below_finds_what_a_look_at_all_finds(tmp_path: Path) -> None:
    """The walk down from one process finds its descendants, and nobody else."""
    with planted_nasty(tmp_path, "bomb") as job:
        seen = processes.below(job.shim.pid)
        assert set(seen) == {job.shim.pid, *job.living()}
        assert set(seen) == {job.shim.pid, *processes.descendants([job.shim.pid], processes.snapshot())}


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.data())
def test_descendants(parents: list[int], data: st.DataObject) -> None:
    """All below a process are found, once, parents first, in any snapshot, even one that contradicts itself."""
    lowest = 1 << 24
    stats = (Stat(lowest + parent, 0, 0, 0, "S", 1, 0, 0, 0) for parent in parents)
    seen = Snapshot(enumerate(stats, lowest))
    root = data.draw(st.sampled_from(sorted(seen)))
    found = processes.descendants([root], seen)
    ranks = {pid: rank for rank, pid in enumerate([root, *found])}
    assert len(ranks) == len(found) + 1
    assert all(ranks[seen[pid].ppid] < ranks[pid] for pid in found)
    assert all(child in ranks for pid in ranks for child in seen.children.get(pid, ()))


def test_descendants_leave_oneself_out(sleeper: subprocess.Popen[bytes]) -> None:
    """A daemon that was started by a job does not belong to the job, nor does what it starts."""
    below = processes.descendants([os.getppid()], processes.snapshot())
    assert not {os.getpid(), sleeper.pid} & set(below)


def test_environment() -> None:
    """What a process was started with can be read; of one that is gone there is nothing."""
    with subprocess.Popen(SLEEP, env={"COOKIE": "chocolate"}) as child:
        until(lambda: processes.environment(child.pid) == b"COOKIE=chocolate\0")
        child.kill()
    assert processes.environment(child.pid) == b""


def test_without_proc(sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """On other systems psutil tells the same facts, and identities that last from one daemon to the next."""
    facts, listed = processes.stat(sleeper.pid), processes.snapshot().keys()
    monkeypatch.setattr(processes, "LINUX", False)
    process, other = identified(sleeper.pid), processes.stat(sleeper.pid)
    assert facts is not None
    assert other is not None
    assert facts._replace(ticks=0, rss_bytes=0) == other._replace(ticks=0, rss_bytes=0)
    assert {1, os.getpid(), sleeper.pid} <= listed & processes.snapshot().keys()
    assert b"PATH=" in processes.environment(sleeper.pid)
    told = run_script(
        f"from jobd.daemon.system import portable; print(portable.boot(), dict(portable.look([{sleeper.pid}])))"
    )
    assert told == f"{portable.boot()} {dict(portable.look([sleeper.pid]))}\n"
    assert process.ticks == other.ticks
    sleeper.kill()
    until(lambda: not processes.alive(process))
    sleeper.wait()
    assert processes.identify(sleeper.pid) is None
    assert processes.environment(sleeper.pid) == b""
