"""Nothing a job says can do more to a terminal than show letters and colours."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobd.ui.terminal_text import RESET, Stream, field, fit, harmless_json, plain, styled, width

CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
HARMLESS = re.compile(f"(?:\x1b\\[[0-9;:]{{0,29}}m|[^{CONTROLS}])*")
ONE_LINE = re.compile(f"[^{CONTROLS}\n\t]*")

NASTY = [
    b"\x1b[31m",
    b"\x1b[0m",
    b"\x1b[0;1;38:5:9m",
    b"\x1b[m",
    b"\x1b]52;c;ZXZpbA==\x07",
    b"\x1b]0;title\x07",
    b"\x1b[2J",
    b"\x1b[?1049h",
    b"\x1b[>4;2m",
    b"\x1bP+q\x1b\\",
    b"\xc2\x9b31m",
    b"\r",
    b"\r\n",
    b"\n",
    b"\x08",
    b"\xe2\x80\xae",
    b"\xe2\x80",
    b"\x1b[",
    b"\x1b",
    b"31",
    b"m",
    b"text",
    "é漢".encode(),
]
OUTPUT = st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(NASTY)), max_size=30)
LETTERS = st.text(st.characters(categories=("L", "N", "P", "S", "M", "Zs")), max_size=60)


def shown(chunks: list[bytes], *, color: bool = True) -> str:
    """Pass the chunks through a stream to its end."""
    stream = Stream(color=color)
    return "".join(map(stream.feed, chunks)) + stream.feed(b"", final=True)


def rendered(text: str) -> list[tuple[str, str]]:
    """Tell of each character which attributes it is shown with."""
    attributes, out = "", []
    for sequence, character in re.findall(r"(\x1b\[[0-9;:]*m)|([^\x1b])", text):
        if character:
            out.append((character, attributes))
        attributes = "" if sequence == RESET else attributes + sequence
    return out


@given(OUTPUT, st.booleans())
def test_a_stream_lets_only_colours_through(chunks: list[bytes], color: bool) -> None:  # noqa: FBT001
    """Whatever bytes arrive, what leaves is text, newlines, tabs and, if wanted, colours."""
    text = shown(chunks, color=color)
    assert HARMLESS.fullmatch(text)
    if not color:
        assert "\x1b" not in text


@given(OUTPUT, st.lists(st.integers(1, 7), max_size=20))
def test_where_chunks_end_does_not_matter(parts: list[bytes], sizes: list[int]) -> None:
    """A character, a sequence or a line ending may be cut anywhere: each character looks the same."""
    data, chunks = b"".join(parts), []
    rest = data
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    assert rendered(shown([*chunks, rest])) == rendered(shown([data]))


@given(OUTPUT)
def test_every_line_and_chunk_ends_without_colour(chunks: list[bytes]) -> None:
    """A prefix or a status line after a newline, or after a chunk, is never painted by the log."""
    stream = Stream()
    for text in [*map(stream.feed, chunks), stream.feed(b"", final=True)]:
        assert "\n" not in {character for character, attributes in rendered(text) if attributes}
        assert not re.search(r"\x1b\[(?!0m)[0-9;:]*m[^\x1b]*\Z", text)


@given(LETTERS)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Letters, numbers, punctuation and symbols of every script pass untouched."""
    assert shown([text.encode()]) == text
    assert field(text) == styled(text) == text


@given(st.text(max_size=60) | st.text("\x1b[31m;\n\u202e", max_size=20))
def test_a_field_is_one_harmless_line(text: str) -> None:
    """No control survives in a name or a message; colours do only where they are wanted."""
    assert ONE_LINE.fullmatch(field(text))
    assert ONE_LINE.fullmatch(plain(styled(text)))
    assert styled(text).endswith(RESET) or "\x1b" not in styled(text)


