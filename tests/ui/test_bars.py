"""Bars, sparklines and marks say at a glance how it stands."""

import pytest

from jobd.core.model import State
from jobd.ui.bars import HEAD, LOOKS, bar, look, mark, spark
from jobd.ui.screen import STYLES
from jobd.ui.terminal_text import width


@pytest.mark.parametrize(
    ("fraction", "cells", "seen"),
    [
        (0.62, 19, "████████████░░░░░░░"),
        (0.41, 19, "████████░░░░░░░░░░░"),
        (0, 4, "░░░░"),
        (None, 4, "░░░░"),
        (1, 4, "████"),
        (0.999, 4, "███░"),
        (7, 4, "████"),
        (-1, 4, "░░░░"),
        (float("nan"), 4, "░░░░"),
        (0.5, 0, ""),
        (1, 0, ""),
    ],
)
def test_bar(fraction: float | None, cells: int, seen: str) -> None:
    """A bar has its width whatever the fraction, and is full only at the end."""
    assert bar(fraction, cells) == seen
    assert bar(fraction, cells, unicode=False) == seen.replace("█", "#").replace("░", ".")


def test_spark() -> None:
    """Heights are in proportion to the largest value or the given top; what is unknown is left out."""
    assert spark([0, 50, 100]) == "▁▄▇"
    assert spark([0, 50, 100], top=200) == "▁▃▄"
    assert spark([300, -1, None], top=200) == "▇▁ "
    assert spark([0, 0]) == "▁▁"
    assert spark([None]) == " "
    assert spark([]) == ""
    assert spark([0, 50, 100], unicode=False) == "_=#"


def test_every_state_has_a_look() -> None:
    """The table knows all states of a job, marks are one cell, in ASCII where asked for, and styles exist."""
    assert {state.value for state in State} == set(LOOKS)
    for state, shown in [*LOOKS.items(), ("head", HEAD)]:
        assert look(state) == shown
        assert width(mark(state)) == width(mark(state, unicode=False)) == 1
        assert mark(state, unicode=False).isascii()
        assert shown.style in STYLES


def test_an_unknown_state_is_shown() -> None:
    """A state of a newer daemon has a mark too."""
    assert mark("dreaming") == "●"
