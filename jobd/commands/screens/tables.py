"""The columns in which jobs are listed: those that are active, those that have ended, and those that were.

A pipe gets the same columns whatever is in them; on a terminal a column in which nothing stands is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from jobd.commands.screens import looks
from jobd.core.estimates.usual import ENOUGH_RUNS
from jobd.core.model import State
from jobd.core.views import JobView
from jobd.ui import amounts, bars
from jobd.ui.table import Column, table

if TYPE_CHECKING:
    from jobd.ui.screen import Screen

#: On a screen narrower than this a bar has so many cells.
WIDE, NARROW_BAR = 70, 6
#: So many earlier runs make a comparison with them worth a word.
FEWEST_RUNS = 3
#: And so much more or less than usual, as a share.
WORTH_SAYING = 0.1


def plain(jobs: Iterable[JobView], screen: "Screen") -> str:
    """List jobs for a program: id, name, state, reason, fraction, seconds left, elapsed, CPU, memory, tab separated."""
    columns = [
        Column("ID", lambda job: job.id),
        Column("NAME", lambda job: job.name),
        Column("STATE", lambda job: job.state),
        Column("REASON", lambda job: job.reason or _remark(job)),
        Column("PROGRESS", lambda job: job.progress.fraction),
        Column("ETA", lambda job: job.progress.eta and job.progress.eta.seconds),
        Column("TIME", lambda job: job.elapsed),
        Column("CPU", lambda job: job.usage.cpu_percent),
        Column("MEM", lambda job: job.usage.rss_bytes),
    ]
    return table(columns, jobs, screen)


def active(found: Iterable[JobView], screen: "Screen") -> str:
    """List jobs that have not ended, for a person: those that run, then those that wait, as they will be started."""
    jobs = in_turn(found)
    columns = [
        *_names(screen),
        Column("STATE", _state, style=looks.style),
        Column("PROGRESS", lambda job: _progress(job, screen), shrink=2, least=10),
        Column("ETA", _ends, right=True),
        Column("TIME", lambda job: looks.took(job.elapsed), right=True),
        Column("CPU", _cpu, right=True),
        Column("MEM", lambda job: amounts.size(job.usage.rss_bytes) if job.usage.rss_bytes else "", right=True),
    ]
    return table(_filled(columns, jobs), jobs, screen)


def in_turn(jobs: Iterable[JobView]) -> list[JobView]:
    """Put jobs that have not ended in order: those that run, the newest first, then the queue."""
    shown = list(jobs)
    waiting = sorted((job for job in shown if job.state is State.PENDING), key=lambda job: (-job.priority, job.id))
    return [*sorted((job for job in shown if job.state is not State.PENDING), key=lambda job: -job.id), *waiting]


def ended(jobs: Sequence[JobView], screen: "Screen", now: datetime, last_line: Callable[[JobView], str]) -> str:
    """List jobs that have ended, for a person: when, how long it took, and what they said last if they failed."""
    columns = [
        *_names(screen),
        Column("STATE", looks.outcome, style=looks.style, shrink=3),
        Column("ENDED", lambda job: amounts.ago((now - job.ended_at).total_seconds()) if job.ended_at else ""),
        Column("TOOK", lambda job: looks.took(job.elapsed), right=True),
        Column("USUAL", _usual, right=True),
        Column("LAST LINE", lambda job: last_line(job) if job.state is State.FAILED else "", shrink=2, least=8),
    ]
    return table(_filled(columns, jobs), jobs, screen)


def past(jobs: Sequence[JobView], screen: "Screen") -> str:
    """List jobs of any time, newest first."""
    columns = [
        *_runs(screen),
        Column("VS USUAL", _against_usual, raw=lambda job: job.usual and job.usual.p50),
        Column(
            "PEAK",
            lambda job: amounts.size(job.usage.peak_rss_bytes) if job.usage.peak_rss_bytes else "",
            right=True,
            raw=lambda job: job.usage.peak_rss_bytes,
        ),
    ]
    return table(columns if screen.plain else _filled(columns, jobs), jobs, screen)


def slow(jobs: Sequence[JobView], screen: "Screen") -> str:
    """List jobs that take or took longer than usual: what is usual, what 95 % took at most, how many times that."""
    columns = [
        *_runs(screen),
        Column("USUAL", lambda job: amounts.duration(job.usual.p50), right=True, raw="usual.p50"),
        Column("P95", lambda job: amounts.duration(job.usual.p95), right=True, raw="usual.p95"),
        Column("TIMES", lambda job: f"{_times(job) or 0:.1f}x", right=True, raw=_times),
    ]
    return table(columns, jobs, screen)


def _times(job: JobView) -> float | None:
    """Give how many times as long it took as 95 % of the earlier runs at most."""
    return round(job.elapsed / job.usual.p95, 6) if job.usual and job.usual.p95 and job.elapsed is not None else None


def _runs(screen: "Screen") -> list[Column]:
    return [
        *_names(screen),
        Column("STATE", looks.outcome, style=looks.style, shrink=2, raw=lambda job: job.state),
        Column("STARTED", _started, raw=lambda job: job.started_at),
        Column("TOOK", lambda job: looks.took(job.elapsed), right=True, raw=lambda job: job.elapsed),
    ]


def _names(screen: "Screen") -> list[Column]:
    mark = Column("", lambda job: bars.mark(job.state, unicode=screen.unicode), gap=1, terminal_only=True)
    return [
        mark._replace(style=looks.style),
        Column("ID", lambda job: job.id, right=True),
        Column("NAME", lambda job: job.name, shrink=1, least=10),
    ]


def _filled(columns: list[Column], jobs: Iterable[JobView]) -> list[Column]:
    """Leave out the columns in which nothing stands."""
    shown = list(jobs)
    return [
        column for column in columns if callable(column.get) and any(column.get(job) not in ("", None) for job in shown)
    ]


def _state(job: JobView) -> str:
    remark = (_remark(job) or "").replace("_", " ")
    return f"{job.state}, {remark}" if remark else job.state


def _remark(job: JobView) -> str | None:
    """Give a word for what is beside the state of a job that has no reason."""
    if job.stale_since:
        return "stale"
    return "rate_limited" if job.progress.rate_limited_until else None


def _progress(job: JobView, screen: "Screen") -> str:
    cells = looks.BAR if screen.columns >= WIDE else NARROW_BAR
    return looks.waits_for(job) if job.state is State.PENDING else looks.progress_text(job, screen, cells)


def _cpu(job: JobView) -> str:
    return "" if job.usage.cpu_percent is None else f"{job.usage.cpu_percent:.0f}%"


def _ends(job: JobView) -> str:
    late = job.progress.eta.over if job.progress.eta and not job.done else 0.0
    return looks.left(job) or (f"{amounts.duration(float(int(late)))} over p95" if late else "")


def _usual(job: JobView) -> str:
    return amounts.duration(job.usual.p50) if job.usual and job.usual.runs >= FEWEST_RUNS else ""


def _started(job: JobView) -> str:
    return amounts.clock(job.started_at.isoformat()) if job.started_at else ""


def _against_usual(job: JobView) -> str:
    """Compare with the middle of earlier runs: `+212% slow`; nothing if there are too few, or no difference."""
    usual = job.usual
    if usual is None or usual.runs < FEWEST_RUNS or not usual.p50 or job.elapsed is None or not job.done:
        return ""
    share = job.elapsed / usual.p50 - 1
    slow = " slow" if job.elapsed > usual.p95 and usual.runs >= ENOUGH_RUNS else ""
    return f"{share:+.0%}{slow}" if abs(share) >= WORTH_SAYING else ""
