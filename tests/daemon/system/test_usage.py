"""What jobs use is measured for whole trees, exactly enough, and totals never fall."""

import os
import signal
import subprocess
from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.model import Usage
from jobd.daemon.system import processes
from jobd.daemon.system.processes import Snapshot
from jobd.daemon.system.trees import Tree
from jobd.daemon.system.usage import IO_PROCESSES, QUIET_AFTER, WHOLE_EVERY, Sampler, Total
from tests.daemon.planting import PYTHON, Planted, linux_only, planted, planted_nasty, run_script
from tests.waiting import until

pytestmark = linux_only

MIB = 1 << 20
#: One process that burns for ever beside one that only holds memory.
BURN_AND_HOLD = """
import os, signal
held = b"x" * (40 << 20)
if os.fork():
    signal.pause()
while True: pass
"""
#: Children that burn 0.1 s each and are waited for, or reaped by nobody; a line after each.
BURN_IN_CHILDREN = """
import os, signal, sys, time
if sys.argv[1] == "unseen":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(3):
    if not os.fork():
        while time.process_time() < 0.1: pass
        os._exit(0)
    try: os.wait()
    except ChildProcessError: pass
    print("ended", flush=True)
signal.pause()
"""
WRITE = """
import os, sys, time
with open(sys.argv[1], "wb") as file:
    file.write(b"x" * (4 << 20))
    os.fsync(file.fileno())
print("written", flush=True)
time.sleep(3600)
"""
#: Starts a process when it gets SIGUSR1.
START_WHEN_TOLD = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("ready", flush=True)
signal.sigwait({signal.SIGUSR1})
os.fork()
signal.pause()
"""
#: Leaves a process to the shim that burns 0.3 s and ends.
BURN_AS_ORPHAN = """
import os, signal, time
if not os.fork():
    if not os.fork():
        while time.process_time() < 0.3: pass
    os._exit(0)
os.wait()
signal.pause()
"""


def output(job: Planted) -> str:
    """Read what the job has printed."""
    return (job.path / "output").read_text()


def seconds(usage: Usage) -> float:
    """Give the CPU seconds."""
    assert usage.cpu_seconds is not None
    return usage.cpu_seconds


def sampling(*jobs: Planted) -> Sampler[int]:
    """Watch these jobs, each under its place in the row."""
    sampler = Sampler[int]()
    for key, job in enumerate(jobs):
        sampler.watch(key, job.tree)
    return sampler


class Looks:
    """Note which processes the sampler looks at, from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.last: set[int] = set()
        self._really = processes.snapshot
        monkeypatch.setattr(processes, "snapshot", self._look)

    def _look(self, pids: Iterable[int] | None = None, *before: Snapshot | None) -> Snapshot:
        if before and pids is not None:
            self.last = set(pids)
        return self._really(pids, *before)


def test_agrees_with_psutil(tmp_path: Path) -> None:
    """CPU time, memory and the number of processes are those that psutil adds up over the tree below the shim."""
    with planted(tmp_path, *PYTHON, "-c", BURN_AND_HOLD, grown=lambda job: len(job.living()) == 2) as job:
        sampler = sampling(job)
        until(lambda: psutil.Process(job.main).memory_info().rss > 40 * MIB)
        tree = psutil.Process(job.shim.pid).children(recursive=True)
        before = sum(sum(process.cpu_times()[:4]) for process in tree)
        usage = sampler.sample(1.0)[0]
        after = sum(sum(process.cpu_times()[:4]) for process in tree)
        assert before - 0.021 <= seconds(usage) <= after + 0.021
        assert usage.rss_bytes == pytest.approx(sum(process.memory_info().rss for process in tree), abs=2 * MIB)
        assert usage.peak_rss_bytes == usage.rss_bytes
        assert usage.processes == len(tree) == 2


def test_percent_is_cpu_time_over_time(tmp_path: Path) -> None:
    """The percentage is of one CPU, since the last look: two looks tell the same by percentage and by seconds."""
    with planted(tmp_path, *PYTHON, "-c", BURN_AND_HOLD) as job:
        sampler = sampling(job)
        first = sampler.sample(100.0)[0]
        assert first.cpu_percent is None
        until(partial(_uses_more_than, job, seconds(first) + 0.2))
        last = sampler.sample(100.1)[0]
        grown = seconds(last) - seconds(first)
        assert grown > 0.2
        assert last.cpu_percent == pytest.approx(100 * grown / 0.1), "of one CPU, so 200 % is possible"


def test_the_ended_are_counted(tmp_path: Path) -> None:
    """CPU time of an orphan that the shim has reaped stays in the total."""
    with planted(tmp_path, *PYTHON, "-c", BURN_AS_ORPHAN) as job:
        shim = psutil.Process(job.shim.pid)
        until(lambda: shim.cpu_times().children_user + shim.cpu_times().children_system >= 0.29)
        assert seconds(sampling(job).sample(1.0)[0]) >= 0.29


