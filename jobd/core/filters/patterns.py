"""Texts compared with patterns: wildcards as SQLite's GLOB has them, and regular expressions that cannot explode.

The rule: a regular expression is matched by RE2, whose time grows with the text and never with powers of it. It is
loaded when there is a regular expression, and not before.
"""

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from typing import Any

#: Compiled expressions that are kept: more than a filter may have.
MOST_KEPT = 64
#: Bytes that an expression may take, compiled and while it searches.
MOST_MEMORY = 1 << 20


def wildcards(pattern: str) -> Callable[[str], bool]:
    """Give what says whether a whole text fits a pattern in which * stands for any signs, and ? for one."""
    match = re.compile(translate(pattern)).match
    return lambda text: match(text) is not None


def literally(text: str) -> str:
    """Write a text as a pattern that only this text fits."""
    return re.sub(r"([*?[])", r"[\1]", text)


def regular(expression: str) -> Callable[[str], bool]:
    """Give what says whether an expression is found in a text. Raises ValueError for what RE2 does not take."""
    search = _compiled(expression).search
    return lambda text: search(text) is not None


def regexp(expression: str, text: str | None) -> bool | None:
    """Say whether an expression is found in a text, as SQLite asks for `text REGEXP expression`."""
    return None if text is None else _compiled(expression).search(text) is not None


@lru_cache(MOST_KEPT)
def _compiled(expression: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        said = error.args[0] if error.args else "it is not understood"
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
