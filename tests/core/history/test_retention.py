"""Rules of retention are read as they are written, the first that covers a name counts, and no jumping clock does."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.history import retention
from jobd.core.history.retention import Rule
from tests.core.samples import AT

patterns = st.text("abc*?[]-_.äß", min_size=1, max_size=8)
rules = st.lists(
    st.builds(Rule, patterns, st.integers(0, 10**7).map(float), st.integers(0, retention.LARGEST_COUNT)), max_size=3
)


@given(written=rules.map(tuple))
def test_they_are_read_as_they_are_written(written: tuple[Rule, ...]) -> None:
    """Whatever the names and the limits."""
    assert retention.parse(retention.write(written)) == written


def test_as_people_write_them() -> None:
    """An age, a number, both, or neither."""
    assert retention.parse("backup-* 730d, test-* 7d 100,*nightly off , x 5 2h,") == (
        Rule("backup-*", 730 * 86400.0), Rule("test-*", 7 * 86400.0, 100), Rule("*nightly"), Rule("x", 7200.0, 5),
    )  # fmt: skip
    assert retention.parse("") == retention.parse(" , ") == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("backup-*", "has no limit; write backup-\\* 90d"),
        ("a 5x", "'5x' is no duration"),
        ("a 1 x", "'x' is no"),
        ("a 5 6", "two limits of a kind"),
        ("a off 3d", "two limits of a kind"),
    ],
)
def test_what_makes_no_sense(text: str, problem: str) -> None:
    """It is named."""
    with pytest.raises(ValueError, match=problem):
        retention.parse(text)


def test_the_first_that_covers_a_name() -> None:
    """Wildcards are * and ?; a bracket is only a bracket."""
    some = retention.parse("test-* 1, test-a 2, [ab] 3, ? 4")
    found = {name: rule.count for name in ("test-a", "[ab]", "a", "b-1") if (rule := retention.own(some, name))}
    assert found == {"test-a": 1, "[ab]": 3, "a": 4}
    assert retention.own(some, "b-1") is None


@pytest.mark.parametrize(
    ("wall", "passed", "believed"),
    [(600, 600, True), (3000, 600, True), (4300, 600, False), (-3100, 600, False), (86400, 86400, True)],
)
def test_a_clock_that_jumps(wall: int, passed: float, *, believed: bool) -> None:
    """More than an hour beside the clock that only goes on is no time."""
    assert retention.believable((AT, 100.0), (AT + timedelta(seconds=wall), 100.0 + passed)) == believed
    assert retention.believable(None, (AT, 5.0))
