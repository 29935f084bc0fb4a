"""Tokens of pages: where the next page begins and to which question it belongs, in a form that nobody can forge.

A token is base64url (RFC 4648, section 5) of a code made by keyed BLAKE2b (RFC 7693, section 2.9) and of what it stands
for as JSON. The key belongs to one database, so a token of another is refused like one that was changed.
"""

import base64
import binascii
import hashlib
import hmac

import msgspec

from jobd.core.errors import PageInvalid
from jobd.core.history.searching import Value

#: Bytes of the code: nobody guesses one of 2^128.
CODE = 16
KEY = 32
LONGEST = 16_384


class Page(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The page after a job: the question that the pages belong to, what the job is sorted by, and its id."""

    question: str
    value: Value
    id: int


_decode = msgspec.json.Decoder(Page).decode


def write(page: Page, key: bytes) -> str:
    """Make the token."""
    body = msgspec.json.encode(page)
    return base64.urlsafe_b64encode(_code(body, key) + body).rstrip(b"=").decode()


def read(token: str, key: bytes) -> Page:
    """Read a token. Raises PageInvalid."""
    if len(token) > LONGEST:
        raise PageInvalid(problem="it is too long")
    try:
        whole = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise PageInvalid(problem="it is garbled") from None
    code, body = whole[:CODE], whole[CODE:]
    if not hmac.compare_digest(code, _code(body, key)):
        raise PageInvalid(problem="it is another's, or was changed")
    try:
        return _decode(body)
    except msgspec.DecodeError:
        raise PageInvalid(problem="another version of jobd made it") from None


def _code(body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=CODE, key=key).digest()
