"""Those who hear the same of the log in the same manner: what they are told is chosen and written once for all.

The rule: a subscriber is a cursor. One that keeps up is told together with the others; one whose client does not read
falls behind and goes on by itself where it was, until it has caught up. Nothing waits for it anywhere.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from jobd import wire
from jobd.core.subscriptions.coalescing import coalesce
from jobd.core.subscriptions.interest import Interest, Listening
from jobd.core.subscriptions.news import Present, Pulse
from jobd.core.subscriptions.rooms import Find
from jobd.daemon.telling.hub import MOST_AT_ONCE, RING, Hub, Line
from jobd.daemon.telling.members import Listener, Members
from jobd.daemon.telling.presence import Presence
from jobd.daemon.telling.signs import Signs

#: Lines, and bytes, that are written for one reader before it is looked whether it reads.
LINES_FOR_ONE, PORTION = 32, 1 << 12
#: Bytes that are written at once for all who keep up.
PORTION_OF_ALL = 1 << 15

_encode = msgspec.json.Encoder().encode


class Manner(NamedTuple):
    """How to tell: progress made short over so many seconds, a sign after so many of silence, and of who watches."""

    coalesce: float | None = None
    heartbeat: float | None = None
    presence: bool = False


class Subscriber:
    """One who hears a channel; `after` is the number of the last entry that was told, or was not wanted."""

    def __init__(self, channel: "Channel", listener: Listener, after: int) -> None:
        self.channel = channel
        self.listener = listener
        self.after = after
        #: Whether it must be told who is there.
        self.unaware = channel.manner.presence
        self.behind: asyncio.Future[None] | None = None
        #: When it was given a sign that it has to answer before the next one.
        self.signed_at: float | None = None

    async def listen(self) -> None:
        """Hear everything from now on, until cancelled. Raises NoLongerKept."""
        hub = self.channel.hub
        self.channel.enter(self)
        try:
            while True:
                await self._catch_up(hub)
                if self.after > hub.seq:
                    await hub.news()
                    continue
                self.behind = asyncio.get_running_loop().create_future()
                self.channel.join(self)
                await self.behind
        finally:
            self.channel.leave(self)

    async def _catch_up(self, hub: Hub) -> None:
        """Take what is there already, as the client reads it."""
        listening = self.channel.listening()
        most = LINES_FOR_ONE if self.channel.manner.coalesce is None else MOST_AT_ONCE
        while self.unaware or self.after < hub.seq:
            await self.listener.room()
            if self.unaware:
                self.unaware = False
                await self._tell([self.channel.present()])
                continue
            lines = hub.since(self.after, most)
            self.after = lines[-1].entry.seq
            items = self.channel.chosen([line for line in lines if listening.wants(line)])
            for portion in _portions(items):
                await self._tell(portion)
            del lines, items
            await asyncio.sleep(0)

    async def _tell(self, items: Sequence[bytes]) -> None:
        await self.listener.room()
        self.listener.tell(wire.encode_items(self.listener.call_id, items))


class Channel:
    """All who want to hear the same in the same manner. `closed` is called when nobody is left."""

    def __init__(
        self, hub: Hub, presence: Presence, find: Find, interest: Interest, manner: Manner, closed: Callable[[], None]
    ) -> None:
        self.hub = hub
        self.interest = interest
        self.manner = manner
        self._presence = presence
        self._find = find
        self._closed = closed
        #: All, whether they keep up or not; and those who do.
        self._everybody: set[Subscriber] = set()
        self._members = Members[Subscriber]()
        #: The number of the last entry that was looked at, and of the last one that all members were told.
        self._seen = self._told = self.hub.seq
        self._listening = self.listening()
        self._waiting: list[Line] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._signs = Signs(manner.heartbeat, self._give_sign)

    @property
    def keeping_up(self) -> int:
        """How many hear everything at once."""
        return len(self._members)

    def listening(self) -> Listening:
        """Begin to choose entries."""
        return Listening(self.interest, self._find)

    def present(self) -> bytes:
        """Say who is there."""
        return _encode(Present(self._presence.of(self.interest)))

    def chosen(self, lines: Sequence[Line]) -> list[bytes]:
        """Write the wanted lines, short if that is the manner."""
        if self.manner.coalesce is None:
            return [line.json for line in lines]
        by_seq = {line.entry.seq: line for line in lines}
        return [
            by_seq[entry.seq].json if by_seq[entry.seq].entry is entry else _encode(entry)
            for entry in coalesce(line.entry for line in lines)
        ]

    def enter(self, subscriber: Subscriber) -> None:
        """Count one in, who has yet to catch up."""
        self._everybody.add(subscriber)

    def join(self, subscriber: Subscriber) -> None:
        """Tell one who has caught up together with the others from now on."""
        self.news()
        self.flush()
        self._members.add(subscriber)
        self._signs.start()

    def leave(self, subscriber: Subscriber) -> None:
        """Count one out."""
        self._everybody.discard(subscriber)
        self._part(subscriber)
        if not self._everybody:
            self._closed()

    def news(self) -> None:
        """Look at what is new: what is important is told at once, with all before it."""
        new = self._new()
        if new is None:
            self._lose_all()
            return
        wanted = [line for line in new if self._listening.wants(line)]
        self._waiting += wanted
        window = self.manner.coalesce
        if window is None or not self._waiting or not all(line.entry.event.frequent for line in wanted):
            self.flush()
        elif self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(window, self.flush)

    def flush(self) -> None:
        """Tell all that waits."""
        self._stop_waiting()
        waiting, self._waiting = self._waiting, []
        items = self.chosen(waiting)
        if sum(map(len, items)) > PORTION_OF_ALL:
            self._lose_all()
            return
        told, self._told = self._told, self._seen
        self._push(items, told)

    def tell_presence(self, item: bytes) -> None:
        """Tell at once who came or went; whoever is behind is told who is there when it has caught up."""
        self._push([item], self._told)
        for subscriber in self._everybody.difference(self._members):
            subscriber.unaware = True

    def _new(self) -> list[Line] | None:
        """Give the lines that were not looked at yet; None if they are too many to be told together."""
        seq, lines = self.hub.seq, list[Line]()
        most = MOST_AT_ONCE if self.manner.coalesce is None else RING // 2
        if not self._members:
            self._seen = self._told = seq
            self._listening = self.listening()
            self._waiting.clear()
        elif seq - self._told > most:
            return None
        while self._seen < seq:
            lines += self.hub.since(self._seen)
            self._seen = lines[-1].entry.seq
        return lines

    def _push(self, items: Sequence[bytes], told: int) -> None:
        """Tell all members something; those who do not read fall behind, at the number they were told last."""
        if not items:
            return
        self._signs.break_silence()
        for subscriber in self._members.tell(items):
            self._lose(subscriber, told)

    def _lose_all(self) -> None:
        """Let everybody catch up by himself: there is too much to be told at once."""
        for subscriber in self._members:
            self._lose(subscriber, self._told)
        self._new()

    def _lose(self, subscriber: Subscriber, after: int) -> None:
        self._part(subscriber)
        subscriber.after, subscriber.signed_at = after, None
        if subscriber.behind is not None and not subscriber.behind.done():
            subscriber.behind.set_result(None)

    def _stop_waiting(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None

    def _part(self, subscriber: Subscriber) -> None:
        self._members.discard(subscriber)
        if not self._members:
            self._signs.stop()
            self._stop_waiting()

    def _give_sign(self, now: float) -> bool:
        """Say that the daemon is there, and hang up on those who said nothing since they were given a sign before."""
        for subscriber in self._members:
            if subscriber.signed_at is not None and subscriber.listener.heard < subscriber.signed_at:
                subscriber.listener.hang_up()
        self._push([_encode(Pulse(self._told))], self._told)
        for subscriber in self._members:
            subscriber.signed_at = now
        return bool(self._members)


def _portions(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut items into what may be written at a time."""
    start = size = 0
    for place, item in enumerate(items):
        if size and size + len(item) > PORTION:
            yield items[start:place]
            start, size = place, 0
        size += len(item)
    if start < len(items):
        yield items[start:]
