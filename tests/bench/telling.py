"""Telling many what has happened: through the daemon's channels and its server, against a loop of sends in C.

A program in C reads what either of them sends, on the other processor and a thousand times a second at most: waking it
up would cost more than sending, and the slower a sender is, the more often it would have to.
"""

import asyncio
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from jobd import wire
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Entry
from jobd.core.model import Moment
from jobd.core.subscriptions.interest import ALL
from jobd.core.subscriptions.news import News
from jobd.core.subscriptions.rooms import Sight
from jobd.core.work.progress import Report
from jobd.daemon.telling.channel import Manner
from jobd.daemon.telling.channels import Channels
from jobd.daemon.telling.hub import Hub, Line
from jobd.daemon.telling.presence import Presence
from jobd.server.clients import Clients, Limits
from jobd.server.connection import Connection
from jobd.server.dispatch import Dispatcher
from tests.bench.measure import Figure, Missing, in_turn, row
from tests.making import START

#: Lines to each subscriber in a round, and those that are told at a time where they are gathered.
LINES, GATHERED = 500, 50
ROUNDS = 3

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int drain(long left, int count, char **fds) {
    static char buffer[1 << 16];
    struct epoll_event event = {.events = EPOLLIN}, ready[64];
    int poll = epoll_create1(0);
    for (int at = 0; at < count; at++) {
        event.data.fd = atoi(fds[at]);
        epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
    }
    for (int many; left > 0; many < 64 && usleep(1000)) {
        many = epoll_wait(poll, ready, 64, -1);
        for (int at = 0; at < many; at++) {
            ssize_t got = read(ready[at].data.fd, buffer, sizeof buffer);
            if (got <= 0) return 1;
            left -= got;
        }
    }
    return puts("all") < 0;
}

static int tell(int lines, int size, int count, char **fds) {
    char *line = malloc(size);
    int *numbers = malloc(count * sizeof *numbers);
    memset(line, 'x', size);
    for (int at = 0; at < count; at++) numbers[at] = atoi(fds[at]);
    for (int told = 0; told < lines; told++)
        for (int at = 0; at < count; at++)
            if (send(numbers[at], line, size, 0) != size) return 1;
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 2 && !strcmp(argv[1], "drain")) return drain(atol(argv[2]), argc - 3, argv + 3);
    return argc > 3 ? tell(atoi(argv[1]), atoi(argv[2]), argc - 3, argv + 3) : 2;
}
"""


class Hear(wire.Feed[News], frozen=True):
    """Hear everything from now on."""

    method: ClassVar = "hear"

    async def tell(self, engine: Any, caller: Actor, listener: Any) -> None:
        """Join the others."""
        await engine.channels.listen(ALL, Manner(), listener, engine.hub.seq)


class Log:
    """A log of which nothing older is wanted."""

    def entries(self, after: int, limit: int, job: int | None = None) -> list[Entry]:
        """Read nothing."""
        raise AssertionError("a subscriber fell behind what is in memory")

    def first_seq(self) -> int:
        """Give the number of the first line."""
        return 0

    def before(self, _: Entry) -> None:
        """Nobody asks what a job was."""

    def last_seq(self) -> int:
        """Give the number of the last line."""
        return 0


class Engine:
    """What a server needs of an engine to tell a log."""

    def __init__(self) -> None:
        self.hub = Hub(Log())
        self.channels = Channels(
            self.hub, Presence(lambda: Sight(lambda _: None, Moment(START, 0, ""))), lambda _: None
        )

    async def feed(self, request: Hear, caller: Actor, listener: Any) -> None:
        """Let a client hear."""
        await request.tell(self, caller, listener)


def lines(first: int, count: int) -> list[Entry]:
    """Make lines of the log as a busy daemon writes them."""
    said = happened.Progressed(report=Report(done=3.0, total=10.0), elapsed=12.5, offset=400)
    return [Entry(seq, START + timedelta(seconds=seq), 7, said) for seq in range(first, first + count)]


#: Bytes of such a line as it is sent.
SIZE = len(wire.encode_item(1, Line(lines(LINES // 2, 1)[0]).json))


@contextmanager
def program() -> Iterator[Path]:
    """Compile the program. Raises Missing without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Missing("gcc")
    with TemporaryDirectory(prefix="jobd-bench-", dir="/tmp") as folder:
        path = Path(folder, "tell")
        path.with_suffix(".c").write_text(PROGRAM)
        subprocess.run([compiler, "-O2", "-o", path, path.with_suffix(".c")], check=True)
        yield path


