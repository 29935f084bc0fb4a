"""What can happen to a job, one function each: it refuses, or says which events follow; `fold` alone changes a record.

Nothing here acts: what the events mean for processes, files and watchers is up to whoever asked, after they are
committed. What a function returns can be recorded: events that the table forbids are never among it.
"""

from datetime import datetime
from os import strerror
from signal import Signals

from msgspec import structs
from msgspec.structs import replace

from jobd.core import accounting, clocks, retries, states
from jobd.core.errors import IllegalChange, JobFinished, JobNotFinished, NotStartedHere, TreeStillAlive
from jobd.core.events import catalogue as happened
from jobd.core.model import Ending, Job, Measure, Moment, Process, Resources, State, Usage
from jobd.core.views import status_parts

#: An attempt that never ran is tried again this many times in a row, then the job has failed to start.
MOST_WITHDRAWALS = 5


def fold(job: Job | None, entry: happened.Entry) -> Job | None:
    """Apply an entry of the log to the record; None = the job was removed. Raises IllegalChange."""
    event = entry.event
    state = states.after(job, event, entry.job)
    if state is None:
        return None
    if isinstance(event, happened.Created):
        return event.apply(event.create(entry.job, state, entry.at), entry.at)
    assert job is not None
    changed = event.apply(job, entry.at)
    return changed if state is changed.state else replace(changed, state=state)


def open_attempt(job: Job, now: Moment, cookie: str, cgroup: str | None) -> list[happened.Event]:
    """Decide to start a pending job. Raises IllegalChange if it is being started, or does not wait."""
    if job.open or job.state is not State.PENDING:
        raise _illegal(job, "start", "being started" if job.state is State.PENDING else job.state.value)
    return [happened.Opened(number=job.numbered + 1, boot=now.boot, cookie=cookie, cgroup=cgroup)]


def started(job: Job, main: Process, shim: Process | None, at: datetime, boottime: int) -> list[happened.Event]:
    """Note that the command runs. Saying it again changes nothing, nor does a claim that names no process."""
    if not job.open or job.attempts[-1].main is not None or not main.pid:
        return []
    return [happened.Started(main=main, shim=shim if shim and shim.pid else None, started_at=at, boottime=boottime)]


def withdrawn(job: Job, why: str) -> list[happened.Event]:
    """Take back the open attempt, which never ran.

    The job waits again, or has failed to start once too often, or is canceled.
    """
    if not job.open:
        return []
    events: list[happened.Event] = [happened.Withdrawn(number=job.attempts[-1].number, why=why)]
    if job.state is State.CANCELING:
        return [*events, happened.Canceled(reason=_cancel_reason(job))]
    if job.withdrawn + 1 >= MOST_WITHDRAWALS:
        return [*events, happened.Failed(reason="cannot_start", detail=why)]
    return events


def pause(job: Job) -> list[happened.Event]:
    """Ask a running job to stand still; asking twice changes nothing.

    Raises JobFinished, NotStartedHere, IllegalChange.
    """
    not_done(job, "paused")
    _ours(job, "paused")
    if job.state in (State.PAUSING, State.PAUSED):
        return []
    if job.state is not State.RUNNING:
        raise _illegal(job, "pause")
    return [happened.PauseAsked()]


def paused(job: Job, now: Moment) -> list[happened.Event]:
    """Note that every process is stopped."""
    return [happened.Paused(boottime=now.boottime)] if job.state is State.PAUSING else []


def resume(job: Job, now: Moment) -> list[happened.Event]:
    """Let a paused job go on; a running one stays as it is. Raises JobFinished, NotStartedHere, IllegalChange."""
    not_done(job, "resumed")
    _ours(job, "resumed")
    if job.state is State.RUNNING:
        return []
    if job.state not in (State.PAUSING, State.PAUSED):
        raise _illegal(job, "resume")
    return [happened.Resumed(boottime=now.boottime)]


def draining(job: Job, status: int | None) -> list[happened.Event]:
    """Note that the main process has ended while others of its tree live."""
    if job.state in (State.RUNNING, State.PAUSING, State.PAUSED):
        return [happened.Draining(status=status)]
    return []


def cancel(
    job: Job, now: Moment, grace: float, signal: int, reason: str | None, uid: int | None, *, again: bool = False
) -> list[happened.Event]:
    """Ask the job to end; one that waits is canceled at once. With `again` it has failed then, and may be run again.

    Raises JobFinished, NotStartedHere.
    """
    not_done(job, "canceled")
    _ours(job, "canceled")
    if not job.open:
        return [happened.Canceled(reason=reason)]
    asked = happened.CancelAsked(
        boottime=now.boottime, grace=grace, signal=signal, reason=reason, uid=uid, again=again
    )  # fmt: skip
    return [asked]


def abandon(job: Job) -> list[happened.Event]:
    """Give up on a job whose processes do not end. Raises IllegalChange unless it is being canceled."""
    if job.state is not State.CANCELING:
        raise _illegal(job, "abandon")
    return [happened.Canceled(usage=_final(job), reason=_cancel_reason(job), abandoned=True)]


def exited(job: Job, ending: Ending, usage: Usage | None, measure: Measure | None = None) -> list[happened.Event]:
    """Note that the attempt has ended and nothing of it is left: completed, failed or canceled, by its wait status.

    `usage` is the last measurement; the kernel's account in `ending` completes it. `measure` is the last point.
    """
    if not job.open:
        return []
    final = _final(job, usage, ending.resources)
    if ending.status == 0 and ending.start_errno is None:
        return [happened.Completed(ending=ending, usage=final, measure=measure)]
    return _ended_badly(job, ending, final, *_failure(ending), measure)


