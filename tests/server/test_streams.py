"""Streams and actions over a real socket: they take their time, and end when nobody wants them any more."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.conftest import Client, Serving, wait_for


def count(call_id: Any, **parameters: Any) -> dict[str, Any]:
    """Make a call that counts."""
    return {"id": call_id, "method": "count", "params": parameters}


def items(client: Client, number: int) -> list[tuple[Any, int]]:
    """Read so many items: (id of the request, item)."""
    messages = [client.receive() for _ in range(number)]
    assert {message["method"] for message in messages} <= {"$/item"}
    return [(message["params"]["request"], int(message["params"]["item"])) for message in messages]


def cancel(call_id: Any) -> dict[str, Any]:
    """Make the notification that ends a stream."""
    return {"method": "$/cancel", "params": {"request": call_id}}


def test_items_come_in_order_and_then_the_answer(serving: Serving) -> None:
    """Each item names the request; the answer is null."""
    client = serving.client()
    client.send(count("a", to=1000))
    assert items(client, 1000) == [("a", number) for number in range(1, 1001)]
    assert client.receive() == {"jsonrpc": "2.0", "id": "a", "result": None}
    assert serving.engine.streams_ended == 1


def test_streams_and_requests_mix(serving: Serving) -> None:
    """Several streams run at once, and other requests are answered meanwhile."""
    client = serving.client()
    client.send(count(1), count(2))
    assert sorted(items(client, 20)) == [(call_id, number) for call_id in (1, 2) for number in range(1, 11)]
    assert client.ask("add", number=4) == 4
    serving.run(serving.engine.awake.set)
    assert items(client, 4)
    client.send(cancel(1), cancel(2))
    while (last := client.receive()).get("result", 0) is not None:
        assert last["method"] == "$/item"
    wait_for(lambda: serving.engine.streams_ended == 2, "both have ended")


def test_cancel_ends_a_stream(serving: Serving) -> None:
    """The stream is told to end, and its answer comes as usual; what is canceled twice, or unknown, is passed over."""
    client = serving.client()
    client.send(cancel("a"), count("a"))
    assert len(items(client, 10)) == 10
    client.send(cancel(1), cancel("b"), cancel("a"), cancel("a"))
    assert client.receive() == {"jsonrpc": "2.0", "id": "a", "result": None}
    assert serving.engine.streams_ended == 1
    assert client.ask("total") == 0


def test_a_stream_canceled_in_the_same_piece_is_answered(serving: Serving) -> None:
    """A stream that is ended before it began has an answer too."""
    client = serving.client()
    client.send(count(1), cancel(1))
    assert client.receive() == {"jsonrpc": "2.0", "id": 1, "result": None}


def test_a_stream_that_fails_says_why(serving: Serving) -> None:
    """The items before the error are all there."""
    client = serving.client()
    client.send(count(1, to=20, unlucky=True))
    assert len(items(client, 12)) == 12
    assert client.receive()["error"]["message"] == "refused: thirteen is unlucky"
    assert client.ask("total") == 0


@pytest.mark.parametrize("method", ["count", "rest"])
def test_an_id_in_use_is_refused(serving: Serving, method: str) -> None:
    """Two requests of one name could not be told apart."""
    client = serving.client()
    client.send(count(1), {"id": 1, "method": method})
    assert "the id 1 still names a request" in client.receive()["error"]["message"]
    assert len(items(client, 10)) == 10


def test_actions_do_not_hold_up_others(serving: Serving) -> None:
    """While one takes its time, the same client is served; a cancel is for streams only."""
    client = serving.client()
    client.send({"id": "r", "method": "rest"}, cancel("r"))
    assert client.ask("add", number=4) == 4
    wait_for(lambda: serving.engine.resting == 1, "it rests")
    serving.run(serving.engine.awake.set)
    assert client.receive() == {"jsonrpc": "2.0", "id": "r", "result": "rested"}


def test_who_hangs_up_wants_nothing_more(serve: Callable[..., Serving]) -> None:
    """Streams and actions of a client that is gone end at once; its changes stay."""
    serving = serve(look_every=3600)
    client, quiet = serving.client(), serving.client()
    quiet.send({"id": 1, "method": "rest"})
    client.send(count(1), {"id": 2, "method": "rest"}, {"id": 3, "method": "add", "params": {"number": 5}})
    wait_for(lambda: (serving.engine.resting, serving.engine.counted) == (2, 10), "all are under way")
    client.close()
    quiet.close()
    wait_for(lambda: (serving.engine.resting, serving.engine.streams_ended) == (0, 1), "all have ended")
    assert serving.client().ask("total") == 5


def test_who_has_said_all_is_answered_and_hung_up_on(serving: Serving) -> None:
    """After the end of input, as of a pipe, everything asked is answered; the last line may lack its end."""
    client = serving.client()
    client.send(count("c", to=3), {"id": 1, "method": "rest"}, b'{"id":2,"method":"add","params":{"number":5}}')
    client.socket.shutdown(socket.SHUT_WR)
    first = [client.receive() for _ in range(5)]
    assert {message.get("id", "item") for message in first} == {"item", "c", 2}
    serving.run(serving.engine.awake.set)
    assert client.receive() == {"jsonrpc": "2.0", "id": 1, "result": "rested"}
    assert client.receive() == {}


def test_half_a_line_at_the_end_is_refused(serving: Serving) -> None:
    """A client that died while it wrote changes nothing."""
    client = serving.client()
    client.send(b'{"id":2,"method":"add","params":{"number":5}')
    client.socket.shutdown(socket.SHUT_WR)
    assert client.receive()["error"]["data"]["reason"] == "BAD_JSON"
    assert client.receive() == {}
    assert serving.engine.added == 0


def test_a_stream_goes_on_for_a_listener_that_says_no_more(serve: Callable[..., Serving]) -> None:
    """After the end of input a stream goes on; that the listener is gone is seen by looking."""
    serving = serve(look_every=0.05)
    client = serving.client()
    client.send(count(1))
    client.socket.shutdown(socket.SHUT_WR)
    assert len(items(client, 10)) == 10
    assert serving.client().ask("total") == 0
    assert serving.engine.streams_ended == 0
    client.close()
    wait_for(lambda: serving.engine.streams_ended == 1, "the stream has ended")
    wait_for(lambda: serving.server.counts.connections == 1, "the client is gone")
