"""The life of a daemon: take the lock, open, recover, serve, stop; or become its own successor in the same process.

The lock is a flock on the state directory itself: it cannot be deleted under us, and it is kept across the exec of a restart, as is
the listening socket, so that no client finds the door closed.
"""

import asyncio
import ctypes
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jobd
from jobd.config import Config, Paths
from jobd.core.errors import DaemonAlreadyRunning
from jobd.daemon import listening, safekeeping, service
from jobd.daemon.clock import Clock
from jobd.daemon.crash import crash_point
from jobd.daemon.engine import Engine
from jobd.daemon.reader import Reader
from jobd.daemon.recorder import Recorder
from jobd.daemon.recovery import Recovery
from jobd.daemon.settings import Settings
from jobd.daemon.store import Store
from jobd.daemon.upkeep import TICK, Chore, Upkeep
from jobd.wire import PROTOCOL

logger = logging.getLogger(__name__)

#: Seconds in which answers in flight may be finished before a stop.
LAST_ANSWERS = 3.0
_PR_SET_CHILD_SUBREAPER = 36
#: The lock's descriptor, handed over by a daemon that becomes its own successor.
_LOCK_VARIABLE = "JOBD_LOCK_FD"


class Server(Protocol):
    """What serves the socket; made by whoever stands above the daemon."""

    def listen(self, listener: socket.socket) -> None:
        """Accept connections."""

    async def close_gracefully(self, seconds: float) -> None:
        """Accept and read nothing more, let the answers out."""


class Options(NamedTuple):
    """How to run: where, with which settings, who serves, whom to tell that it is ready, and how to be started again."""

    paths: Paths
    config: Config
    make_server: Callable[["Life"], Server]
    ready: Callable[[str], None]
    argv: list[str]
    memory: bool = False


