"""Carets stand below what is meant, whatever the text is made of and however narrow the screen is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.text import Place, place
from jobd.ui.caret import pointed
from jobd.ui.terminal_text import field, width

LONG = "name=" + "a" * 200 + " stat=failed " + "b" * 200

SHOWN = {
    ("stat = failed", 0, 4): ("stat = failed", "^^^^"),
    ("a AND stat = failed", 6, 10): ("a AND stat = failed", "      ^^^^"),
    ("name =", 6, 6): ("name =", "      ^"),
    ("名前 = x y", 5, 6): ("名前 = x y", "       ^"),
    ('"a\nb" stat=1', 6, 10): ('"a\\nb" stat=1', "       ^^^^"),
    ("a\x1b[2J", 1, 2): ("a^[[2J", " ^^"),
    ("é=x", 0, 1): ("é=x", "^"),
    (LONG, 206, 210): ("…" + "a" * 12 + " stat=failed " + "b" * 13 + "…", " " * 14 + "^^^^"),
    (LONG, 5, 205): ("name=" + "a" * 34 + "…", "     " + "^" * 35),
    (LONG, 0, 4): ("name=" + "a" * 34 + "…", "^^^^"),
}


@pytest.mark.parametrize(("given_place", "lines"), SHOWN.items())
def test_places(given_place: tuple[str, int, int], lines: tuple[str, str]) -> None:
    """The text stands there as it was typed, with visible controls, and cut where it is too long."""
    assert pointed(Place(*given_place), 40) == lines


def test_ascii_only() -> None:
    """The mark of a cut text can be another one."""
    assert pointed(Place("a" * 50, 0, 1), 10, mark="~") == ("a" * 9 + "~", "^")


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300), st.integers(10, 120))
def test_always_below(text: str, start: int, end: int, columns: int) -> None:
    """Both lines fit the screen, and the first caret is below the first character that is meant."""
    start, end = sorted(min(n, len(text)) for n in (start, end))
    line, carets = pointed(Place(text, start, end), columns)
    assert width(line) <= columns
    assert width(carets) <= columns
    indent = len(carets) - len(carets.lstrip(" "))
    shown = field(text[start : start + 1]).rstrip(" ")
    rest = line
    while rest and width(line) - width(rest) < indent:
        rest = rest[1:]
    assert rest.startswith(shown) or len(rest) < 12


def test_places_are_read_from_the_details_of_an_error() -> None:
    """What is no place in the text is none, wherever it came from."""
    assert place({"text": "a b", "start": 2, "end": 3}) == Place("a b", 2, 3)
    for odd in ({}, {"text": "a b"}, {"start": 0, "end": 1}, {"text": 5, "start": 0, "end": 0}):
        assert place(odd) is None
    for start, end in ((-1, 1), (2, 1), (0, 4), ("0", 1), (None, None)):
        assert place({"text": "a b", "start": start, "end": end}) is None
