"""The README's tour works line by line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import ROOT

TOURS = re.findall(r"<!-- tour -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.usefixtures("state_dir")
@pytest.mark.parametrize("tour", TOURS, ids=lambda text: text.split()[1])
def test_the_tour_works(tmp_path: Path, tour: str) -> None:
    """A newcomer who types the lines of a tour sees no failure and no error."""
    program = tmp_path / "bin" / "jobd"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m jobd "$@"\n')
    program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "step 3" in done.stdout or "nightly" in tour


def test_there_is_a_tour() -> None:
    """The README shows what it promises."""
    assert len(TOURS) == 2
