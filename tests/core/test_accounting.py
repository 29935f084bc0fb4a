"""What a job used: of several incomplete figures the right one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.accounting import best_peak, join, settle
from jobd.core.model import Resources, Usage
from tests.core.samples import RESOURCES, USAGE

MB = 1_000_000
#: (sampled, cgroup, maxrss, floor) and the peak, all in megabytes.
PEAKS = [
    ((None, None, None, None), None),
    ((45, None, None, None), 45),
    ((45, 60, None, None), 60),
    ((45, None, 50, 9), 50),
    ((45, None, 9, 9), 45),
    ((None, None, 9, 9), None),
    ((None, None, 8, 9), None),
    ((None, None, 10, 9), 10),
    ((5, None, 9, 9), 5),
    ((45, 60, 50, 9), 60),
    ((None, None, 50, 0), 50),
    ((None, None, 0, 0), None),
]


@pytest.mark.parametrize(("known", "peak"), PEAKS)
def test_best_peak(known: tuple[int | None, ...], peak: int | None) -> None:
    """The largest figure is right, but a maximum that is not above the floor belongs to the process that forked."""
    sampled, cgroup, maxrss, floor = (value if value is None else value * MB for value in known)
    resources = None if maxrss is None else Resources(peak_rss_bytes=maxrss, floor_rss_bytes=floor or 0)
    assert best_peak(sampled, cgroup, resources) == (None if peak is None else peak * MB)


def test_settle() -> None:
    """The kernel's account completes the measurements, and stands alone if there were none; nothing is used now."""
    totals = Usage(cpu_seconds=USAGE.cpu_seconds, peak_rss_bytes=USAGE.peak_rss_bytes)
    assert settle(None, None) is None
    assert settle(USAGE, None) == totals
    alone = settle(None, Resources(user_seconds=1.0, system_seconds=0.5, blocks_read=3, blocks_written=4))
    assert alone == Usage(cpu_seconds=1.5, read_bytes=1536, write_bytes=2048)
    both = settle(USAGE, RESOURCES)
    assert both == replace(totals, cpu_seconds=1.75, peak_rss_bytes=50 * MB, read_bytes=0, write_bytes=0)


figures = st.sampled_from([None, 0, 1, 2, 2**63 - 1])
usages = st.builds(
    Usage, cpu_percent=st.none() | st.floats(0, 6400), cpu_seconds=st.none() | st.floats(0, 1e9), rss_bytes=figures,
    peak_rss_bytes=figures, read_bytes=figures, write_bytes=figures, processes=figures,
)  # fmt: skip


@given(usages, usages)
def test_totals_never_fall(latest: Usage, earlier: Usage) -> None:
    """What counts up is never less than it was; what is now is what was measured last."""
    joined = join(latest, earlier)
    for name in ("cpu_seconds", "peak_rss_bytes", "read_bytes", "write_bytes"):
        known = [value for value in (getattr(latest, name), getattr(earlier, name)) if value is not None]
        assert getattr(joined, name) == max(known, default=None)
    for name in ("cpu_percent", "rss_bytes", "processes"):
        assert getattr(joined, name) == getattr(latest, name)
    assert join(latest, None) == latest
    assert join(joined, earlier) == joined
