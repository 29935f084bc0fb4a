"""What earlier runs teach is summed up once for each name, and again when a new job comes after one has ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.core.usual import Experience
from jobd.daemon import learning as learning_module
from jobd.daemon.learning import Learning
from tests.daemon.storing import ask, reading, write
from tests.making import Maker


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Keep a run of each of two names."""
    maker = Maker()
    write(tmp_path / "jobd.db", maker.run(1), maker.run(2, "deploy", elapsed=4.0))
    return tmp_path / "jobd.db"


@pytest.fixture
def learning(path: Path) -> Iterator[Learning]:
    """Learn from them."""
    with reading(path) as reader:
        yield Learning(reader)


def test_a_job_keeps_a_part(learning: Learning) -> None:
    """Quantiles go into its record; the course, ten times as large, does not."""
    experience = learning.experience("deploy")
    assert experience is not None
    assert (experience.runs, experience.p50) == (1, 4.0)
    assert experience.course
    usual = learning.usual("deploy")
    assert usual == experience.usual
    assert not isinstance(usual, Experience)
    assert learning.usual("unknown") is learning.experience("unknown") is None


def test_an_end_outdates_it(learning: Learning, path: Path) -> None:
    """What is said of a new job is so now; estimates of those that run go by what is known until then."""
    known = learning.experience("deploy")
    assert known is not None
    ask(path, "DELETE FROM jobs WHERE name = 'deploy'")
    assert learning.usual("deploy") == known.usual
    learning.outdate("deploy")
    learning.outdate("never asked for")
    assert learning.experience("deploy") is known
    assert learning.usual("deploy") is None
    assert learning.experience("deploy") is None


def test_its_memory_is_bounded(learning: Learning, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name that was learnt first makes room, whether it is outdated or not."""
    monkeypatch.setattr(learning_module, "MOST_NAMES", 2)
    known = learning.experience("encode")
    learning.outdate("encode")
    ask(path, "DELETE FROM jobs")
    assert learning.experience("one more") is None
    assert learning.experience("encode") is known is not None
    assert learning.experience("and another") is None
    assert learning.experience("encode") is None, "it had to make room"
    assert learning.usual("encode") is None


def test_another_thread_knows_it(learning: Learning, path: Path) -> None:
    """It has what is known already, and asks its own reader for the rest; neither learns from the other later."""
    known = learning.experience("deploy")
    ask(path, "DELETE FROM jobs WHERE name = 'deploy'")
    with reading(path) as reader:
        other = learning.elsewhere(reader)
        assert other.experience("deploy") is known
        assert other.experience("encode") is not None
    ask(path, "DELETE FROM jobs")
    assert learning.experience("encode") is None
