"""The engine that runs jobs on this machine: starts attempts, watches them to their end, adopts those it finds.

It knows attempts, processes and directories, and nothing of states: what happened goes to the `Outcomes`. One pidfd on
the shim tells that the whole tree is gone, one on the main process that the rest is left over; where there are none,
both are looked at now and then.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import NamedTuple, Protocol

from jobd.core.model import Ending, Process
from jobd.daemon.attempts import directory, output
from jobd.daemon.attempts.directory import Claim, SpecFile
from jobd.daemon.attempts.starting import Key, Start, Starting
from jobd.daemon.system import cgroups, deaths, processes, trees
from jobd.daemon.system.crash import crash_point
from jobd.daemon.system.deaths import Death
from jobd.daemon.system.trees import Tree

logger = logging.getLogger(__name__)

#: Seconds after the main process's end in which a shim without other children leaves by itself.
LEAVE_TIME = 0.1
#: Seconds between looks at processes that no descriptor tells of, and at what an orphan left behind, in the end.
LOOK = 0.5
SLOW_LOOK = 2.0


class Outcomes(Protocol):
    """What the executor tells; keys are (job, attempt)."""

    def claimed(self, key: Key, claim: Claim) -> None:
        """Its shim owns the attempt, the command runs."""

    def never_ran(self, key: Key, why: str) -> None:
        """It did not run and never will."""

    def draining(self, key: Key, status: int | None) -> bool:
        """The main process has ended, others of its tree live; say whether the attempt lasts until they have, too."""

    def orphaned(self, key: Key) -> None:
        """The shim was killed; the main process lives and is watched without it."""

    def ended(self, key: Key, ending: Ending | None) -> None:
        """Nothing of it is left; None = nobody can say how it ended."""


class Watched(NamedTuple):
    """An attempt with processes: its tree, the descriptors it is watched by, and the event of its end."""

    key: Key
    path: Path
    tree: Tree
    orphan: bool
    shim_fd: int | None
    main_fd: int | None
    gone: asyncio.Event


class Executor:
    """Run attempts."""

    def __init__(self, outcomes: Outcomes, boot: str, log: Path) -> None:
        self._outcomes = outcomes
        #: Attempts that are being started, by their directories.
        self.starting = Starting(self, boot, log)
        self.watched: dict[Key, Watched] = {}
        #: Wait statuses of orphans that came to the daemon as their next reaper.
        self._reaped: dict[int, Death] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, key: Key, path: Path, spec: SpecFile) -> None:
        """Start an attempt; the answer comes as `claimed` or `never_ran`."""
        self.starting.begin(Start(key, path, spec))

    def claimed(self, start: Start, claim: Claim) -> None:
        """Watch an attempt that its shim has claimed, and tell."""
        spec = start.spec
        tree = Tree(main=claim.main, shim=claim.witness, cookie=spec.cookie, cgroup=spec.cgroup)
        self._watch(start.key, start.path, tree)
        self._outcomes.claimed(start.key, claim)

    def never_ran(self, key: Key, why: str) -> None:
        """Tell that an attempt never ran."""
        self._outcomes.never_ran(key, why)

    def adopt(self, key: Key, path: Path, tree: Tree, *, orphan: bool = False) -> None:
        """Watch an attempt that runs already."""
        self._watch(key, path, tree, orphan=orphan)

    def remind(self, key: Key) -> None:
        """Tell again how a watched attempt stands, if what was told of it could not be recorded."""
        watched = self.watched.get(key)
        if watched is None:
            return
        if watched.orphan:
            self._outcomes.orphaned(key)
        elif not processes.alive(watched.tree.main):
            self._still_there(watched)

    def close(self) -> None:
        """Stop watching; everything goes on without this daemon."""
        self.starting.close()
        for task in self._tasks:
            task.cancel()
        for watched in list(self.watched.values()):
            self._unwatch(watched)

    def reap(self) -> None:
        """Collect ended children: the zygote, and orphans whose shim was killed (their status is kept)."""
        while (ended := deaths.reap()) is not None:
            pid, death = ended
            self._reaped[pid] = death
            if self.starting:
                self.starting.doubt_main(pid)
        if self._reaped and not self.starting:
            mains = {watched.tree.main.pid for watched in self.watched.values()}
            self._reaped = {pid: death for pid, death in self._reaped.items() if pid in mains}

    def _watch(self, key: Key, path: Path, tree: Tree, *, orphan: bool = False) -> None:
        loop = asyncio.get_running_loop()
        shim_fd = None if orphan or tree.shim is None else _descriptor(tree.shim)
        main_fd = _descriptor(tree.main)
        watched = Watched(key, path, tree, orphan, shim_fd, main_fd, asyncio.Event())
        self.watched[key] = watched
        if shim_fd is not None:
            loop.add_reader(shim_fd, self._shim_gone, watched)
        elif not orphan:
            loop.call_soon(self._look_at_shim, watched)
        if main_fd is not None:
            loop.add_reader(main_fd, self._main_gone, watched)
        elif orphan or shim_fd is not None:
            loop.call_soon(self._look_at_main, watched)

    def _unwatch(self, watched: Watched) -> None:
        _silence(watched)
        for descriptor in (watched.shim_fd, watched.main_fd):
            if descriptor is not None:
                os.close(descriptor)
        del self.watched[watched.key]
        watched.gone.set()

    def _current(self, watched: Watched) -> bool:
        return self.watched.get(watched.key) is watched

    def _look_at_shim(self, watched: Watched) -> None:
        """Stand in for the descriptor that could not be had."""
        if not self._current(watched):
            return
        if watched.tree.shim is None or not processes.alive(watched.tree.shim):
            self._shim_gone(watched)
            return
        asyncio.get_running_loop().call_later(LOOK, self._look_at_shim, watched)
        if watched.main_fd is None:
            self._look_at_main(watched, once=True)

    def _look_at_main(self, watched: Watched, *, once: bool = False) -> None:
        if not self._current(watched):
            return
        if not processes.alive(watched.tree.main):
            self._main_gone(watched)
        elif not once:
            asyncio.get_running_loop().call_later(LOOK, self._look_at_main, watched)

    def _main_gone(self, watched: Watched) -> None:
        if not self._current(watched):
            return
        loop = asyncio.get_running_loop()
        if watched.main_fd is not None:
            loop.remove_reader(watched.main_fd)
        if watched.orphan:
            self._orphan_ended(watched)
        else:
            loop.call_later(LEAVE_TIME, self._still_there, watched)

    def _still_there(self, watched: Watched) -> None:
        """Tell that something is left over; a shim that has none but the main process is just about to leave."""
        shim = watched.tree.shim
        if not self._current(watched) or shim is None:
            return
        if {*processes.children(shim.pid)} - {watched.tree.main.pid}:
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
            self._never_ran(watched)
        elif processes.alive(watched.tree.main):
            self._unwatch(watched)
            self._watch(watched.key, watched.path, watched.tree, orphan=True)
            self._outcomes.orphaned(watched.key)
        else:
            self._orphan_ended(watched)

    def _orphan_ended(self, watched: Watched) -> None:
        _silence(watched)
        self.reap()
        main = watched.tree.main
        death = self._reaped.pop(main.pid, None) or deaths.orphan_status(main, watched.main_fd)
        if (watched.path / "noexec").exists():
            self._never_ran(watched)
            return
        task = asyncio.get_running_loop().create_task(self._drain_orphan(watched, death))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain_orphan(self, watched: Watched, death: Death | None) -> None:
        """Wait for what an orphan has left behind; without its shim only looks at all processes tell of it."""
        pause = LEAVE_TIME
        while not await asyncio.to_thread(_is_gone, watched.tree):
            lasts = self._current(watched) and self._outcomes.draining(watched.key, death.status if death else None)
            if not lasts:
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, SLOW_LOOK)
        if self._current(watched):
            sizes = output.sizes(watched.path)
            ending = Ending(status=death.status, resources=death.resources, output=sizes) if death else None
            self._end(watched, ending)

    def _never_ran(self, watched: Watched) -> None:
        self._unwatch(watched)
        self._outcomes.never_ran(watched.key, "its shim was killed before the start")

    def _end(self, watched: Watched, ending: Ending | None) -> None:
        self._unwatch(watched)
        if watched.tree.cgroup:
            cgroups.remove(watched.tree.cgroup)
        self._outcomes.ended(watched.key, ending)


def _silence(watched: Watched) -> None:
    """Hear no more of an end: a descriptor tells of it for ever."""
    loop = asyncio.get_running_loop()
    for descriptor in (watched.shim_fd, watched.main_fd):
        if descriptor is not None:
            loop.remove_reader(descriptor)


def _is_gone(tree: Tree) -> bool:
    try:
        return trees.gone(tree)
    except OSError as error:
        logger.warning("the processes cannot be looked at now: %s", error.strerror)
        return False


def _descriptor(process: Process) -> int | None:
    """Get hold of a process; None = it is gone, or must be looked at now and then."""
    try:
        return processes.open_pidfd(process)
    except OSError as error:
        logger.warning("process %d is looked at now and then: %s", process.pid, error.strerror)
        return None