class Life:
    """A daemon between its start and its end. What commands may ask of it: `engine`, `stop()`, `restart()`."""

    def __init__(self, options: Options, lock: int) -> None:
        self.options = options
        self.paths = options.paths
        self.config = options.config
        self._lock = lock
        self._over: asyncio.Event = asyncio.Event()
        self._again = False
        self._inode = 0
        self.engine: Engine
        self.server: Server

    def stop(self) -> None:
        """End soon, gracefully; jobs run on."""
        self._over.set()

    def restart(self) -> None:
        """Become the successor soon; jobs run on, and nobody finds the door closed."""
        self._again = True
        self._over.set()

    async def live(self) -> None:
        """Serve until asked to stop."""
        database = safekeeping.memory_database() if self.options.memory else self.paths.database
        store = Store(
            database,
            durability="off" if self.options.memory else self.config.storage.durability,
            on_committed=lambda batch: self.engine.on_committed(batch),
            on_failed=lambda error: self.engine.on_failed(error),
        )
        opened = store.open()
        reader = Reader(database)
        self.engine = Engine(
            store=store, opened=opened, reader=reader, clock=Clock(), paths=self.paths, config=self.config
        )
        recorder = Recorder(self.engine)
        recovery = Recovery(self.engine, recorder)
        self._settings = Settings(os.environ, self._configure)
        upkeep = Upkeep(self.engine, recovery, [Chore(TICK, self._keep_socket), Chore(TICK, self._keep_settings)])
        self.engine.busy = lambda: self._settings.watch(busy=True)
        self.engine.mend = upkeep.mend
        self.engine.stop, self.engine.restart = self.stop, self.restart
        loop = asyncio.get_running_loop()
        store.start(loop)
        self._signals(loop, recorder)
        crash_point("before_recovery")
        recovery.run()
        crash_point("after_recovery")
        listener = self._open_door()
        self.server = self.options.make_server(self)
        self.server.listen(listener)
        upkeep.start()
        self._ready(loop)
        await self._over.wait()
        service.notify(os.environ, "RELOADING=1" if self._again else "STOPPING=1")
        await self.server.close_gracefully(LAST_ANSWERS)
        upkeep.close()
        self._settings.close()
        recorder.close()
        await store.close()
        reader.close()
        if self._again:
            self._succeed(listener)
        listening.remove(self.paths, self._inode)
        self.paths.daemon_json.unlink(missing_ok=True)
        logger.info("stopped")

    def _signals(self, loop: asyncio.AbstractEventLoop, recorder: Recorder) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.restart)
        loop.add_signal_handler(signal.SIGCHLD, recorder.executor.reap)

    def _open_door(self) -> socket.socket:
        taken = service.handed_over(os.environ)
        listener = taken[0] if taken else listening.listen(self.paths)
        self._inode = listening.inode(self.paths)
        return listener

    def _ready(self, loop: asyncio.AbstractEventLoop) -> None:
        moment = self.engine.clock.now()
        listening.announce(
            self.paths,
            {
                "socket": str(self.paths.socket), "pid": os.getpid(), "boot": moment.boot,
                "started_at": moment.wall.isoformat(), "host": socket.gethostname(),
                "version": jobd.__version__, "protocol": PROTOCOL,
            },
        )  # fmt: skip
        self.options.ready("ok")
        service.notify(os.environ, "READY=1", f"MAINPID={os.getpid()}", f"STATUS=serving {self.paths.state}")
        every = service.watchdog_seconds(os.environ)
        if every is not None:
            self._watchdog(loop, every)
        logger.info("ready version=%s pid=%d state=%s", jobd.__version__, os.getpid(), self.paths.state)

    def _watchdog(self, loop: asyncio.AbstractEventLoop, every: float) -> None:
        service.notify(os.environ, "WATCHDOG=1")
        loop.call_later(every, self._watchdog, loop, every)

    async def _keep_socket(self) -> None:
        if self._inode and not os.path.exists(self.paths.socket):
            logger.warning("the socket file was removed; it is made again")
            listener = listening.listen(self.paths)
            self._inode = listening.inode(self.paths)
            self.server.listen(listener)

    async def _keep_settings(self) -> None:
        self._settings.watch(busy=bool(self.engine.jobs))

    def _configure(self, config: Config) -> None:
        self.engine.config = config
        logging.getLogger().setLevel(config.daemon.log_level.upper())
        self.engine.wake()

    def _succeed(self, listener: socket.socket) -> None:
        logger.info("restarting in place")
        os.environ["LISTEN_FDS"] = "1"
        os.environ["LISTEN_PID"] = str(os.getpid())
        lock = fcntl.fcntl(self._lock, fcntl.F_DUPFD, service.FIRST_FD + 7)
        os.environ[_LOCK_VARIABLE] = str(lock)
        if listener.fileno() != service.FIRST_FD:
            os.dup2(listener.fileno(), service.FIRST_FD, inheritable=True)
        os.set_inheritable(service.FIRST_FD, True)
        os.execv(sys.executable, self.options.argv)


def run(options: Options) -> None:
    """Live one daemon's life. Raises DaemonAlreadyRunning, and what keeps the store from being opened."""
    paths = options.paths
    lock = _take_lock(paths)
    for folder in (paths.run, paths.log):
        folder.mkdir(mode=0o700, exist_ok=True)
    _become_subreaper()
    try:
        asyncio.run(_live(options, lock))
    finally:
        os.close(lock)


async def _live(options: Options, lock: int) -> None:
    await Life(options, lock).live()


def _take_lock(paths: Paths) -> int:
    inherited = os.environ.pop(_LOCK_VARIABLE, "")
    if inherited.isdigit():
        lock = int(inherited)
        os.set_inheritable(lock, False)
        return lock
    lock = os.open(paths.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise DaemonAlreadyRunning(state=str(paths.state), pid=_serving(paths)) from None
    return lock


def _serving(paths: Paths) -> Any:
    import json

    try:
        return json.loads(paths.daemon_json.read_text())["pid"]
    except (OSError, ValueError, KeyError):
        return "unknown"


def _become_subreaper() -> None:
    """Be the next parent of jobs whose shim is killed, so that their status is not lost (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
