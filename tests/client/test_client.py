"""What the client promises whoever calls it: an answer, one change, or one clear error."""

import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from enum import Enum, EnumMeta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from jobd import __version__, wire
from jobd import client as client_room
from jobd.client import Client
from jobd.config import Paths
from jobd.core.errors import (
    BadParameters,
    ConnectionLost,
    DaemonNotRunning,
    JobNotFound,
    LineTooLong,
    NoAnswer,
    OutcomeUnknown,
    ShuttingDown,
    Unavailable,
)
from jobd.core.subscriptions.news import News, Pulse
from tests.client.serving import Line, Serving
from tests.waiting import until


class Look(wire.Read[int], frozen=True):
    """Read a number."""

    method: ClassVar = "look"


class Change(wire.Mutation[int], frozen=True):
    """Change something."""

    method: ClassVar = "change"

    text: str = ""


class Act(wire.Action[int], frozen=True):
    """Do something."""

    method: ClassVar = "act"


class Watchful(EnumMeta):
    """Interrupts msgspec when it looks for something of its own, as a person may do at any time."""

    def __getattr__(cls, name: str) -> Any:
        """Interrupt."""
        if "msgspec" in name:
            signal.raise_signal(signal.SIGINT)
        raise AttributeError(name)


class Answer(Enum, metaclass=Watchful):
    """What is answered."""

    YES = "yes"


class Ask(wire.Read[Answer], frozen=True):
    """Ask for one of some words."""

    method: ClassVar = "ask"


class Do(wire.Action[int], frozen=True):
    """Do something that is not to be repeated."""

    method: ClassVar = "do"


class Tell(wire.Stream[int], frozen=True):
    """Tell numbers."""

    method: ClassVar = "tell"

    def answer(self, engine: Any, caller: Any) -> AsyncIterator[int]:
        """Never asked: the server of these tests is of a few lines."""
        raise AssertionError


class Hear(wire.Feed[News], frozen=True):
    """Hear signs of life, a tenth of a second apart if it is to be so often."""

    method: ClassVar = "hear"
    often: bool = False

    @property
    def longest_silence(self) -> float | None:
        """Seconds between two signs."""
        return 0.1 if self.often else 1000.0


class Talk:
    """A client of a state directory, and what it said to the user."""

    def __init__(self, state: Path) -> None:
        self.notices: list[str] = []
        self.client = Client(
            Paths(state),
            autostart=False,
            notice=self.notices.append,
            offline=lambda request: f"saved {request.method}",
            start=["/bin/false"],
            environ=dict(os.environ),
        )


@pytest.fixture
def talk(state_dir: Path) -> Iterator[Talk]:
    """Give a client that does not start anything."""
    talk = Talk(state_dir)
    yield talk
    talk.client.close()


def test_a_call_is_answered(state_dir: Path, talk: Talk) -> None:
    """One connection serves several calls, each with its answer in the type that the request declares."""
    with Serving(state_dir, lambda line: [line.answer(7), line.answer(8)]):
        assert [talk.client.call(Look()), talk.client.call(Change(text="x"))] == [7, 8]


def test_an_interrupt_is_heard_at_any_time(state_dir: Path, talk: Talk) -> None:
    """Also while it is looked up how an answer is read, where what is raised would count as a missing attribute."""

    def answer(line: Line) -> None:
        with suppress(ConnectionError):
            line.answer("yes")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Serving(state_dir, answer), pytest.raises(KeyboardInterrupt):
            talk.client.call(Ask())
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_change_is_repeated_with_its_id(state_dir: Path, talk: Talk) -> None:
    """A daemon that goes away in the middle is asked again, and can tell that it is the same request."""
    heard: list[dict[str, Any]] = []
    serve: list[Callable[[Line], object]] = [
        lambda line: heard.append(line.hear()),
        lambda line: heard.append(line.refuse("SHUTTING_DOWN")),
        lambda line: heard.append(line.answer(7)),
    ]
    with Serving(state_dir, *serve):
        assert talk.client.call(Change()) == 7
    identities = {request["params"]["request_id"] for request in heard}
    assert (len(heard), len(identities)) == (3, 1)
    assert len(identities.pop()) == 32