@pytest.mark.parametrize("seen", ["seen", "unseen"])
def test_cpu_time_never_falls(seen: str, tmp_path: Path) -> None:
    """Whether the ended were waited for or vanished with their account, the total only grows."""
    with planted(tmp_path, *PYTHON, "-c", BURN_IN_CHILDREN, seen) as job:
        sampler, totals = sampling(job), [0.0]

        def sample() -> bool:
            totals.append(seconds(sampler.sample(float(len(totals)))[0]))
            return output(job).count("ended") == 3

        until(sample)
        assert totals == sorted(totals)
        assert totals[-1] >= (0.24 if seen == "seen" else 0.0)


@given(st.lists(st.integers(0, 1000)), st.integers(0, 1000))
def test_a_total_never_falls(sums: list[int], known: int) -> None:
    """It takes up every growth of what is present, and nothing else."""
    total = Total(known)
    told = [total.total]
    for present in sums:
        grown = total.read(present)
        told.append(total.total)
        assert grown == told[-1] - told[-2] or len(told) == 2
    assert told == sorted(told)
    rises = sum(max(0, later - earlier) for earlier, later in pairwise(sums))
    assert told[-1] == (max(known, sums[0]) + rises if sums else known)


def test_an_orphan_is_still_measured(tmp_path: Path) -> None:
    """Without its shim a job is measured by its session."""
    with planted_nasty(tmp_path, "plain") as job:
        sampler = sampling(job)
        before = sampler.sample(1.0)[0]
        job.lose_shim()
        after = sampler.sample(2.0)[0]
        assert before.processes == after.processes == 2
        assert after.rss_bytes == pytest.approx(before.rss_bytes, abs=2 * MIB)


def test_jobs_are_told_apart(tmp_path: Path) -> None:
    """All are measured in one look, each for itself; one that is forgotten or has ended uses nothing."""
    with planted_nasty(tmp_path, "plain") as first, planted_nasty(tmp_path, "bomb", 20) as second:
        sampler = sampling(first, second)
        assert {key: usage.processes for key, usage in sampler.sample(1.0).items()} == {0: 2, 1: 21}
        sampler.forget(0)
        sampler.forget(0)
        second.end()
        usage = sampler.sample(2.0)
        assert usage.keys() == {1}
        assert (usage[1].processes, usage[1].rss_bytes) == (0, 0)
        assert usage[1].peak_rss_bytes > 20 * MIB  # type: ignore[operator]


def test_zombies_are_no_processes(tmp_path: Path) -> None:
    """Who has ended is not counted as a process."""
    with planted_nasty(tmp_path, "zombies") as job:
        assert sampling(job).sample(1.0)[0].processes == 1


def test_totals_go_on_after_a_restart(tmp_path: Path) -> None:
    """A new daemon starts from what was known: no total falls because processes have ended meanwhile."""
    known = Usage(cpu_seconds=500.0, peak_rss_bytes=1 << 40, read_bytes=7, write_bytes=1 << 40)
    with planted_nasty(tmp_path, "plain") as job:
        sampler = Sampler[str]()
        sampler.watch("job", job.tree, known)
        usage = sampler.sample(1.0)["job"]
        assert (usage.cpu_seconds, usage.peak_rss_bytes, usage.write_bytes) == (500.0, 1 << 40, 1 << 40)
        assert usage.read_bytes >= 7  # type: ignore[operator]


def test_io(tmp_path: Path) -> None:
    """What was written to the disk is counted."""
    if _filesystem(tmp_path) in ("tmpfs", "overlayfs"):
        pytest.skip("needs a disk below the temporary directory")
    with planted(tmp_path, *PYTHON, "-c", WRITE, str(tmp_path / "file")) as job:
        until(lambda: output(job) == "written\n")
        usage = sampling(job).sample(1.0)[0]
        assert usage.write_bytes is not None
        assert 4 * MIB <= usage.write_bytes <= 5 * MIB
        assert usage.read_bytes is not None


def test_io_is_read_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look reads the I/O of about a hundred processes; the others' turn comes next, and then that of the idle."""
    asked: list[int] = []
    really = psutil.Process.io_counters

    def note(process: psutil.Process) -> object:
        asked.append(process.pid)
        return really(process)

    monkeypatch.setattr(psutil.Process, "io_counters", note)
    with planted_nasty(tmp_path, "bomb", 9) as job:
        until(job.asleep)
        sampler = Sampler[int]()
        for key in range(15):
            sampler.watch(key, job.tree)
        portions = []
        for now in (1.0, 2.0, 3.0, 3.5, 40.0):
            asked.clear()
            usages = sampler.sample(now)
            portions.append(len(asked))
    assert portions == [IO_PROCESSES, 50, 0, 0, IO_PROCESSES]
    assert all(usage.read_bytes is not None for usage in usages.values())


