"""Streams that are told to many at once, over real sockets: past the buffers where there is room, and whole."""

from collections.abc import Callable
from random import Random

from jobd import wire
from tests.server.conftest import Client, Serving, wait_for
from tests.server.test_requests import add
from tests.server.test_streams import cancel, count, items


def hear(call_id: object = 1, **parameters: object) -> dict[str, object]:
    """Make a call that hears."""
    return {"id": call_id, "method": "hear", "params": parameters}


def hearing(serving: Serving, *call_ids: object) -> Client:
    """Connect, and hear."""
    before, client = len(serving.engine.listeners), serving.client()
    client.send(*map(hear, call_ids or (1,)))
    wait_for(lambda: len(serving.engine.listeners) == before + max(1, len(call_ids)), "it hears")
    return client


def offer(serving: Serving, number: int, wide: int = 0) -> list[bool]:
    """Offer an item to everybody; say who took it."""
    item = b'"%d%s"' % (number, b" " * wide)
    listeners = serving.engine.listeners
    return serving.run(lambda: [one.offer(wire.encode_items(one.call_id, [item])) for one in listeners])


def test_all_are_told_the_same(serving: Serving) -> None:
    """Each under the name that it gave the stream; one client may hear several."""
    clients = [hearing(serving, "a"), hearing(serving, 7), hearing(serving, 1, 2)]
    assert [offer(serving, number) for number in range(3)] == [[True] * 4] * 3
    assert items(clients[0], 3) == [("a", 0), ("a", 1), ("a", 2)]
    assert items(clients[1], 3) == [(7, 0), (7, 1), (7, 2)]
    assert items(clients[2], 6) == [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 2)]


def test_commands_on_the_same_connection(serving: Serving) -> None:
    """Whoever hears can ask, change and have other streams meanwhile, and end this one."""
    client = hearing(serving, "h")
    offer(serving, 1)
    client.send(add(5, id="a"), count("c", to=2))
    offer(serving, 2)
    said = [client.receive() for _ in range(6)]
    assert [message["params"]["item"] for message in said if message.get("params", {}).get("request") == "h"] == [
        "1",
        "2",
    ]
    assert {"jsonrpc": "2.0", "id": "a", "result": 5} in said
    assert {"jsonrpc": "2.0", "id": "c", "result": None} in said
    client.send(cancel("h"))
    assert client.receive() == {"jsonrpc": "2.0", "id": "h", "result": None}
    assert offer(serving, 3) == []
    assert client.ask("total") == 5


def test_a_feed_that_is_refused_says_why(serving: Serving) -> None:
    """As any other request."""
    client = serving.client()
    client.send(hear(fail=True))
    assert client.receive()["error"]["message"] == "refused: there is nothing to hear"


def test_who_is_gone_hears_no_more(serving: Serving) -> None:
    """The others do; nothing is written where nobody is."""
    client, other = hearing(serving), hearing(serving, 2)
    client.close()
    for number in range(100):
        offer(serving, number)
    wait_for(lambda: len(serving.engine.listeners) == 1, "one is gone")
    assert items(other, 100) == [(2, number) for number in range(100)]


def test_hanging_up(serving: Serving) -> None:
    """Whoever tells may end the connection; what is offered after it goes nowhere."""
    client = hearing(serving)
    listener = serving.engine.listeners[0]
    serving.run(listener.hang_up)
    assert serving.run(lambda: listener.offer(b"x\n"))
    assert client.receive() == {}
    wait_for(lambda: serving.engine.listeners == [], "it is gone")


def test_who_does_not_read_is_offered_no_more_than_fits(serve: Callable[..., Serving]) -> None:
    """It says no before it costs memory, and takes again when it has read; whatever it took is whole and in order."""
    serving = serve(drain_time=30.0)
    client, chance = hearing(serving), Random(5)  # noqa: S311 -- not a secret
    taken, refused = list[int](), 0
    for number in range(3000):
        took = offer(serving, number, wide=chance.choice((0, 10, 5000, 70_000)))[0]
        refused += not took
        taken += [number] if took else []
        if number % 10 == 0:
            client.send({"id": f"t{number}", "method": "total"})
        if not took and chance.random() < 0.3:
            _read(client, taken)
    assert refused > 10
    while taken:
        _read(client, taken)
    client.send({"id": "last", "method": "total"})
    while client.receive().get("id") != "last":
        continue
    assert offer(serving, 1) == [True]


def _read(client: Client, taken: list[int]) -> None:
    """Read some lines; items come as they were taken."""
    for _ in range(20):
        if not taken:
            return
        message = client.receive()
        if "params" in message:
            assert int(message["params"]["item"]) == taken.pop(0)


def test_who_reads_nothing_of_what_is_offered_is_hung_up_on(serve: Callable[..., Serving]) -> None:
    """As from any stream, after a while; nothing more than a buffer was kept for it."""
    serving = serve(drain_time=0.3)
    hearing(serving)
    took = [offer(serving, number, wide=1000) for number in range(3000)]
    assert [False] in took
    wait_for(lambda: serving.engine.listeners == [], "it is gone")
    assert offer(serving, 1) == []


def test_signs_of_life(serving: Serving) -> None:
    """A ping with an id is answered with null, one without is only heard; so is anything else that is said."""
    client = hearing(serving)
    listener = serving.engine.listeners[0]
    before = serving.run(lambda: listener.heard)
    client.send({"method": "$/ping"}, {"id": 5, "method": "$/ping"}, {"id": 6, "method": "$/ping", "params": {}})
    assert [client.receive() for _ in range(2)] == [
        {"jsonrpc": "2.0", "id": number, "result": None} for number in (5, 6)
    ]
    assert serving.run(lambda: listener.heard) > before
    client.send({"id": 7, "method": "$/ping", "params": {"loud": True}}, {"id": 8, "method": "$/pong"})
    reasons = [client.receive()["error"]["data"]["reason"] for _ in range(2)]
    assert reasons == ["BAD_PARAMETERS", "UNKNOWN_METHOD"]