def test_two_changes_have_two_ids(state_dir: Path, talk: Talk) -> None:
    """A second call is another change; an id that the caller chose is left as it is."""
    heard: list[dict[str, Any]] = []
    with Serving(state_dir, lambda line: heard.extend(line.answer(1) for _ in range(3))):
        for request in (Change(), Change(), Change(request_id="mine")):
            talk.client.call(request)
    first, second, third = (request["params"]["request_id"] for request in heard)
    assert first != second
    assert third == "mine"


def test_an_action_is_not_repeated(state_dir: Path, talk: Talk) -> None:
    """What cannot be told from a second wish is left to the caller."""
    with Serving(state_dir, lambda line: line.hear()), pytest.raises(ConnectionLost):
        talk.client.call(Do())


def test_what_does_not_come_back_is_said(state_dir: Path, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that keeps hanging up is given up after a while."""
    monkeypatch.setattr(client_room, "BUDGET", 0.1)
    serve = [lambda line: line.refuse("SHUTTING_DOWN")] * 200
    with Serving(state_dir, *serve), pytest.raises(ShuttingDown):
        talk.client.call(Change())


def test_an_error_is_raised_as_it_was(state_dir: Path, talk: Talk) -> None:
    """The daemon's error arrives as the same class with the same words."""
    error = wire.encode_error(1, JobNotFound(job=9, newest=4))

    def serve(line: Line) -> None:
        line.hear()
        line.say(error)

    with Serving(state_dir, serve), pytest.raises(JobNotFound, match="no job 9; the newest is 4"):
        talk.client.call(Look())


@pytest.mark.parametrize("rubbish", [b"hello\n", b"\xff\n", b"[]\n", b'{"id":1,"result":"word"}\n'])
def test_rubbish_is_no_answer(state_dir: Path, talk: Talk, rubbish: bytes) -> None:
    """Whatever else listens there, the user is told in words."""

    def serve(line: Line) -> None:
        line.hear()
        line.say(rubbish)

    with Serving(state_dir, serve), pytest.raises(Unavailable, match=r"not available: .*(no jobd daemon|unknown)"):
        talk.client.call(Look())


def test_a_daemon_that_hangs_is_given_up(state_dir: Path, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped daemon does not stop its clients for ever; a notice before, and the message, name its process."""
    monkeypatch.setattr(client_room, "SOON", 0.02)
    monkeypatch.setattr(client_room, "PATIENCE", 0.05)

    def serve(line: Line) -> None:
        line.hear()
        line.hear()

    with Serving(state_dir, serve):
        with pytest.raises(Unavailable, match=f"pid {os.getpid()}"):
            talk.client.call(Look())
        talk.client.close()
    (notice,) = talk.notices
    assert f"pid {os.getpid()}" in notice
    assert "not answered for 0.02 s; waiting for up to 0.03 s more" in notice


def test_a_change_may_be_made_after_all(state_dir: Path, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that a hanging daemon was sent nobody knows; who takes it for not made would make it twice."""
    monkeypatch.setattr(client_room, "SOON", 0.01)
    monkeypatch.setattr(client_room, "PATIENCE", 0.02)
    with Serving(state_dir, Line.hear_to_the_end):
        with pytest.raises(OutcomeUnknown, match="does not answer, and may do it yet"):
            talk.client.call(Change())
        talk.client.close()


@pytest.mark.parametrize("waits", [True, False])
def test_what_takes_its_time_is_waited_for(
    state_dir: Path, talk: Talk, monkeypatch: pytest.MonkeyPatch, *, waits: bool
) -> None:
    """Whatever else the daemon is to do or to know, it answers soon, or it hangs."""
    monkeypatch.setattr(client_room, "SOON", 0.01)
    monkeypatch.setattr(client_room, "PATIENCE", 0.02)
    monkeypatch.setattr(Act, "waits", waits)
    over = threading.Event()

    def serve(line: Line) -> None:
        request = line.hear()
        assert over.wait(20)
        if not waits:
            return
        line.say({"jsonrpc": "2.0", "id": request["id"], "result": 7})

    with Serving(state_dir, serve):
        if waits:
            threading.Timer(0.1, over.set).start()
            assert talk.client.call(Act()) == 7
        else:
            with pytest.raises(NoAnswer):
                talk.client.call(Act())
            over.set()
        talk.client.close()


def test_a_late_answer_is_an_answer(state_dir: Path, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person is told that it takes long, and has it when it comes."""
    monkeypatch.setattr(client_room, "SOON", 0.01)

    def serve(line: Line) -> None:
        request = line.hear()
        until(lambda: talk.notices, what="a notice")
        line.say({"jsonrpc": "2.0", "id": request["id"], "result": 7})

    with Serving(state_dir, serve):
        assert talk.client.call(Look()) == 7
    assert len(talk.notices) == 1


@pytest.mark.parametrize(("text", "error"), [("x" * wire.LONGEST_LINE, LineTooLong), ("\udcff", BadParameters)])
def test_what_cannot_be_sent_is_refused_here(state_dir: Path, talk: Talk, text: str, error: type[Exception]) -> None:
    """A line that no daemon would take is not sent, and the connection is as good as before."""
    with Serving(state_dir, lambda line: line.answer(1)):
        with pytest.raises(error):
            talk.client.call(Change(text=text))
        assert talk.client.call(Look()) == 1


def test_reading_needs_no_daemon(talk: Talk) -> None:
    """What only reads is answered from the saved state, what changes something is not, and nothing is started."""
    assert talk.client.call(Look()) == "saved look"  # type: ignore[comparison-overlap]
    for request in (Change(), Do()):
        with pytest.raises(DaemonNotRunning):
            talk.client.call(request)
    with pytest.raises(DaemonNotRunning):
        next(talk.client.stream(Tell()))


def test_a_stream_gives_items_to_its_end(state_dir: Path, talk: Talk) -> None:
    """Items come in order; the response ends the stream."""

    def serve(line: Line) -> None:
        number = line.hear()["id"]
        for item in (1, 2, 3):
            line.say(wire.encode_item(number, str(item).encode()))
        line.say({"jsonrpc": "2.0", "id": number, "result": None})

    with Serving(state_dir, serve):
        assert list(talk.client.stream(Tell())) == [1, 2, 3]


def test_a_stream_is_canceled_when_it_is_closed(state_dir: Path, talk: Talk) -> None:
    """Whoever has seen enough says so to the daemon."""
    heard: list[dict[str, Any]] = []

    def serve(line: Line) -> None:
        number = line.hear()["id"]
        line.say(wire.encode_item(number, b"1"))
        heard.append(line.hear())

    with Serving(state_dir, serve):
        stream = talk.client.stream(Tell())
        assert next(stream) == 1
        stream.close()  # type: ignore[attr-defined]
    assert heard == [{"jsonrpc": "2.0", "method": "$/cancel", "params": {"request": 1}}]


def test_signs_of_life_are_answered(state_dir: Path, talk: Talk) -> None:
    """The daemon gives one, the client gives one."""
    heard: list[dict[str, Any]] = []

    def serve(line: Line) -> None:
        number = line.hear()["id"]
        line.say(wire.encode_item(number, b'{"type":"heartbeat","seq":7}'))
        heard.append(line.hear())
        line.say({"jsonrpc": "2.0", "id": number, "result": None})

    with Serving(state_dir, serve):
        assert list(talk.client.stream(Hear())) == [Pulse(7)]
    assert heard == [{"jsonrpc": "2.0", "method": "$/ping", "params": {}}]


def test_a_daemon_that_gives_no_sign_of_life_is_left(state_dir: Path, talk: Talk) -> None:
    """Whoever asked for signs does not wait for ever where none comes."""
    with Serving(state_dir, Line.hear_to_the_end), pytest.raises(Unavailable, match="does not answer"):
        next(talk.client.stream(Hear(often=True)))


def test_a_stream_that_breaks_is_told(state_dir: Path, talk: Talk) -> None:
    """The caller knows where it stood and goes on from there; nothing is repeated behind its back."""

    def serve(line: Line) -> None:
        line.say(wire.encode_item(line.hear()["id"], b"1"))

    with Serving(state_dir, serve):
        stream = talk.client.stream(Tell())
        assert next(stream) == 1
        with pytest.raises(ConnectionLost):
            next(stream)


@pytest.mark.parametrize(("version", "count"), [("99.0", 1), (__version__, 0)])
def test_another_version_is_said_once(state_dir: Path, talk: Talk, version: str, count: int) -> None:
    """The user learns that the daemon is of another version, in one line, and everything goes on."""
    (state_dir / "daemon.json").write_text(f'{{"version": "{version}"}}')
    with Serving(state_dir, lambda line: line.answer(1), lambda line: line.answer(2)):
        talk.client.call(Look())
        talk.client.close()
        assert talk.client.call(Look()) == 2
    assert len(talk.notices) == count
    assert all("jobd daemon restart" in notice for notice in talk.notices)
