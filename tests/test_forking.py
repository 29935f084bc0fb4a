"""A call that is forked from a loaded program is the same as one that is executed."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests import forking
from tests.calling import JOBD, jobd
from tests.daemon.planting import linux_only

pytestmark = linux_only

#: What a process can see of how it was started; SigQ counts the signals of all processes of its user.
LOOK = (
    "pwd; umask; ulimit -a; env | sort; ls /proc/self/fd | wc -l; grep -E '^(Sig[^Q]|Cap|Uid|Groups)' /proc/self/status"
)


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Give an environment in which no daemon is started."""
    return {**os.environ, "JOBD_DIR": str(tmp_path), "JOBD_AUTOSTART": "0", "CAF\udce9": "caf\udce9"}


def test_what_a_job_sees(alone: dict[str, str], tmp_path: Path) -> None:
    """Directory, environment, limits, signals and descriptors are those of a program that was executed."""
    words = ("run", "--raw", "--", "sh", "-c", LOOK)
    executed = subprocess.run([*JOBD, *words], env=alone, cwd=tmp_path, capture_output=True, check=True)
    assert forking.possible(words, alone)
    forked = jobd(*words, env=alone, cwd=tmp_path)
    said = (forked.out, executed.stdout.decode(errors="backslashreplace"))
    first, second = (re.sub(r"\badhoc-\w+", "its own", text).splitlines() for text in said)
    assert first == second
    assert len(first) > len(alone)


def test_what_looks_at_the_interpreter_is_executed(alone: dict[str, str]) -> None:
    """No fork can stand for another start of the interpreter."""
    for name in ("PYTHONPATH", "LANG", "LC_ALL"):
        assert not forking.possible(["list"], {**alone, name: "/elsewhere"})
    assert not forking.possible(["list", "x" * 200_000], alone)


def test_its_end(alone: dict[str, str], tmp_path: Path) -> None:
    """It can be waited for and killed as any other process."""
    gate = tmp_path / "gate"
    with open(os.devnull, "r+b") as nothing:
        places = dict.fromkeys(range(3), nothing.fileno())
        script = f"while [ ! -e '{gate}' ]; do sleep 0.02; done; exit 7"
        process = forking.fork(["run", "--", "sh", "-c", script], alone, places)
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        gate.touch()
        assert process.wait(20) == 7
        script = f"while [ -e '{gate}' ]; do sleep 0.02; done"
        killed = forking.fork(["run", "--", "sh", "-c", script], alone, places)
        killed.kill()
        assert killed.wait(20) == killed.poll() == -signal.SIGKILL
        gate.unlink()
        killed.kill()
