"""Bytes survive JSON, and what is shown of them is harmless."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.text import Base64, Lossless, lossless, path, plain, raw, single_line


@given(st.binary())
def test_bytes_come_back_from_json(data: bytes) -> None:
    """Any bytes, through their JSON form, are the same bytes; UTF-8 stays readable."""
    form = lossless(data)
    decoded = msgspec.json.decode(msgspec.json.encode(form), type=Lossless)
    assert decoded == form
    assert raw(decoded) == data
    assert isinstance(form, str) == (data.decode("utf-8", "replace").encode() == data)


@given(st.binary())
def test_strings_of_the_system_come_back(data: bytes) -> None:
    """A path as the operating system's calls give it is the same path afterwards."""
    system = data.decode("utf-8", "surrogateescape")
    assert path(lossless(system)) == system


@pytest.mark.parametrize("broken", ["a", "aGk", "aG k=", "äöü=", "aGk=\n"])
def test_broken_base64(broken: str) -> None:
    """Base64 that is none is refused with ValueError, as every bad value."""
    with pytest.raises(ValueError, match=r"base64|ASCII"):
        raw(Base64(broken))


def test_plain() -> None:
    """A person sees the text, and escapes for bytes that are none."""
    assert plain("grün") == "grün"
    assert plain(lossless(b"a\xffb")) == "a\\xffb"


LINES = {
    "plain text": "plain text",
    "two\nlines": "two\\nlines",
    "tab\tand\rreturn": "tab\\tand\\rreturn",
    "\x1b]52;c;x\x07": "\\x1b]52;c;x\\x07",
    "nul\0": "nul\\x00",
    "lone \udcff": "lone \\udcff",
    "right\u202eleft": "right\\u202eleft",
    "grün ✓ 漢": "grün ✓ 漢",
}


@pytest.mark.parametrize(("text", "line"), LINES.items())
def test_single_line(text: str, line: str) -> None:
    """What would break a line or a terminal becomes an escape; everything else stays."""
    assert single_line(text) == line


@given(st.text(st.characters()))
def test_single_line_is_always_one(text: str) -> None:
    """Whatever it was, it can be printed and encoded, and doing it again changes nothing."""
    line = single_line(text)
    assert line.isprintable()
    assert line.encode().decode() == line
    assert single_line(line) == line
