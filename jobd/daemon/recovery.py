"""Find out, at start and after a failed commit, what became of every attempt: facts gathered here, the verdict from the pure table.

Looked at are all directories under run/ and all jobs with an open attempt. Every action may be repeated: a daemon that dies in the
middle of this leaves the rest to the next one.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jobd.core import events as happened
from jobd.core import lifecycle, reconcile
from jobd.core.errors import JobdError
from jobd.core.model import FINAL, Job, Origin, Spec, State, Surroundings
from jobd.core.reconcile import Facts, Row, Verdict
from jobd.daemon import directory, output, processes
from jobd.daemon.directory import Found
from jobd.daemon.executor import Key
from jobd.daemon.trees import Tree

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine
    from jobd.daemon.recorder import Recorder

logger = logging.getLogger(__name__)

#: A directory is looked at again after these verdicts, so often at most.
MOST_LOOKS = 4


class Recovery:
    """Bring records and reality together."""

    def __init__(self, engine: "Engine", recorder: "Recorder") -> None:
        self.engine = engine
        self.recorder = recorder
        self._boot = engine.clock.now().boot
        self._leftovers: list[tuple[Key, Path]] = []
        self._actions: dict[Verdict, Callable[[Key, Path, Found], bool]] = {
            Verdict.CLEAN: self._clean,
            Verdict.WATCH: self._watch_leftovers,
            Verdict.FINISH: self._finish,
            Verdict.DRAIN: self._adopt,
            Verdict.ADOPT: self._adopt,
            Verdict.ADOPT_ORPHAN: self._adopt_orphan,
            Verdict.REQUEUE: self._requeue,
            Verdict.FENCE: self._fence,
            Verdict.LOST_SHIM: lambda key, path, found: self._lost(key, path, "shim"),
            Verdict.LOST_REBOOT: lambda key, path, found: self._lost(key, path, "reboot"),
            Verdict.IMPORT: self._import,
            Verdict.DISCARD: self._discard,
            Verdict.KEEP: self._keep,
        }

    def run(self) -> None:
        """Look at everything once."""
        engine = self.engine
        for path in sorted(engine.paths.run.iterdir()):
            key = directory.numbers(path)
            if key is not None and key not in self.recorder.executor.watched:
                self._settle(key, path)
        for job in list(engine.jobs.values()):
            if job.spec is None:
                self._begun(job)
            elif job.open:
                self._open(job)
        self.import_adhoc()
        if len(engine.queue):
            self.recorder.wake()

    def import_adhoc(self) -> None:
        """Take in what was run without a daemon and has ended."""
        for path in sorted(self.engine.paths.run.glob("adhoc-*")):
            found = directory.look(path)
            if found.locked or (found.exit is None and found.claim is not None and processes.alive(found.claim.main)):
                continue
            spec = directory.read_spec(path)
            if spec is None or (found.exit is None and found.claim is None):
                directory.discard(path)
                continue
            job = self._create(path, spec, None)
            path.rename(output.attempt_directory(self.engine.paths, job.id, 1))
            self._settle((job.id, 1), output.attempt_directory(self.engine.paths, job.id, 1))

    def _open(self, job: Job) -> None:
        key = job.id, job.attempts[-1].number
        watched = self.recorder.executor.watched.get(key)
        path = output.attempt_directory(self.engine.paths, *key)
        if watched is not None:
            claim = directory.look(path).claim
            if job.attempts[-1].main is None and claim is not None:
                self.recorder.claimed(key, claim)
            else:
                self.recorder.reports.rewind(key, job.attempts[-1].report_offset)
        elif not self.recorder.executor.starting(path) and not path.is_dir():
            self._settle(key, path)

    def _begun(self, job: Job) -> None:
        attempt = job.attempt
        if attempt is not None and attempt.boot != self._boot:
            self._record(job, lifecycle.lost(job, "reboot", self.engine.clock.now()))
        else:
            self.recorder.begun.watch(job)

    def sweep(self) -> None:
        """Clean up after attempts whose leftovers outlived their end, and import what was run meanwhile."""
        left, self._leftovers = self._leftovers, []
        for key, path in left:
            self._settle(key, path)
        self.import_adhoc()

    def _settle(self, key: Key, path: Path) -> None:
        try:
            self._look_and_act(key, path)
        except (JobdError, OSError) as error:
            logger.error("attempt %d.%d cannot be settled now: %s", *key, error)

    def _look_and_act(self, key: Key, path: Path) -> None:
        for _ in range(MOST_LOOKS):
            found = directory.look(path)
            verdict = reconcile.examine(self._facts(key, path, found))
            logger.info("attempt %d.%d: %s", *key, verdict.value)
            if self._actions[verdict](key, path, found):
                return

    def _facts(self, key: Key, path: Path, found: Found) -> Facts:
        row, boot = self._row(key)
        claim = found.claim
        if claim is not None:
            boot = claim.boot
        return Facts(
            row=row,
            locked=found.locked,
            claim=reconcile.Claim.NONE if claim is None else reconcile.Claim(claim.by),
            exited=found.exit is not None,
            same_boot=boot == self._boot,
            main_alive=claim is not None and claim.by == "shim" and processes.alive(claim.main),
            never_ran=found.never_ran,
            spec_readable=directory.read_spec(path) is not None,
        )

    def _row(self, key: Key) -> tuple[Row, str]:
        try:
            job = self.engine.job(key[0])
        except JobdError:
            return Row.NONE, self._boot
        for attempt in job.attempts:
            if attempt.number == key[1]:
                over = attempt.ending is not None or (attempt is job.attempts[-1] and job.state in FINAL)
                return (Row.TERMINAL if over else Row.OPEN), attempt.boot
        return (Row.NONE if key[1] > job.numbered else Row.WAITING), self._boot

    def _clean(self, key: Key, path: Path, found: Found) -> bool:
        directory.clean_up(self.engine.paths, *key)
        return True

    def _watch_leftovers(self, key: Key, path: Path, found: Found) -> bool:
        logger.info("attempt %d.%d has ended, its leftovers still live", *key)
        self._leftovers.append((key, path))
        return True

    def _finish(self, key: Key, path: Path, found: Found) -> bool:
        job = self._started(key, found)
        assert found.exit is not None
        self.recorder.follow(job)
        self.recorder.ended(key, directory.ending(found.exit, output.sizes(path)))
        return True

    def _adopt(self, key: Key, path: Path, found: Found) -> bool:
        return self._take_over(key, path, found, orphan=False)

    def _adopt_orphan(self, key: Key, path: Path, found: Found) -> bool:
        return self._take_over(key, path, found, orphan=True)

    def _take_over(self, key: Key, path: Path, found: Found, *, orphan: bool) -> bool:
        assert found.claim is not None
        job = self._started(key, found)
        attempt = job.attempts[-1]
        shim = None if orphan else found.claim.witness
        tree = Tree(main=found.claim.main, shim=shim, cookie=attempt.cookie, cgroup=attempt.cgroup)
        if orphan and not attempt.shim_lost:
            job = self._record(job, [happened.Adopted(shim_lost=True)])
        self.recorder.executor.adopt(key, path, tree, orphan=orphan)
        self.recorder.follow(job)
        if job.state is State.CANCELING:
            self.recorder.cancel_now(job)
        elif job.state is State.PAUSING:
            self.recorder.control.pause(key)
        return True

    def _started(self, key: Key, found: Found) -> Job:
        """Record the start if it was not yet."""
        job = self.engine.job(key[0])
        if job.attempts[-1].main is not None or found.claim is None:
            return job
        record = found.exit
        at = directory.wall(found.claim.t0)
        now = self.engine.clock.now()
        passed = (now.wall - at).total_seconds()
        boottime = now.boottime - int((record.elapsed_ns / 1e9 if record else max(0.0, passed)) * 1e9)
        events = lifecycle.started(job, found.claim.main, found.claim.witness, at, boottime)
        return self._record(job, events)

    def _requeue(self, key: Key, path: Path, found: Found) -> bool:
        self.recorder.never_ran(key, "it was not started before the daemon ended")
        return True

    def _fence(self, key: Key, path: Path, found: Found) -> bool:
        directory.fence(path, self._boot)
        return False

    def _lost(self, key: Key, path: Path, detail: str) -> bool:
        job = self.engine.job(key[0])
        self._record(job, lifecycle.lost(job, detail, self.engine.clock.now()))
        return True

    def _import(self, key: Key, path: Path, found: Found) -> bool:
        spec = directory.read_spec(path)
        assert spec is not None
        try:
            job = self.engine.job(key[0])
        except JobdError:
            self._create(path, spec, key)
            return False
        events: list[happened.Event] = [] if job.state is State.PENDING else [happened.Retried()]
        opened = happened.Opened(
            number=key[1], boot=found.claim.boot if found.claim else self._boot, cookie=spec.cookie, cgroup=spec.cgroup
        )
        self._record(job, [*events, opened])
        return False

    def _create(self, path: Path, spec: directory.SpecFile, key: Key | None) -> Job:
        surroundings = Surroundings(environment=spec.env, umask=spec.umask or 0o077, limits=spec.rlimits)
        claim = directory.look(path).claim
        digest = self.engine.keep_surroundings(surroundings)
        event = happened.Imported(
            name=spec.name,
            origin=Origin(uid=path.stat().st_uid, pid=0, cwd=spec.cwd),
            spec=Spec(
                argv=spec.argv, cwd=spec.cwd, surroundings=digest, stdin=spec.stdin, split=spec.split, nice=spec.nice
            ),
            boot=claim.boot if claim else self._boot,
            number=key[1] if key else 1,
            cookie=spec.cookie,
            directory=path.name,
        )
        return self.engine.create(event, job_id=key[0] if key else None)

    def _discard(self, key: Key, path: Path, found: Found) -> bool:
        directory.discard(path)
        return True

    def _keep(self, key: Key, path: Path, found: Found) -> bool:
        aside = path.with_name(f"unreadable-{path.name}")
        logger.error("attempt %d.%d cannot be understood; it is kept as %s", *key, aside)
        path.rename(aside)
        return True

    def _record(self, job: Job, events: list[happened.Event]) -> Job:
        return self.engine.record(job, events)
