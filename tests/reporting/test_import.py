"""What a program loads with `import jobd`."""

import subprocess
import sys

import pytest

import jobd
from tests.source import ROOT

HEAVY = "asyncio click inspect logging msgspec platformdirs psutil sqlite3 subprocess watchfiles".split()


def loaded(script: str) -> set[str]:
    """Run a script and say which modules it has loaded."""
    script += "\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_nothing_is_loaded_at_once() -> None:
    """The package costs nothing, and reporting into a file little."""
    assert {name for name in loaded("import jobd") if name.startswith("jobd")} == {"jobd"}
    assert loaded("import jobd; list(jobd.track([1], 'x')); jobd.job").isdisjoint(HEAVY)


def test_names() -> None:
    """All that is promised is there, and nothing else is."""
    assert [name for name in jobd.__all__ if not hasattr(jobd, name)] == []
    with pytest.raises(AttributeError, match="module 'jobd' has no attribute 'trakc'"):
        jobd.trakc  # noqa: B018
