"""One function for each thing that can happen to a job: it refuses, or says which events follow. And `fold`, the one way a job changes.

Nothing here acts: what the events mean for processes, files and watchers is up to whoever asked, after they are committed.
"""

from datetime import datetime
from os import WEXITSTATUS, WIFSIGNALED, WTERMSIG, strerror

from msgspec.structs import replace

from jobd.core import events as happened
from jobd.core import progress, states
from jobd.core.errors import IllegalChange, JobFinished, JobNotFinished, NotStartedHere, TreeStillAlive
from jobd.core.model import Ending, Job, Measure, Moment, Process, State, Usage

#: An attempt that never ran is tried again this many times in a row, then the job has failed to start.
MOST_WITHDRAWALS = 5


def fold(job: Job | None, entry: happened.Entry) -> Job | None:
    """Apply an entry of the log to the record; None = the job was removed. Raises IllegalChange."""
    state = states.after(job, entry.event, entry.job)
    if isinstance(entry.event, happened.Created):
        assert state is not None
        return entry.event.apply(entry.event.create(entry.job, state, entry.at), entry.at)
    assert job is not None
    changed = entry.event.apply(job, entry.at)
    if state is None:
        return None
    return changed if state is changed.state else replace(changed, state=state)


def elapsed(job: Job, now: Moment) -> float | None:
    """Give the seconds the current attempt has run, pauses left out; by the wall clock after a reboot; None before the start."""
    attempt = job.attempt
    if attempt is None or attempt.started_at is None:
        return None
    if attempt.ending is not None:
        whole = attempt.ending.elapsed
        if whole is None:
            whole = ((attempt.ending.ended_at or job.ended_at or now.wall) - attempt.started_at).total_seconds()
    elif attempt.boot == now.boot and attempt.started_boottime is not None:
        until = attempt.paused_boottime if attempt.paused_boottime is not None else now.boottime
        whole = (until - attempt.started_boottime) / 1e9
    else:
        whole = (now.wall - attempt.started_at).total_seconds()
    return round(max(0.0, whole - attempt.paused_seconds), 6)


def open_attempt(job: Job, now: Moment, cookie: str, cgroup: str | None) -> list[happened.Event]:
    """Decide to start a pending job."""
    if job.open:
        raise IllegalChange(job=job.id, name=job.name, state="being started", event="opened")
    return [happened.Opened(number=job.numbered + 1, boot=now.boot, cookie=cookie, cgroup=cgroup)]


def started(job: Job, main: Process, shim: Process | None, at: datetime, boottime: int) -> list[happened.Event]:
    """The command runs. Saying it again changes nothing."""
    attempt = job.attempt
    if attempt is None or attempt.main is not None:
        return []
    return [happened.Started(main=main, shim=shim, started_at=at, boottime=boottime)]


def withdrawn(job: Job, why: str) -> list[happened.Event]:
    """The open attempt never ran: the job waits again, or has failed to start once too often, or is canceled."""
    events: list[happened.Event] = [happened.Withdrawn(number=job.numbered, why=why)]
    if job.state is State.CANCELING:
        return [*events, happened.Canceled(reason=_cancel_reason(job))]
    if job.withdrawn + 1 >= MOST_WITHDRAWALS:
        return [*events, happened.Failed(reason="cannot_start", detail=why)]
    return events


def report(job: Job, said: progress.Report, now: Moment) -> list[happened.Event]:
    """Somebody reports progress for the job. Raises JobFinished."""
    if job.done:
        raise JobFinished(job=job.id, name=job.name, state=job.state.value, verb="reported on")
    return [happened.Progressed(report=said, elapsed=elapsed(job, now))]


def pause(job: Job) -> list[happened.Event]:
    """Ask the job to stand still; asking twice changes nothing."""
    _not_done(job, "paused")
    _ours(job, "paused")
    return [] if job.state in (State.PAUSING, State.PAUSED) else [happened.PauseAsked()]


def paused(job: Job, now: Moment) -> list[happened.Event]:
    """Every process is stopped."""
    return [happened.Paused(boottime=now.boottime)] if job.state is State.PAUSING else []


def resume(job: Job, now: Moment) -> list[happened.Event]:
    """Let the job go on; a running one stays as it is."""
    _not_done(job, "resumed")
    _ours(job, "resumed")
    return [] if job.state is State.RUNNING else [happened.Resumed(boottime=now.boottime)]


