"""What is told survives the daemon, however long it was silent before it went away."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobd.commands.following import news
from jobd.core.errors import ConnectionLost, DaemonNotRunning, JobdError, ShuttingDown

Act = int | float | JobdError


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
                time.sleep(act)
            else:
                yield act


GONE, LOST, STOPPING = DaemonNotRunning(state="x"), ConnectionLost(), ShuttingDown()
AWAY = 0.3
SILENCE = 2 * AWAY


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(news, "AGAIN", 0.01)


def told(daemon: Any) -> list[int]:
    """List what is told."""
    return list(news.resumed(daemon, lambda: daemon, AWAY))


def waited(daemon: Any) -> list[int]:
    """Wait for an answer, which is the last that is told."""
    return [news.insist(lambda: list(daemon.stream(None))[-1], AWAY)]


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
def test_it_gives_up(hear: Callable[[Any], list[int]]) -> None:
    """At once if it was never there, and after a while if it does not come back."""
    with pytest.raises(DaemonNotRunning):
        hear(Daemon((GONE,)))
    absent = Daemon((1, LOST), *[(GONE,)] * 10_000)
    began = time.monotonic()
    with pytest.raises(DaemonNotRunning):
        hear(absent)
    assert time.monotonic() - began >= AWAY
