"""The tools of the tests do what the tests rely on."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import end_processes
from tests.waiting import until


def test_until_gives_the_first_true_value() -> None:
    """The condition is asked until it is true, and its value is handed on."""
    values = iter([0, "", None, "there"])
    assert until(lambda: next(values)) == "there"


def test_until_says_what_it_waited_for() -> None:
    """A wait in vain names its limit, its purpose, and what the condition complained of."""

    def condition() -> bool:
        assert sys.argv == [], "the doubt"
        return True

    with pytest.raises(AssertionError, match=r"after 0\.01 s still not: the moon") as caught:
        until(condition, 0.01, what="the moon")
    assert "the doubt" in str(caught.value.__cause__)


def test_the_environment_is_clean() -> None:
    """No variable of the user's own jobd reaches a test."""
    assert [name for name in os.environ if name.startswith("JOBD_")] == []
    assert not Path(os.environ["XDG_STATE_HOME"]).exists()


def test_a_state_directory_is_private_and_short(state_dir: Path) -> None:
    """It is empty, ours alone, named in the environment, and short enough for a socket."""
    assert list(state_dir.iterdir()) == []
    assert state_dir.stat().st_mode & 0o777 == 0o700
    assert os.environ["JOBD_DIR"] == str(state_dir)
    assert len(str(state_dir)) < 40


#: A daemon by its variable, a detached child of it without one, and one that only holds a file open.
TREES = {
    "by the variable": (["sh", "-c", "env -i setsid sleep 1000 & exec sleep 1000"], True, False),
    "by an open file": (["sh", "-c", "setsid sleep 1000 & exec sleep 1000"], False, True),
}


@pytest.mark.parametrize("name", TREES)
def test_nothing_is_left_running(state_dir: Path, name: str) -> None:
    """Whatever works in a state directory, and whatever that started, is killed at the end."""
    command, by_variable, by_file = TREES[name]
    env = {"PATH": os.environ["PATH"], **({"JOBD_DIR": str(state_dir)} if by_variable else {})}
    with (state_dir / "output").open("wb") as output:
        process = subprocess.Popen(command, env=env, stdout=output if by_file else None, start_new_session=True)
    children = until(lambda: psutil.Process(process.pid).children(), what="a child of the process")
    end_processes(state_dir)
    assert process.wait() == -9
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
