"""The life of a daemon: open, recover, serve, stop; or become its own successor in the same process.

A successor inherits the lock and the listening socket, so no client finds the door closed.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

from jobd import __version__
from jobd.config import Config, Paths, load
from jobd.core.errors import ConfigInvalid, JobdError
from jobd.daemon.engine import Engine
from jobd.daemon.life import instance, listening, service
from jobd.daemon.life.idle import Idle
from jobd.daemon.life.listening import Door
from jobd.daemon.life.settings import Settings
from jobd.daemon.orders import Limits, Orders
from jobd.daemon.recorder import Recorder
from jobd.daemon.recovery import Recovery
from jobd.daemon.storage import safekeeping
from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.store import Store
from jobd.daemon.system.clock import Clock
from jobd.daemon.system.crash import crash_point
from jobd.daemon.upkeep.backoff import Backoff
from jobd.daemon.upkeep.chores import TICK, Chore, Upkeep
from jobd.daemon.upkeep.heartbeats import Heartbeats
from jobd.daemon.upkeep.rollup import RollUp
from jobd.daemon.upkeep.settler import Settler
from jobd.wire import PROTOCOL

logger = logging.getLogger(__name__)

#: Seconds in which answers in flight may be finished before a stop.
LAST_ANSWERS = 3.0
#: Seconds after which a thread lets others run. The writing thread gives way at each call into SQLite; with the 5 ms
#: that Python takes else, a lone update waited ten times as long for its commit.
TURN = 0.0005


class Counts(Protocol):
    """What a server tells of itself."""

    @property
    def connections(self) -> int:
        """Clients now."""

    @property
    def requests(self) -> int:
        """Requests since the start."""


class Server(Protocol):
    """What serves the socket; made by whoever stands above the daemon."""

    @property
    def counts(self) -> Counts:
        """How busy it is."""

    def listen(self, listener: socket.socket) -> None:
        """Accept connections."""

    async def close_gracefully(self, limit: float) -> None:
        """Accept and read nothing more, let the answers out."""


class Options(NamedTuple):
    """How to run.

    Where, with which settings, who serves, whom to tell that it is ready, how to be started again, and whether to keep
    nothing.
    """

    paths: Paths
    config: Config
    make_server: Callable[["Life"], Server]
    ready: Callable[[str], None]
    argv: list[str]
    memory: bool = False


class Life:
    """A daemon between its start and its end. What commands may ask of it: `engine`, `stop()`, `restart()`."""

    engine: Engine
    server: Server

    def __init__(self, options: Options, lock: int, limits: Limits) -> None:
        self.options = options
        self.paths = options.paths
        self._lock = lock
        self._limits = limits
        self._over = asyncio.Event()
        self._again = False
        self._door = Door(options.paths)

    def stop(self) -> None:
        """End soon, gracefully; jobs run on."""
        self._over.set()

    def restart(self) -> None:
        """Become the successor soon; jobs run on. Raises ConfigInvalid if it could not start."""
        load(os.environ)
        if not self._over.is_set():
            self._again = True
            self._over.set()

    async def live(self) -> None:
        """Serve until asked to stop."""
        loop = asyncio.get_running_loop()
        self._open(loop)
        self._listen_to_signals(loop)
        crash_point("before_recovery")
        self._recovery.run()
        self._heartbeats.start()
        self._backoff.start()
        self._rollup.start()
        crash_point("after_recovery")
        self._serve(loop)
        await self._over.wait()
        service.notify(os.environ, "RELOADING=1" if self._again else "STOPPING=1")
        await self._close()
        if self._again:
            self._succeed()
        self._door.close()
        self.paths.daemon_json.unlink(missing_ok=True)
        logger.info("stopped")

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the database and put the parts together. Raises DatabaseTooNew, StorageBroken, StorageFull."""
        memory, config = self.options.memory, self.options.config
        database = safekeeping.memory_database() if memory else self.paths.database
        durability = "off" if memory else config.storage.durability
        self._store = Store(
            database,
            durability=durability,
            on_committed=lambda batch: self.engine.on_committed(batch),  # noqa: PLW0108 -- there is no engine yet
            on_failed=lambda error: self.engine.on_failed(error),  # noqa: PLW0108 -- the same
        )
        opened = self._store.open()
        self._reader = Reader(database)
        engine = self.engine = Engine(
            store=self._store, opened=opened, reader=self._reader, clock=Clock(), paths=self.paths, config=config
        )
        self._recorder = Recorder(engine)
        self._orders = Orders(engine, self._recorder, self._limits)
        self._recovery = Recovery(engine, self._recorder)
        self._heartbeats = Heartbeats(engine)
        self._backoff = Backoff(engine)
        self._rollup = RollUp(engine)
        self._settler = Settler(engine)
        self._settings = Settings(os.environ, self._configure)
        self._upkeep = Upkeep(engine, self._recovery, self._chores())
        engine.busy = lambda: self._settings.watch(busy=True)
        engine.mend = self._mend
        engine.stop, engine.restart = self.stop, self.restart
        engine.concerns += [self._door.problem, engine.clock.ahead, opened.damage]
        self._store.start(loop)

    def _chores(self) -> list[Chore]:
        idle = Idle(
            after=lambda: self.engine.config.daemon.idle_exit,
            busy=lambda: bool(self.engine.jobs) or self.server.counts.connections > 0,
            served=lambda: self.server.counts.requests,
            stop=self.stop,
        )
        return [
            Chore(lambda: TICK, self._keep_place),
            Chore(lambda: TICK, self._keep_settings),
            Chore(idle.every, idle.look),
        ]

    def _listen_to_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._restart_by_signal)
        loop.add_signal_handler(signal.SIGCHLD, self._recorder.executor.reap)

    def _restart_by_signal(self) -> None:
        try:
            self.restart()
        except ConfigInvalid as error:
            logger.error("not restarted: %s", error)  # noqa: TRY400 -- the line says it all

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        listener = self._door.open(service.handed_over(os.environ))
        self.server = self.options.make_server(self)
        self.server.listen(listener)
        self._upkeep.start()
        self._settler.start()
        self._announce()
        self.options.ready("ok")
        service.notify(os.environ, "READY=1", f"MAINPID={os.getpid()}", f"STATUS=serving {self.paths.state}")
        every = service.watchdog_seconds(os.environ)
        if every is not None:
            self._watchdog(loop, every)
        logger.info("ready version=%s pid=%d state=%s", __version__, os.getpid(), self.paths.state)

    def _announce(self) -> None:
        moment = self.engine.started_at
        about = {
            "socket": str(self.paths.socket), "pid": os.getpid(), "boot": moment.boot, "host": socket.gethostname(),
            "started_at": moment.wall.isoformat(), "version": __version__, "protocol": PROTOCOL,
        }  # fmt: skip
        try:
            listening.announce(self.paths, about)
        except OSError as error:
            logger.warning("%s cannot be written: %s", self.paths.daemon_json, error.strerror)

    def _watchdog(self, loop: asyncio.AbstractEventLoop, every: float) -> None:
        service.notify(os.environ, "WATCHDOG=1")
        loop.call_later(every, self._watchdog, loop, every)

    async def _close(self) -> None:
        await self.server.close_gracefully(LAST_ANSWERS)
        self._upkeep.close()
        self._settler.close()
        self._settings.close()
        self._orders.close()
        self._heartbeats.close()
        self._backoff.close()
        self._rollup.close()
        self._recorder.close()
        try:
            await self._store.close()
        except JobdError as error:
            logger.error("the database was not closed cleanly: %s", error)  # noqa: TRY400 -- the line says it all
        self.engine.reading.close()
        self._reader.close()

    async def _keep_place(self) -> None:
        if not instance.is_ours(self._lock, self.paths):
            logger.critical("the state directory %s was taken away; nothing can be kept any more", self.paths.state)
            self.stop()
            return
        listener = self._door.keep()
        if listener is not None:
            logger.warning("the socket file was gone; it was made again")
            self.server.listen(listener)
            self._announce()

    async def _keep_settings(self) -> None:
        self._settings.watch(busy=bool(self.engine.jobs))

    def _configure(self, config: Config) -> None:
        self.engine.config = config
        logging.getLogger().setLevel(config.daemon.log_level.upper())
        self.engine.wake()

    def _mend(self) -> None:
        self._orders.forget_groups()
        self._upkeep.mend()
        self._heartbeats.look()
        self._backoff.start()
        self._rollup.start()

    def _succeed(self) -> None:
        """Become the successor; if that cannot be, end as if asked to stop."""
        logger.info("restarting in place")
        service.hand_over(os.environ, self._door.listener, self._door.name)
        instance.hand_over_lock(self._lock, os.environ)
        with suppress(ValueError):
            instance.lower_descriptor_limit(self._limits["NOFILE"])
        try:
            os.execv(sys.executable, self.options.argv)  # noqa: S606 -- this very program
        except OSError as error:
            logger.critical("not restarted: %s: %s", sys.executable, error.strerror)


def run(options: Options) -> None:
    """Live one daemon's life. Raises DaemonAlreadyRunning, and what keeps the store from being opened."""
    paths = options.paths
    lock = instance.take_lock(paths, os.environ)
    for folder in (paths.run, paths.log):
        folder.mkdir(mode=0o700, exist_ok=True)
    instance.become_subreaper()
    limits = {"NOFILE": instance.raise_descriptor_limit()}
    sys.setswitchinterval(TURN)
    try:
        asyncio.run(_live(options, lock, limits))
    finally:
        os.close(lock)


async def _live(options: Options, lock: int, limits: Limits) -> None:
    await Life(options, lock, limits).live()
