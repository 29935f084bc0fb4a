"""What earlier runs teach is summed up once for each name, and again when a new job comes after one has ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.core.estimates.usual import Experience
from jobd.daemon.remembered import learning as learning_module
from jobd.daemon.remembered.learning import Learning
from jobd.daemon.storage import runs
from jobd.daemon.storage.reader import Reader
from tests.daemon.storing import ask, reading, write
from tests.making import Maker


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Keep a run of each of two names."""
    maker = Maker()
    write(tmp_path / "jobd.db", maker.run(1), maker.run(2, "deploy", elapsed=4.0))
    return tmp_path / "jobd.db"


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    """Read it."""
    with reading(path) as reader:
        yield reader


def test_a_job_keeps_a_part(reader: Reader) -> None:
    """Quantiles go into its record; the course, ten times as large, does not."""
    learning = Learning()
    experience = learning.experience("deploy", reader)
    assert experience is not None
    assert (experience.runs, experience.p50) == (1, 4.0)
    assert experience.course
    usual = learning.usual("deploy", reader)
    assert usual == experience.usual
    assert not isinstance(usual, Experience)
    assert learning.usual("unknown", reader) is learning.experience("unknown", reader) is None


def test_an_end_outdates_it(reader: Reader, path: Path) -> None:
    """What is said of a new job is so now; estimates of those that run go by what is known until then."""
    learning = Learning()
    known = learning.experience("deploy", reader)
    assert known is not None
    ask(path, "DELETE FROM jobs WHERE name = 'deploy'")
    assert learning.usual("deploy", reader) == known.usual
    learning.outdate("deploy")
    learning.outdate("never asked for")
    assert learning.experience("deploy", reader) is known
    assert learning.usual("deploy", reader) is None
    assert learning.experience("deploy", reader) is None


def test_its_memory_is_bounded(reader: Reader, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name that was learnt first makes room, whether it is outdated or not."""
    monkeypatch.setattr(learning_module, "MOST_NAMES", 2)
    learning = Learning()
    known = learning.experience("encode", reader)
    learning.outdate("encode")
    ask(path, "DELETE FROM jobs")
    assert learning.experience("one more", reader) is None
    assert learning.experience("encode", reader) is known is not None
    assert learning.experience("and another", reader) is None
    assert learning.experience("encode", reader) is None, "it had to make room"
    assert learning.usual("encode", reader) is None


def test_what_was_read_before_an_end_is_not_kept(reader: Reader, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a run ends while another thread reads those before it, the next job is told of that run, too."""
    learning, read = Learning(), runs.experience

    def end_meanwhile(reader: Reader, name: str) -> Experience | None:
        found = read(reader, name)
        monkeypatch.setattr(runs, "experience", read)
        ask(path, "DELETE FROM jobs WHERE name = 'deploy'")
        learning.outdate("deploy")
        return found

    monkeypatch.setattr(runs, "experience", end_meanwhile)
    assert learning.experience("deploy", reader) is not None
    assert learning.usual("deploy", reader) is None
