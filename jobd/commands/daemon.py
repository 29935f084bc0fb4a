"""jobd daemon: the background process, started, looked at and stopped by hand."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import click
import msgspec

from jobd import __version__
from jobd.commands import _service
from jobd.commands.options.kept import json_option
from jobd.core.errors import ConnectionLost, DaemonNotRunning, JobdError, ShuttingDown, Unavailable
from jobd.core.history.searching import Slow
from jobd.core.model import State
from jobd.ui import amounts
from jobd.wire import PROTOCOL, Action

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine

#: Seconds a daemon has to end or to come back, and between two looks.
LONGEST_STOP, LOOK = 15.0, 0.02

EXAMPLES = """\
jobd daemon status      # whether it runs, since when, and what troubles it
jobd daemon restart     # after an update or a change of the settings; jobs run on
jobd daemon install --now  # let systemd keep it
"""


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """A running daemon: `jobs` counts those of each state, `problems` says what is wrong with it.

    `slow` tells of questions that took long since it started.
    """

    version: str
    protocol: int
    pid: int
    state: str
    socket: str
    started_at: datetime
    uptime: float
    slots: int
    slots_used: int
    jobs: dict[State, int]
    problems: tuple[str, ...]
    log: str
    slow: Slow = Slow()


class Status(Action[Serving], frozen=True):
    """Tell of the daemon itself."""

    method: ClassVar = "daemon.status"

    async def answer(self, engine: Engine, caller: Actor) -> Serving:  # all who may ask see the same
        """Look around."""
        return serving(engine)


class Stop(Action[Serving], frozen=True):
    """End the daemon; jobs run on, and the next daemon takes them over."""

    method: ClassVar = "daemon.stop"
    records: ClassVar = False

    async def answer(self, engine: Engine, caller: Actor) -> Serving:  # whoever may connect may stop it
        """Begin to stop; this answer is still sent."""
        seen = serving(engine)
        engine.stop()
        return seen


class Restart(Action[Serving], frozen=True):
    """Let the daemon become its own successor: a new version or new settings; jobs run on, clients wait a moment."""

    method: ClassVar = "daemon.restart"
    records: ClassVar = False

    async def answer(self, engine: Engine, caller: Actor) -> Serving:  # as Stop
        """Begin to restart; this answer is still sent."""
        seen = serving(engine)
        engine.restart()
        return seen


def serving(engine: Engine) -> Serving:
    """Describe the daemon that answers."""
    import os

    now, paths = engine.clock.now(), engine.paths
    return Serving(
        version=__version__, protocol=PROTOCOL, pid=os.getpid(), state=str(paths.state), socket=str(paths.socket),
        started_at=engine.started_at.wall, uptime=(now.boottime - engine.started_at.boottime) / 1e9,
        slots=engine.config.jobs.slots, slots_used=engine.queue.occupied,
        jobs={state: count for state, count in engine.archive.counts().items() if count},
        problems=tuple(engine.health()), log=str(paths.daemon_log), slow=engine.reading.slow,
    )  # fmt: skip


@click.group("daemon", epilog=EXAMPLES)
def command() -> None:
    """Start, stop and look at the daemon.

    It starts by itself with the first command that changes something, and jobs never depend on it: they run on while it
    is stopped, killed or updated.
    """


@command.command("status", epilog="jobd daemon status --json=pid,problems  # for scripts")
@json_option(Serving)
@click.pass_obj
def status(shell: Shell) -> int:
    """Tell whether a daemon runs, since when, and what troubles it.

    Exit status: 0 if all is well, 1 if something troubles it, 69 if none runs.
    """
    seen = shell.client.call(Status(), start=False)
    shell.emit(seen, lambda: _show(shell, seen))
    return 1 if seen.problems else 0


def _show(shell: Shell, seen: Serving) -> None:
    jobs = ", ".join(f"{count} {state}" for state, count in seen.jobs.items()) or "none yet"
    lines = {
        "daemon": f"running, pid {seen.pid}, for {amounts.duration(seen.uptime)}",
        "version": f"{seen.version}" + ("" if seen.version == __version__ else f" (this is {__version__})"),
        "state": seen.state,
        "slots": f"{seen.slots_used} of {seen.slots} in use",
        "jobs": jobs,
        "log": seen.log,
        **({"slow": _slow(seen.slow)} if seen.slow.count else {}),
    }
    shell.screen.data("\n".join(f"{name:>8}: {text}" for name, text in lines.items()))
    for problem in seen.problems:
        shell.screen.data(shell.screen.paint(f" problem: {problem}", "red"))


def _slow(slow: Slow) -> str:
    questions = "1 question" if slow.count == 1 else f"{slow.count} questions"
    return f"{questions}, at most {amounts.duration(slow.slowest)} ({slow.method})"


@command.command("start", epilog="jobd daemon start  # does nothing if one runs")
@json_option(Serving)
@click.pass_obj
def start(shell: Shell) -> None:
    """Start the daemon in the background, unless one runs."""
    seen = shell.client.call(Status(), start=True)
    shell.emit(seen, lambda: shell.screen.data(f"running, pid {seen.pid}, for {seen.state}"))


@command.command("stop", epilog="jobd daemon stop  # jobs run on")
@click.pass_obj
def stop(shell: Shell) -> None:
    """Stop the daemon and wait until it has ended. Jobs run on; the next daemon takes them over."""
    shell.screen.data(f"stopped, pid {_stopped(shell).pid}")


def _stopped(shell: Shell) -> Serving:
    """Stop the daemon, wait until its lock is free, and describe it as it was. Raises DaemonNotRunning, Unavailable."""
    seen = shell.client.call(Stop(), start=False)
    shell.client.close()
    deadline = time.monotonic() + LONGEST_STOP
    while not _service.is_free(shell.paths):
        if time.monotonic() > deadline:
            raise Unavailable(problem=f"the daemon (pid {seen.pid}) has not ended within {LONGEST_STOP:g} s")
        time.sleep(LOOK)
    return seen


@command.command("restart", epilog="pip install --upgrade jobd-local && jobd daemon restart  # take it into use")
@click.pass_obj
def restart(shell: Shell) -> None:
    """Restart the daemon in place, or start one. Jobs run on, clients wait a moment, no request is lost."""
    try:
        before = shell.client.call(Restart(), start=False)
    except DaemonNotRunning:
        before = None
    deadline = time.monotonic() + LONGEST_STOP
    while (seen := _seen(shell)) is None or (before is not None and seen.started_at == before.started_at):
        if time.monotonic() > deadline:
            raise Unavailable(
                problem=f"the daemon has not come back within {LONGEST_STOP:g} s; {shell.paths.daemon_log}"
            )
        time.sleep(LOOK)
    shell.screen.data(f"running, pid {seen.pid}, for {seen.state}")


def _seen(shell: Shell) -> Serving | None:
    try:
        return shell.client.call(Status(), start=True)
    except (ConnectionLost, ShuttingDown):
        return None


command.add_command(restart, "reload")


@command.command("run", epilog="jobd daemon run --memory  # to try something; nothing is kept")
@click.option("--memory", is_flag=True, help="Keep the database in memory only: fast, and gone at the end.")
@click.option(
    "--background", is_flag=True, hidden=True, help="Write the log to its file, and stand in the way of nothing."
)
@click.option("--ready-fd", type=click.IntRange(min=3), hidden=True, help="Where to tell that it serves, or why not.")
@click.pass_obj
def run(shell: Shell, *, memory: bool, background: bool, ready_fd: int | None) -> None:
    """Be the daemon, in the foreground: for a service manager, or to watch it.

    Ends gracefully at SIGINT and SIGTERM, and when its state directory was taken away; restarts in place at SIGHUP.
    """
    try:
        ready = _service.Ready(ready_fd)
    except OSError as error:
        raise click.BadParameter(f"{ready_fd}: {error.strerror}", param_hint="--ready-fd") from error
    try:
        _service.run(shell, ready, memory=memory, background=background)
    except JobdError as error:
        ready(error.message)
        raise


@command.command("install", epilog=EXAMPLES.splitlines()[-1])
@click.option("--now", is_flag=True, help="Enable and start it, too.")
@click.pass_obj
def install(shell: Shell, *, now: bool) -> None:
    """Install the daemon as a service of systemd for your user, which starts it at the first command after a boot.

    Jobs then outlive your sessions, too, if `loginctl enable-linger` allows you processes without one.
    """
    for path in _service.install(shell):
        shell.screen.data(f"wrote {path}")
    if not now:
        shell.screen.hint(f"{' '.join(_service.RELOAD)} && {' '.join(_service.ENABLE)}")
        return
    _service.systemd(shell, _service.RELOAD)
    if not _service.is_free(shell.paths):
        _stopped(shell)
    _service.systemd(shell, _service.ENABLE)
    seen = shell.client.call(Status(), start=True)
    shell.screen.data(f"running, pid {seen.pid}, for {seen.state}")


@command.command("logs", epilog="jobd daemon logs -n 100  # the latest lines")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=50, show_default=True, help="How many lines.")
@click.pass_obj
def logs(shell: Shell, lines: int) -> None:
    """Show the latest lines of the daemon's log."""
    from jobd.ui.terminal_text import field

    shell.screen.data("\n".join(map(field, _service.last_lines(shell.paths.daemon_log, lines))))
    shell.screen.hint("If systemd runs the daemon: journalctl --user -u jobd")
