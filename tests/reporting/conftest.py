"""What the tests of this room share: a report file, as a job has it, and a daemon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import built
from tests.commands.running import House
from tests.reporting.said import Said


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """Let this process be a job whose report file can be read."""
    path = tmp_path / "report"
    path.touch()
    monkeypatch.setenv("JOBD_REPORT", str(path))
    return Said(path)


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    """Give a daemon that the tests of a file share."""
    with built(serving=True) as house:
        yield house


@pytest.fixture
def house(shared: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Let this process find a daemon."""
    monkeypatch.setenv("JOBD_DIR", str(shared.state))
    return shared


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Let this process find a daemon of which one test may do what it likes."""
    with built(serving=True) as private:
        monkeypatch.setenv("JOBD_DIR", str(private.state))
        yield private


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this process find a place where no daemon has ever been."""
    monkeypatch.setenv("JOBD_DIR", str(tmp_path / "none"))
    return tmp_path / "none"
