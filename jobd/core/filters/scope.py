"""What holds for a whole filter, the presets in it included: who asks, what is saved, and what is left to spend.

The limits keep any text from taking long: to be read, as SQL (which has a limit of depth of its own, 1,000) and as a
predicate.
"""

from collections.abc import Mapping

from jobd.core.filters.complaints import Complaint
from jobd.core.filters.kinds import Asker
from jobd.core.filters.presets import TEXTS

#: How deep parentheses, NOT and presets may be nested.
DEEPEST = 40
#: What a filter may have at most.
MOST = {"characters": 10_000, "conditions": 200, "values in lists": 400, "regular expressions": 20}


class Scope:
    """The asker, the presets by name with those that are being read now, and how much was spent of what is limited."""

    def __init__(self, asker: Asker, saved: Mapping[str, str]) -> None:
        self.asker = asker
        self.presets = {**TEXTS, **saved}
        self.open: list[str] = []
        self._depth = 0
        self._spent = dict.fromkeys(MOST, 0)

    def spend(self, what: str, start: int, end: int, count: int = 1) -> None:
        """Count something of which a filter has a limited number. Raises Complaint."""
        self._spent[what] += count
        if self._spent[what] > MOST[what]:
            raise Complaint(f"more than {MOST[what]} {what}", start, end)

    def enter(self, start: int) -> None:
        """Go a level deeper, for what begins at `start`. Raises Complaint."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Complaint(f"more than {DEEPEST} parentheses and NOT within one another", start, start + 1)

    def leave(self) -> None:
        """Go a level up."""
        self._depth -= 1
