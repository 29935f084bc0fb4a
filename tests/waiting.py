"""Wait for a condition instead of for a time.

A test never sleeps for a guessed while: it says what must become true, and within which generous limit.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.005
LONGEST_PAUSE = 0.05


def until(condition: Callable[[], T], seconds: float = 20.0, *, what: str = "") -> T:
    """Return the first true value of the condition.

    `seconds` is the limit for a machine that is busy with other things; `what` says in the failure what was waited for.
    An AssertionError raised by the condition counts as not yet true, and is shown if it stays so.
    """
    deadline = time.monotonic() + seconds
    pause = PAUSE
    while True:
        try:
            value, doubt = condition(), None
        except AssertionError as error:
            value, doubt = None, error
        if value:
            return value
        if time.monotonic() > deadline:
            message = f"after {seconds:g} s still not: {what or getattr(condition, '__name__', condition)}"
            raise AssertionError(message) from doubt
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
