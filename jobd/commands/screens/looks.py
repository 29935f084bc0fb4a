"""How a job looks to a person: in a few words, in the line at the bottom, at its end, and what can be done next."""

import time
from typing import TYPE_CHECKING

from jobd.core.model import State
from jobd.core.views import JobView
from jobd.ui import amounts, bars
from jobd.ui.terminal_text import field, fit, width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobd.ui.screen import Screen

#: Cells of the bar in a row or on a card, and the most and the fewest in the bottom line.
BAR, WIDEST_BAR, NARROWEST_BAR = 18, 20, 5
#: The share of the bottom line that a name may take.
NAME_SHARE = 3
#: What took less time than this is not worth a word.
NO_TIME = 0.05

OUTCOME_WORDS = {"cannot_start": "cannot start", "lost": "lost", "oom": "out of memory"}


def title(job: JobView) -> str:
    """Name a job: `encode #143`; one that has no number yet only by its name."""
    return f"{field(job.name)} #{job.id}" if job.id else field(job.name)


def outcome(job: JobView) -> str:
    """Say in a few words where the job stands: `running`, `exit 1`, `SIGKILL`, `canceled: too slow`."""
    if job.state is State.FAILED:
        return _failure(job.reason)
    if job.state is State.CANCELED and job.reason:
        return f"canceled: {field(job.reason)}"
    return job.state.value


def _failure(reason: str | None) -> str:
    kind, _, number = (reason or "").partition(":")
    if kind == "signal":
        from signal import Signals

        try:
            return Signals(int(number)).name
        except ValueError:
            return f"signal {number}"
    return f"exit {number}" if kind == "exit" else OUTCOME_WORDS.get(kind, field(kind))


def waits_for(job: JobView) -> str:
    """Say what a pending job waits for."""
    if job.not_before is not None:
        left = job.not_before.timestamp() - time.time()
        return f"again in {amounts.eta(left)}" if left > 0 else "again now"
    latest = job.attempts[-1] if job.attempts else None
    return "starting" if latest and latest.state is None else "waiting for a free slot"


def stale(job: JobView) -> str:
    """Say since when it has been silent for too long, if it has."""
    return f"stale since {amounts.clock(job.stale_since.isoformat())}" if job.stale_since else ""


def parts(job: JobView) -> str:
    """Say how many of its parts are over."""
    children = job.progress.children
    return f"{children.total - children.open}/{children.total} parts" if children else ""


def rate_limited(job: JobView) -> str:
    """Say how long it still waits for a rate limit, if it does."""
    until = job.progress.rate_limited_until
    left = until.timestamp() - time.time() if until else 0.0
    return f"rate limited, {amounts.eta(left)} left" if left > 0 else ""


def progress_text(job: JobView, screen: "Screen", cells: int = BAR) -> str:
    """Draw the bar with its percentage; without a fraction what else is known of the progress."""
    progress = job.progress
    if progress.fraction is not None:
        return f"{bars.bar(progress.fraction, cells, unicode=screen.unicode)} {amounts.percent(progress.fraction):>4}"
    if progress.done is not None:
        return f"{progress.done:g} {field(progress.unit or 'done')}"
    return field(progress.message or "")


def left(job: JobView, since: float = 0.0) -> str:
    """Say when it will end, if that is known; `since` are the seconds since the job was looked at."""
    eta = job.progress.eta
    if eta is None or job.done or not eta.high:
        return ""
    return amounts.eta(*(max(0.0, seconds - since) for seconds in (eta.seconds, eta.low, eta.high)))


def over(job: JobView, since: float = 0.0) -> str:
    """Say by how much it is past what 95 % of the earlier runs took; `since` as in `left`."""
    eta = job.progress.eta
    if eta is None or job.done or not eta.over:
        return ""
    return f"over the usual p95 by {amounts.duration(float(int(eta.over + since)))}"


def took(seconds: float | None) -> str:
    """Say how long something took; nothing if it took no time to speak of."""
    return "" if seconds is None or seconds < NO_TIME else amounts.duration(seconds)


