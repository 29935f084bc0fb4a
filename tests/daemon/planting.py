"""Plant real jobs for tests: started by the real shim, found afterwards by the file they hold open."""

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from jobd.core.model import Process
from jobd.daemon.attempts import directory
from jobd.daemon.system import cgroups, processes
from jobd.daemon.system.trees import Tree
from tests.daemon import nasty
from tests.source import PACKAGE, ROOT
from tests.waiting import until

SHIM = PACKAGE / "daemon" / "attempts" / "shim.py"
NASTY = Path(nasty.__file__)
PYTHON = (sys.executable, "-I", "-S")
NOBODY = 65534
PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Planted:
    """A job under its shim: its tree, and who of it lives, as the kernel sees it."""

    def __init__(self, path: Path, tree: Tree, shim: subprocess.Popen[bytes]) -> None:
        self.path = path
        self.tree = tree
        self.shim = shim
        self._held = (path / "output").stat()

    @property
    def main(self) -> int:
        """The number of the main process."""
        return self.tree.main.pid

    def living(self) -> set[int]:
        """Find every process that holds the job's output open, whatever else it has shed."""
        return {pid for pid in processes.running() if self._holds(pid)}

    def stats(self) -> dict[int, processes.Stat]:
        """Look at these processes."""
        return processes.snapshot(self.living())

    def asleep(self) -> bool:
        """Whether all that lives waits for something."""
        return {stat.state for stat in self.stats().values()} == {"S"}

    def lose_shim(self) -> None:
        """Kill the shim, and nobody else."""
        self.shim.kill()
        self.shim.wait()

    def end(self) -> None:
        """Kill what is left, by the file it holds, and the shim last."""
        until(lambda: not [_kill(pid) for pid in self.living()], what="nothing left of the job")
        self.shim.kill()
        self.shim.wait()

    def _holds(self, pid: int) -> bool:
        try:
            return os.path.samestat(os.stat(f"/proc/{pid}/fd/1"), self._held)
        except OSError:
            return False


@contextlib.contextmanager
def planted(
    path: Path, *argv: str, grown: Callable[[Planted], object] = Planted.living, group: bool = False
) -> Iterator[Planted]:
    """Run a command as a job below this path; wait until it has grown as it should; leave nothing of it."""
    cookie = f"test.{secrets.token_hex(8)}"
    cgroup = cgroups.create(cookie) if group else None
    run = path / f"1.{len(list(path.iterdir())) + 1}"
    variables = ("JOBD_COOKIE=" + cookie, "PATH=" + PLAIN_PATH, "PYTHONPATH=" + str(ROOT))
    spec = directory.SpecFile(
        job=1, attempt=1, name="planted", cookie=cookie, argv=argv, cwd=str(path), env=variables, cgroup=cgroup
    )
    directory.prepare(run, spec)
    with subprocess.Popen([*PYTHON, SHIM, run.name], cwd=path) as shim:
        until(lambda: (run / "output").exists() or shim.poll() is not None, what="the job has been started")
        claim = directory.look(run).claim
        assert claim is not None
        job = Planted(run, Tree(claim.main, claim.witness, cookie, cgroup), shim)
        try:
            until(lambda: grown(job), what=f"{argv[-1]} has grown")
            yield job
        finally:
            job.end()
    assert cgroup is None or cgroups.remove(cgroup)


def planted_nasty(path: Path, kind: str, *size: int, group: bool = False) -> contextlib.AbstractContextManager[Planted]:
    """Run one of the nasty trees as a job, and wait until it is as nasty as it will be."""
    grown = partial(_count, least=1 + size[0]) if kind == "bomb" and size else GROWN.get(kind, _has_two)
    return planted(path, *PYTHON, str(NASTY), kind, *map(str, size), grown=grown, group=group)


def identified(pid: int) -> Process:
    """Name a process that is there."""
    process = processes.identify(pid)
    assert process is not None
    return process


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Act as a user without rights (as root only)."""
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


def run_script(script: str, *arguments: str) -> str:
    """Run Python in a process of its own, in which the package can be imported; return what it prints."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout


def _kill(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 9)
    return pid


def _count(job: Planted, least: int) -> bool:
    return len(job.living()) >= least


def _has_two(job: Planted) -> bool:
    return _count(job, least=2)


def _has_daemon(job: Planted) -> bool:
    shim = job.shim.pid
    return any(stat.ppid == shim and pid not in (job.main, stat.sid) for pid, stat in job.stats().items())


def _has_bare_daemon(job: Planted) -> bool:
    return _has_daemon(job) and any(pid != job.main and not processes.environment(pid) for pid in job.living())


def _has_only_daemon(job: Planted) -> bool:
    return _has_bare_daemon(job) and not processes.alive(job.tree.main)


GROWN: dict[str, Callable[[Planted], bool]] = {
    "setsid": lambda job: len({stat.sid for stat in job.stats().values()}) > 1,
    "daemon": _has_daemon,
    "daemon_envwiped": _has_bare_daemon,
    "daemon_ignterm_mainexits": _has_only_daemon,
    "stopped": lambda job: any(stat.state == "T" for stat in job.stats().values()),
    "zombies": lambda job: len(processes.children(job.main)) == nasty.ZOMBIES and job.living() == {job.main},
    "bomb": partial(_count, least=61),
    "comet": partial(_count, least=3),
}
