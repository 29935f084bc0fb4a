"""The card of a job: what `jobd status` draws for each job that is named."""

from typing import TYPE_CHECKING

import msgspec

from jobd.commands.following.output import last_lines
from jobd.commands.screens import looks, tables
from jobd.core.model import State
from jobd.core.promises import OnStale
from jobd.core.text import plain
from jobd.core.views import JobView
from jobd.core.work.tallies import Tally
from jobd.ui import amounts, bars
from jobd.ui.terminal_text import field

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Entry
    from jobd.ui.screen import Screen

#: Cells of the names on a card, and lines of output below it.
LABEL = 10
LAST_LINES = 5
#: Cells of the series of CPU measurements.
SERIES = 12
#: What becomes of a job that is stale.
STALE_THEN = {OnStale.NOTE: "", OnStale.CANCEL: "then canceled", OnStale.RETRY: "then ended and run again"}
#: What a tally has beside its numbers.
WEIGHTS = Tally.__struct_fields__
#: What says nothing to a person: the decision to start, between the submission and the start.
UNTOLD = ("opened",)


def show(
    shell: "Shell", jobs: "Sequence[JobView]", events: "Sequence[Entry]", children: "Sequence[JobView]" = ()
) -> None:
    """Draw a card for each job, with the latest events and the children if there is only one."""
    screen = shell.screen
    if shell.asked.plain:
        screen.data(tables.plain(jobs, screen))
        return
    for number, job in enumerate(jobs):
        screen.data("\n" if number else "")
        rows = [f"{label:>{LABEL}}: {text}" for label, text in _rows(screen, job) if text]
        lines = [_head(screen, job), *rows, *(_child(screen, child) for child in children)]
        below = _events(screen, events) if len(jobs) == 1 else []
        below += [screen.paint(" | ", "dim") + line for line in last_lines(shell.paths, job, LAST_LINES)]
        lines += ["", *below] if below else []
        screen.data("".join(f"{looks.fitted(line, screen)}\n" for line in lines))
    if len(jobs) == 1:
        looks.hint(screen, *looks.next_commands(jobs[0]))


def _head(screen: "Screen", job: JobView) -> str:
    command = " - " + field(" ".join(plain(word) for word in job.argv)) if job.argv else ""
    return screen.paint(f"{bars.mark('head', unicode=screen.unicode)} {looks.title(job)}{command}", "bold")


def _rows(screen: "Screen", job: JobView) -> list[tuple[str, str]]:
    return [
        ("State", _state(screen, job)),
        ("Heartbeat", _promise(job)),
        ("Watchers", _watchers(job)),
        ("Retries", _retries(job)),
        ("Progress", _progress(screen, job)),
        ("ETA", _eta(job)),
        ("Items", _counts(job.progress.items)),
        ("Parts then" if job.done else "Parts", _counts(job.progress.children)),
        ("Process", _process(job)),
        ("Usage", _usage(screen, job)),
        ("Part of", _whole(job)),
        ("In", _place(screen, job)),
        ("Group", f"{field(job.group)}, priority {job.priority}" if job.group != "default" or job.priority else ""),
        ("Labels", ", ".join(f"{field(key)}={field(value)}" for key, value in job.labels.items())),
        ("Output", _output(screen, job)),
        *(("Warning", field(warning.text)) for warning in job.warnings),
    ]


def _state(screen: "Screen", job: JobView) -> str:
    text = f"failed, {looks.outcome(job)}" if job.state is State.FAILED else looks.outcome(job)
    text = looks.painted(text, job, screen)
    if job.state is State.PENDING:
        text += f", {looks.waits_for(job)}" + (f", after {looks.why_again(job)}" if job.not_before else "")
    if job.detail:
        text += f" ({field(job.detail)})"
    if job.done and job.ended_at:
        text += f" at {_clock(job.ended_at)}"
    elif job.started_at:
        text += f" since {_clock(job.started_at)}"
    text += "".join(f", {remark}" for remark in (looks.stale(job), looks.rate_limited(job)) if remark)
    took = looks.took(job.elapsed)
    text += (f", after {took}" if job.done else f", {took}") if took else ""
    if job.done and took and job.usual:
        text += f" (usually {amounts.duration(job.usual.p50)})"
    return text + (f" (attempt {job.attempt})" if job.attempt and job.attempt > 1 else "")


def _promise(job: JobView) -> str:
    """Say how often it promised to be heard of, and when it last reported."""
    heartbeat, said = job.heartbeat, job.progress.updated_at
    if heartbeat is None or job.done:
        return ""
    parts = [
        f"every {amounts.duration(heartbeat.beat_every)}" if heartbeat.beat_every else "",
        f"stale after {amounts.duration(heartbeat.stale_after)}",
        STALE_THEN[heartbeat.on_stale],
        f"last report {_clock(said)}" if said else "",
    ]
    return ", ".join(part for part in parts if part)


def _watchers(job: JobView) -> str:
    """Count who watches it, and name the latest of them."""
    if not job.watchers:
        return ""
    who = job.watchers[-1]
    terminal = f", {who.tty.removeprefix('/dev/')}" if who.tty else ""
    return f"{len(job.watchers)} ({looks.user(who.uid)}{terminal})"


