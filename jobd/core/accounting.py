"""What a job used, all told: measurements and the kernel's account joined into one Usage.

Totals are only ever known from below (a measurement misses what came after it, the kernel counts only what was waited
for), so of two figures the larger one is right.
"""

from typing import TypeVar

from msgspec.structs import replace

from jobd.core.model import Resources, Usage

Number = TypeVar("Number", int, float)

#: Bytes of a block of getrusage(2).
BLOCK = 512


def join(latest: Usage, earlier: Usage | None) -> Usage:
    """Take what is used now from the latest measurement, and of each total the larger figure."""
    if earlier is None:
        return latest
    return replace(
        latest,
        cpu_seconds=_larger(latest.cpu_seconds, earlier.cpu_seconds),
        peak_rss_bytes=_larger(latest.peak_rss_bytes, earlier.peak_rss_bytes),
        read_bytes=_larger(latest.read_bytes, earlier.read_bytes),
        write_bytes=_larger(latest.write_bytes, earlier.write_bytes),
    )


def settle(measured: Usage | None, resources: Resources | None) -> Usage | None:
    """Give the totals of an attempt, which uses nothing now any more; None if nothing was ever measured."""
    if resources is None:
        return join(Usage(), measured) if measured else None
    account = Usage(
        cpu_seconds=resources.user_seconds + resources.system_seconds,
        peak_rss_bytes=best_peak(measured.peak_rss_bytes if measured else None, None, resources),
        read_bytes=resources.blocks_read * BLOCK,
        write_bytes=resources.blocks_written * BLOCK,
    )
    return join(account, measured)


def best_peak(sampled: int | None, cgroup: int | None, resources: Resources | None) -> int | None:
    """Choose the best known peak of the resident memory in bytes; None if nothing says anything.

    A maximum at or below the floor is that of the process that forked, not the job's: it says nothing.
    """
    counted = resources.peak_rss_bytes if resources and resources.peak_rss_bytes > resources.floor_rss_bytes else None
    return _larger(_larger(sampled, cgroup), counted)


def _larger(first: Number | None, second: Number | None) -> Number | None:
    known = [figure for figure in (first, second) if figure is not None]
    return max(known) if known else None
