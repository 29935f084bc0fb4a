"""What the tests of commands share: a state directory with a running daemon for a whole file, or for one test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands.running import Gate, House
from tests.conftest import end_processes
from tests.living import short_directory


@contextmanager
def built(*, serving: bool) -> Iterator[House]:
    """Make a state directory, short enough for a socket; at the end kill whatever still runs in it and remove it."""
    with short_directory() as path:
        house = House(path, {"JOBD_JOBS_SLOTS": "4"})
        try:
            if serving:
                house.daemon.start(house.environ)
            yield house
        finally:
            end_processes(path)
            house.daemon.kill()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Give a daemon that the tests of a file share; none of them may harm it."""
    with built(serving=True) as shared:
        yield shared


@pytest.fixture
def own() -> Iterator[House]:
    """Give a daemon for one test, which may do with it as it likes."""
    with built(serving=True) as private:
        yield private


@pytest.fixture
def empty() -> Iterator[House]:
    """Give a fresh state directory in which no daemon has been."""
    with built(serving=False) as fresh:
        yield fresh


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Give steps at which a job waits for the test."""
    return Gate(tmp_path)