@given(LETTERS.map(lambda text: text.replace("a", "\x1b[1ma")), st.integers(0, 30), st.booleans())
def test_a_fitted_text_has_exactly_that_width(text: str, columns: int, right: bool) -> None:  # noqa: FBT001
    """Cut or padded, with wide and combining characters and colours: the cells are as many as asked for."""
    fitted = fit(text, columns, right=right)
    assert width(fitted) == columns
    if width(text) <= columns:
        assert fitted.strip() == text.strip()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("back\x08space", "back^Hspace"),
        ("two\nlines\tand\rmore", "two\\nlines\\tand^Mmore"),
        ("\x1b]0;title\x07", "^[]0;title^G"),
        ("\x9b31m", "\\x9b31m"),
        ("exe\u202egpj", "exe\\u202egpj"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("byte\udcff lone\ud800", "byte\\xff lone\\ud800"),
        ("del\x7f nul\x00", "del^? nul^@"),
        ("family 👨\u200d👩", "family 👨\u200d👩"),
        ("plain", "plain"),
    ],
)
def test_controls_are_shown(text: str, seen: str) -> None:
    """What a field does to a control can be read."""
    assert field(text) == seen


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"\x1b[31mred\x1b[1mbold\x1b[0m plain", "\x1b[31mred\x1b[0m\x1b[31m\x1b[1mbold\x1b[0m plain"),
        (b"\x1b[31ma\nb\n", "\x1b[31ma\x1b[0m\n\x1b[31mb\x1b[0m\n"),
        (b"\x1b[31m\n\n", "\n\n"),
        (b"10%\r20%\r\n", "10%^M20%\n"),
        (b"\x1b[1;2H\x1b[K", "^[[1;2H^[[K"),
        (b"\xff\xc3(", "\\xff\\xc3("),
        (b"end\x1b[3", "end^[[3"),
        (b"\x1b[" + b"1;" * 20 + b"m", "^[[" + "1;" * 20 + "m"),
    ],
)
def test_a_stream_keeps_colours_only(data: bytes, seen: str) -> None:
    """Colours are taken up again after each newline; all other sequences become text."""
    assert shown([data]) == seen


def test_endless_colours_take_no_endless_memory() -> None:
    """A log that only ever adds attributes keeps the last of them."""
    stream = Stream()
    for number in range(1000):
        stream.feed(f"\x1b[38;5;{number % 256}m".encode())
    assert len(stream.feed(b"x")) < 300


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("abc", 3),
        ("漢字", 4),
        ("e\u0301", 1),
        ("\x1b[1;31mred\x1b[0m", 3),
        ("👨", 2),
        ("❤\ufe0f", 2),
        ("█░…", 3),
        ("", 0),
    ],
)
def test_width(text: str, cells: int) -> None:
    """Wide characters take two cells, combining ones and colours none."""
    assert width(text) == cells


@given(st.text(st.one_of(st.sampled_from("\x1b\x7f\x9b\u202e\ufeff"), st.characters())))
@example('a\U000e0041"\\\x9b')
def test_json_says_the_same(text: str) -> None:
    """A terminal gets escapes for what it would obey, or what nobody sees; a program that reads them, the text."""
    shown = harmless_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(shown) == text
    assert ONE_LINE.fullmatch(shown)
    assert not re.search("[\U000e0000-\U000e007f]", shown)


@pytest.mark.parametrize(
    ("text", "columns", "seen"),
    [
        ("encode", 8, "encode  "),
        ("encode", 4, "enc…"),
        ("漢字漢字", 5, "漢字…"),
        ("漢字漢字", 4, "漢… "),
        ("\x1b[31mencode\x1b[0m", 4, "\x1b[31menc…\x1b[0m\x1b[0m"),
        ("encode", 0, ""),
    ],
)
def test_fit(text: str, columns: int, seen: str) -> None:
    """A cut shows where it is, and never splits a wide character."""
    assert fit(text, columns) == seen


def test_fit_to_the_right_and_in_ascii() -> None:
    """Numbers stand right; the mark of the cut may be another, or have no room."""
    assert fit("42", 5, right=True) == "   42"
    assert fit("encode", 5, mark="..") == "enc.."
    assert fit("encode", 1, mark="..") == "e"
