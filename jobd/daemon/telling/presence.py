"""Who watches: every client that follows, waits or subscribes, for as long as it does.

The rule: presence is of the moment. It is kept in memory, told to those who asked for it, and never in the log; a
client that is gone has left.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count

from jobd.core.events.catalogue import Actor
from jobd.core.subscriptions import news
from jobd.core.subscriptions.interest import Interest
from jobd.core.subscriptions.rooms import Sight
from jobd.core.views import Watcher
from jobd.daemon.system import peers


class Presence:
    """The watchers, each with what it is interested in. `sight` says how jobs are seen now."""

    def __init__(self, sight: Callable[[], Sight]) -> None:
        self._sight = sight
        self._numbers = count(1)
        self._present: dict[int, tuple[Watcher, Interest]] = {}
        #: Told of each who comes or goes, and of what interest.
        self.changed: Callable[[news.Joined | news.Left, Interest], None] = lambda _item, _interest: None

    @contextmanager
    def watching(self, caller: Actor, method: str, interest: Interest, since: datetime) -> Iterator[None]:
        """Count a client in while it watches."""
        number = next(self._numbers)
        watcher = Watcher(
            id=number, pid=caller.pid, uid=caller.uid, command=caller.command, tty=peers.look(caller.pid).terminal,
            method=method, rooms=tuple(room.text for room in interest.named) or ("all",), since=since,
        )  # fmt: skip
        self._present[number] = watcher, interest
        try:
            self.changed(news.joined(watcher), interest)
            yield
        finally:
            del self._present[number]
            self.changed(news.left(watcher), interest)

    def all(self) -> tuple[Watcher, ...]:
        """List everybody, in the order in which they came."""
        return tuple(watcher for watcher, _ in self._present.values())

    def of_job(self, job_id: int) -> tuple[Watcher, ...]:
        """List those who watch a job."""
        sight = self._sight()
        return tuple(who for who, interest in self._present.values() if interest.holds(job_id, sight))

    def of(self, interest: Interest) -> tuple[Watcher, ...]:
        """List those whose interest meets one."""
        return tuple(who for who, other in self._present.values() if self.meet(interest, other))

    def meet(self, one: Interest, other: Interest) -> bool:
        """Whether two interests have a job in common, as far as that is known without looking at all jobs.

        They do if either is everything, if they name the same room, or if a job that one names is of the other.
        """
        if one.everything or other.everything or {*one.named} & {*other.named}:
            return True
        sight = self._sight()
        return any(
            room.names is not None and whole.holds(room.names, sight)
            for part, whole in ((one, other), (other, one))
            for room in part.named
        )
