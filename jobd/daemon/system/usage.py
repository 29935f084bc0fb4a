"""What running jobs use: CPU, memory, processes and I/O of whole trees, all jobs in one pass over the processes.

Totals never fall, though the processes they come from end. A job that has used less than 1 % of a CPU for 10 s, with
the same processes all the time, is quiet: it is looked at every 5 s, or when it has a new process, and in between it is
told as it was. I/O costs most to read: a pass reads that of about 100 processes, of the jobs longest unread, and jobs
that have used no CPU since then wait for 30 s.
"""

import math
from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

from jobd.core.model import Usage
from jobd.daemon.system import processes, trees
from jobd.daemon.system.processes import Snapshot
from jobd.daemon.system.trees import Tree

#: Seconds between passes that look at everything, quiet jobs and processes of nobody too.
WHOLE_EVERY = 5.0
#: Seconds without change, and percent of a CPU, that make a job quiet.
QUIET_AFTER = 10.0
QUIET_PERCENT = 1.0
#: Processes whose I/O is read in one pass (0.03 ms each), and seconds after which even an idle job's is read again.
IO_PROCESSES = 100
IO_EVERY = 30.0

Key = TypeVar("Key", bound=Hashable)


class Total:
    """A total over processes that come and go: it grows by as much as the sum over those present, and never falls."""

    def __init__(self, total: float = 0.0) -> None:
        self.total = total
        self._last: float | None = None

    def read(self, present: float) -> float:
        """Take in the sum over the processes present now; return by how much the total has grown since the last one."""
        before, grown = self._last, 0.0
        self._last = present
        if before is None:
            self.total = max(self.total, present)
        else:
            grown = max(0.0, present - before)
            self.total += grown
        return grown


class Sampler(Generic[Key]):
    """Sample the usage of the watched jobs, on one thread; others may watch and forget jobs meanwhile."""

    def __init__(self) -> None:
        self._accounts: dict[Key, _Account] = {}
        self._whole_at = -math.inf
        self._before: Snapshot | None = None
        #: Processes that need no look before the next whole pass, and those of them that belong to quiet jobs.
        self._resting: frozenset[int] = frozenset()
        self._quiet: frozenset[int] = frozenset()

    def watch(self, key: Key, tree: Tree, usage: Usage | None = None) -> None:
        """Sample this job from now on; its totals start from those known of it, such as before a restart."""
        self._accounts[key] = _Account(tree, usage or Usage())

    def forget(self, key: Key) -> None:
        """Stop sampling a job; one that is not watched is none."""
        self._accounts.pop(key, None)

    def sample(self, now: float) -> dict[Key, Usage]:
        """Look once; return what each watched job uses. `now` is CLOCK_MONOTONIC in seconds.

        The CPU percentage is that since the last look at the job, of one CPU; None at the first one.
        """
        accounts = dict(self._accounts)
        if not accounts:
            return {}
        pids = processes.running()
        whole = now >= self._whole_at or any(self._passed_over(account) for account in accounts.values())
        wanted = pids if whole else [pid for pid in pids if pid not in self._resting]
        seen = processes.snapshot(wanted, self._before)
        looked = [account for account in accounts.values() if whole or not account.quiet]
        for account in looked:
            account.read(now, seen)
        _read_io(now, looked)
        if whole:
            self._rest(now, seen, accounts)
        elif any(stat.ppid in self._quiet for stat in seen.values()):
            self._whole_at = now
        return {key: account.usage for key, account in accounts.items()}

    def _passed_over(self, account: "_Account") -> bool:
        tree = account.tree
        roots = {process.pid for process in (tree.main, tree.shim) if process is not None}
        return not account.pids and not self._resting.isdisjoint(roots)

    def _rest(self, now: float, seen: Snapshot, accounts: "dict[Key, _Account]") -> None:
        self._whole_at, self._before = now + WHOLE_EVERY, seen
        self._resting = frozenset(seen).difference(*(item.pids for item in accounts.values() if not item.quiet))
        self._quiet = frozenset().union(*(item.pids for item in accounts.values() if item.quiet))


class _Account:
    """What is remembered of a job between two looks at it."""

    def __init__(self, tree: Tree, usage: Usage) -> None:
        self.tree = tree
        self.usage = usage
        self.quiet = False
        #: Its processes at the last look, and its shim.
        self.pids: frozenset[int] = frozenset()
        self.io_read_at = -math.inf
        self._members: list[int] = []
        self._cpu = Total((usage.cpu_seconds or 0.0) * processes.TICKS_PER_SECOND)
        self._io = (Total(usage.read_bytes or 0), Total(usage.write_bytes or 0))
        self._cpu_at_io = -1.0
        self._read_at: float | None = None
        self._changed_at = -math.inf

    def read(self, now: float, seen: Snapshot) -> None:
        """Take in a look at all processes."""
        self._members = trees.family(self.tree, seen)
        stats = [seen[pid] for pid in self._members]
        shim = seen.get(self.tree.shim.pid) if self.tree.shim and seen.shows(self.tree.shim) else None
        inherited = shim.ended_ticks if shim else 0
        percent = self._percent(now, sum((stat.cpu_ticks + stat.ended_ticks for stat in stats), inherited))
        rss = sum(stat.rss_bytes for stat in stats)
        self._settle(now, percent)
        self.usage = Usage(
            cpu_percent=percent,
            cpu_seconds=self._cpu.total / processes.TICKS_PER_SECOND,
            rss_bytes=rss,
            peak_rss_bytes=max(rss, self.usage.peak_rss_bytes or 0),
            read_bytes=self.usage.read_bytes,
            write_bytes=self.usage.write_bytes,
            processes=sum(not stat.dead for stat in stats),
        )

    def io_due(self, now: float) -> bool:
        """Whether it may have read or written since that was last read."""
        return self._cpu.total != self._cpu_at_io or now - self.io_read_at >= IO_EVERY

    def read_io(self, now: float) -> int:
        """Read what the processes present have read and written; return how many were asked."""
        self.io_read_at, self._cpu_at_io = now, self._cpu.total
        counts = [count for pid in self._members if (count := _io(pid)) is not None]
        if counts:
            for total, present in zip(self._io, map(sum, zip(*counts, strict=True)), strict=True):
                total.read(present)
            read, written = (int(total.total) for total in self._io)
            self.usage = msgspec.structs.replace(self.usage, read_bytes=read, write_bytes=written)
        return len(self._members)

    def _percent(self, now: float, ticks: int) -> float | None:
        before, self._read_at = self._read_at, now
        grown = self._cpu.read(ticks)
        if before is None:
            return None
        if now <= before:
            return self.usage.cpu_percent
        return 100 * grown / processes.TICKS_PER_SECOND / (now - before)

    def _settle(self, now: float, percent: float | None) -> None:
        shim = self.tree.shim
        pids = frozenset(self._members if shim is None else [*self._members, shim.pid])
        if pids != self.pids or percent is None or percent >= QUIET_PERCENT:
            self.pids, self._changed_at = pids, now
        self.quiet = now - self._changed_at >= QUIET_AFTER


def _read_io(now: float, accounts: list[_Account]) -> None:
    left = IO_PROCESSES
    for account in sorted((item for item in accounts if item.io_due(now)), key=lambda item: item.io_read_at):
        if left <= 0:
            return
        left -= account.read_io(now)


def _io(pid: int) -> tuple[int, int] | None:
    import psutil

    try:
        counters = psutil.Process(pid).io_counters()
    except (psutil.Error, AttributeError):
        return None
    return counters.read_bytes, counters.write_bytes