def lost(job: Job, detail: str, now: Moment, usage: Usage | None = None) -> list[happened.Event]:
    """Note that nobody can say how the attempt ended: by a reboot, its shim killed, or the process of a begun job gone.

    `detail` is reboot, shim or process, `usage` the last measurement. Nobody knows when a reboot ended it, either.
    """
    if not job.open:
        return []
    ending = Ending() if detail == "reboot" else Ending(ended_at=now.wall)
    return _ended_badly(job, ending, _final(job, usage), "lost", detail)


def gone(job: Job, status: int | None, now: Moment, usage: Usage | None = None) -> list[happened.Event]:
    """Note that the process of a job begun elsewhere has ended, with the wait status if the kernel told it.

    That of an attached process is how the job ended. A begun job says that itself: its process may be any, and ends
    without a word only if something is wrong.
    """
    if status is None or job.command is None:
        return lost(job, "process" if job.attempts[-1].boot == now.boot else "reboot", now, usage)
    return exited(job, Ending(status=status, ended_at=now.wall, elapsed=_whole(job, now)), usage)


def end(job: Job, status: int, now: Moment, usage: Usage | None = None) -> list[happened.Event]:
    """Note that a job begun elsewhere has ended, with an exit status (0-255). Raises JobFinished, IllegalChange."""
    not_done(job, "ended")
    if job.spec is not None:
        raise _illegal(job, "end", "run by jobd")
    return exited(job, Ending(status=status << 8, ended_at=now.wall, elapsed=_whole(job, now)), usage)


def can_be_retried(job: Job) -> bool:
    """Whether it can be run again: it has ended, or waits for its next attempt."""
    return job.spec is not None and (job.done or job.backs_off)


def retry(job: Job) -> list[happened.Event]:
    """Ask for another attempt; a job that waits for one gets it at once. Raises JobNotFinished, NotStartedHere."""
    if job.backs_off:
        return due(job)
    if not job.done:
        raise JobNotFinished(job=job.id, name=job.name, state=job.state.value, verb="retried")
    _ours(job, "retried")
    return [happened.Retried()]


def due(job: Job) -> list[happened.Event]:
    """Put a job that waits to be run again into the queue: it is time."""
    return [happened.Retried()] if job.backs_off else []


def remove(job: Job, why: str | None = None) -> list[happened.Event]:
    """Forget a job that has ended. Raises JobNotFinished."""
    if not job.done:
        raise JobNotFinished(job=job.id, name=job.name, state=job.state.value, verb="removed")
    return [happened.Removed(why=why)]


def still_alive(job: Job, processes: tuple[str, ...]) -> TreeStillAlive:
    """Make the error that names what does not end."""
    return TreeStillAlive(job=job.id, name=job.name, processes=",".join(processes))


def _whole(job: Job, now: Moment) -> float | None:
    return clocks.duration(job.attempts[-1], now) if job.attempts else None


def _final(job: Job, usage: Usage | None = None, resources: Resources | None = None) -> Usage | None:
    return accounting.settle(accounting.join(usage, job.usage) if usage else job.usage, resources)


def _ended_badly(
    job: Job, ending: Ending, usage: Usage | None, reason: str, detail: str | None, measure: Measure | None = None
) -> list[happened.Event]:
    """Decide what an attempt that did not end well means for its job: canceled, failed, or to be run again."""
    if job.state is State.CANCELING:
        asked = job.cancellation
        if asked is None or not asked.again:
            return [happened.Canceled(ending=ending, usage=usage, measure=measure, reason=_cancel_reason(job))]
        reason, detail = _cancel_reason(job) or reason, None
    pause = retries.following(job.retries, job.retried, reason)
    failed = happened.Failed(ending=ending, usage=usage, measure=measure, reason=reason, detail=detail)
    if pause is None:
        return [failed]
    return [happened.AttemptFailed(**structs.asdict(failed), pause=pause)]


def _failure(ending: Ending) -> tuple[str, str | None]:
    if ending.start_errno is not None:
        return "cannot_start", f"{_in_words(ending.start_errno)} ({ending.start_step})"
    code, signal = status_parts(ending.status)
    if code is not None:
        return f"exit:{code}", None
    if signal is None:
        return "lost", "shim" if ending.status is None else f"wait status {ending.status}"
    if ending.out_of_memory:
        return "oom", f"signal {signal}"
    return f"signal:{signal}", "SIGKILL, possibly out of memory" if signal == Signals.SIGKILL else None


def _in_words(errno: int) -> str:
    try:
        return strerror(errno)
    except (OverflowError, ValueError):
        return f"error {errno}"


def _illegal(job: Job, event: str, state: str = "") -> IllegalChange:
    return IllegalChange(job=job.id, name=job.name, state=state or job.state.value, event=event)


def _cancel_reason(job: Job) -> str | None:
    return job.cancellation.reason if job.cancellation else None


def not_done(job: Job, verb: str) -> None:
    """Refuse what cannot be done to a job that has ended. Raises JobFinished."""
    if job.done:
        raise JobFinished(job=job.id, name=job.name, state=job.state.value, verb=verb)


def _ours(job: Job, verb: str) -> None:
    if job.spec is None:
        raise NotStartedHere(job=job.id, name=job.name, verb=verb)
