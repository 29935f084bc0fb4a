"""A token of a page is read as it was written, by whoever has the key, and by nobody else."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.errors import PageInvalid
from jobd.core.history import pages
from jobd.core.history.pages import Page
from jobd.core.model import LARGEST

KEY = bytes(range(32))

values = st.none() | st.integers(-(2**63), LARGEST) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
made = st.builds(Page, st.text(), values, st.integers(0, LARGEST))


@given(page=made)
def test_it_comes_back(page: Page) -> None:
    """Any question, any value, to the last bit; in signs that no shell and no URL minds."""
    token = pages.write(page, KEY)
    assert re.fullmatch("[A-Za-z0-9_-]+", token)
    assert pages.read(token, KEY) == page
    with pytest.raises(PageInvalid):
        pages.read(token, KEY[::-1])


@given(page=made, place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_bit_makes_it_another(page: Page, place: int, bit: int) -> None:
    """Whatever is changed, it is refused."""
    raw = bytearray(base64.urlsafe_b64decode(pages.write(page, KEY) + "=="))
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(PageInvalid):
        pages.read(base64.urlsafe_b64encode(raw).decode(), KEY)


@given(text=st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_else_is_refused(text: str) -> None:
    """Whatever somebody types."""
    with pytest.raises(PageInvalid):
        pages.read(text, KEY)


def test_of_another_version() -> None:
    """A token that is genuine but says what this version does not know."""
    code = pages.write(Page("", None, 1), KEY)
    assert pages.read(code, KEY).id == 1
    import hashlib

    body = b'{"later":1}'
    whole = hashlib.blake2b(body, digest_size=pages.CODE, key=KEY).digest() + body
    with pytest.raises(PageInvalid, match="another version of jobd made it"):
        pages.read(base64.urlsafe_b64encode(whole).decode(), KEY)
    with pytest.raises(PageInvalid, match="too long"):
        pages.read("A" * (pages.LONGEST + 1), KEY)