class Readers:
    """Sockets of which the other ends are read in C, until all that is expected has come."""

    def __init__(self, program: Path, count: int, expected: int, request: bytes = b"") -> None:
        pairs = [socket.socketpair() for _ in range(count)]
        self.sockets = [ours for ours, _ in pairs]
        numbers = [theirs.fileno() for _, theirs in pairs]
        for _, theirs in pairs:
            theirs.sendall(request)
        command = [program, "drain", str(expected), *map(str, numbers)]
        self.process = subprocess.Popen(command, pass_fds=numbers, stdout=subprocess.PIPE)
        for _, theirs in pairs:
            theirs.close()

    def close(self) -> None:
        """Wait until everything was read."""
        assert self.process.wait() == 0
        for one in self.sockets:
            one.close()


def in_c(program: Path, count: int) -> float:
    """Send every line to every socket; give lines a second."""
    readers = Readers(program, count, LINES * SIZE * count)
    numbers = [one.fileno() for one in readers.sockets]
    begun = time.perf_counter()
    subprocess.run([program, str(LINES), str(SIZE), *map(str, numbers)], pass_fds=numbers, check=True)
    readers.close()
    return LINES * count / (time.perf_counter() - begun)


@asynccontextmanager
async def serving(sockets: Sequence[socket.socket]) -> AsyncIterator[Engine]:
    """Serve clients that hear."""
    engine, loop = Engine(), asyncio.get_running_loop()
    clients = Clients(Dispatcher(engine, lambda _: Hear, "nowhere"), Limits())  # type: ignore[arg-type]
    for one in sockets:
        await loop.connect_accepted_socket(lambda: Connection(clients, Actor(0, 1)), one)
    while engine.channels.keeping_up < len(sockets):  # noqa: ASYNC110 -- nobody tells when all are there
        await asyncio.sleep(0)
    yield engine
    for connection in list(clients.open):
        connection.abort()
    await clients.quiet(10)


def by_jobd(program: Path, count: int, gathered: int) -> float:
    """Publish the lines, so many at a time, and wait until all are read; give lines a second."""
    published = [lines(first, gathered) for first in range(1, LINES + 1, gathered)]
    expected = sum(len(wire.encode_item(1, Line(line).json)) for piece in published for line in piece)
    readers = Readers(program, count, expected * count, b'{"id":1,"method":"hear"}\n')

    async def run() -> float:
        async with serving(readers.sockets) as engine:
            begun = time.perf_counter()
            for piece in published:
                engine.hub.publish(piece)
                engine.hub.tell()
                await asyncio.sleep(0)
            while readers.process.poll() is None:  # noqa: ASYNC110 -- the loop has nothing else to do
                await asyncio.sleep(0.001)
            return LINES * count / (time.perf_counter() - begun)

    try:
        return asyncio.run(run())
    finally:
        readers.close()


@row("P14", "events to many subscribers, against a loop of sends in C")
def telling() -> list[Figure]:
    """Tell one by one, and gathered."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    figures = []
    with program() as path:
        for count in (100, 1000):
            for gathered, goal in ((1, 0.5), (GATHERED, 5.0)):
                ours, theirs = in_turn(
                    lambda: by_jobd(path, count, gathered),  # noqa: B023
                    lambda: in_c(path, count),  # noqa: B023
                    ROUNDS,
                )
                note = f"{count} subscribers, {'one by one' if gathered == 1 else f'{gathered} at a time'}"
                figures.append(Figure(ours, theirs, "lines/s", goal, more_is_better=True, note=note))
    return figures
