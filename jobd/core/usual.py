"""The record of earlier runs: what `past` sums up and `eta` and `pace` read.

It is a part of the record of each job, as it was when the job was submitted, so it stays small.
"""

from typing import NamedTuple

import msgspec


class Quantiles(NamedTuple):
    """Three quantiles: what 10 %, half and 90 % stay below."""

    p10: float
    p50: float
    p90: float


class Usual(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long completed runs of the same name took: their number and quantiles in seconds.

    `shape` has the share of its time after which a run had come to each fraction of `past.GRID`, `shaped` the number of
    runs it is taken from; `unit_seconds` the seconds for one unit of the total.
    """

    runs: int
    p10: float
    p50: float
    p90: float
    p95: float
    shape: tuple[Quantiles, ...] = ()
    shaped: int = 0
    unit_seconds: Quantiles | None = None
