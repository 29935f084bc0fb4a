"""Everything of a job is found, ended and stopped, whatever it does to get away, and nothing else is."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.model import Process
from jobd.daemon.system import cgroups, processes, trees
from jobd.daemon.system.processes import Snapshot, Stat
from jobd.daemon.system.trees import Tree
from tests.daemon import nasty
from tests.daemon.planting import Planted, identified, linux_only, nobody, planted, planted_nasty, root_only
from tests.waiting import until

pytestmark = linux_only

each_kind = pytest.mark.parametrize("kind", nasty.KINDS)
#: Kinds that end when told to, and those that do not move about.
OBEDIENT = ("plain", "setsid", "daemon", "daemon_envwiped", "stopped")
SETTLED = (*OBEDIENT, "ignterm", "zombies", "bomb")
#: Kinds that leave a trace without their shim: a session, an ancestor or the cookie.
TRACEABLE = ("plain", "ignterm", "setsid", "daemon", "stopped", "zombies", "bomb")
BIRD = ("sh", "-c", "sleep 3600 & wait")

#: Prints the members of the job it is part of, as a daemon sees them that was started by this job.
LOOK_FROM_INSIDE = """
import os, subprocess, sys, time
from jobd.daemon.system import processes, trees
main, cookie = processes.identify(os.getppid()), os.environ["JOBD_COOKIE"]
child = subprocess.Popen(["sleep", "3600"])
with_shim = trees.Tree(main, processes.identify(processes.stat(main.pid).ppid), cookie)
orphaned = trees.Tree(main, None, cookie)
print([[process.pid for process in trees.members(tree)] for tree in (with_shim, orphaned)], flush=True)
time.sleep(3600)
"""
START_DAEMON = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], start_new_session=True)"


def end(job: Planted) -> None:
    """Kill round by round until the shim says that nothing is left."""
    until(lambda: trees.kill_round(job.tree) == [] and not processes.alive(shim_of(job)), what="the shim has ended")


def shim_of(job: Planted) -> Process:
    """Name the shim."""
    assert job.tree.shim is not None
    return job.tree.shim


def standing(job: Planted) -> dict[int, bool]:
    """Say of all that lives whether it is stopped."""
    return {pid: stat.state == "T" for pid, stat in job.stats().items()}


@each_kind
def test_nothing_is_left(kind: str, tmp_path: Path) -> None:
    """Rounds of killing end every tree, and once the shim has ended there is no process left."""
    with planted_nasty(tmp_path, kind) as job:
        end(job)
        assert job.living() == set()
        assert trees.gone(job.tree)


@each_kind
def test_nothing_is_left_of_a_group(kind: str, tmp_path: Path) -> None:
    """The same with a control group."""
    with planted_nasty(tmp_path, kind, group=True) as job:
        if job.tree.cgroup is None:
            pytest.skip("no control group (cgroup2) can be made here")
        end(job)
        assert job.living() == set()
        assert not cgroups.populated(job.tree.cgroup)


def test_those_a_look_has_missed_are_killed_in_the_same_round(tmp_path: Path) -> None:
    """An orphan that came to the shim after the look is killed with the rest, without another look."""
    with planted_nasty(tmp_path, "daemon_envwiped") as job:
        seen = processes.snapshot()
        for newborn in job.living() - {job.main}:
            del seen[newborn]
        trees.kill_round(job.tree, seconds=20, snapshot=seen)
        assert job.shim.wait(20) == 0
        assert job.living() == set()


@pytest.mark.parametrize("kind", TRACEABLE)
def test_nothing_is_left_of_an_orphan(kind: str, tmp_path: Path) -> None:
    """If the shim was killed, session, descent and cookie still find all; two looks that find nobody are the proof."""
    with planted_nasty(tmp_path, kind) as job:
        assert not trees.gone(job.tree)
        job.lose_shim()
        assert not trees.gone(job.tree)
        until(lambda: trees.kill_round(job.tree) == [] and trees.gone(job.tree))
        assert job.living() == set()


@pytest.mark.parametrize("kind", OBEDIENT)
def test_a_signal_reaches_all(kind: str, tmp_path: Path) -> None:
    """Everything gets the signal and can act on it, stopped or not; the shim is left to see it."""
    with planted_nasty(tmp_path, kind) as job:
        living = job.living()
        told = trees.terminate(job.tree, signal.SIGTERM)
        assert {process.pid for process in told} == living
        assert job.shim.wait(20) == 0
        assert job.living() == set()


def test_a_frozen_group_can_act_on_a_signal(tmp_path: Path) -> None:
    """To be told to end, a paused job is let go on."""
    with planted_nasty(tmp_path, "plain", group=True) as job:
        if job.tree.cgroup is None:
            pytest.skip("no control group (cgroup2) can be made here")
        trees.freeze(job.tree)
        trees.terminate(job.tree, signal.SIGTERM)
        assert job.shim.wait(20) == 0


def test_other_jobs_are_left_alone(tmp_path: Path) -> None:
    """Ending some jobs in one look at all processes touches no other."""
    with contextlib.ExitStack() as stack:
        jobs = [stack.enter_context(planted_nasty(tmp_path, kind)) for kind in ("setsid", "daemon", "plain")]
        seen, kept = processes.snapshot(), jobs[2].living()
        for job in jobs[:2]:
            trees.kill_round(job.tree, snapshot=seen)
            assert job.shim.wait(20) == 0
        looks = (processes.snapshot(), processes.snapshot())
        assert [trees.gone(job.tree, *looks) for job in jobs] == [True, True, False]
        assert jobs[2].living() == kept


def test_a_daemon_does_not_end_itself(tmp_path: Path) -> None:
    """A daemon that was started by a job is no part of it, nor are its own children, whatever cookie they carry."""
    with planted(tmp_path, sys.executable, "-c", START_DAEMON, LOOK_FROM_INSIDE) as job:
        text = until((job.path / "output").read_text)
        assert text == f"[[{job.main}], [{job.main}]]\n"


def test_no_cookie_is_nobodys(tmp_path: Path) -> None:
    """A job without a cookie is not found in every environment."""
    with planted_nasty(tmp_path, "daemon") as job:
        job.lose_shim()
        found = trees.members(Tree(job.tree.main, None, ""))
        assert {process.pid for process in found} == {job.main} < job.living()


def test_a_reused_number_is_no_main_process(tmp_path: Path) -> None:
    """If the number of the main process belongs to another by now, its session and children are not the job's."""
    with planted_nasty(tmp_path, "plain") as job:
        earlier = Tree(Process(job.main, job.tree.main.ticks - 1))
        assert trees.members(earlier) == []
        assert trees.kill_round(earlier) == []
        assert trees.gone(earlier)
        assert len(job.living()) == 2


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_members_of_any_orphan(rows: list[tuple[int, bool, bool]]) -> None:
    """Without a shim a job is its session and all below, each process once, parents first, the dead left out."""
    lowest = 1 << 24
    main = Process(lowest, 5)
    seen = Snapshot()
    for pid, (parent, akin, dead) in enumerate(rows, lowest):
        session = lowest if akin or pid == lowest else 1
        seen[pid] = Stat(lowest + min(parent, pid - lowest - 1), 1, session, 5, "Z" if dead else "S", 1, 0, 0, 0)
    pids = trees.family(Tree(main), seen)
    ranks = {pid: rank for rank, pid in enumerate(pids)}
    assert len(ranks) == len(pids)
    assert all(pid in ranks for pid, stat in seen.items() if stat.sid == lowest or stat.ppid in ranks)
    assert all(ranks[seen[pid].ppid] < rank for pid, rank in ranks.items() if seen[pid].ppid in ranks)
    assert trees.members(Tree(main), seen) == [Process(pid, 5) for pid in pids if not seen[pid].dead]


