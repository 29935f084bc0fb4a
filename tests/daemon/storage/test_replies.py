"""A repeated request is known, however many came in between; a new one costs nothing."""

from pathlib import Path

import pytest

from jobd.daemon.storage import replies
from jobd.daemon.storage.replies import Replies
from tests.daemon.storing import ask, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database with the answers to ten requests."""
    path = tmp_path / "jobd.db"
    write(path)
    for number in range(10):
        ask(path, "INSERT INTO requests (id, method, at, reply) VALUES (?, 'submit', 5, ?)", f"r{number}", str(number))
    return path


def loaded(path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> Replies:
    """Load at most so many ids."""
    monkeypatch.setattr(replies, "MOST_IDS", most)
    known = Replies(path)
    known.load()
    return known


def answers(known: Replies, *ids: str) -> list[bytes | None]:
    """Find what was answered."""
    return [found.reply if (found := known.find(name)) is not None else None for name in ids]


@pytest.mark.parametrize("most", [3, 10, 100])
def test_all_are_found(path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Those in memory and those that are not."""
    known = loaded(path, monkeypatch, most)
    assert answers(known, *(f"r{number}" for number in range(10))) == [b"%d" % number for number in range(10)]
    assert answers(known, "r10", "", "R1") == [None] * 3
    known.close()


def test_a_new_request_costs_no_search(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as all ids are in memory the file is not asked about one that is not."""
    known = loaded(path, monkeypatch, 10)
    known.close()
    assert answers(known, "new") == [None]


def test_memory_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest ids leave memory; from then on the file is asked, and nothing is forgotten."""
    known = loaded(path, monkeypatch, 10)
    for number in range(10, 30):
        ask(path, "INSERT INTO requests (id, method, at, reply) VALUES (?, 'submit', 5, ?)", f"r{number}", str(number))
        known.add([f"r{number}"])
    assert answers(known, "r0", "r10", "r29", "r30") == [b"0", b"10", b"29", None]
    known.close()
