"""The card of a job, and the overview of all: what `jobd status` draws."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from jobd.commands import _looks
from jobd.core.model import State
from jobd.core.text import plain
from jobd.core.views import JobView
from jobd.ui import amounts, bars
from jobd.ui.table import table
from jobd.ui.terminal_text import field, fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobd.core.events import Entry
    from jobd.ui.screen import Screen

#: Cells of the names on a card, and lines of output below it.
LABEL = 10
LAST_LINES = 5
#: A last line longer than this is not read whole.
LONGEST_LINES = 1 << 14

WELCOME = """\
jobd runs, follows and remembers jobs. There are none yet.

  jobd run -- make              run a command here, with a record
  jobd submit -- make           run it in the background
  jobd list                     what runs and what has just ended
  jobd history                  what was

More: jobd help · man jobd
"""


def show(screen: "Screen", jobs: "Sequence[JobView]", events: "Sequence[Entry]") -> None:
    """Draw a card for each job, with the latest events if there is only one."""
    for number, job in enumerate(jobs):
        screen.data("\n" if number else "")
        rows = [(label, text) for label, text in _rows(screen, job) if text]
        head = f"{bars.mark('head', unicode=screen.unicode)} {field(job.name)} #{job.id}{_command(job)}"
        lines = [screen.paint(head, "bold"), *(f"{label:>{LABEL}}: {text}" for label, text in rows)]
        lines += _events(screen, events) if len(jobs) == 1 else []
        lines += _last_lines(screen, job)
        wide = screen.columns if screen.is_terminal else 0
        screen.data("".join(f"{fit(line, wide).rstrip() if wide else line}\n" for line in lines))
    if len(jobs) == 1:
        screen.hint(_next(jobs[0]))


def show_overview(
    screen: "Screen", counts: "Mapping[State, int]", active: "Sequence[JobView]", failures: "Sequence[JobView]"
) -> None:
    """Draw how everything stands: how many jobs in each state, the active ones, and the latest failures."""
    if not counts and not screen.plain:
        screen.data(WELCOME)
        return
    if screen.plain:
        screen.data(table(_looks.columns(screen), active, screen))
        return
    screen.data(f"jobd · {_counted(counts)}\n" if screen.unicode else f"jobd: {_counted(counts)}\n")
    if active:
        screen.data("\n" + table(_looks.columns(screen), active, screen))
    if failures:
        screen.data("\n" + "".join(f"{_failure(screen, job)}\n" for job in failures))
    newest = next(iter(active or failures), None)
    if newest is not None:
        screen.hint(_next(newest))


def _rows(screen: "Screen", job: JobView) -> list[tuple[str, str]]:
    return [
        ("State", _state(screen, job)),
        ("Progress", _progress(screen, job)),
        ("ETA", _eta(job)),
        ("Process", f"{job.pid}" if job.pid else ""),
        ("Usage", _usage(screen, job)),
        ("In", _place(job)),
        ("Group", f"{field(job.group)}, priority {job.priority}" if job.group != "default" or job.priority else ""),
        ("Output", f"{field(job.output.path)} ({amounts.size(job.output.bytes)})" if job.output else ""),
        *(("Warning", field(warning.text)) for warning in job.warnings),
    ]


def _command(job: JobView) -> str:
    return " - " + field(" ".join(plain(word) for word in job.argv)) if job.argv else ""


def _state(screen: "Screen", job: JobView) -> str:
    text = f"failed, {_looks.outcome(job)}" if job.state is State.FAILED else _looks.outcome(job)
    text = screen.paint(field(text), bars.look(job.state).style)
    if job.detail:
        text += f" ({field(job.detail)})"
    if job.done:
        text += f" at {_clock(job.ended_at)}, after {amounts.duration(job.elapsed)}" if job.started_at else ""
    elif job.started_at:
        text += f" since {_clock(job.started_at)}, {amounts.duration(job.elapsed)}"
    attempts = f" (attempt {job.attempt})" if job.attempt and job.attempt > 1 else ""
    return text + attempts


def _progress(screen: "Screen", job: JobView) -> str:
    progress = job.progress
    parts = [
        _looks.progress_text(job, screen) if progress.fraction is not None or progress.done is not None else "",
        f"stage {field(progress.stage)}" if progress.stage else "",
        f"{progress.done:g}/{progress.total:g} {field(progress.unit or '')}".rstrip()
        if progress.done is not None and progress.total
        else "",
        f"{progress.rate:.3g}/s" if progress.rate and progress.done is not None and not job.done else "",
        field(progress.message or ""),
    ]
    return _joined(screen, parts)


def _eta(job: JobView) -> str:
    eta = job.progress.eta
    if eta is None:
        return ""
    basis = f", by {job.usual.runs} earlier runs" if "history" in eta.basis and job.usual else ", by its rate"
    return f"{amounts.eta(eta.seconds)} left ({amounts.duration(eta.low)} to {amounts.duration(eta.high)}{basis})"


def _usage(screen: "Screen", job: JobView) -> str:
    usage = job.usage
    series = bars.spark([point.cpu_percent for point in usage.series[-12:]], unicode=screen.unicode)
    parts = [
        f"CPU {usage.cpu_percent:.0f}% {series}".rstrip() if usage.cpu_percent is not None else "",
        f"CPU time {amounts.duration(usage.cpu_seconds)}" if usage.cpu_seconds is not None else "",
        f"mem {amounts.size(usage.rss_bytes)}" if usage.rss_bytes is not None else "",
        f"peak {amounts.size(usage.peak_rss_bytes)}" if usage.peak_rss_bytes is not None else "",
        f"read {amounts.size(usage.read_bytes)}" if usage.read_bytes else "",
        f"written {amounts.size(usage.write_bytes)}" if usage.write_bytes else "",
        f"{usage.processes} processes" if usage.processes else "",
    ]
    return _joined(screen, parts)


def _place(job: JobView) -> str:
    where = field(plain(job.cwd)) if job.cwd is not None else ""
    return f"{where} by user {job.origin.uid}" + (f" from {field(job.origin.tty)}" if job.origin.tty else "")


def _events(screen: "Screen", events: "Sequence[Entry]") -> list[str]:
    lines = [""]
    for entry in events:
        event = msgspec.to_builtins(entry.event)
        words = [event[key] for key in ("reason", "detail", "why", "text") if isinstance(event.get(key), str)]
        said = f": {field(', '.join(words))}" if words else ""
        lines.append(screen.paint(f" {_clock(entry.at)} {event['type'].replace('_', ' ')}{said}", "dim"))
    return lines if events else []


def _last_lines(screen: "Screen", job: JobView) -> list[str]:
    if job.output is None or not job.output.bytes:
        return []
    from jobd.commands._output import start_of_last_lines

    lines: list[bytes] = []
    for path in job.output.files.values():
        try:
            with open(path, "rb") as file:
                start = max(
                    start_of_last_lines(Path(path), LAST_LINES), os.fstat(file.fileno()).st_size - LONGEST_LINES
                )
                file.seek(start)
                lines += file.read(LONGEST_LINES).splitlines()[-LAST_LINES:]
        except OSError:
            continue
    return [screen.paint(" | ", "dim") + field(line.decode("utf-8", "backslashreplace")) for line in lines]


def _next(job: JobView) -> str:
    if job.done:
        return _looks.next_commands(job)
    change = f"jobd resume {job.id}" if job.state is State.PAUSED else f"jobd pause {job.id}"
    return f"jobd tail -f {job.id} · {change} · jobd cancel {job.id}"


def _counted(counts: "Mapping[State, int]") -> str:
    return ", ".join(f"{counts[state]} {state}" for state in State if state in counts)


def _failure(screen: "Screen", job: JobView) -> str:
    when = f"at {_clock(job.ended_at)}" if job.ended_at else ""
    mark = bars.mark(job.state, unicode=screen.unicode)
    return screen.paint(f"{mark} {job.id:>4}  {field(job.name)}  {_looks.outcome(job)}  {when}", "red")


def _clock(moment: object) -> str:
    return amounts.clock(moment.isoformat()) if hasattr(moment, "isoformat") else ""


def _joined(screen: "Screen", parts: list[str]) -> str:
    return (" · " if screen.unicode else ", ").join(part for part in parts if part)