@pytest.mark.parametrize("kind", SETTLED)
def test_freeze_and_thaw(kind: str, tmp_path: Path) -> None:
    """Everything stands still but the shim; afterwards goes on what went before, and no more."""
    with planted_nasty(tmp_path, kind) as job:
        before = standing(job)
        stopped = freeze(job)
        assert all(standing(job).values())
        assert {process.pid for process in stopped} == {pid for pid, stood in before.items() if not stood}
        assert processes.stat(job.shim.pid).state != "T"  # type: ignore[union-attr]
        trees.thaw(job.tree, stopped)
        until(lambda: standing(job) == before, what=f"all go on as {before}")


def freeze(job: Planted) -> frozenset[Process]:
    """Freeze, on a busy machine in several bites: what one has stopped may have had a child that nobody has seen."""
    stopped: set[Process] = set()

    def bite() -> bool:
        found = trees.freeze(job.tree)
        stopped.update(found)
        return not found and all(standing(job).values())

    until(bite, what="all stand still")
    return frozenset(stopped)


def test_freeze_catches_what_runs_away(tmp_path: Path) -> None:
    """Processes that are born while others are being stopped are stopped, too; then nothing moves any more."""
    with planted_nasty(tmp_path, "comet", 2) as job:
        freeze(job)
        held = job.living()
        assert trees.freeze(job.tree) == frozenset()
        assert job.living() == held


