"""A server that stops: nothing that was asked is lost without a word, and nobody can hold it up."""

import socket
from collections.abc import Callable

import pytest

from tests.server.conftest import Client, Serving, wait_for
from tests.server.test_requests import add
from tests.server.test_streams import count, items


def test_answers_go_out_and_streams_say_that_it_stops(serving: Serving) -> None:
    """What waits for the disk is answered when it is there; streams end with an error that lets clients resume."""
    serving.run(serving.engine.hold)
    client, idle = serving.client(), serving.client()
    idle.ask("rest", fail=True)
    client.send(count(1), add(5, id=2))
    assert len(items(client, 10)) == 10
    serving.loop.call_soon_threadsafe(lambda: serving.loop.call_later(0.05, serving.engine.release))
    serving.close(10)
    answers = {answer["id"]: answer for answer in (client.receive(), client.receive())}
    assert answers[1]["error"]["data"]["reason"] == "SHUTTING_DOWN"
    assert answers[2]["result"] == 5
    assert client.receive() == {}
    assert idle.receive() == {}
    assert serving.server.counts.connections == 0


def test_what_was_read_is_done_even_if_it_had_to_wait(serving: Serving) -> None:
    """Requests beyond the limit that had arrived are done and answered as well."""
    serving.run(serving.engine.hold)
    client = serving.client()
    client.send(*(add(1, id=number) for number in range(300)), count("late"))
    wait_for(lambda: serving.engine.added == 256, "256 are done")
    serving.loop.call_soon_threadsafe(lambda: serving.loop.call_later(0.05, serving.engine.release))
    serving.close(10)
    answers = [client.receive() for _ in range(301)]
    assert [answer["id"] for answer in answers if "result" in answer] == list(range(300))
    assert [answer["error"]["data"]["reason"] for answer in answers if "error" in answer] == ["SHUTTING_DOWN"]


def test_nobody_comes_in_any_more(serving: Serving) -> None:
    """A connection that comes later waits for whoever serves the socket next."""
    serving.close(10)
    late = Client(serving.path)
    late.send({"id": 1, "method": "total"})
    serving.run(lambda: None)
    assert late.heard_nothing()
    late.close()


def test_an_action_that_does_not_end_is_canceled(serving: Serving) -> None:
    """Somebody who waits for a job does not keep the daemon alive, and is told why the wait is over."""
    client = serving.client()
    client.send({"id": 1, "method": "rest"})
    wait_for(lambda: serving.engine.resting == 1, "it rests")
    serving.close(10)
    assert client.receive()["error"]["data"]["reason"] == "SHUTTING_DOWN"
    assert client.receive() == {}
    assert serving.engine.resting == 0


def test_an_action_that_ends_soon_is_answered(serving: Serving) -> None:
    """The one who asks the daemon to stop has an answer."""
    client = serving.client()
    client.send({"id": 1, "method": "rest"})
    wait_for(lambda: serving.engine.resting == 1, "it rests")
    serving.loop.call_soon_threadsafe(lambda: serving.loop.call_later(0.01, serving.engine.awake.set))
    serving.close(10)
    assert client.receive()["result"] == "rested"


@pytest.mark.parametrize("finished", [False, True])
def test_who_does_not_read_cannot_hold_it_up(serve: Callable[..., Serving], *, finished: bool) -> None:
    """After the limit whoever has not fetched its answers is hung up on."""
    serving = serve()
    client = serving.client()
    client.send(count(1, to=20, wide=1_000_000))
    if finished:
        client.socket.shutdown(socket.SHUT_WR)
    wait_for(lambda: serving.engine.counted > 0, "it has begun")
    serving.close(0.2)
    assert serving.server.counts.connections == 0
    assert serving.engine.streams_ended == 1


def test_closing_twice_is_harmless(serving: Serving) -> None:
    """A second order to stop finds nothing to do."""
    serving.client().ask("total")
    serving.close(5)
    serving.close(5)