def test_a_quiet_job_is_looked_at_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten seconds without CPU and change a job is left alone but for every fifth second, and told as before."""
    with planted_nasty(tmp_path, "plain") as job:
        until(job.asleep)
        sampler, looks = sampling(job), Looks(monkeypatch)
        members = {job.shim.pid, *job.living()}
        told, looked = [], []
        for second in range(31):
            told.append(sampler.sample(float(second))[0])
            looked.append(members <= looks.last)
            assert looked[-1] or not members & looks.last
        assert all(looked[: int(QUIET_AFTER) + 1])
        seldom = [second for second in range(31) if looked[second] and second > QUIET_AFTER]
        assert len(seldom) == 20 // WHOLE_EVERY
        assert {(usage.processes, usage.rss_bytes) for usage in told[11:]} == {(told[11].processes, told[11].rss_bytes)}
        assert all(usage.cpu_percent == 0 for usage in told[11:])


def test_a_new_process_wakes_a_quiet_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet job that starts a process is looked at again at the next look, and as often as any."""
    with planted(tmp_path, *PYTHON, "-c", START_WHEN_TOLD, grown=output) as job:
        until(job.asleep)
        sampler, looks = sampling(job), Looks(monkeypatch)
        for second in range(12):
            sampler.sample(float(second))
        assert job.main not in looks.last
        os.kill(job.main, signal.SIGUSR1)
        until(lambda: len(job.living()) == 2 and job.asleep())
        sampler.sample(12.0)
        assert sampler.sample(13.0)[0].processes == 2
        sampler.sample(13.5)
        assert job.main in looks.last


def test_a_busy_job_is_always_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that uses its CPU is no quiet one, however long it does."""
    with planted(tmp_path, *PYTHON, "-c", BURN_AND_HOLD, grown=lambda job: len(job.living()) == 2) as job:
        sampler, looks = sampling(job), Looks(monkeypatch)
        for tenth in range(120):
            used = seconds(sampler.sample(tenth / 10)[0])
            until(partial(_uses_more_than, job, used))
        assert {job.shim.pid, *job.living()} <= looks.last


def test_a_job_watched_late_is_found_at_once(tmp_path: Path) -> None:
    """A job whose processes were passed over as nobody's is measured at the next look."""
    with planted_nasty(tmp_path, "plain") as job, planted_nasty(tmp_path, "plain") as other:
        sampler = sampling(other)
        sampler.sample(1.0)
        sampler.watch(1, job.tree)
        assert sampler.sample(1.5)[1].processes == 2


def test_a_job_watched_meanwhile_is_found_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that another thread starts to watch during a look at everything is measured at the next look."""
    with planted_nasty(tmp_path, "plain") as first, planted_nasty(tmp_path, "bomb", 5) as second:
        sampler, really = sampling(first), processes.snapshot

        def look(pids: Iterable[int] | None = None, *before: Snapshot | None) -> Snapshot:
            seen = really(pids, *before)
            sampler.watch(1, second.tree)
            return seen

        monkeypatch.setattr(processes, "snapshot", look)
        assert sampler.sample(1.0).keys() == {0}
        monkeypatch.undo()
        assert sampler.sample(1.5)[1].processes == 6


def test_nothing_is_looked_at_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a job to watch a look costs nothing."""
    looks = Looks(monkeypatch)
    assert Sampler[int]().sample(1.0) == {}
    assert looks.last == set()


def test_psutil_is_loaded_late() -> None:
    """Only the first sample loads psutil."""
    script = """
import sys
from jobd.daemon.system import processes, trees, usage
from jobd.daemon.system.trees import Tree
sampler = usage.Sampler()
sampler.watch(1, Tree(processes.identify(int(sys.argv[1]))))
print("psutil" in sys.modules, sampler.sample(1.0)[1].processes > 0, "psutil" in sys.modules)
"""
    assert run_script(script, str(os.getpid())).split() == ["False", "True", "True"]


def test_without_io_counters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On systems that do not count I/O there are no numbers for it, rather than zeros."""
    monkeypatch.delattr(psutil.Process, "io_counters")
    with planted_nasty(tmp_path, "plain") as job:
        usage = sampling(job).sample(1.0)[0]
        assert (usage.read_bytes, usage.write_bytes, usage.processes) == (None, None, 2)


def test_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On other systems psutil measures the same, once the processes of the job have begun and stand still."""
    with planted_nasty(tmp_path, "plain") as job:

        def measured_alike() -> bool:
            mine = sampling(job).sample(1.0)[0]
            with monkeypatch.context() as elsewhere:
                elsewhere.setattr(processes, "LINUX", False)
                tree = Tree(processes.identify(job.main), processes.identify(job.shim.pid))  # type: ignore[arg-type]
                sampler = Sampler[int]()
                sampler.watch(0, tree)
                theirs = sampler.sample(1.0)[0]
            assert theirs.processes == mine.processes
            assert theirs.cpu_seconds == pytest.approx(mine.cpu_seconds, abs=0.03)
            return bool(theirs.rss_bytes == pytest.approx(mine.rss_bytes, abs=2 * MIB))

        until(measured_alike, what="the same memory")


def _uses_more_than(job: Planted, used: float) -> bool:
    ticks = sum(stat.cpu_ticks for stat in job.stats().values())
    return ticks > used * processes.TICKS_PER_SECOND


def _filesystem(path: Path) -> str:
    command = ["stat", "--file-system", "--format=%T", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
