"""A job without a daemon: run by the client itself, or watched to its end after the daemon has gone for good.

So a command under `jobd run` runs and its exit status is known, whatever has become of the daemon: cron's jobs do not
depend on it. All that is known of such a job stands in its attempt's directory; the next daemon takes it in from there.
"""

import fcntl
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from jobd.client.environment import OF_A_JOB
from jobd.commands.alone.witness import Witness
from jobd.core import lifecycle, showing
from jobd.core.errors import StateDirectoryUnusable, Unavailable
from jobd.core.events import catalogue as happened
from jobd.core.model import Job, Leftover, Moment, Origin, Process, Spec
from jobd.core.promises import Heartbeat, OnStale, settle
from jobd.core.text import plain
from jobd.core.views import JobView, OutputView
from jobd.daemon.attempts import directory, output, preflight, variables
from jobd.daemon.attempts.directory import SpecFile
from jobd.daemon.storage.reader import Reader
from jobd.daemon.system import processes, trees
from jobd.daemon.system.clock import Clock
from jobd.daemon.system.trees import Tree

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.commands.submit import Submit
    from jobd.config import Paths

#: Seconds between two looks at what no descriptor tells of, or at what is about to happen.
LOOK, OPENING = 0.05, 0.005
#: Seconds between two looks at what the job says.
EAR = 0.25
#: Seconds within which a shim must have claimed its attempt.
CLAIM_TIME = 10.0


class Attempt:
    """A command that this process runs under a shim of its own, in a directory that waits to be taken in.

    Raises CannotStart, and StateDirectoryUnusable if the directory cannot be made.
    """

    def __init__(self, shell: "Shell", asked: "Submit", name: str) -> None:
        preflight.check(asked.argv, asked.cwd, asked.surroundings.environment, asked.stdin)
        self._clock = Clock()
        self._notice = shell.screen.notice
        self._grace = shell.config.jobs.grace if asked.grace is None else asked.grace
        self._signal = asked.signal
        self._heartbeat = _promise(asked)
        try:
            self.path = self._make(shell, asked, name)
            self._shim = _start_shim(self.path)
        except OSError as error:
            raise StateDirectoryUnusable(path=str(shell.paths.run), problem=error.strerror) from None
        self._job = _first_record(asked, name, self.path.name, self._heartbeat, self._clock.now())

    def _make(self, shell: "Shell", asked: "Submit", name: str) -> Path:
        from jobd.client.connection import check_directory

        check_directory(str(shell.paths.state))
        shell.paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        shell.paths.run.mkdir(mode=0o700, exist_ok=True)
        path = shell.paths.run / f"adhoc-{os.urandom(8).hex()}"
        path.mkdir(mode=0o700)
        self._hold = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._hold, fcntl.LOCK_SH)
        directory.prepare(path, _spec_file(asked, name, path, self._heartbeat))
        return path

    @property
    def view(self) -> JobView:
        """The job as it stands, with the number 0, since it has none yet."""
        return _view(self._job, self._clock.now(), self.path)

    def views(self) -> Iterator[JobView]:
        """Give the job as it starts, whenever it has said something, and when it has ended."""
        claim = _await_claim(self.path, self._shim)
        if claim is not None:
            moment = self._clock.now()
            started = lifecycle.started(self._job, claim.main, claim.witness, directory.wall(claim.t0), moment.boottime)
            self._job = _after(self._job, started, moment)
            while processes.alive(self._shim) and not output.sizes(self.path):
                time.sleep(OPENING)
            yield self.view
            yield from self._witnessed()
        _await_end(self._shim)
        self._job = _ended(self._job, self.path, self._clock.now())
        yield self.view

    def _witnessed(self) -> Iterator[JobView]:
        """Hear the job to its end; one that has promised not to be silent for long may be ended for it."""
        try:
            witness = Witness(self._job, self.path, self._clock)
        except OSError as error:
            self._notice(f"what the job says is not heard, nor whether it is silent: {error.strerror}")
            return
        while not _await_end(self._shim, EAR):
            if not witness.look():
                continue
            canceled = witness.job.cancellation is not None and self._job.cancellation is None
            self._job = witness.job
            yield self.view
            if canceled:
                end(self.path, self._signal, self._grace)
        witness.look(last=True)
        self._job = witness.job

    def end(self, times: int) -> None:
        """Ask the whole tree to end, and kill it after the grace; the second time kill it now."""
        if _await_claim(self.path, self._shim) is not None:
            end(self.path, self._signal, self._grace if times == 1 else 0.0)


def taken(paths: "Paths", asked: "Submit") -> JobView | None:
    """Find the job if a daemon took the request before it went away; None = it did not, and nobody will.

    A database that cannot be read took nothing: it is what kept the daemon from serving.
    """
    from jobd import wire

    if asked.request_id is None or not os.path.exists(paths.database):
        return None
    try:
        reply = Reader(paths.database).reply(asked.request_id)
    except Unavailable:
        return None
    return None if reply is None else wire.decode_result(type(asked), reply.reply)


def rest(paths: "Paths", job_id: int) -> Iterator[JobView]:
    """Watch a job to its end that a daemon has started, from its record and its directory.

    Raises Unavailable if it was not started, so that nobody will before there is a daemon again.
    """
    from jobd.daemon.remembered.archive import Archive

    reader = Reader(paths.database)
    archive, clock = Archive(reader, Clock(), paths), Clock()
    deadline = time.monotonic() + CLAIM_TIME
    while not (job := archive.job(job_id)).done:
        path = output.attempt_directory(paths, job_id, job.numbered)
        found = directory.look(path)
        if found.exit is not None and not found.locked:
            yield _view(_ended(job, path, clock.now()), clock.now(), path)
            return
        if found.claim is None and (not job.open or time.monotonic() > deadline):
            raise Unavailable(problem=f"no daemon is there to start job {job_id} ({job.name}); the next one will")
        if found.claim is not None:
            _await_end(found.claim.witness, LOOK if found.locked else 0)
        time.sleep(LOOK)
    yield archive.view(job)


