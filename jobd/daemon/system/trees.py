"""Who belongs to a job, and signals, death and standstill for all of them: bites of some 0.1 s, for a worker thread.

While the shim lives, as the reaper of orphans, a job is everything below it, whatever became of sessions, groups and
environments. The shim itself is never signalled, and its end is the proof that nothing is left: one look at /proc that
finds nobody proves nothing. If the shim was killed, a job is what the traces of its main process and its cookie show.
"""

import os
import time
from collections.abc import Iterable
from signal import SIGCONT, SIGKILL, SIGSTOP

import msgspec

from jobd.core.model import Process
from jobd.daemon.system import cgroups, processes
from jobd.daemon.system.processes import Snapshot

#: Seconds of killing newborn processes in one round.
HUNT_TIME = 0.05
#: Seconds of looking for processes that are not stopped yet.
FREEZE_TIME = 0.1
STOPPED = "T"
#: Looks in a row that must find nobody.
LOOKS = 2


class Tree(msgspec.Struct, frozen=True):
    """The processes of an attempt: what they can be told by. The cookie is a random word in their environment."""

    main: Process
    shim: Process | None = None
    cookie: str = ""
    cgroup: str | None = None


def members(tree: Tree, snapshot: Snapshot | None = None) -> list[Process]:
    """Find the living processes of a job, parents before children; in the given snapshot, or now."""
    seen = _look(tree) if snapshot is None else snapshot
    orphaned = tree.shim is None or not seen.shows(tree.shim)
    pids = family(tree, seen, _carriers(tree, seen) if orphaned else ())
    return [Process(pid, seen[pid].ticks) for pid in pids if not seen[pid].dead]


def family(tree: Tree, snapshot: Snapshot, marked: Iterable[int] = ()) -> list[int]:
    """List the processes of a job in a snapshot, dead ones too, parents before children.

    Without the shim: the session and the group of the main process, those known otherwise (`marked`), and what is below
    any of them.
    """
    if tree.shim is not None and snapshot.shows(tree.shim):
        return processes.descendants([tree.shim.pid], snapshot)
    kin = _kin(tree.main, snapshot).union(marked) - {os.getpid()}
    kin.update(processes.descendants(kin, snapshot))
    heads = [pid for pid in kin if snapshot[pid].ppid not in kin]
    return [*heads, *processes.descendants(heads, snapshot)]


def terminate(tree: Tree, signal: int, snapshot: Snapshot | None = None) -> list[Process]:
    """Send a signal to all of a job and let the stopped go on, since they could not act on it; return who got it."""
    told = [process for process in members(tree, snapshot) if processes.send(process, signal)]
    if tree.cgroup is not None:
        cgroups.thaw(tree.cgroup)
    for process in told:
        processes.send(process, SIGCONT)
    return told


def kill_round(tree: Tree, seconds: float = HUNT_TIME, snapshot: Snapshot | None = None) -> list[Process]:
    """Kill all of a job that is found; return those who still live. To be repeated until the shim has ended.

    All are stopped before the first is killed, so that nobody sees the others die and starts new ones. Processes born
    meanwhile come to the shim as orphans: for as long as there are new ones, at most so many seconds, these are killed.
    """
    if tree.cgroup is not None:
        cgroups.kill(tree.cgroup)
    found = members(tree, snapshot)
    for number in (SIGSTOP, SIGKILL):
        for process in found:
            processes.send(process, number)
    if tree.shim is not None and processes.alive(tree.shim):
        found += _hunt(tree.shim, {process.pid for process in found}, seconds)
    return [process for process in found if processes.alive(process)]


def gone(tree: Tree, first: Snapshot | None = None, second: Snapshot | None = None) -> bool:
    """Whether nothing is left of a job: its shim is dead, and two looks found nobody.

    For many trees at once give two snapshots, both taken after the shims were seen dead.
    """
    if tree.shim is not None and processes.alive(tree.shim):
        return False
    if tree.cgroup is not None and cgroups.populated(tree.cgroup):
        return False
    orphaned = msgspec.structs.replace(tree, shim=None)
    return not members(orphaned, first) and not members(orphaned, second)


