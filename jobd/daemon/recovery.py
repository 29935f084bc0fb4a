"""Find out, at start and after a failed commit, what became of every attempt.

Looked at are all directories under run/ and all jobs with an open attempt: facts gathered here, the verdict from the
pure table. Every action may be repeated: a daemon that dies in the middle of this leaves the rest to the next one.
"""

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from jobd.core import reconcile
from jobd.core.errors import JobdError
from jobd.core.events import catalogue as happened
from jobd.core.model import FINAL, Job, State
from jobd.core.reconcile import Facts, Row, Verdict
from jobd.daemon.attempts import directory, output
from jobd.daemon.importing import Importing
from jobd.daemon.system import cgroups, processes
from jobd.daemon.system.trees import Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobd.daemon.attempts.directory import Found
    from jobd.daemon.attempts.starting import Key
    from jobd.daemon.engine import Engine
    from jobd.daemon.recorder import Recorder

logger = logging.getLogger(__name__)

#: A directory is looked at again after some verdicts, so often at most.
MOST_LOOKS = 4


class Recovery:
    """Bring records and reality together."""

    def __init__(self, engine: "Engine", recorder: "Recorder") -> None:
        self.engine = engine
        self.recorder = recorder
        self._importing = Importing(engine)
        self._boot = engine.clock.now().boot
        self._verdicts: Counter[str] = Counter()
        #: What to do, by verdict; False = look again.
        self._actions: dict[Verdict, Callable[[Key, Path, Found], bool]] = {
            Verdict.CLEAN: self._clean,
            Verdict.WATCH: self._watch_leftovers,
            Verdict.FINISH: self._finish,
            Verdict.DRAIN: self._adopt,
            Verdict.ADOPT: self._adopt,
            Verdict.ADOPT_ORPHAN: self._adopt_orphan,
            Verdict.REQUEUE: self._requeue,
            Verdict.FENCE: self._fence,
            Verdict.LOST_SHIM: self._lost_shim,
            Verdict.LOST_REBOOT: self._lost_reboot,
            Verdict.IMPORT: self._import,
            Verdict.DISCARD: self._discard,
            Verdict.KEEP: self._keep,
        }

    def run(self) -> None:
        """Look at everything once."""
        engine, executor = self.engine, self.recorder.executor
        self._verdicts.clear()
        executor.reap()
        for path in sorted(engine.paths.run.iterdir()):
            key = directory.numbers(path)
            if key is not None and key not in executor.watched and path not in executor.starting:
                self._settle(key)
        for job in list(engine.jobs.values()):
            if job.spec is None:
                self._begun(job)
            elif job.open:
                self._open(job)
        self._import_adhoc()
        if len(engine.queue):
            engine.wake()
        if self._verdicts:
            logger.info(
                "looked at attempts: %s", ", ".join(f"{count} {kind}" for kind, count in self._verdicts.items())
            )

    def sweep(self) -> None:
        """Look again at what could not be settled, and take in what was run meanwhile without the daemon."""
        leftovers = sorted(self.recorder.leftovers)
        self.recorder.leftovers.clear()
        for key in leftovers:
            if key not in self.recorder.executor.watched:
                self._settle(key)
        self._import_adhoc()

    def _import_adhoc(self) -> None:
        try:
            for key in self._importing.adhoc():
                self._settle(key)
        except (JobdError, OSError) as error:
            logger.error("what was run without the daemon is taken in later: %s", error)  # noqa: TRY400 -- says it all

    def _open(self, job: Job) -> None:
        """Look at a job with an open attempt: one that is watched has more to tell if a commit had failed."""
        key = job.id, job.attempts[-1].number
        path = output.attempt_directory(self.engine.paths, *key)
        if key in self.recorder.executor.watched:
            claim = directory.look(path).claim
            if job.attempts[-1].main is None and claim is not None:
                self.recorder.claimed(key, claim)
            else:
                self.recorder.reports.rewind(key, job.attempts[-1].report_offset)
                self.recorder.guesses.rewind(job)
            if job.state is State.PAUSING:
                self.recorder.control.pause(key)
            self.recorder.executor.remind(key)
        elif path not in self.recorder.executor.starting and not path.is_dir():
            self._settle(key)

    def _begun(self, job: Job) -> None:
        attempt = job.attempt
        if attempt is not None and attempt.boot != self._boot:
            self.recorder.gone(job.id)
        else:
            self.recorder.begun.watch(job)

    def _settle(self, key: "Key") -> None:
        """Do what is to be done about an attempt; what goes wrong with one must not keep the daemon from the others."""
        try:
            settled = self._look_and_act(key, output.attempt_directory(self.engine.paths, *key))
        except (JobdError, OSError) as error:
            logger.error("attempt %d.%d cannot be settled now: %s", *key, error)  # noqa: TRY400 -- says it all
            settled = False
        except Exception:
            logger.exception("attempt %d.%d cannot be settled", *key)
            settled = False
        if not settled:
            self.recorder.leftovers.add(key)

    def _look_and_act(self, key: "Key", path: Path) -> bool:
        if self._was_removed(key[0]):
            self.recorder.discard(key)
            return True
        for _ in range(MOST_LOOKS):
            found = directory.look(path)
            verdict = reconcile.examine(self._facts(key, path, found))
            logger.debug("attempt %d.%d: %s", *key, verdict.value)
            self._verdicts[verdict.value] += 1
            if self._actions[verdict](key, path, found):
                return True
        return False

    def _facts(self, key: "Key", path: Path, found: "Found") -> Facts:
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
            spec_readable=row in (Row.TERMINAL, Row.OPEN) or directory.read_spec(path) is not None,
        )

    def _row(self, key: "Key") -> tuple[Row, str]:
        try:
            job = self.engine.job(key[0])
        except JobdError:
            return Row.NONE, self._boot
        for attempt in job.attempts:
            if attempt.number == key[1]:
                over = attempt.ending is not None or (attempt is job.attempts[-1] and job.state in FINAL)
                return (Row.TERMINAL if over else Row.OPEN), attempt.boot
        return (Row.NONE if key[1] > job.numbered else Row.WAITING), self._boot

    def _was_removed(self, job_id: int) -> bool:
        """Whether somebody has removed the job: then the log says so, unlike after the database was restored."""
        if job_id in self.engine.jobs or self.engine.archive.reader.job(job_id) is not None:
            return False
        return any(isinstance(entry.event, happened.Removed) for entry in self.engine.archive.latest(job_id, 1))

    def _clean(self, key: "Key", path: Path, found: "Found") -> bool:
        """Clean up, unless the end is not durable yet: then look again."""
        if self.recorder.is_over(key):
            self.recorder.clean_up(key)
        else:
            self.recorder.leftovers.add(key)
        return True

    def _watch_leftovers(self, key: "Key", path: Path, found: "Found") -> bool:
        self.recorder.leftovers.add(key)
        return True

    def _finish(self, key: "Key", path: Path, found: "Found") -> bool:
        assert found.exit is not None
        cgroups.remove(self.engine.job(key[0]).attempts[-1].cgroup or "")
        self.recorder.ended(key, directory.ending(found.exit, output.sizes(path)))
        return True

    def _adopt(self, key: "Key", path: Path, found: "Found") -> bool:
        return self._take_over(key, path, found, orphan=False)

    def _adopt_orphan(self, key: "Key", path: Path, found: "Found") -> bool:
        return self._take_over(key, path, found, orphan=True)

    def _take_over(self, key: "Key", path: Path, found: "Found", *, orphan: bool) -> bool:
        assert found.claim is not None
        attempt = self.engine.job(key[0]).attempts[-1]
        tree = Tree(main=found.claim.main, shim=found.claim.witness, cookie=attempt.cookie, cgroup=attempt.cgroup)
        self.recorder.executor.adopt(key, path, tree, orphan=orphan)
        if attempt.main is None:
            self.recorder.claimed(key, found.claim)
        else:
            self.recorder.follow(self.engine.job(key[0]))
        if orphan:
            self.recorder.orphaned(key)
        job = self.engine.job(key[0])
        if job.state is State.CANCELING:
            self.recorder.cancel_now(job)
        elif job.state is State.PAUSING:
            self.recorder.control.pause(key, begun=True)
        return True

    def _requeue(self, key: "Key", path: Path, found: "Found") -> bool:
        self.recorder.never_ran(key, "it was not started before the daemon ended")
        return True

    def _fence(self, key: "Key", path: Path, found: "Found") -> bool:
        directory.fence(path, self._boot)
        return False

    def _lost_shim(self, key: "Key", path: Path, found: "Found") -> bool:
        cgroups.remove(self.engine.job(key[0]).attempts[-1].cgroup or "")
        self.recorder.ended(key, None)
        return True

    def _lost_reboot(self, key: "Key", path: Path, found: "Found") -> bool:
        self.recorder.ended(key, None, lost_by="reboot")
        return True

    def _import(self, key: "Key", path: Path, found: "Found") -> bool:
        return not self._importing.numbered(key, path, found)

    def _discard(self, key: "Key", path: Path, found: "Found") -> bool:
        self.recorder.discard(key)
        return True

    def _keep(self, key: "Key", path: Path, found: "Found") -> bool:
        self._importing.keep_aside(path)
        return True
