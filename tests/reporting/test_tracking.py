"""A loop says how far it is."""

from pathlib import Path

import pytest

import jobd
from tests.reporting.said import Said, words
from tests.waiting import until


def test_items_pass_unchanged(said: Said) -> None:
    """Whatever there is comes through, in its order; the total comes from the iterable, or is said, or is not known."""
    assert list(jobd.track("abc")) == ["a", "b", "c"]
    assert said.progress.total == 3
    assert list(jobd.track(iter([1, 2]), total=4)) == [1, 2]
    assert (said.progress.done, said.progress.total) == (2, 4)
    assert list(jobd.track(x for x in "ab")) == ["a", "b"]
    assert (said.progress.done, said.progress.total) == (2, None)
    assert list(jobd.track([])) == []
    assert said.fraction == 1
    assert list(jobd.track([1, 2, 3], total=2)) == [1, 2, 3]
    assert (said.progress.done, said.progress.total) == (3, 3)


def test_a_long_turn_is_no_secret(said: Said) -> None:
    """What is done is said while the loop is busy with the next."""
    for number in jobd.track(range(100)):
        if number == 7:
            until(lambda: "7/100" in said.lines, what="the seven before")
            break
    assert said.lines[-1] == "7/100"


def test_as_far_as_it_came(said: Said) -> None:
    """Left by break, by an exception in the loop or of the iterable: the turns that ended are counted."""
    for number in jobd.track(range(10)):
        if number == 4:
            break
    assert said.progress.done == 4
    with pytest.raises(ZeroDivisionError):
        [1 / (3 - number) for number in jobd.track(range(10))]
    assert said.progress.done == 3
    with pytest.raises(OSError, match="is gone"):
        list(jobd.track(words(), total=3))
    assert (said.progress.done, said.progress.message) == (2, "OSError: the disk is gone")


def test_the_outermost_loop_counts(said: Said) -> None:
    """A loop in a loop says nothing; one after the other starts anew."""
    for _ in jobd.track(range(3)):
        assert list(jobd.track(range(1000))) == list(range(1000))
    assert (said.progress.done, said.progress.total) == (3, 3)
    assert '"restart"' not in said.path.read_text()
    list(jobd.track(range(5)))
    assert (said.progress.done, said.progress.total) == (5, 5)
    assert '"restart":true' in said.path.read_text()


def test_nobody_listens(nobody: Path) -> None:
    """Outside of a job without a name, or without a daemon, the loop is the plain one, and nothing is made."""
    plain = type(iter([]))
    assert type(jobd.track([1, 2])) is plain
    assert type(jobd.track([1, 2], "named")) is plain
    assert not nobody.exists()


def test_the_report_file_is_gone(said: Said) -> None:
    """A job that has deleted it goes on."""
    said.path.unlink()
    assert list(jobd.track(range(3))) == [0, 1, 2]
    assert not said.path.exists()
