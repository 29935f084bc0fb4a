"""What the tests of the daemon share: one that serves the tests of a whole file."""

from collections.abc import Iterator

import pytest

from tests.living import Living, shared


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    """Give a daemon for all tests of a file that need one."""
    with shared() as living:
        yield living
