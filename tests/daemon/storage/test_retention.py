"""What is named to be removed: the oldest first, each once, and no more than is asked for."""

from pathlib import Path

import pytest

from jobd.core.history import retention
from jobd.core.quantities import to_microseconds
from jobd.daemon.storage.retention import Limits, jobs_due
from tests.daemon.storing import ask, reading, write
from tests.making import Maker

JOBS = 30


@pytest.mark.parametrize(
    ("rule", "most", "named"),
    [
        ("encode 10", 5, range(1, 6)),
        ("encode 10", 100, range(1, 21)),
        ("encode 40", 100, ()),
        ("encode 1s", 7, range(1, 8)),
        ("encode 1s 10", 100, range(1, 31)),
        ("encode 365d 10", 100, range(1, 21)),
        ("other 1s 1", 100, ()),
    ],
)
def test_rules_of_names(tmp_path: Path, rule: str, most: int, named: range) -> None:
    """Those that are too old, and those that are too many."""
    path, maker = tmp_path / "jobd.db", Maker()
    write(path, *(maker.run(number, "encode") for number in range(1, JOBS + 1)))
    ask(path, "UPDATE jobs SET settled = 1")
    later = to_microseconds(maker.at) + 10**9
    with reading(path) as reader:
        assert jobs_due(reader, Limits(0, 0, retention.parse(rule)), later, most) == list(named)
