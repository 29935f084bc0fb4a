"""What running jobs use is measured at a steady pace and kept: peak and CPU time of whole trees, as a series."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.core.model import Usage
from jobd.daemon.attempts import meter as meter_module
from jobd.daemon.attempts.meter import Meter
from jobd.daemon.attempts.starting import Key
from jobd.daemon.system.usage import Sampler
from tests.daemon.hearing import eventually
from tests.daemon.planting import linux_only, planted
from tests.living import Living, shared
from tests.waiting import until

pytestmark = linux_only

#: Holds 40 MiB, in a child, and works for a while; waits for a word before it ends.
WORK = """
import os, sys, time
if os.fork():
    os.wait()
else:
    held = bytes(40 << 20).replace(bytes(1), b'x')
    until = time.process_time() + 0.5
    while time.process_time() < until:
        sum(range(1000))
    open('worked', 'w').close()
    while not os.path.exists('go'):
        time.sleep(0.01)
"""


class Told:
    """Whoever is told of measurements."""

    def __init__(self) -> None:
        self.usages: list[Usage] = []
        self.due = 0
        self.trims: list[tuple[str, int, int]] = []

    def measured(self, key: Key, usage: Usage, *, due: bool) -> None:
        """Take a measurement."""
        assert key == (1, 1)
        self.usages.append(usage)
        self.due += due

    def trimmed(self, key: Key, file: str, removed: int, limit: int) -> None:
        """Take a loss."""
        assert key == (1, 1)
        self.trims.append((file, removed, limit))


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    """Give a daemon that measures often."""
    with shared(JOBD_JOBS_SAMPLE_EVERY="0.1s") as living:
        yield living


def test_a_real_job_is_measured(living: Living, tmp_path: Path) -> None:
    """While it runs its tree is shown, children too; the peak and the CPU seconds stay when it has ended."""
    job = living.submit("python3", "-c", WORK, cwd=str(tmp_path))
    until((tmp_path / "worked").exists)
    until(lambda: (living.job(job["id"])["usage"]["cpu_seconds"] or 0) >= 0.4)
    running = until(lambda: (living.job(job["id"])["usage"]["rss_bytes"] or 0) > 40 << 20 and living.job(job["id"]))
    assert isinstance(running, dict)
    assert running["usage"]["processes"] == 2
    (tmp_path / "go").touch()
    usage = living.ended(job["id"])["usage"]
    assert usage["peak_rss_bytes"] > 40 << 20
    assert 0.45 < usage["cpu_seconds"] < 5


def test_totals_go_on_after_a_restart(state_dir: Path, tmp_path: Path) -> None:
    """The next daemon counts on from what was saved, and the series goes on, too."""
    often = {"JOBD_JOBS_SAMPLE_EVERY": "0.1s"}
    patch = Path(tmp_path, "sitecustomize.py")
    patch.write_text("import jobd.daemon.attempts.meter as meter\nmeter.FIRST_SAVE = 0.2\n")
    environ = {**often, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    living = Living(state_dir)
    living.start(environ)
    try:
        job = living.submit("python3", "-c", WORK, cwd=str(tmp_path))
        until((tmp_path / "worked").exists)
        until(lambda: len(living.job(job["id"])["usage"]["series"]) >= 2)
        before = living.job(job["id"])["usage"]
        living.kill()
        living.start(environ)
        until(lambda: len(living.job(job["id"])["usage"]["series"]) > len(before["series"]))
        after = living.job(job["id"])["usage"]
        assert after["peak_rss_bytes"] >= before["series"][-1][2]
        assert after["series"][: len(before["series"]) - 1] == before["series"][:-1]
        (tmp_path / "go").touch()
        assert living.ended(job["id"])["usage"]["cpu_seconds"] > 0.4
    finally:
        living.kill()


def test_it_is_saved_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each measurement is told; some are due to be saved, the fewer the longer the job runs."""
    monkeypatch.setattr(meter_module, "FIRST_SAVE", 0.5)
    told, begun = Told(), time.monotonic()

    async def run() -> None:
        with planted(tmp_path, "sleep", "60") as job:
            meter = Meter(told, lambda: 0.02)
            meter.watch((1, 1), job.tree, job.path, 0)
            meter.watch((1, 1), job.tree, job.path, 0)
            await eventually(lambda: told.due >= 2)
            assert meter.finish((1, 1)) == told.usages[-1]
            assert meter.finish((1, 1)) is None
            count = len(told.usages)
            await asyncio.sleep(0.1)
            assert len(told.usages) == count
            meter.close()

    asyncio.run(run())
    assert told.due < len(told.usages)
    assert told.due <= (time.monotonic() - begun) / meter_module.FIRST_SAVE
    assert told.trims == []


def test_a_loss_is_told_when_it_has_doubled(tmp_path: Path) -> None:
    """However often output is trimmed, its owner hears of it a few times."""
    told, limit = Told(), 1 << 18

    async def run() -> None:
        with planted(tmp_path, "sh", "-c", "yes | head -c 50000000; sleep 60") as job:
            meter = Meter(told, lambda: 0.005)
            meter.watch((1, 1), job.tree, job.path, limit)
            await eventually(lambda: (job.path / "output").stat().st_size == 50_000_000, "all of the output")
            await eventually(lambda: (job.path / "output").stat().st_blocks * 512 <= 1.5 * limit, "the last trim")
            meter.close()

    asyncio.run(run())
    assert 1 <= len(told.trims) <= 9
    assert all(2 * one[1] <= two[1] for one, two in zip(told.trims, told.trims[1:], strict=False))
    assert {(file, most) for file, _, most in told.trims} == {("output", limit)}


def test_what_cannot_be_looked_at_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure to look, such as for want of descriptors, ends nothing."""
    told, failures = Told(), [OSError("no descriptors"), OSError("still none")]
    sample = Sampler.sample

    def failing(sampler: Sampler[Key], now: float) -> dict[Key, Usage]:
        if failures:
            raise failures.pop()
        return sample(sampler, now)

    async def run() -> None:
        with planted(tmp_path, "sleep", "60") as job:
            meter = Meter(told, lambda: 0.01)
            meter.watch((1, 1), job.tree, job.path, 0)
            await eventually(lambda: told.usages)
            meter.close()

    monkeypatch.setattr(Sampler, "sample", failing)
    asyncio.run(run())
    assert failures == []