def test_thaw_after_a_restart(tmp_path: Path) -> None:
    """A daemon that does not know whom it has stopped lets everybody go on."""
    with planted_nasty(tmp_path, "stopped") as job:
        freeze(job)
        trees.thaw(job.tree, None)
        until(lambda: not any(standing(job).values()))


@pytest.mark.parametrize("known", [True, False])
def test_a_group_is_frozen_unseen(known: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """With a control group nobody gets a signal; who had stopped himself stays so, whether the daemon knows or not."""
    with planted_nasty(tmp_path, "stopped", group=True) as job:
        if job.tree.cgroup is None:
            pytest.skip("no control group (cgroup2) can be made here")
        before = standing(job)
        stopped = trees.freeze(job.tree)
        assert stopped == frozenset()
        assert cgroups.frozen(job.tree.cgroup)
        trees.thaw(job.tree, stopped if known else None)
        assert not cgroups.frozen(job.tree.cgroup)
        assert standing(job) == before


def test_who_has_left_the_group_is_stopped_too(tmp_path: Path) -> None:
    """A process that moved to another control group stands still with the rest, and goes on with it."""
    with planted(tmp_path, *BIRD, grown=lambda job: len(job.living()) == 2, group=True) as job:
        if job.tree.cgroup is None or os.geteuid() != 0:
            pytest.skip("needs a control group (cgroup2), and root to leave it")
        bird = identified(processes.children(job.main)[0])
        Path(os.path.dirname(job.tree.cgroup), "cgroup.procs").write_text(str(bird.pid))
        stopped = trees.freeze(job.tree)
        assert stopped == {bird}
        trees.thaw(job.tree, stopped)
        until(lambda: not any(standing(job).values()))
        end(job)
        assert job.living() == set()


def test_an_unused_group_is_not_relied_on(tmp_path: Path) -> None:
    """If a job could not be put into its control group, it is frozen and ended all the same."""
    empty = cgroups.create(f"test-{os.getpid()}-{os.urandom(4).hex()}")
    if empty is None:
        pytest.skip("no control group (cgroup2) can be made here")
    try:
        with planted_nasty(tmp_path, "plain") as job:
            tree = Tree(job.tree.main, job.tree.shim, job.tree.cookie, empty)
            assert len(trees.freeze(tree)) == 2
            trees.kill_round(tree)
            assert job.shim.wait(20) == 0
    finally:
        assert cgroups.remove(empty)


def test_describe() -> None:
    """A person is told number, owner, state and name of who lives on, and nothing of who does not."""
    with subprocess.Popen(("sleep", "3600")) as child:
        process = identified(child.pid)
        until(lambda: trees.describe([process]) == (f"{child.pid} (uid {os.getuid()}, S, sleep)",))
        assert trees.describe([Process(process.pid, process.ticks + 1)]) == ()
        child.kill()
        until(lambda: trees.describe([process]) == ())
    assert trees.describe([process]) == ()


@root_only
def test_who_may_not_be_killed_is_reported(tmp_path: Path) -> None:
    """A process of another user is not taken for dead because we cannot signal it."""
    with planted_nasty(tmp_path, "plain") as job:
        living = job.living()
        with nobody():
            assert {process.pid for process in trees.kill_round(job.tree)} == living
            assert trees.terminate(job.tree, signal.SIGTERM) == []
            assert trees.freeze(job.tree) == frozenset()
            assert not trees.gone(job.tree)
        assert job.living() == living
