"""Many subscribers, some of which do not read, and a daemon that is killed: each has every event once, in order.

The usual size suits the whole suite. `SUBSCRIBERS=full pytest tests/test_subscribers.py` takes the size that is
promised: 1,000 subscribers, 50 of them stalled, 500 events a second for a minute, so that the stalled ones are hung up
on, and two kills.
"""

import json
import os
import re
import resource
import selectors
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.living import Living

PATIENCE = 300.0
CHUNK = 1 << 18
SEQ = re.compile(rb'"seq":(\d+)')


class Size(NamedTuple):
    """How many listen and do not read, how many events there are, and how often the daemon is killed meanwhile."""

    listening: int
    stalled: int
    events: int
    kills: int


USUAL, FULL = Size(60, 4, 1500, 1), Size(1000, 50, 30_000, 2)
SIZE = FULL if os.environ.get("SUBSCRIBERS") == "full" else USUAL
#: Events a second.
RATE = 500
MOST_UNANSWERED = 200
LINE = b'{"id":%d,"method":"progress","params":{"job":"1","report":{"done":%d,"total":1000000}}}\n'
#: Bytes that the daemon may grow by, whatever its subscribers do.
GROWTH = 30 << 20


class Subscriber:
    """A client that hears everything after the last number it has seen, again and again."""

    def __init__(self, path: str, selector: selectors.BaseSelector) -> None:
        self.seen = 0
        self.reads = True
        self._path = path
        self._selector = selector
        self._socket: socket.socket | None = None
        self._rest = b""

    def look_after(self) -> None:
        """Connect and subscribe, unless that is so already or nobody is there."""
        if self._socket is not None:
            return
        one = socket.socket(socket.AF_UNIX)
        try:
            one.connect(self._path)
            params = {"since_seq": self.seen}
            one.sendall(json.dumps({"id": 1, "method": "events.follow", "params": params}).encode() + b"\n")
        except OSError:
            one.close()
            return
        one.setblocking(False)
        self._socket, self._rest = one, b""
        if self.reads:
            self._selector.register(one, selectors.EVENT_READ, self)

    def wake_up(self) -> None:
        """Begin to read."""
        self.reads = True
        if self._socket is not None:
            self._selector.register(self._socket, selectors.EVENT_READ, self)

    def read(self) -> None:
        """Take what has come: the next numbers, each once; hang up with the daemon."""
        assert self._socket is not None
        try:
            chunk = self._socket.recv(CHUNK)
        except OSError:
            chunk = b""
        if not chunk:
            self.hang_up()
            return
        whole, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
        assert b'"error"' not in whole, whole
        numbers = [int(number) for number in SEQ.findall(whole + newline)]
        assert numbers == list(range(self.seen + 1, self.seen + 1 + len(numbers)))
        self.seen += len(numbers)

    def hang_up(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            if self.reads:
                self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None


class Producer(threading.Thread):
    """A client that reports so often, whatever becomes of the daemon, until so many reports were answered."""

    def __init__(self, path: str, wanted: int) -> None:
        super().__init__()
        self.taken = 0
        self.given_up = False
        self._path = path
        self._wanted = wanted

    def run(self) -> None:
        """Say again what a daemon that was killed has not answered."""
        while not (self.taken >= self._wanted or self.given_up):
            with socket.socket(socket.AF_UNIX) as one, suppress(OSError):
                one.settimeout(PATIENCE)
                one.connect(self._path)
                self._report(one)

    def _report(self, one: socket.socket) -> None:
        """Report in step with the clock. Raises OSError."""
        begun, before, sent = time.monotonic(), self.taken, self.taken
        while self.taken < self._wanted:
            due = before + int((time.monotonic() - begun) * RATE) + 1
            upto = min(due, self._wanted, self.taken + MOST_UNANSWERED)
            one.sendall(b"".join(LINE % (number, number) for number in range(sent, upto)))
            sent = max(sent, upto)
            if sent == self.taken:
                time.sleep(1 / RATE)
            elif chunk := one.recv(CHUNK):
                self.taken += chunk.count(b"\n")
            else:
                return


class Play:
    """The daemon, those who listen, and what its memory was."""

    def __init__(self, living: Living) -> None:
        self.living = living
        self._selector = selectors.DefaultSelector()
        path = str(living.state / "jobd.sock")
        self.subscribers = [Subscriber(path, self._selector) for _ in range(SIZE.listening)]
        for subscriber in self.subscribers[: SIZE.stalled]:
            subscriber.reads = False
        self.producer = Producer(path, SIZE.events)
        self.growth = 0
        self._begin()

    def _begin(self) -> None:
        self.living.start()
        self._base = self._memory()

    def _memory(self) -> int:
        resident = int(Path(f"/proc/{self.living.pid}/statm").read_text().split()[1])
        return resident * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """Kill the daemon, and start another; those who do not read begin anew not to."""
        self.living.kill()
        self._begin()
        for subscriber in self.subscribers:
            if not subscriber.reads:
                subscriber.hang_up()

    def turn(self) -> None:
        """Let everybody connect who is not, and read what has come."""
        for subscriber in self.subscribers:
            subscriber.look_after()
        for key, _ in self._selector.select(0.01):
            key.data.read()
        self.growth = max(self.growth, self._memory() - self._base)

    def until_all_have(self, last: int, subscribers: list[Subscriber]) -> None:
        """Wait until these have seen everything."""
        deadline = time.monotonic() + PATIENCE
        while any(subscriber.seen < last for subscriber in subscribers):
            assert time.monotonic() < deadline, [subscriber.seen for subscriber in subscribers]
            self.turn()

    def close(self) -> None:
        """Hang up."""
        self.producer.given_up = True
        self.producer.join()
        for subscriber in self.subscribers:
            subscriber.hang_up()
        self._selector.close()


@pytest.mark.timeout(600)
def test_everybody_has_everything_once_and_in_order(state_dir: Path) -> None:
    """Through kills, for those who do not read as well, and without the daemon growing by more than 30 MiB."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    living = Living(state_dir)
    play = Play(living)
    living.call("begin", name="busy")
    play.producer.start()
    killed = 0
    while play.producer.is_alive():
        play.turn()
        if killed < SIZE.kills and play.producer.taken > SIZE.events * (killed + 1) / (SIZE.kills + 1):
            play.kill()
            killed += 1
    assert killed == SIZE.kills
    last = living.call("events", limit=1)[0]["seq"]
    assert last > play.producer.taken
    stalled, good = play.subscribers[: SIZE.stalled], play.subscribers[SIZE.stalled :]
    play.until_all_have(last, good)
    assert {subscriber.seen for subscriber in stalled} == {0}
    for subscriber in stalled:
        subscriber.wake_up()
    play.until_all_have(last, stalled)
    play.close()
    assert play.growth < GROWTH
    living.stop()
