"""Jobs made of directories that the database does not know: run without a daemon, or before the database was restored.

What ran is never forgotten: a directory that cannot be understood is kept aside, and somebody is told.
"""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jobd.core import lifecycle
from jobd.core.errors import JobNotFound
from jobd.core.events import catalogue as happened
from jobd.core.model import Job, Leftover, Origin, Spec, State, Surroundings
from jobd.daemon.attempts import directory, output
from jobd.daemon.attempts.directory import Found, SpecFile
from jobd.daemon.attempts.starting import Key
from jobd.daemon.system import processes

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

logger = logging.getLogger(__name__)

#: Seconds a client has to start the shim of a directory that it has made.
PATIENCE = 3600.0


class Importing:
    """Take in what the database does not know."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine

    def adhoc(self) -> list[Key]:
        """Make jobs of what was run without a daemon and has ended, in the order in which it was begun.

        Names their attempts, which are to be looked at.
        """
        keys = []
        for path in sorted(self.engine.paths.run.glob("adhoc-*"), key=_since):
            key = self._take_in(path)
            if key is not None:
                keys.append(key)
        return keys

    def numbered(self, key: Key, path: Path, found: Found) -> bool:
        """Make the attempt that a directory shows the open one of its job, which may have to be made, too.

        False: a later attempt of the job is open, so the directory was kept aside.
        """
        spec = directory.read_spec(path)
        assert spec is not None
        try:
            job = self.engine.job(key[0])
        except JobNotFound:
            self._create(path, spec, key)
            return True
        if job.open and job.attempts[-1].number > key[1]:
            self.keep_aside(path)
            return False
        events = lifecycle.lost(job, "shim", self.engine.clock.now())
        if events or job.state is not State.PENDING:
            events = [*events, happened.Retried()]
        opened = happened.Opened(number=key[1], boot=self._boot(found), cookie=spec.cookie, cgroup=spec.cgroup)
        self.engine.record(job, [*events, opened])
        return True

    def keep_aside(self, path: Path) -> None:
        """Keep a directory that cannot be understood."""
        aside = path.with_name(f"unreadable-{path.name}")
        logger.error("%s cannot be understood; it is kept as %s", path, aside)
        path.rename(aside)

    def _take_in(self, path: Path) -> Key | None:
        found = directory.look(path)
        if found.locked or (found.claim is not None and found.exit is None and processes.alive(found.claim.main)):
            return None
        spec = directory.read_spec(path)
        if found.exit is None and (found.claim is None or found.never_ran):
            if found.never_ran or time.time() - path.stat().st_mtime > PATIENCE:
                directory.discard(path)
            return None
        if spec is None:
            self.keep_aside(path)
            return None
        job = self._create(path, spec, None)
        path.rename(output.attempt_directory(self.engine.paths, job.id, 1))
        return job.id, 1

    def _create(self, path: Path, spec: SpecFile, key: Key | None) -> Job:
        umask = 0o077 if spec.umask is None else spec.umask
        surroundings = Surroundings(environment=spec.env, umask=umask, limits=spec.rlimits)
        event = happened.Imported(
            name=spec.name,
            origin=Origin(uid=path.stat().st_uid, pid=0, cwd=spec.cwd),
            spec=Spec(
                argv=spec.argv,
                cwd=spec.cwd,
                surroundings=self.engine.keep_surroundings(surroundings),
                stdin=spec.stdin,
                split=spec.split,
                nice=spec.nice,
                leftover=Leftover(spec.leftover),
                progress=spec.progress,
            ),
            group=spec.group,
            priority=spec.priority,
            labels=spec.labels,
            heartbeat=spec.heartbeat,
            boot=self._boot(directory.look(path)),
            number=key[1] if key else 1,
            cookie=spec.cookie,
            directory=path.name,
            born=self.engine.archive.reader.next_birth(key[0]) if key else None,
        )
        return self.engine.create(event, job_id=key[0] if key else None)

    def _boot(self, found: Found) -> str:
        return found.claim.boot if found.claim else self.engine.clock.now().boot


def _since(path: Path) -> tuple[int, str]:
    """Say since when a directory has been there; its specification is never written again."""
    try:
        return (path / "spec.json").stat().st_mtime_ns, path.name
    except OSError:
        return 0, path.name
