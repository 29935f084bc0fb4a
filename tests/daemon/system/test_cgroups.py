"""Control groups kill and freeze everything in them, and where there are none everything goes on without."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.daemon.system import cgroups, processes
from tests.daemon.planting import identified, linux_only, nobody, root_only, run_script
from tests.waiting import until

pytestmark = linux_only

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
MEMORY = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory"
HYBRID = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 none rw"
CONTAINER = "77 60 0:26 /docker/abc /sys/fs/cgroup ro shared:9 - cgroup2 cgroup rw"
BLANKS = r"77 60 0:26 / /my\040groups\134here rw - cgroup2 cgroup rw"
OTHERS = "23 1 253:0 / / rw,relatime - ext4 /dev/vda rw"

LOCATED = {
    "alone": ("", UNIFIED, "0::/user.slice/session-2.scope", "/sys/fs/cgroup/user.slice/session-2.scope"),
    "the root group": ("", UNIFIED, "0::/", "/sys/fs/cgroup"),
    "beside version 1": ("", f"{MEMORY}\n{HYBRID}", "4:memory:/apps\n0::/job", "/sys/fs/cgroup/unified/job"),
    "version 1": ("memory", f"{HYBRID}\n{MEMORY}", "4:memory:/apps\n0::/job", "/sys/fs/cgroup/memory/apps"),
    "version 1 with others": ("memory", MEMORY, "4:cpu,memory:/apps", "/sys/fs/cgroup/memory/apps"),
    "part of it is mounted": ("", CONTAINER, "0::/docker/abc/job", "/sys/fs/cgroup/job"),
    "the top of that part": ("", CONTAINER, "0::/docker/abc", "/sys/fs/cgroup"),
    "another part is mounted": ("", CONTAINER, "0::/docker/abcdef", None),
    "outside of the namespace": ("", UNIFIED, "0::/../other", None),
    "blanks in the path": ("", BLANKS, "0::/a b", "/my groups\\here/a b"),
    "not mounted": ("", MEMORY, "4:memory:/\n0::/", None),
    "version 1 only": ("", MEMORY, "4:memory:/", None),
    "no such controller": ("memory", UNIFIED, "0::/", None),
    "no groups at all": ("", "", "", None),
}

#: Starts a process that wants more memory than its group has, and prints the counts before and after.
WANT_MEMORY = """
import os, subprocess, sys
from jobd.daemon.system import cgroups
if os.fork():
    os.wait()
    sys.exit()
with open(sys.argv[1] + "/cgroup.procs", "w") as file:
    file.write("0")
before = cgroups.oom_kills(None)
hog = subprocess.run([sys.executable, "-I", "-S", "-c", "x = b'x' * (400 << 20)"])
print(before, hog.returncode, cgroups.oom_kills(None))
"""


@pytest.fixture
def group() -> Iterator[str]:
    """Give a group of our own, and remove it with all that is in it."""
    path = cgroups.create(f"test-{secrets.token_hex(8)}")
    if path is None:
        pytest.skip("no control group (cgroup2) can be made here")
    yield path
    if os.path.isdir(path):
        cgroups.kill(path)
        until(lambda: cgroups.remove(path), what=f"{path} is removed")


@pytest.fixture
def member(group: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process in the group, with a child in a group below that one."""
    os.mkdir(f"{group}/below")
    script = f"echo 0 > {group}/below/cgroup.procs; sleep 3600 & echo 0 > {group}/cgroup.procs; wait"
    with subprocess.Popen(["sh", "-c", script]) as child:
        until(lambda: len(cgroups.pids(group)) == 2)
        yield child
        cgroups.kill(group)


@pytest.mark.parametrize(("controller", "mounts", "membership", "expected"), LOCATED.values(), ids=LOCATED)
def test_locate(controller: str, mounts: str, membership: str, expected: str | None) -> None:
    """The own group is found however the hierarchies are mounted, and only where it can be seen."""
    assert cgroups.locate(controller, f"{OTHERS}\n{mounts}", membership) == expected