def freeze(tree: Tree) -> frozenset[Process]:
    """Stop all of a job, parents before children, until nobody moves or is new; return those whom this has stopped.

    Who stood still already is not among them, nor who is frozen with the job's group. One who waits for a disk stops
    later: that is awaited for 0.1 s.
    """
    if tree.cgroup is not None and cgroups.populated(tree.cgroup):
        cgroups.freeze(tree.cgroup)
    asked: set[Process] = set()
    stopped: set[Process] = set()
    quiet, deadline = 0, time.monotonic() + FREEZE_TIME
    while quiet < LOOKS and time.monotonic() < deadline:
        moving = _moving(tree)
        fresh = [process for process in moving if process not in asked]
        asked.update(fresh)
        stopped.update(process for process in fresh if processes.send(process, SIGSTOP))
        quiet = 0 if stopped.intersection(moving) else quiet + 1
    return frozenset(stopped)


def thaw(tree: Tree, stopped: frozenset[Process] | None) -> None:
    """Let those go on whom `freeze` has stopped, children before parents; None = not known, so everybody who stands."""
    frozen = _frozen(tree)
    if tree.cgroup is not None:
        cgroups.thaw(tree.cgroup)
    seen = _look(tree)
    for process in reversed(members(tree, seen)):
        standing = seen[process.pid].state == STOPPED and process.pid not in frozen
        if standing if stopped is None else process in stopped:
            processes.send(process, SIGCONT)


def describe(found: Iterable[Process]) -> tuple[str, ...]:
    """Say for a person who these are, such as "4242 (uid 0, D, dd)"; without those that have ended."""
    import psutil

    texts = []
    for process in found:
        try:
            known = psutil.Process(process.pid)
            uid, name = known.uids().real, known.name()
        except psutil.Error:
            continue
        seen = processes.stat(process.pid)
        if seen is not None and seen.ticks == process.ticks and not seen.dead:
            texts.append(f"{process.pid} (uid {uid}, {seen.state}, {name})")
    return tuple(texts)


def _look(tree: Tree) -> Snapshot:
    if tree.shim is not None:
        seen = processes.below(tree.shim.pid)
        if seen.shows(tree.shim):
            return seen
    return processes.snapshot()


def _frozen(tree: Tree) -> set[int]:
    if tree.cgroup is None or not cgroups.held(tree.cgroup):
        return set()
    return cgroups.pids(tree.cgroup)


def _moving(tree: Tree) -> list[Process]:
    frozen, seen = _frozen(tree), _look(tree)
    return [
        process for process in members(tree, seen) if seen[process.pid].state != STOPPED and process.pid not in frozen
    ]


def _kin(main: Process, snapshot: Snapshot) -> set[int]:
    leader = snapshot.get(main.pid)
    if leader is not None and leader.ticks != main.ticks:
        return set()
    kin = {*snapshot.sessions.get(main.pid, ()), *snapshot.groups.get(main.pid, ())}
    return kin if leader is None else kin | {main.pid}


def _carriers(tree: Tree, snapshot: Snapshot) -> set[int]:
    mark = tree.cookie.encode()
    if not mark or mark in processes.environment(os.getpid()):
        return set()
    return {
        pid
        for pid, seen in snapshot.items()
        if not seen.dead and not _older(seen.ticks, tree.main.ticks) and mark in processes.environment(pid)
    }


def _older(ticks: int, main: int) -> bool:
    return processes.LINUX and ticks < main


def _hunt(shim: Process, struck: set[int], seconds: float) -> list[Process]:
    killed = []
    quiet, deadline = 0, time.monotonic() + seconds
    while quiet < LOOKS and time.monotonic() < deadline:
        fresh = [pid for pid in processes.children(shim.pid) if pid not in struck]
        for pid in fresh:
            struck.add(pid)
            seen = processes.stat(pid)
            if seen is not None and seen.ppid == shim.pid and not seen.dead:
                newborn = Process(pid, seen.ticks)
                processes.send(newborn, SIGKILL)
                killed.append(newborn)
        quiet = 0 if fresh else quiet + 1
    return killed
