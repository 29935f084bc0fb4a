"""A crash point kills when it was told to, and only then."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobd.daemon.system.crash import POINTS, crash_point
from tests.source import PACKAGE, ROOT, modules

PASSING = """
import sys
from jobd.daemon.system.crash import crash_point
for name in sys.argv[1:]:
    crash_point(name)
    print(name, flush=True)
"""


def pass_points(plan: str, *names: str, log: Path | None = None) -> tuple[int, list[str]]:
    """Let a process pass points; give its exit status and the points it survived."""
    environment = {**os.environ, "JOBD_CRASH": plan, "PYTHONPATH": str(ROOT)}
    if log is not None:
        environment["JOBD_CRASH_LOG"] = str(log)
    command = [sys.executable, "-c", PASSING, *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split()


@pytest.mark.parametrize(
    ("plan", "survived"),
    [
        ("", ["before_commit", "after_commit", "before_commit"]),
        ("before_commit", []),
        ("before_commit:1", []),
        ("before_commit:2", ["before_commit", "after_commit"]),
        ("after_commit", ["before_commit"]),
        ("before_commit:3,after_claim:1", ["before_commit", "after_commit", "before_commit"]),
        ("after_claim,before_commit:2", ["before_commit", "after_commit"]),
    ],
)
def test_it_kills_at_the_nth_passing(plan: str, survived: list[str]) -> None:
    """The process dies by SIGKILL at the planned passing of the planned point; points of others do not concern it."""
    status, passed = pass_points(plan, "before_commit", "after_commit", "before_commit")
    assert passed == survived
    assert status == (0 if len(survived) == 3 else -signal.SIGKILL)


def test_the_log_is_told_first(tmp_path: Path) -> None:
    """Whoever planned the kill can see that it happened, and where; what was written there before stays."""
    log = tmp_path / "log"
    log.write_text("earlier\n")
    pass_points("after_commit", "before_commit", "after_commit", log=log)
    assert log.read_text() == "earlier\nafter_commit\n"


def test_without_a_plan_nothing_happens() -> None:
    """In daily life a point is passed."""
    for name in POINTS:
        crash_point(name)


def test_every_point_is_somewhere_and_has_a_name() -> None:
    """The table holds the points in the code: a test that plans a kill cannot miss it by a misspelling."""
    text = "".join(module.text for module in modules() if module.path.is_relative_to(PACKAGE / "daemon"))
    used = {name for name in text.split('crash_point("')[1:] for name in [name.split('"')[0]]}
    assert used == set(POINTS)