def test_own_holds_this_process() -> None:
    """The directory found is that of the group we are in."""
    path = cgroups.own()
    if path is None:
        pytest.skip("there is no cgroup2 here")
    assert os.getpid() in cgroups.pids(path)


def test_kill_ends_all(group: str, member: subprocess.Popen[bytes]) -> None:
    """One write kills every process of a group, and of the groups below it; then the group can be removed."""
    child = identified(processes.children(member.pid)[0])
    assert cgroups.populated(group)
    assert not cgroups.remove(group)
    assert cgroups.kill(group)
    assert member.wait() == -9
    until(lambda: not processes.alive(child))
    until(lambda: not cgroups.populated(group))
    assert cgroups.remove(group)
    assert not os.path.exists(group)


def test_freeze_and_thaw(group: str, member: subprocess.Popen[bytes]) -> None:
    """A frozen group stands still until it is thawed, and can be killed while it does."""
    assert not cgroups.held(group)
    assert cgroups.freeze(group)
    assert cgroups.held(group)
    assert cgroups.frozen(group)
    assert cgroups.thaw(group)
    assert not cgroups.held(group)
    assert not cgroups.frozen(group)
    assert cgroups.freeze(group)
    assert cgroups.kill(group)
    assert member.wait() == -9


def test_a_group_is_made_once(group: str) -> None:
    """A group that exists is somebody else's: it is not handed out again."""
    assert cgroups.create(os.path.basename(group).removeprefix("jobd-")) is None
    assert not cgroups.populated(group)


def test_empty_groups_are_swept_away(
    group: str, member: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old ones in which nothing lives, but not those to be kept."""
    monkeypatch.setattr(cgroups, "own", lambda: group)
    empty, kept, full = (str(cgroups.create(name)) for name in ("empty", "kept", "full"))
    Path(full, "cgroup.procs").write_text(str(member.pid))
    cgroups.sweep({kept}, 3600)
    assert os.path.exists(empty)
    cgroups.sweep({kept}, -1)
    assert [os.path.exists(path) for path in (empty, kept, full)] == [False, True, True]
    assert member.poll() is None


@root_only
def test_none_is_made_without_permission() -> None:
    """A user to whom nothing was delegated does without, silently."""
    with nobody():
        assert cgroups.create(f"test-{secrets.token_hex(8)}") is None


def test_a_group_that_is_gone(tmp_path: Path) -> None:
    """Nothing can be done to it, and nothing is in it."""
    path = str(tmp_path / "gone")
    assert not cgroups.kill(path)
    assert not cgroups.freeze(path)
    assert not cgroups.thaw(path)
    assert not cgroups.populated(path)
    assert not cgroups.frozen(path)
    assert cgroups.pids(path) == set()
    assert cgroups.oom_kills(path) is None


def test_memory_is_counted_for_the_own_group_only(group: str) -> None:
    """Kills in a group shared with others are never told as those of a job's group."""
    counted = os.path.exists(f"{group}/memory.events")
    assert cgroups.oom_kills(group) == (0 if counted else None)


@root_only
def test_kills_for_want_of_memory_are_counted() -> None:
    """Where the memory of our group is limited, the processes killed for it are counted."""
    mounts, membership = Path(cgroups.ROOTS).read_text(), Path(cgroups.MEMBERSHIP).read_text()
    parent = cgroups.locate("memory", mounts, membership)
    if parent is None:
        pytest.skip("needs the memory controller of version 1, to be limited by a test")
    path = Path(parent) / f"jobd-test-{secrets.token_hex(8)}"
    path.mkdir()
    try:
        (path / "memory.limit_in_bytes").write_text(str(100 << 20))
        assert run_script(WANT_MEMORY, str(path)) == "0 -9 1\n"
    finally:
        until(lambda: cgroups.remove(str(path)))
