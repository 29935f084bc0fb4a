"""The record of how far a job is, as a part of the job's record; `progress.py` says how it comes about."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from jobd.core.work.children import Children
from jobd.core.work.items import Tally


class Sample(NamedTuple):
    """A point of progress: seconds into the attempt (pauses left out), fraction done."""

    elapsed: float
    fraction: float


class Mark(NamedTuple):
    """A point the rate is measured from: seconds into the attempt, units done (without a count: the fraction)."""

    elapsed: float
    amount: float


class Stage(NamedTuple):
    """A stage of a job's work, and its share of all the work in proportion to the others."""

    name: str
    weight: float


class Progress(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How far a job says it is, or is `guessed` to be.

    `rate` is units a second; fractions without a count, or with stages or items.
    """

    fraction: float | None = None
    #: The fraction of the numbers said last; of the current stage alone where stages are declared.
    within: float | None = None
    done: float | None = None
    total: float | None = None
    unit: str | None = None
    message: str | None = None
    stage: str | None = None
    rate: float | None = None
    #: Reports taken in so far, each exactly once.
    reports: int = 0
    guessed: bool = False
    updated_at: datetime | None = None
    #: Seconds into the attempt when numbers were last said, and when these numbers began to count (a new stage).
    updated_elapsed: float | None = None
    began_elapsed: float = 0.0
    #: The first number since then, or since the numbers last fell; and the one up to which `rate` is measured.
    first: Mark | None = None
    rated: Mark | None = None
    samples: tuple[Sample, ...] = ()
    stages: tuple[Stage, ...] = ()
    items: Tally | None = None
    children: Children | None = None

    @property
    def weighted(self) -> bool:
        """Whether the fraction is more than that of the numbers said."""
        return bool(self.stages or self.items)

    @property
    def overdone(self) -> bool:
        """Whether more is done than there is to do, as the numbers were said."""
        return self.done is not None and self.total is not None and self.done > self.total
