"""The socket seen from the shell: ask the daemon and have its answer, or what it tells bit by bit; start it if need be.

Blocking, without asyncio. Whatever changes something carries an id of its own, so that it can be repeated safely when
the daemon goes away in the middle; whatever only reads is answered from the saved state if nobody serves.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from jobd import __version__, wire
from jobd.client import environment
from jobd.client.connection import Connection, connect, pause, told
from jobd.config import Paths
from jobd.core.errors import ConnectionLost, DaemonDidNotStart, DaemonNotRunning, NoAnswer, OutcomeUnknown, ShuttingDown

if TYPE_CHECKING:
    from jobd.client.launch import Launcher

#: Seconds in which a daemon must be reached, or reached again after it went away; and in which it must have started,
#: which takes a moment on a machine that is busy with many that want it at once.
BUDGET, STARTING = 5.0, 10.0
#: Seconds a running daemon may take for an answer, unless it is to an Action that `waits`.
PATIENCE = 60.0
#: Seconds after which a person is told that one waits.
SOON = 5.0
#: A sign of life may come so many times as late as it should.
LATE = 3

Result = TypeVar("Result")
Asked = TypeVar("Asked", bound=wire.Request[Any])
SLOW = "the daemon (pid {pid}) has not answered for {seconds:g} s; waiting for up to {more:g} s more (its log: {log})"
SKEW = "the daemon runs jobd {theirs}, this is {ours} (restart it, jobs go on: jobd daemon restart)"


class Client:
    """Talk to the daemon of a state directory.

    `start` is the command line of `daemon run`, used if `autostart` allows; `notice` tells the user something in one
    line; `offline` answers a Read when no daemon runs.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        autostart: bool,
        notice: Callable[[str], None],
        offline: Callable[[wire.Read[Any]], Any],
        start: Sequence[str],
        environ: Mapping[str, str],
    ) -> None:
        self._paths = paths
        self._autostart = autostart
        self._notice = notice
        self._offline = offline
        self._start = start
        self._environ = environ
        self._connection: Connection | None = None
        self._compared = False

    def call(self, request: wire.Request[Result], *, start: bool | None = None) -> Result:
        """Ask and wait for the answer.

        `start` says whether to start a daemon that does not run; unless it is said, a Read does without one, and all
        others do as the user wishes.
        Raises what the daemon raises, and Unavailable in its many forms.
        """
        request = self._completed(request)
        deadline = None
        while True:
            try:
                return self._ask(request, start=start)
            except DaemonNotRunning:
                if not isinstance(request, wire.Read):
                    raise
                answer: Result = self._offline(request)
                return answer
            except (ConnectionLost, ShuttingDown):
                self.close()
                deadline = deadline or time.monotonic() + BUDGET
                if isinstance(request, wire.Action) or time.monotonic() > deadline:
                    raise
            pause()

    def stream(self, request: wire.Stream[Result], *, start: bool | None = None) -> Iterator[Result]:
        """Ask and give each item as it comes; closing the iterator ends the stream.

        A sign of life is answered. Raises what the daemon raises, and ConnectionLost if it goes away: the caller knows
        where to go on.
        """
        from jobd.core.subscriptions.news import Pulse

        connection = self._reach(start=self._autostart if start is None else start)
        silence = request.longest_silence if isinstance(request, wire.Feed) else None
        try:
            number = connection.send(self._completed(request))
            while item := connection.receive(number, LATE * silence if silence else None).params:
                told = wire.decode_result(type(request), item.item)
                if isinstance(told, Pulse):
                    connection.ping()
                yield told
        except GeneratorExit:
            with suppress(ConnectionLost):
                connection.cancel(number)
            raise
        finally:
            connection.close()

    def close(self) -> None:
        """Hang up; the next call connects again."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _completed(self, request: Asked) -> Asked:
        """Add what a request does not say: an id of its own if it changes something, and the time zone of here."""
        lacking: dict[str, str] = {}
        if isinstance(request, wire.Mutation) and request.request_id is None:
            lacking["request_id"] = os.urandom(16).hex()
        if getattr(request, "zone", None) == "" and (zone := environment.zone(self._environ)):
            lacking["zone"] = zone
        return msgspec.structs.replace(request, **lacking) if lacking else request

    def _ask(self, request: wire.Request[Result], *, start: bool | None) -> Result:
        if start is None:
            start = self._autostart and not isinstance(request, wire.Read)
        connection = self._connection = self._connection or self._reach(start=start)
        try:
            number = connection.send(request)
            answer = self._answer(connection, request, number)
        except KeyboardInterrupt:
            self.close()
            raise
        return wire.decode_result(type(request), b"null" if answer.result is msgspec.UNSET else answer.result)

    def _answer(self, connection: Connection, request: wire.Request[Any], number: int) -> wire.Message:
        """Wait for the answer, as long as that makes sense. Raises OutcomeUnknown for a change that may come yet."""
        if isinstance(request, wire.Action) and request.waits:
            return connection.receive(number)
        if connection.silent(SOON):
            self._say_slow(connection)
        try:
            return connection.receive(number, PATIENCE - SOON)
        except NoAnswer as error:
            self.close()
            if isinstance(request, wire.Mutation):
                raise OutcomeUnknown(problem=f"{error.message}, and may do it yet") from None
            raise

    def _say_slow(self, connection: Connection) -> None:
        pid, log = connection.peer.pid, os.fspath(self._paths.daemon_log)
        self._notice(SLOW.format(pid=pid, seconds=SOON, more=PATIENCE - SOON, log=log))

    def _reach(self, *, start: bool) -> Connection:
        """Connect, having started the daemon if it must be. Raises DaemonNotRunning, DaemonDidNotStart and others."""
        deadline = time.monotonic() + BUDGET
        connection = connect(self._paths, deadline)
        if connection is None and not start:
            raise DaemonNotRunning(state=os.fspath(self._paths.root))
        if connection is None:
            connection = self._launched(time.monotonic() + STARTING)
        self._compare()
        return connection

    def _launched(self, deadline: float) -> Connection:
        """Connect to a daemon that is being started: by the one client that holds the start lock, or by another."""
        from jobd.client.launch import Launcher

        launcher = Launcher(self._paths, self._start, self._environ)
        while True:
            lock = launcher.lock()
            try:
                connection = connect(self._paths, deadline)
                if connection is None and lock is not None:
                    connection = self._after(launcher, deadline)
            finally:
                if lock is not None:
                    os.close(lock)
            if connection is not None:
                return connection
            if time.monotonic() > deadline:
                raise DaemonDidNotStart(problem="it was not ready in time", log=launcher.log)
            pause()

    def _after(self, launcher: "Launcher", deadline: float) -> Connection | None:
        """Connect after a start, or after a vain one if a daemon that was started elsewhere serves meanwhile."""
        try:
            launcher.launch(deadline)
        except DaemonDidNotStart:
            connection = connect(self._paths, deadline)
            if connection is None:
                raise
            return connection
        return connect(self._paths, deadline)

    def _compare(self) -> None:
        """Say once if the daemon is of another version; both go on."""
        theirs = None if self._compared else told(self._paths).get("version")
        self._compared = True
        if theirs not in (None, __version__):
            self._notice(SKEW.format(theirs=theirs, ours=__version__))
