"""What holds for a whole filter, the presets in it included: who asks, what is saved, and what is left to spend.

The limits keep any text from taking long: to be read, as SQL and as a predicate. They hold, too, for the text in which
nothing is short for anything else, so that this can always be read again.
"""

from collections.abc import Mapping

from jobd.core.filters.complaints import Complaint
from jobd.core.filters.kinds import Asker
from jobd.core.filters.presets import TEXTS
from jobd.core.filters.tree import All, Either, Node, Not, write

#: How deep parentheses, NOT and presets may be nested in a text.
DEEPEST = 40
#: How deep AND and OR may be nested, NOT left out: the parser of SQLite has a stack of 100, of which each level takes
#: three, beside the query around it and the longest of the fields.
MOST_LEVELS = 12
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


def check_size(tree: Node, length: int) -> None:
    """Refuse a filter that is too large when nothing is short for anything else. Raises Complaint, for all of it."""
    if _levels(tree) > MOST_LEVELS:
        raise Complaint(f"more than {MOST_LEVELS} levels of AND and OR within one another", 0, length)
    if _conditions(tree) > MOST["conditions"]:
        raise Complaint(f"more than {MOST['conditions']} conditions, with those for each time in a list", 0, length)
    if len(write(tree)) > MOST["characters"]:
        raise Complaint(f"more than {MOST['characters']} characters when it is written out", 0, length)


def _levels(node: Node) -> int:
    if isinstance(node, All | Either):
        return 1 + max(map(_levels, node.terms), default=0)
    return _levels(node.term) if isinstance(node, Not) else 0


def _conditions(node: Node) -> int:
    if isinstance(node, All | Either):
        return sum(map(_conditions, node.terms))
    return _conditions(node.term) if isinstance(node, Not) else 1
