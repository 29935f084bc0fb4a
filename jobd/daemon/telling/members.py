"""Those who keep up, and the one loop in which all are told: each step in it is taken for each of thousands of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from jobd import wire


class Listener(Protocol):
    """Where one client is told a stream."""

    @property
    def call_id(self) -> bytes:
        """How the client names the stream, as JSON."""

    @property
    def heard(self) -> float:
        """When the client said something last, by the clock of the loop."""

    def tell(self, lines: bytes) -> None:
        """Write lines of the protocol, made by `wire.encode_items`."""

    def offer(self, lines: bytes) -> bool:
        """Write lines, unless the client has something to read already: then say False."""

    async def room(self) -> None:
        """Wait until the client has read."""

    def hang_up(self) -> None:
        """Close the connection."""


class Listening(Protocol):
    """One who has a listener."""

    listener: Listener


Member = TypeVar("Member", bound=Listening)


class Members(Generic[Member]):
    """Members by the name of their stream, so that those who call it the same are written the same bytes."""

    def __init__(self) -> None:
        self._offers: dict[bytes, dict[Member, Callable[[bytes], bool]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._offers.values()))

    def __iter__(self) -> Iterator[Member]:
        return iter([member for several in self._offers.values() for member in several])

    def add(self, member: Member) -> None:
        """Count one in."""
        self._offers.setdefault(member.listener.call_id, {})[member] = member.listener.offer

    def discard(self, member: Member) -> None:
        """Count one out, if it is in."""
        offers = self._offers.get(member.listener.call_id, {})
        offers.pop(member, None)
        if not offers:
            self._offers.pop(member.listener.call_id, None)

    def tell(self, items: Sequence[bytes]) -> list[Member]:
        """Tell all, and give those who did not take it because they do not read."""
        stalled = list[Member]()
        for call_id, offers in self._offers.items():
            lines = wire.encode_items(call_id, items)
            for member, offer in offers.items():
                if not offer(lines):
                    stalled.append(member)
        return stalled
