"""The tools are strict, and have nothing to say."""

import subprocess
import sys

import pytest

from tests.source import ROOT

CHECKS = {
    "types": ("mypy", "--strict", "jobd"),
    "lint": ("ruff", "check", "--quiet", "."),
    "format": ("ruff", "format", "--quiet", "--diff", "."),
}


@pytest.mark.parametrize("check", CHECKS)
def test_no_complaint(check: str) -> None:
    """The types hold, every lint rule is kept, and the text is formatted."""
    command = [sys.executable, "-m", *CHECKS[check]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
