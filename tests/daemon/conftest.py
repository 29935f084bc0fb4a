"""What the tests of the daemon share: one that serves the tests of a whole file."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.living import Living


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    """Give a daemon for all tests of a file that need one."""
    state = Path(tempfile.mkdtemp(prefix="jobd-", dir="/tmp"))
    with Living(state) as shared:
        yield shared
    shutil.rmtree(state)