def bottom_line(job: JobView, screen: "Screen", since: float = 0.0, more: str = "", note: str = "") -> str:
    """Say what matters now of a job in one line that fits: what matters less is left out first.

    `since` are the seconds since the job was looked at, `more` says what else is followed, `note` goes to the end.
    """
    room = screen.columns - 1
    separator = " · " if screen.unicode else " | "
    name = fitted(field(job.name), screen, max(room // NAME_SHARE, NARROWEST_BAR))
    head = f"{bars.mark(job.state, unicode=screen.unicode)} {name}" + (f" #{job.id}" if job.id else "")
    fraction = job.progress.fraction
    bar = NARROWEST_BAR + 1 if fraction is not None else 0
    line = "" if fraction is None else f" {amounts.percent(fraction)}"
    for fact in (more, *_facts(job, since)):
        longer = f"{line}{separator}{fact}"
        if fact and width(head + longer) + bar <= room:
            line = longer
    spare = room - width(head + line) - 1
    if fraction is not None and spare >= NARROWEST_BAR:
        head += f" {bars.bar(fraction, min(spare, WIDEST_BAR), unicode=screen.unicode)}"
    noted = f"{head}{line}   {note}"
    return noted if note and width(noted) <= room else head + line


def _facts(job: JobView, since: float) -> "Iterable[str]":
    """List what can be said of a job besides its name and how far it is, the most important first."""
    progress, usage = job.progress, job.usage
    running = job.state in (State.RUNNING, State.COMPLETING, State.CANCELING)
    elapsed = amounts.duration(float(int(job.elapsed + (since if running else 0.0)))) if job.elapsed is not None else ""
    ends = left(job, since) if running else ""
    late = over(job, since if running else 0.0)
    yield stale(job)
    yield rate_limited(job)
    if progress.fraction is None or not running:
        yield waits_for(job) if job.state is State.PENDING else job.state.value
    yield f"{ends} left" if ends else late or elapsed
    yield late if ends else ""
    if progress.fraction is None and progress.done is not None:
        yield f"{progress.done:g} {field(progress.unit or 'done')}"
    yield f"stage {field(progress.stage)}" if progress.stage else ""
    yield parts(job)
    yield field(progress.message or "")
    yield f"CPU {usage.cpu_percent:.0f}%" if usage.cpu_percent is not None else ""
    yield amounts.size(usage.rss_bytes) if usage.rss_bytes else ""


def failed_attempt(job: JobView) -> str:
    """Say why the latest attempt failed, and when the next one is due."""
    return f"! {title(job)}: attempt {job.attempt} failed, {why_again(job)}; {waits_for(job)}"


def why_again(job: JobView) -> str:
    """Say in a few words why a job is run again: `exit 1`."""
    return _failure(job.attempts[-1].reason) if job.attempts else ""


def end_line(job: JobView, screen: "Screen") -> str:
    """Say how a job ended."""
    how = f"failed, {outcome(job)}" if job.state is State.FAILED else outcome(job)
    detail = f": {field(job.detail)}" if job.detail else ""
    after = f", after {took(job.elapsed)}" if took(job.elapsed) else ""
    usual = f" (usually {amounts.duration(job.usual.p50)})" if job.usual and job.state is State.FAILED else ""
    return f"{bars.mark(job.state, unicode=screen.unicode)} {title(job)} {how}{detail}{after}{usual}"


def next_commands(job: JobView) -> tuple[str, ...]:
    """Say what can be done about a job."""
    if not job.done:
        change = f"jobd resume {job.id}" if job.state in (State.PAUSING, State.PAUSED) else f"jobd pause {job.id}"
        return f"jobd tail -f {job.id}", *([change] if job.state is not State.PENDING else []), f"jobd cancel {job.id}"
    again = () if job.state is State.COMPLETED or job.begun else (f"jobd retry {job.id}",)
    return *again, f"jobd status {job.id}", f"jobd log {job.id}"


def fitted(line: str, screen: "Screen", columns: int | None = None) -> str:
    """Cut a line that is wider than the screen, or than so many cells; in a pipe it stays whole."""
    room = screen.columns if columns is None else columns
    return fit(line, min(width(line), room), mark="…" if screen.unicode else "..") if screen.is_terminal else line


def hint(screen: "Screen", *commands: str) -> None:
    """Name the commands that may come next."""
    screen.hint("\n".join(rows(screen, *commands)))


def rows(screen: "Screen", *parts: str) -> list[str]:
    """Put parts beside each other, as many in a row as fit; those without a word are left out."""
    separator = " · " if screen.unicode else " | "
    found: list[str] = []
    for part in filter(None, parts):
        joined = f"{found[-1]}{separator}{part}" if found else part
        if found and width(joined) <= screen.columns:
            found[-1] = joined
        else:
            found.append(part)
    return found


def user(uid: int) -> str:
    """Name a user."""
    import pwd

    try:
        return field(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return f"user {uid}"


def style(job: JobView) -> str:
    """Name the style of the job's state."""
    return bars.look(job.state).style


def painted(text: str, job: JobView, screen: "Screen") -> str:
    """Give a text the colour of the job's state."""
    return screen.paint(text, style(job))
