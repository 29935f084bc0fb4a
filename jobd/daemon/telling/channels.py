"""All channels: who wants to hear what another one hears already, in the same manner, hears it together with him."""

from collections.abc import Coroutine
from typing import Any

import msgspec

from jobd.core.subscriptions.interest import Interest
from jobd.core.subscriptions.news import Joined, Left
from jobd.core.subscriptions.rooms import Find
from jobd.daemon.telling.channel import Channel, Manner, Subscriber
from jobd.daemon.telling.hub import Hub
from jobd.daemon.telling.members import Listener
from jobd.daemon.telling.presence import Presence

_encode = msgspec.json.Encoder().encode


class Channels:
    """The channels that somebody hears. `find` finds a job by its id."""

    def __init__(self, hub: Hub, presence: Presence, find: Find) -> None:
        self._hub = hub
        self._presence = presence
        self._find = find
        self._open: dict[tuple[Interest, Manner], Channel] = {}
        presence.changed = self._tell_presence

    @property
    def keeping_up(self) -> int:
        """How many have heard all there is."""
        return sum(channel.keeping_up for channel in self._open.values())

    def listen(self, interest: Interest, manner: Manner, listener: Listener, after: int) -> Coroutine[Any, Any, None]:
        """Tell a client all entries of its interest after a number, for ever. Raises NoLongerKept."""
        channel = self._open.get((interest, manner)) or self._begin(interest, manner)
        return Subscriber(channel, listener, after).listen()

    def _begin(self, interest: Interest, manner: Manner) -> Channel:
        def close() -> None:
            self._hub.channels.discard(channel)
            del self._open[interest, manner]

        channel = Channel(self._hub, self._presence, self._find, interest, manner, close)
        self._hub.channels.add(channel)
        self._open[interest, manner] = channel
        return channel

    def _tell_presence(self, item: Joined | Left, interest: Interest) -> None:
        """Tell those who asked for it, and whose interest it meets, who came or went."""
        text = _encode(item)
        for channel in list(self._open.values()):
            if channel.manner.presence and self._presence.meet(channel.interest, interest):
                channel.tell_presence(text)
