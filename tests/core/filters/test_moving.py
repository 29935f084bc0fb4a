"""Which filters may mean a job at one time and not at another, though nothing rare happened to it."""

import pytest

from jobd.core.filters.fields import FIELDS
from jobd.core.filters.moving import STILL
from tests.core.filters.reading import read

MOVING = (
    "progress > 50%", "duration > 3s", "NOT message ~ x", "name = a AND (state = failed OR cpu > 1s)", "word",
    "stale = yes", "rss > 1M", "warned > 0", "items.failed > 0", "wait > 1m", "updated > -1h",
)  # fmt: skip
RESTING = (
    "state = running", "name = a* label.env = prod", "NOT (ended > -1h OR attempts > 2)", "labels: env",
    "uid = me", "@failed @today",
)  # fmt: skip


@pytest.mark.parametrize("text", MOVING)
def test_moving(text: str) -> None:
    """One such field is enough."""
    assert read(text).moves


@pytest.mark.parametrize("text", RESTING)
def test_resting(text: str) -> None:
    """Those that rest on what only rare events change."""
    assert not read(text).moves


def test_fields_that_stand_still_are_fields() -> None:
    """A slip of the pen makes no field stand still."""
    assert {field.name for field in FIELDS} >= STILL
