"""Whatever a program says becomes a line that the daemon takes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.work import progress
from jobd.reporting import lines

TEXTS = st.text(st.characters(), max_size=1500) | st.sampled_from(["\udcff" * 1200, '"\\' * 900, "\U0001f600" * 1100])
AMOUNTS = st.integers(min_value=-5) | st.floats(allow_nan=False)


@given(done=AMOUNTS, total=AMOUNTS | st.none(), message=TEXTS, unit=TEXTS, fraction=st.none() | st.floats(0, 1))
def test_numbers_are_always_taken(
    done: float, total: float | None, message: str, unit: str, fraction: float | None
) -> None:
    """Negative, infinite and huge numbers, more than all, texts of any length and kind."""
    said = lines.Numbers(done=lines.amount(done))
    if total is not None:
        said["total"] = lines.amount(total)
    if fraction is not None:
        said["fraction"] = fraction
    if unit:
        said["unit"] = lines.text(unit, lines.LONGEST_UNIT)
    if message:
        said["message"] = lines.text(message)
    line = lines.numbers(said)
    assert "\n" not in line
    progress.parse(line.encode())


@given(TEXTS)
def test_words_are_always_taken(text: str) -> None:
    """A note and a stage of any text are one line, whose beginning is kept."""
    assert progress.parse(lines.note(text).encode()) is not None
    for line in (lines.note(text), lines.stage(text)):
        assert "\n" not in line
    if lines.text(text):
        assert progress.parse(lines.stage(text).encode()).stage


def test_what_a_line_says() -> None:
    """Plain where that is enough, an object where it is not."""
    assert lines.numbers({"done": 3, "total": 10}) == "3/10"
    assert lines.numbers({"done": 3, "total": 10, "message": "b c"}) == "3/10 b c"
    assert lines.numbers({"done": 0.5, "total": 2}) == '{"done":0.5,"total":2}'
    assert lines.numbers({"done": 3, "unit": "files"}) == '{"done":3,"unit":"files"}'
    assert progress.parse(lines.numbers({"done": 12, "total": 10}).encode()).total == 12
    assert progress.parse(lines.numbers({"done": 0, "total": 0}).encode()).fraction == 1
    assert lines.failure(ValueError("a\nb")) == "ValueError: a b"
    assert lines.failure(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_what_is_no_number() -> None:
    """NaN is a mistake of the program, and is said to be one."""
    with pytest.raises(ValueError, match="NaN is no amount"):
        lines.amount(math.nan)
