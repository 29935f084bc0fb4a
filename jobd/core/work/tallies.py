"""Tallies: the parts of a work counted by state, the weight of all of them, and how much of it is behind them.

A tally is counted up and down as parts change, so it costs the same however many there are. It may fall: another part,
or one that begins anew, is more to do.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

#: What a tally shows at the most as long as something is not over, and the digits that are kept of weights.
ALMOST, DIGITS = 0.999999, 9


class Standing(Protocol):
    """What is counted of a part: its state, its weight, and how much of that is behind it."""

    @property
    def state(self) -> StrEnum:
        """Where it stands."""

    @property
    def weight(self) -> float:
        """Its share of the work, in proportion to the others."""

    @property
    def reached(self) -> float:
        """How much of its weight is behind it."""


class Tally(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Parts of a work; a subclass has a number for each state, called as the state is, and names those not over."""

    OPEN: ClassVar[tuple[str, ...]] = ()

    weight: float = 0.0
    reached: float = 0.0

    @property
    def total(self) -> int:
        """All parts."""
        return sum(getattr(self, name) for name in self.__struct_fields__ if name not in Tally.__struct_fields__)

    @property
    def open(self) -> int:
        """Parts that are not over."""
        return sum(getattr(self, name) for name in self.OPEN)

    @property
    def fraction(self) -> float | None:
        """The share of the work that is behind them; None without parts. Whole only when every part is over."""
        if not self.weight:
            return None
        share = max(0.0, min(1.0, self.reached / self.weight))
        return min(share, ALMOST) if self.open else 1.0


AnyTally = TypeVar("AnyTally", bound=Tally)


def count(tally: AnyTally, changes: Iterable[tuple[Standing | None, Standing | None]]) -> AnyTally:
    """Count parts anew: how each stood before (None: it was not there) and how it stands now (None: it is gone)."""
    numbers: dict[str, int] = {}
    weight, reached = tally.weight, tally.reached
    for before, after in changes:
        for standing, sign in ((before, -1), (after, 1)):
            if standing is not None:
                name = standing.state.value
                numbers[name] = numbers.get(name, getattr(tally, name)) + sign
                weight += sign * standing.weight
                reached += sign * standing.reached
    return replace(tally, weight=round(max(0.0, weight), DIGITS), reached=round(max(0.0, reached), DIGITS), **numbers)
