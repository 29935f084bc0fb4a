"""The record of a job's children, as a part of its progress: only how many there are in each state.

Which they are stands in their own records. `families.py` says how they are counted.
"""

from typing import Annotated, ClassVar

from msgspec import Meta

from jobd.core.work.tallies import Tally

Weight = Annotated[float, Meta(gt=0, le=1e9)]


class Children(Tally, frozen=True, kw_only=True, omit_defaults=True):
    """The children of a job by state, the weight of all of them, and how much of it is behind them."""

    OPEN: ClassVar = ("pending", "running", "pausing", "paused", "completing", "canceling")

    pending: int = 0
    running: int = 0
    pausing: int = 0
    paused: int = 0
    completing: int = 0
    completed: int = 0
    canceling: int = 0
    canceled: int = 0
    failed: int = 0