def _retries(job: JobView) -> str:
    """Say how often it was run again by itself."""
    if job.retries is None or (job.done and not job.retried):
        return ""
    return f"{job.retried} of {job.retries.most}, the first after {amounts.duration(job.retries.delay)}"


def _progress(screen: "Screen", job: JobView) -> str:
    progress = job.progress
    counted = f"{progress.done:g}/{progress.total:g}" if progress.done is not None and progress.total else ""
    weighted = progress.stages or progress.items
    parts = [
        looks.progress_text(job, screen) if progress.fraction is not None or progress.done is not None else "",
        _stage(job),
        f"{counted} {field(progress.unit or '')}".rstrip() if counted else "",
        f"{progress.rate:.3g}/s" if progress.rate and counted and not weighted and not job.done else "",
        field(progress.message or ""),
    ]
    return _joined(screen, parts)


def _stage(job: JobView) -> str:
    progress = job.progress
    names = [stage.name for stage in progress.stages]
    place = f"{names.index(progress.stage) + 1}/{len(names)} " if progress.stage in names else ""
    return f"stage {place}{field(progress.stage)}" if progress.stage else ""


def _counts(tally: Tally | None) -> str:
    """Say how many items, or children, are in each state."""
    counts = msgspec.structs.asdict(tally) if tally is not None else {}
    return " · ".join(f"{counts[state]} {state}" for state in counts if counts[state] and state not in WEIGHTS)


def _whole(job: JobView) -> str:
    weight = f", weight {job.weight:g}" if job.weight != 1 else ""
    return f"job {job.parent}{weight}" if job.parent else ""


def _child(screen: "Screen", job: JobView) -> str:
    """Say in a line how a child stands."""
    stands = looks.outcome(job) if job.done else looks.progress_text(job, screen) or job.state.value
    mark = screen.paint(bars.mark(job.state, unicode=screen.unicode), looks.style(job))
    return f"{'':>{LABEL}}  {mark} {job.id} {field(job.name)}  {stands}"


def _eta(job: JobView) -> str:
    eta, left, late = job.progress.eta, looks.left(job), looks.over(job)
    if eta is None or not left:
        return late
    runs = f"{job.usual.runs} earlier runs" if "history" in eta.basis and job.usual else ""
    basis = " and ".join(part for part in ("its rate" if "rate" in eta.basis else "", runs) if part)
    band = f"{amounts.duration(eta.low)} to {amounts.duration(eta.high)}, "
    ends = f"{amounts.eta(eta.seconds)} left ({band if eta.high - eta.low >= 1 else ''}by {basis})"
    return f"{ends}, {late}" if late else ends


def _process(job: JobView) -> str:
    others = (job.usage.processes or 1) - 1
    return f"{job.pid}{f' and {others} below it' if others else ''}" if job.pid else ""


def _usage(screen: "Screen", job: JobView) -> str:
    usage = job.usage
    series = bars.spark([point.cpu_percent for point in usage.series[-SERIES:]], unicode=screen.unicode)
    parts = [
        f"CPU {usage.cpu_percent:.0f}% {series}".rstrip() if usage.cpu_percent is not None else "",
        f"CPU time {looks.took(usage.cpu_seconds)}" if looks.took(usage.cpu_seconds) else "",
        f"mem {amounts.size(usage.rss_bytes)}" if usage.rss_bytes else "",
        f"peak {amounts.size(usage.peak_rss_bytes)}" if usage.peak_rss_bytes else "",
        f"read {amounts.size(usage.read_bytes)}" if usage.read_bytes else "",
        f"written {amounts.size(usage.write_bytes)}" if usage.write_bytes else "",
    ]
    return _joined(screen, parts)


def _place(screen: "Screen", job: JobView) -> str:
    where = _below_home(screen, plain(job.cwd)) if job.cwd is not None else ""
    terminal = f" from {field(job.origin.tty).removeprefix('/dev/')}" if job.origin.tty else ""
    return f"{where} by {looks.user(job.origin.uid)}{terminal}".lstrip()


def _output(screen: "Screen", job: JobView) -> str:
    return f"{_below_home(screen, job.output.path)} ({amounts.size(job.output.bytes)})" if job.output else ""


def _below_home(screen: "Screen", path: str) -> str:
    home = screen.environ.get("HOME", "").rstrip("/")
    return field(f"~{path[len(home) :]}" if home and f"{path}/".startswith(f"{home}/") else path)


def _events(screen: "Screen", events: "Sequence[Entry]") -> list[str]:
    lines = []
    for entry in events:
        event = msgspec.to_builtins(entry.event)
        if event["type"] in UNTOLD:
            continue
        words = [
            event[key] for key in ("reason", "detail", "why", "problem", "text") if isinstance(event.get(key), str)
        ]
        said = f": {field(', '.join(words))}" if words else ""
        lines.append(screen.paint(f" {_clock(entry.at)} {event['type'].replace('_', ' ')}{said}", "dim"))
    return lines


def _clock(moment: "datetime") -> str:
    return amounts.clock(moment.isoformat())


def _joined(screen: "Screen", parts: list[str]) -> str:
    return (" · " if screen.unicode else ", ").join(part for part in parts if part)
