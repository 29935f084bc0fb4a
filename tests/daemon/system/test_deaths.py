"""The status of an orphan is exact, whoever saw it last, or it is not told."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jobd.core.model import Process
from jobd.daemon.system import deaths, processes
from tests.daemon.planting import PYTHON, identified, linux_only, nobody, root_only
from tests.waiting import until

pytestmark = linux_only

ENDS = {
    "exit 0": 0,
    "exit 3": 3 << 8,
    "exit 137": 137 << 8,
    "kill -KILL $$": signal.SIGKILL,
    "kill -TERM $$": signal.SIGTERM,
    "ulimit -c 0; kill -SEGV $$": signal.SIGSEGV,
}
each_end = pytest.mark.parametrize(("command", "status"), ENDS.items())

#: A parent that starts a command and reaps it after it was told to.
LATE_PARENT = """
import os, sys
pid = os.fork()
if not pid:
    sys.stdin.close()
    os.execv("/bin/sh", ["sh", "-c", sys.argv[1]])
print(pid, flush=True)
sys.stdin.readline()
os.waitpid(pid, 0)
print("reaped", flush=True)
sys.stdin.readline()
"""


class Foreign:
    """A process whose parent is somebody else, who reaps it when told."""

    def __init__(self, parent: subprocess.Popen[str]) -> None:
        assert parent.stdout is not None
        self.parent = parent
        self.process = identified(int(parent.stdout.readline()))
        self.pidfd = processes.open_pidfd(self.process)

    def tell(self) -> None:
        """Let the parent wait for it, once it has ended."""
        assert self.parent.stdin is not None
        self.parent.stdin.write("\n")
        self.parent.stdin.flush()

    def be_reaped(self) -> None:
        """See it reaped."""
        self.tell()
        assert self.parent.stdout is not None
        assert self.parent.stdout.readline() == "reaped\n"

    def status(self, seconds: float = 0.0) -> deaths.Death | None:
        """Ask how it ended."""
        return deaths.orphan_status(self.process, self.pidfd, seconds)


@contextmanager
def foreign(command: str) -> Iterator[Foreign]:
    """Run a command as somebody else's child."""
    arguments = [*PYTHON, "-c", LATE_PARENT, command]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        found = Foreign(parent)
        yield found
        processes.send(found.process, signal.SIGKILL)
        assert found.pidfd is not None
        os.close(found.pidfd)
        parent.kill()


def pidfds_tell() -> bool:
    """Whether this kernel remembers in a pidfd how a reaped process ended."""
    with foreign("exit 5") as orphan:
        until(lambda: not processes.alive(orphan.process))
        orphan.be_reaped()
        answer = bytearray(deaths.PIDFD_INFO.pack(deaths.PIDFD_INFO_EXIT, 0))
        assert orphan.pidfd is not None
        try:
            fcntl.ioctl(orphan.pidfd, deaths.PIDFD_GET_INFO, answer)
        except OSError:
            return False
        return bool(deaths.PIDFD_INFO.unpack(answer)[0] & deaths.PIDFD_INFO_EXIT)


@pytest.fixture(scope="module")
def telling_pidfds() -> None:
    """Skip where they do not."""
    if not pidfds_tell():
        pytest.skip("needs Linux 6.15: pidfds that tell the status of a reaped process")


@each_end
def test_an_own_child(command: str, status: int) -> None:
    """As its parent one learns the exact status, and what it used."""
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ)
    process = identified(pid)
    pidfd = processes.open_pidfd(process)
    death = deaths.orphan_status(process, pidfd, 20)
    assert death is not None
    assert death.status == status
    assert death.resources is not None
    assert death.resources.peak_rss_bytes > 100_000
    assert processes.identify(pid) is None, "it was reaped"
    assert pidfd is not None
    os.close(pidfd)


@each_end
def test_a_zombie_of_another_parent(command: str, status: int) -> None:
    """Until its parent reaps it, its stat tells; what it used is unknown."""
    with foreign(command) as orphan:
        assert orphan.status(20) == (status, None)
        assert deaths.orphan_status(orphan.process, None) == (status, None), "no pidfd is needed"


@each_end
@pytest.mark.usefixtures("telling_pidfds")
def test_reaped_by_another(command: str, status: int) -> None:
    """After it was reaped, a pidfd opened before tells; without one nobody can say, and nothing is waited for."""
    with foreign(command) as orphan:
        until(lambda: not processes.alive(orphan.process))
        orphan.be_reaped()
        assert orphan.status() == (status, None)
        assert deaths.orphan_status(orphan.process, None, 3600) is None


@root_only
def test_a_zombie_that_may_not_be_read() -> None:
    """To strangers the kernel shows every zombie as one with status 0: that is not believed, nor an early pidfd."""
    with foreign("exit 7") as orphan:
        until(lambda: not processes.alive(orphan.process))
        with nobody():
            assert orphan.status() is None
            assert orphan.status(0.05) is None, "the pidfd is readable, but tells only of the reaped"
        assert orphan.status() == (7 << 8, None)


@root_only
@pytest.mark.usefixtures("telling_pidfds")
def test_late_reaping_is_awaited() -> None:
    """Init may take seconds to reap: the status is awaited through both steps, for as long as was said."""
    with foreign("sleep 0.1; exit 7") as orphan:
        orphan.tell()
        with nobody():
            assert orphan.status(20) == (7 << 8, None)


def test_nothing_is_said_of_the_living() -> None:
    """A process that lives has no status yet, and asking does not wait longer than told."""
    with foreign("exec sleep 3600") as orphan:
        assert orphan.status() is None
        assert orphan.status(0.02) is None
        assert processes.alive(orphan.process)


def test_another_process_of_that_number_is_not_reaped() -> None:
    """If the number belongs to another child by now, its status stays its own."""
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 9"], os.environ)
    process = identified(pid)
    until(lambda: not processes.alive(process))
    assert deaths.orphan_status(Process(pid, process.ticks + 1), None) is None
    assert os.waitpid(pid, 0) == (pid, 9 << 8)
