"""What SQL cannot say by itself, as functions to be registered with each connection that runs a filter.

All are deterministic and give NULL for NULL, and for a record that cannot be read, lest it hides all others.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from jobd.core.filters import words
from jobd.core.filters.patterns import regexp
from jobd.core.filters.words import Said
from jobd.core.quantities import to_microseconds
from jobd.core.text import Base64, plain

#: Records that are asked for several things in a row.
_KEPT = 4

_decode = msgspec.json.Decoder(Said).decode


class Function(NamedTuple):
    """A function of SQL: its name, how many arguments it takes, and what it does."""

    name: str
    arguments: int
    call: Callable[..., Any]


@lru_cache(_KEPT)
def _said(record: str) -> Said | None:
    try:
        return _decode(record)
    except ValueError:
        return None


@lru_cache(_KEPT)
def folded_text(record: str | None) -> str | None:
    """Give the folded text in which bare words are found: what an index of words holds."""
    said = None if record is None else _said(record)
    return None if said is None else words.fold(words.search_text(said))


def _search(record: str | None, folded: str) -> bool | None:
    text = folded_text(record)
    return None if text is None else folded in text


def _of_record(read: Callable[[Said], Any]) -> Callable[[str | None], Any]:
    def asked(record: str | None) -> Any:
        said = None if record is None else _said(record)
        return None if said is None else read(said)

    return asked


def _label(record: str | None, name: str) -> str | None:
    said = None if record is None else _said(record)
    return said.labels.get(name) if said else None


def _contains(text: str | None, word: str) -> bool | None:
    return None if text is None else words.contains(text, word)


def _plain(encoded: str | None) -> str | None:
    try:
        return None if encoded is None else plain(Base64(encoded))
    except ValueError:
        return None


def _time(text: str | None) -> int | None:
    try:
        return None if text is None else to_microseconds(datetime.fromisoformat(text))
    except ValueError:
        return None


#: All functions that the SQL of a filter calls.
FUNCTIONS: tuple[Function, ...] = (
    Function("jobd_search", 2, _search),
    Function("jobd_contains", 2, _contains),
    Function("jobd_command", 1, _of_record(words.command)),
    Function("jobd_warnings", 1, _of_record(words.warnings)),
    Function("jobd_label", 2, _label),
    Function("jobd_plain", 1, _plain),
    Function("jobd_time", 1, _time),
    Function("regexp", 2, regexp),
)