def cancel(paths: "Paths", job_id: int, *, now: bool) -> None:
    """End a job that a daemon has started, as it was told to end jobs."""
    job = Reader(paths.database).job(job_id)
    if job is not None and job.spec is not None:
        end(output.attempt_directory(paths, job_id, job.numbered), job.spec.signal, 0.0 if now else job.spec.grace)


def end(path: Path, signal: int, grace: float) -> None:
    """Ask the whole tree of an attempt to end, and kill what is left of it after the grace."""
    claim = directory.look(path).claim
    if claim is None or claim.by != "shim":
        return
    tree = Tree(main=claim.main, shim=claim.witness, cookie=path.name)
    if grace:
        trees.terminate(tree, signal)
        _await_end(claim.witness, grace)
    while processes.alive(claim.witness):
        trees.kill_round(tree)


def _start_shim(path: Path) -> Process:
    import subprocess

    program = Path(directory.__file__).with_name("shim.py")
    command = [sys.executable, "-I", "-S", str(program), path.name]
    shim = subprocess.Popen(command, cwd=path.parent, stdin=subprocess.DEVNULL, start_new_session=True)
    return processes.identify(shim.pid) or Process(shim.pid, 0)


def missed(asked: "Submit") -> str:
    """Say what of a submission does not hold without a daemon; empty if nothing."""
    wanted = {"--retries": asked.retries, "--parent": asked.parent, "--output-limit": asked.output_limit}
    names = [name for name, value in wanted.items() if value]
    return f"; {', '.join(names)} cannot be kept without it" if names else ""


def _promise(asked: "Submit") -> Heartbeat | None:
    """Give what is promised. Raises BadValue."""
    promised = settle(asked.heartbeat, ours=True)
    if promised is None or promised.on_stale is not OnStale.RETRY:
        return promised
    return replace(promised, on_stale=OnStale.CANCEL)


def _spec_file(asked: "Submit", name: str, path: Path, heartbeat: Heartbeat | None) -> SpecFile:
    outer = tuple(f"{variable}=" for variable in OF_A_JOB)
    inherited = (v for v in asked.surroundings.environment if not plain(v).startswith(outer))
    extra = variables.here(path, name, asked.group, 1, path.name)
    return SpecFile(
        job=0, attempt=1, name=name, cookie=path.name, argv=asked.argv, cwd=asked.cwd,
        env=(*inherited, *(f"{variable}={value}" for variable, value in extra.items())),
        umask=asked.surroundings.umask, nice=asked.nice, rlimits=asked.surroundings.limits, split=asked.split,
        stdin=asked.stdin, leftover=(asked.leftover or Leftover.KILL).value, group=asked.group,
        priority=asked.priority, labels=asked.labels, heartbeat=heartbeat, progress=asked.progress,
    )  # fmt: skip


def _first_record(asked: "Submit", name: str, cookie: str, heartbeat: Heartbeat | None, now: Moment) -> Job:
    imported = happened.Imported(
        name=name, group=asked.group, priority=asked.priority, labels=asked.labels, boot=now.boot, cookie=cookie,
        origin=Origin(uid=os.getuid(), pid=asked.pid, tty=asked.tty, cwd=asked.cwd), directory=cookie,
        heartbeat=heartbeat,
        spec=Spec(argv=asked.argv, cwd=asked.cwd, split=asked.split, stdin=asked.stdin, nice=asked.nice),
    )  # fmt: skip
    job = lifecycle.fold(None, happened.Entry(1, now.wall, 0, imported))
    assert job is not None
    return job


def _after(job: Job, events: list[happened.Event], now: Moment) -> Job:
    """Let the events happen to a record of which no database knows."""
    for event in events:
        job = lifecycle.fold(job, happened.Entry(1, now.wall, job.id, event)) or job
    return job


def _ended(job: Job, path: Path, now: Moment) -> Job:
    record = directory.read_exit(path)
    if record is None:
        return _after(job, lifecycle.lost(job, "shim", now), now)
    return _after(job, lifecycle.exited(job, directory.ending(record, output.sizes(path)), None), now)


def _view(job: Job, now: Moment, path: Path) -> JobView:
    sizes = output.sizes(path)
    files = {name: f"{path}/{name}" for name in sizes}
    shown = [OutputView(path=first, bytes=sum(sizes.values()), files=files) for first in list(files.values())[:1]]
    return showing.view(job, now, None, shown[0] if shown else None)


def _await_claim(path: Path, shim: Process) -> directory.Claim | None:
    """Wait until the shim has claimed its attempt; None if it ended without, or does not come to it."""
    deadline = time.monotonic() + CLAIM_TIME
    while True:
        lives = processes.alive(shim)
        claim = directory.look(path).claim
        if claim is not None or not lives or time.monotonic() > deadline:
            return claim
        time.sleep(OPENING)


def _await_end(process: Process, seconds: float | None = None) -> bool:
    """Wait for the end of a process, at most so long; whether it has come."""
    deadline = None if seconds is None else time.monotonic() + seconds
    pidfd = processes.open_pidfd(process)
    try:
        while processes.alive(process) and (deadline is None or time.monotonic() < deadline):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if pidfd is None:
                time.sleep(LOOK)
            else:
                poll = select.poll()
                poll.register(pidfd, select.POLLIN)
                poll.poll(None if left is None else left * 1000)
    finally:
        if pidfd is not None:
            os.close(pidfd)
    return not processes.alive(process)