def draining(job: Job, status: int | None) -> list[happened.Event]:
    """The main process has ended while others of its tree live."""
    if job.state in (State.RUNNING, State.PAUSING, State.PAUSED):
        return [happened.Draining(status=status)]
    return []


def cancel(
    job: Job, now: Moment, grace: float, signal: int, reason: str | None, uid: int | None
) -> list[happened.Event]:
    """Ask the job to end; one that waits is canceled at once. Raises JobFinished, NotStartedHere."""
    _not_done(job, "canceled")
    _ours(job, "canceled")
    if not job.open:
        return [happened.Canceled(reason=reason)]
    asked = happened.CancelAsked(boottime=now.boottime, grace=grace, signal=signal, reason=reason, uid=uid)
    return [asked]


def abandon(job: Job) -> list[happened.Event]:
    """Give up on a job whose processes do not end. Raises IllegalChange unless it is being canceled."""
    if job.state is not State.CANCELING:
        raise IllegalChange(job=job.id, name=job.name, state=job.state.value, event="abandoned")
    return [happened.Canceled(reason=_cancel_reason(job), abandoned=True)]


def exited(job: Job, ending: Ending, usage: Usage | None, measure: Measure | None = None) -> list[happened.Event]:
    """The attempt has ended and nothing of it is left: completed, failed or canceled, by its wait status."""
    if job.done:
        return []
    if ending.start_errno is not None:
        problem = f"{strerror(ending.start_errno)} ({ending.start_step})"
        if job.state is State.CANCELING:
            return [happened.Canceled(ending=ending, usage=usage, reason=_cancel_reason(job))]
        return [happened.Failed(ending=ending, usage=usage, reason="cannot_start", detail=problem)]
    if ending.status == 0:
        return [happened.Completed(ending=ending, usage=usage)]
    if job.state is State.CANCELING:
        return [happened.Canceled(ending=ending, usage=usage, reason=_cancel_reason(job))]
    reason, detail = _failure(ending)
    return [happened.Failed(ending=ending, usage=usage, reason=reason, detail=detail)]


def lost(job: Job, detail: str, now: Moment) -> list[happened.Event]:
    """Nobody can say how the attempt ended: `detail` is reboot or shim, or process for a job begun elsewhere."""
    ending = Ending(ended_at=now.wall)
    if job.state is State.CANCELING:
        return [happened.Canceled(ending=ending, reason=_cancel_reason(job))]
    return [happened.Failed(ending=ending, reason="lost", detail=detail)]


def end(job: Job, status: int, now: Moment) -> list[happened.Event]:
    """A job begun elsewhere says that it has ended, with an exit status (0-255). Raises JobFinished, NotStartedHere."""
    _not_done(job, "ended")
    if job.spec is not None:
        raise IllegalChange(job=job.id, name=job.name, state="run by jobd", event="end")
    ending = Ending(status=status << 8, ended_at=now.wall, elapsed=elapsed(job, now))
    return exited(job, ending, None)


def retry(job: Job) -> list[happened.Event]:
    """Ask for another attempt. Raises JobNotFinished, NotStartedHere."""
    if not job.done:
        raise JobNotFinished(job=job.id, name=job.name, state=job.state.value, verb="retried")
    _ours(job, "retried")
    return [happened.Retried()]


def remove(job: Job) -> list[happened.Event]:
    """Forget a job that has ended. Raises JobNotFinished."""
    if not job.done:
        raise JobNotFinished(job=job.id, name=job.name, state=job.state.value, verb="removed")
    return [happened.Removed()]


def still_alive(job: Job, processes: tuple[str, ...]) -> TreeStillAlive:
    """Make the error that names what does not end."""
    return TreeStillAlive(job=job.id, name=job.name, processes=",".join(processes))


def _failure(ending: Ending) -> tuple[str, str | None]:
    if ending.status is None:
        return "lost", "shim"
    if WIFSIGNALED(ending.status):
        number = WTERMSIG(ending.status)
        if ending.out_of_memory:
            return "oom", f"signal {number}"
        return f"signal:{number}", "SIGKILL, possibly out of memory" if number == 9 else None
    return f"exit:{WEXITSTATUS(ending.status)}", None


def _cancel_reason(job: Job) -> str | None:
    return job.cancellation.reason if job.cancellation else None


def _not_done(job: Job, verb: str) -> None:
    if job.done:
        raise JobFinished(job=job.id, name=job.name, state=job.state.value, verb=verb)


def _ours(job: Job, verb: str) -> None:
    if job.spec is None:
        raise NotStartedHere(job=job.id, name=job.name, verb=verb)
