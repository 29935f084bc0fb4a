"""Numbers that cannot be: each line of the program that says one is warned of once, and goes on.

A loop never ends because of what it says of itself; so it is no error even where warnings are.
"""

import contextlib
import os
import sys
import warnings

#: Frames of these files are not the program's: what is here, and what enters a `with`.
_OURS = (os.path.dirname(__file__) + os.sep, contextlib.__file__)
_told: set[tuple[str, str, int]] = set()


def doubt(what: str, problem: str) -> None:
    """Warn of a `problem`, unless the same line of the program has been warned of `what` before."""
    file, line = _caller()
    if (what, file, line) not in _told:
        _told.add((what, file, line))
        with contextlib.suppress(Warning):
            warnings.warn_explicit(f"jobd: {problem}", RuntimeWarning, file, line)


def _caller() -> tuple[str, int]:
    """Find the line of the program that called."""
    frame = sys._getframe(1)  # noqa: SLF001 -- nothing else tells
    while frame.f_back and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
