"""How a job looks to a person: in a row of a table, in the line at the bottom, at its end."""

from typing import TYPE_CHECKING

from jobd.core.model import State
from jobd.core.views import JobView
from jobd.ui import amounts, bars
from jobd.ui.table import Column
from jobd.ui.terminal_text import field

if TYPE_CHECKING:
    from jobd.ui.screen import Screen

#: Cells of the bar in a row and in the bottom line.
BAR = 18

OUTCOME_WORDS = {"cannot_start": "cannot start", "lost": "lost", "oom": "out of memory"}


def outcome(job: JobView) -> str:
    """Say in a few words where the job stands: `running`, `exit 1`, `SIGKILL`, `canceled: too slow`."""
    if job.state is State.FAILED:
        return _failure(job)
    if job.state is State.CANCELED and job.reason:
        return f"canceled: {job.reason}"
    return job.state.value


def _failure(job: JobView) -> str:
    kind, _, number = (job.reason or "").partition(":")
    if kind == "signal":
        from signal import Signals

        try:
            return Signals(int(number)).name
        except ValueError:
            return f"signal {number}"
    return f"exit {number}" if kind == "exit" else OUTCOME_WORDS.get(kind, kind)


def progress_text(job: JobView, screen: "Screen", width: int = BAR) -> str:
    """Draw the bar with its percentage; without a fraction what else is known of the progress."""
    progress = job.progress
    if progress.fraction is not None:
        return f"{bars.bar(progress.fraction, width, unicode=screen.unicode)} {amounts.percent(progress.fraction):>4}"
    if progress.done is not None:
        return f"{progress.done:g} {field(progress.unit or 'done')}"
    return field(progress.message or "")


def left(job: JobView) -> str:
    """Say when it will end, if that is known."""
    eta = job.progress.eta
    return amounts.eta(eta.seconds, eta.low, eta.high) if eta else ""


def bottom_line(job: JobView, screen: "Screen") -> str:
    """Say everything that matters now of a job in one line."""
    progress, usage = job.progress, job.usage
    parts = [
        f"{bars.mark(job.state, unicode=screen.unicode)} {field(job.name)} #{job.id}",
        progress_text(job, screen) if progress.fraction is not None else job.state.value,
        f"stage {field(progress.stage)}" if progress.stage else "",
        field(progress.message or ""),
        f"{left(job)} left" if left(job) else amounts.duration(job.elapsed),
        f"CPU {usage.cpu_percent:.0f}%" if usage.cpu_percent is not None else "",
        amounts.size(usage.rss_bytes) if usage.rss_bytes else "",
    ]
    return (" · " if screen.unicode else " | ").join(part for part in parts if part)


def end_line(job: JobView, screen: "Screen") -> str:
    """Say how a job ended."""
    mark = bars.mark(job.state, unicode=screen.unicode)
    how = f"failed, {outcome(job)}" if job.state is State.FAILED else outcome(job)
    took = f", after {amounts.duration(job.elapsed)}" if job.elapsed is not None else ""
    usual = f" (usually {amounts.duration(job.usual.p50)})" if job.usual and job.state is State.FAILED else ""
    detail = f": {field(job.detail)}" if job.detail else ""
    return screen.paint(
        f"{mark} {field(job.name)} #{job.id} {field(how)}{detail}{took}{usual}", bars.look(job.state).style
    )


def next_commands(job: JobView) -> str:
    """Say what can be done about a job that has ended."""
    again = f"jobd retry {job.id} · " if job.state is not State.COMPLETED else ""
    return f"{again}jobd status {job.id} · jobd log {job.id}"


def columns(screen: "Screen") -> list[Column]:
    """Make the columns of jobs that are active or have just ended."""
    return [
        mark_column(screen),
        Column("ID", lambda job: job.id, right=True),
        Column("NAME", lambda job: job.name, shrink=1, least=10),
        Column("STATE", outcome, style=style),
        Column(
            "PROGRESS",
            lambda job: progress_text(job, screen),
            shrink=2,
            least=5,
            raw=lambda job: job.progress.fraction,
        ),
        Column("ETA", left, right=True, raw=lambda job: job.progress.eta and job.progress.eta.seconds),
        Column("TIME", lambda job: amounts.duration(job.elapsed), right=True, raw=lambda job: job.elapsed),
        Column("CPU", _cpu, right=True, raw=lambda job: job.usage.cpu_percent),
        Column("MEM", lambda job: amounts.size(job.usage.rss_bytes), right=True, raw=lambda job: job.usage.rss_bytes),
    ]


def mark_column(screen: "Screen") -> Column:
    """Make the column of the marks of states, which pipes do not get."""
    return Column("", lambda job: bars.mark(job.state, unicode=screen.unicode), gap=1, style=style, terminal_only=True)


def style(job: JobView) -> str:
    """Name the style of the job's state."""
    return bars.look(job.state).style


def _cpu(job: JobView) -> str:
    return "" if job.usage.cpu_percent is None else f"{job.usage.cpu_percent:.0f}%"
