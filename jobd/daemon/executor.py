"""The engine that runs jobs on this machine: starts attempts through the zygote, watches them to their end, adopts those it finds.

It knows attempts, processes and directories, and nothing of states: what happened goes to the `Outcomes`. One pidfd on the shim
tells that the whole tree is gone, one on the main process that the rest is left over. In any doubt about a start it fences: after
that nobody has run and nobody will, or a shim owns the attempt and it is adopted.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import NamedTuple, Protocol

from jobd.core.model import Ending
from jobd.daemon import cgroups, deaths, directory, output, processes, trees
from jobd.daemon.crash import crash_point
from jobd.daemon.deaths import Death
from jobd.daemon.directory import Claim, SpecFile
from jobd.daemon.trees import Tree
from jobd.daemon.zygote_link import Zygote

logger = logging.getLogger(__name__)

#: Seconds a shim has for its claim before the daemon fences.
START_TIME = 2.0
#: Seconds after the main process's end in which a shim without other children leaves by itself.
LEAVE_TIME = 0.1

Key = tuple[int, int]


class Outcomes(Protocol):
    """What the executor tells; keys are (job, attempt)."""

    def claimed(self, key: Key, claim: Claim) -> None:
        """Its shim owns the attempt, the command runs."""

    def never_ran(self, key: Key, why: str) -> None:
        """It did not run and never will."""

    def draining(self, key: Key, status: int | None) -> bool:
        """The main process has ended, others of its tree live; say whether the attempt lasts until they have ended, too."""

    def orphaned(self, key: Key) -> None:
        """The shim was killed; the main process lives and is watched without it."""

    def ended(self, key: Key, ending: Ending | None) -> None:
        """Nothing of it is left; None = nobody can say how it ended."""


class Watched(NamedTuple):
    """An attempt with processes: its tree, the descriptors it is watched by, and the event of its end."""

    key: Key
    path: Path
    tree: Tree
    shim_fd: int | None
    main_fd: int | None
    gone: asyncio.Event


class Executor:
    """Run attempts."""

    def __init__(self, outcomes: Outcomes, boot: str, log: Path) -> None:
        self._outcomes = outcomes
        self._boot = boot
        self._zygote = Zygote(self._answered, self._zygote_died, log)
        self._starting: dict[Path, tuple[Key, SpecFile, asyncio.TimerHandle]] = {}
        self.watched: dict[Key, Watched] = {}
        #: Wait statuses of orphans that came to the daemon as their next reaper.
        self._reaped: dict[int, Death] = {}

    def start(self, key: Key, path: Path, spec: SpecFile, failures: int = 0) -> None:
        """Start an attempt; the answer comes as `claimed` or `never_ran`. After failures its shim is given more time."""
        crash_point("after_intent")
        try:
            directory.prepare(path, spec)
        except OSError as error:
            self._outcomes.never_ran(key, f"its directory cannot be made: {error.strerror}")
            return
        crash_point("after_spec")
        timer = asyncio.get_running_loop().call_later(START_TIME * 2**failures, self._doubt, path)
        self._starting[path] = (key, spec, timer)
        try:
            self._zygote.request(path)
        except OSError as error:
            logger.warning("no zygote can be started: %s", error)
            self._doubt(path)
        crash_point("after_request")

    def starting(self, path: Path) -> bool:
        """Whether an attempt has been asked for and not yet answered."""
        return path in self._starting

    def adopt(self, key: Key, path: Path, tree: Tree, *, orphan: bool = False) -> None:
        """Watch an attempt that runs already."""
        self._watch(key, path, tree, orphan=orphan)

    def close(self) -> None:
        """Stop watching; everything goes on without this daemon."""
        self._zygote.close()
        for watched in list(self.watched.values()):
            self._unwatch(watched)
        for _, _, timer in self._starting.values():
            timer.cancel()
        self._starting.clear()

    def reap(self) -> None:
        """Collect ended children: the zygote, and orphans whose shim was killed (their status is kept)."""
        while (ended := deaths.reap()) is not None:
            pid, death = ended
            if self._starting or pid in self._mains():
                self._reaped[pid] = death
                self._doubt_main(pid)
        if self._reaped and not self._starting:
            mains = self._mains()
            self._reaped = {pid: death for pid, death in self._reaped.items() if pid in mains}

    def _mains(self) -> set[int]:
        return {watched.tree.main.pid for watched in self.watched.values()}

    def _doubt_main(self, pid: int) -> None:
        """Look at the attempt whose main process has come to the daemon before its shim answered: the shim is dead."""
        for path in list(self._starting):
            claim = directory.look(path).claim
            if claim is not None and claim.pid == pid:
                self._doubt(path, "its shim was killed")

    def _answered(self, kind: str, path: Path, rest: bytes) -> None:
        if path not in self._starting:
            return
        crash_point("answered")
        claim = directory.parse_claim(rest) if kind == "claimed" else None
        if claim is None:
            self._doubt(path, rest.decode("utf-8", "replace"))
            return
        key, spec, timer = self._starting.pop(path)
        timer.cancel()
        self._run(key, path, spec, claim)

    def _run(self, key: Key, path: Path, spec: SpecFile, claim: Claim) -> None:
        self._outcomes.claimed(key, claim)
        self._watch(key, path, Tree(main=claim.main, shim=claim.witness, cookie=spec.cookie, cgroup=spec.cgroup))

    def _zygote_died(self) -> None:
        for path in list(self._starting):
            self._doubt(path, "the zygote died")

    def _doubt(self, path: Path, why: str = "no answer from its shim") -> None:
        key, spec, timer = self._starting.pop(path)
        timer.cancel()
        if directory.fence(path, self._boot):
            self._outcomes.never_ran(key, why)
            return
        found = directory.look(path)
        assert found.claim is not None, "a claim that exists is complete: it is made by link"
        if found.never_ran and not found.locked:
            self._outcomes.never_ran(key, "its shim was killed before the start")
        else:
            self._run(key, path, spec, found.claim)

    def _watch(self, key: Key, path: Path, tree: Tree, *, orphan: bool = False) -> None:
        loop = asyncio.get_running_loop()
        shim_fd = processes.open_pidfd(tree.shim) if tree.shim and not orphan else None
        main_fd = processes.open_pidfd(tree.main)
        watched = Watched(key, path, tree, shim_fd, main_fd, asyncio.Event())
        self.watched[key] = watched
        if shim_fd is not None:
            loop.add_reader(shim_fd, self._shim_gone, watched)
        elif not orphan:
            loop.call_soon(self._shim_gone, watched)
            return
        if main_fd is not None:
            loop.add_reader(main_fd, self._main_gone, watched)
        elif shim_fd is None:
            loop.call_soon(self._main_gone, watched)
        else:
            loop.call_later(LEAVE_TIME, self._still_there, watched)

    def _unwatch(self, watched: Watched) -> None:
        loop = asyncio.get_running_loop()
        for descriptor in (watched.shim_fd, watched.main_fd):
            if descriptor is not None:
                loop.remove_reader(descriptor)
                os.close(descriptor)
        del self.watched[watched.key]
        watched.gone.set()

    def _current(self, watched: Watched) -> bool:
        return self.watched.get(watched.key) is watched

    def _main_gone(self, watched: Watched) -> None:
        if not self._current(watched):
            return
        loop = asyncio.get_running_loop()
        if watched.main_fd is not None:
            loop.remove_reader(watched.main_fd)
        if watched.shim_fd is not None:
            loop.call_later(LEAVE_TIME, self._still_there, watched)
        else:
            self._orphan_ended(watched)

    def _still_there(self, watched: Watched) -> None:
        if self._current(watched):
            record = directory.read_exit(watched.path)
            self._outcomes.draining(watched.key, record.status if record else None)

    def _shim_gone(self, watched: Watched) -> None:
        if not self._current(watched):
            return
        crash_point("exit_seen")
        record = directory.read_exit(watched.path)
        if record is not None:
            oom = bool(watched.tree.cgroup and cgroups.oom_kills(watched.tree.cgroup))
            self._end(watched, directory.ending(record, output.sizes(watched.path), out_of_memory=oom))
        elif (watched.path / "noexec").exists():
            self._unwatch(watched)
            self._outcomes.never_ran(watched.key, "its shim was killed before the start")
        elif processes.alive(watched.tree.main):
            self._unwatch(watched)
            self._outcomes.orphaned(watched.key)
            self._watch(watched.key, watched.path, watched.tree, orphan=True)
        else:
            self._orphan_ended(watched)

    def _orphan_ended(self, watched: Watched) -> None:
        self.reap()
        main = watched.tree.main
        death = self._reaped.pop(main.pid, None) or deaths.orphan_status(main, watched.main_fd)
        if (watched.path / "noexec").exists():
            self._unwatch(watched)
            self._outcomes.never_ran(watched.key, "its shim was killed before the start")
            return
        self._orphan_drained(watched, death)

    def _orphan_drained(self, watched: Watched, death: Death | None) -> None:
        if not self._current(watched):
            return
        if not trees.gone(watched.tree) and self._outcomes.draining(watched.key, death.status if death else None):
            asyncio.get_running_loop().call_later(LEAVE_TIME, self._orphan_drained, watched, death)
            return
        sizes = output.sizes(watched.path)
        ending = Ending(status=death.status, resources=death.resources, output=sizes) if death else None
        self._end(watched, ending)

    def _end(self, watched: Watched, ending: Ending | None) -> None:
        self._unwatch(watched)
        if watched.tree.cgroup:
            cgroups.remove(watched.tree.cgroup)
        self._outcomes.ended(watched.key, ending)
