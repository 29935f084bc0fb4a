"""What is told survives the daemon, however long it was silent before it went away."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobd.commands.following import news
from jobd.core.errors import ConnectionLost, DaemonNotRunning, JobdError, ShuttingDown

Act = int | float | JobdError


class Time:
    """Time in which nothing passes but what is slept."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Give the seconds that were slept."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.now += seconds


class Daemon:
    """What a client meets, one attempt after the other: items, silence in seconds, and the error that ends it."""

    def __init__(self, *attempts: tuple[Act, ...]) -> None:
        self.attempts = list(attempts)

    def stream(self, _: object) -> Iterator[int]:
        """Play the next attempt."""
        for act in self.attempts.pop(0):
            if isinstance(act, JobdError):
                raise act
            if isinstance(act, float):
                news.time.sleep(act)
            else:
                yield act


GONE, LOST, STOPPING = DaemonNotRunning(state="x"), ConnectionLost(), ShuttingDown()
SILENCE = 2 * news.AWAY


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Give the time that passes here."""
    time = Time()
    monkeypatch.setattr(news, "time", time)
    return time


def told(daemon: Any) -> list[int]:
    """List what is told."""
    return list(news.resumed(daemon, lambda: daemon))


def waited(daemon: Any) -> list[int]:
    """Wait for an answer, which is the last that is told."""
    return [news.insist(lambda: list(daemon.stream(None))[-1])]


@pytest.mark.parametrize(
    "attempts",
    [
        ((1, SILENCE, LOST), (2,)),
        ((SILENCE, LOST), (1, 2)),
        ((LOST,), (1, 2)),
        ((1, STOPPING), (STOPPING,), (GONE,), (2,)),
        ((1, LOST), (SILENCE, STOPPING), (GONE,), (SILENCE, LOST), (GONE,), (2,)),
    ],
)
@pytest.mark.parametrize("hear", [told, waited])
def test_it_goes_on(hear: Callable[[Any], list[int]], attempts: tuple[tuple[Act, ...], ...]) -> None:
    """The time in which it is waited for begins when it goes away, not with what was told last."""
    daemon = Daemon(*attempts)
    assert hear(daemon) in ([1, 2], [2])
    assert daemon.attempts == []


@pytest.mark.parametrize("hear", [told, waited])
def test_it_gives_up(hear: Callable[[Any], list[int]], time: Time) -> None:
    """At once if it was never there, and after a while if it does not come back."""
    with pytest.raises(DaemonNotRunning):
        hear(Daemon((GONE,)))
    assert time.now == 0
    absent = Daemon((1, LOST), *[(GONE,)] * 10_000)
    with pytest.raises(DaemonNotRunning):
        hear(absent)
    assert news.AWAY < time.now < news.AWAY + 3 * news.AGAIN
