"""The pieces of which shims are made, where no shim is needed to see them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from jobd.daemon.attempts import process
from tests.daemon.shims import PROGRAMS, crashed, plan


def alone(code: str, **popen: object) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter as bare as a shim's."""
    argv = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(PROGRAMS)!r})\n{code}"]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=20, **popen)


def test_start_ticks_are_the_kernel_s() -> None:
    """Whatever a process is called: its name may hold spaces and brackets."""
    odd = "import ctypes; ctypes.CDLL(None).prctl(15, b'a) (b) 1', 0, 0, 0); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", odd], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        ticks = process.start_ticks(child.pid)
        started = psutil.Process(child.pid).create_time() - psutil.boot_time()
        assert abs(ticks / os.sysconf("SC_CLK_TCK") - started) < 1.1
        child.kill()
    assert process.start_ticks(child.pid) == 0


def test_children() -> None:
    """The children are listed as far as they fit, and never a cut-off number."""
    code = """
import os, process
reading, writing = os.pipe()
pids = set()
while len(pids) < 400:
    pid = os.fork()
    if not pid:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    pids.add(pid)
listed = process.children()
assert 100 < len(listed) < 400 and pids.issuperset(listed), listed
"""
    done = alone(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_group_of_a_process() -> None:
    """A process that has gone is in no group."""
    assert process.group(os.getpid()) == os.getpgrp()
    with subprocess.Popen(["true"]) as child:
        child.wait()
        assert process.group(child.pid) == 0


@pytest.mark.parametrize(
    ("points", "passed", "died"),
    [
        ("a", "a", True),
        ("a:1", "a", True),
        ("a:2", "a", False),
        ("b,a", "a", True),
        ("", "a", False),
        ("ab", "a", False),
    ],
)
def test_points(tmp_path: Path, points: str, passed: str, *, died: bool) -> None:
    """A process dies at a point that is named for its turn, and says so before."""
    done = alone(f"import process; process.crash({passed!r})", env=plan(tmp_path, points))
    assert done.returncode == (-signal.SIGKILL if died else 0), done.stderr
    assert crashed(tmp_path) == ([passed] if died else [])


def test_an_import_loads_nothing_slow() -> None:
    """Zygote and shim are small because they import little; signal, socket, re and typing stay out."""
    done = alone("import shim; print(*sys.modules)")
    assert not {"signal", "socket", "re", "enum", "typing", "subprocess", "json", "threading"} & set(
        done.stdout.split()
    )
    assert "shim" in done.stdout.split()
