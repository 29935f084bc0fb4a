"""Items: the parts of a job's work, each with a state, progress, attempts and an error of its own.

A line of the report file about an item is one of

    item KEY STATE [TEXT]           pending, processing, completed, failed, skipped, canceled; TEXT is the error of a
                                    failed item, and the message of any other
    item KEY 40% [TEXT]             how far it is; so it is being processed
    item KEY 3/10 [TEXT]            the same, counted
    item "A KEY" STATE [TEXT]       a key with blanks stands in quotes, as in JSON, before whatever is said of it
    {"item": "KEY", "state": "failed", "error": "…", "weight": 3, "fraction": 0.4, "message": "…"}

A key is one line. An item comes into being with the first word about it. One that is over stays as it is, unless it is
pending or being processed again: that is its next attempt. The job's record holds only the Tally, counted up and down
as items change.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, NamedTuple

import msgspec
from msgspec import Meta

from jobd.core.work import tallies
from jobd.core.work.children import Weight

LONGEST_KEY = 200
#: Items of one job; what is said of more is refused.
MOST_ITEMS = 100_000

Key = Annotated[str, Meta(min_length=1, max_length=LONGEST_KEY)]
Share = Annotated[float, Meta(ge=0, le=1)]
Words = Annotated[str, Meta(max_length=1000)]


class ItemState(StrEnum):
    """Where an item stands."""

    PENDING = "pending"  #: still to be done
    PROCESSING = "processing"  #: in work
    COMPLETED = "completed"  #: done
    FAILED = "failed"  #: not done, because of its error
    SKIPPED = "skipped"  #: did not have to be done
    CANCELED = "canceled"  #: given up


S = ItemState
#: States of what needs not be done again.
DONE = frozenset({S.COMPLETED, S.SKIPPED})
OVER = frozenset({S.COMPLETED, S.FAILED, S.SKIPPED, S.CANCELED})

#: {state before: states that may follow}; None = nothing was said of the item yet. Staying where it is is always fine.
TABLE: Mapping[ItemState | None, frozenset[ItemState]] = {
    None: frozenset(S),
    S.PENDING: frozenset(S),
    S.PROCESSING: frozenset(S),
    **{state: frozenset({state, S.PENDING, S.PROCESSING}) for state in OVER},
}


#: How others spell the states.
SPELLINGS = {"cancelled": "canceled", "done": "completed"}


def quoted(key: str) -> str:
    """Write a key as it stands in a line: as it is if it is a plain word, else in quotes, as in JSON."""
    is_plain = key.split() == [key] and key[0] not in '"{'
    return key if is_plain else msgspec.json.encode(key).decode()


class Item(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An item as it is. `fraction` is how far its current attempt is, `weight` its share of the work."""

    key: str
    state: ItemState
    weight: float = 1.0
    fraction: float | None = None
    attempt: int = 1
    message: str | None = None
    error: str | None = None
    updated_at: datetime | None = None

    @property
    def reached(self) -> float:
        """How much of its weight is behind it."""
        return self.weight if self.state in OVER else self.weight * (self.fraction or 0.0)


class ItemReport(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is said of an item; None = not said. Also the JSON form of a line."""

    item: Key
    state: ItemState | None = None
    fraction: Share | None = None
    weight: Weight | None = None
    message: Words | None = None
    error: Words | None = None


class Standing(NamedTuple):
    """What the tally has counted of an item: its state, its weight, and how much of that was behind it."""

    state: ItemState
    weight: float
    reached: float


class ItemChange(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An item as it is from now on, and what had been counted of it."""

    item: Item
    before: Standing | None = None


class Tally(tallies.Tally, frozen=True, kw_only=True, omit_defaults=True):
    """The items of a job by state, the weight of all, and how much of it is behind them."""

    OPEN: ClassVar = (S.PENDING.value, S.PROCESSING.value)

    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0


class BadItem(Exception):
    """What is said of an item cannot be; the text says why."""


def change(item: Item | None, said: ItemReport, at: datetime) -> Item:
    """Give the item after what is said of it. Raises BadItem."""
    if item is None:
        item = Item(key=said.item, state=S.PENDING)
        before = None
    else:
        before = item.state
    state = _state(item, said)
    if state not in TABLE[before]:
        raise BadItem(f"item {said.item} is {before}; before it can be {state} it must be processing again")
    again = before in OVER and state not in OVER
    fresh = again or state is S.PENDING
    return Item(
        key=item.key,
        state=state,
        weight=said.weight or item.weight,
        fraction=said.fraction if said.fraction is not None or fresh or state in OVER else item.fraction,
        attempt=item.attempt + again,
        message=said.message or (None if again else item.message),
        error=said.error or (None if fresh or state is not S.FAILED else item.error),
        updated_at=at,
    )


def changes(
    said: Iterable[ItemReport], known: MutableMapping[str, Item], at: datetime
) -> tuple[list[ItemChange], list[tuple[ItemReport, str]]]:
    """Take in what is said, in order; give what changes, one for each item, and what is refused, with the problem.

    `known` are the items of the job, by key; they are brought up to date.
    """
    found: dict[str, ItemChange] = {}
    refused = []
    for report in said:
        item = known.get(report.item)
        if item is None and len(known) >= MOST_ITEMS:
            refused.append((report, f"a job has {MOST_ITEMS} items at most"))
            continue
        try:
            latest = change(item, report, at)
        except BadItem as error:
            refused.append((report, str(error)))
            continue
        earlier = found.get(report.item)
        before = earlier.before if earlier else _standing(item)
        known[report.item] = latest
        found[report.item] = ItemChange(latest, before)
    return list(found.values()), refused


def left(known: Iterable[Item]) -> list[Item]:
    """Give the items that are still to be done: all but those that are completed or were skipped."""
    return [item for item in known if item.state not in DONE]


def count(tally: Tally, changed: Iterable[ItemChange]) -> Tally:
    """Count what changed."""
    return tallies.count(tally, ((change_.before, _standing(change_.item)) for change_ in changed))


def _state(item: Item, said: ItemReport) -> ItemState:
    if said.state is not None:
        return said.state
    if said.error is not None:
        return S.FAILED
    return S.PROCESSING if said.fraction is not None else item.state


def _standing(item: Item | None) -> Standing | None:
    return None if item is None else Standing(item.state, item.weight, item.reached)
