"""Requests over a real socket: what is asked is answered, when it is durable, and nothing else is."""

import logging
import os
from typing import Any

import pytest

from jobd.core.errors import StorageFull
from jobd.core.events.catalogue import Actor
from jobd.daemon.system import peers
from tests.server.conftest import Serving, wait_for


def add(number: int, **members: Any) -> dict[str, Any]:
    """Make a call that adds."""
    return {"method": "add", "params": {"number": number}, **members}


def test_an_answer_has_the_id_of_its_request(serving: Serving) -> None:
    """Numbers and texts come back as they were; the version may be said or left out."""
    client = serving.client()
    for call_id in (0, -7, 2**63 - 1, "a", 'ä"\\'):
        client.send(add(1, id=call_id), {"jsonrpc": "2.0", **add(1, id=call_id)})
        assert [client.receive()["id"], client.receive()["id"]] == [call_id, call_id]
    assert client.ask("total") == 10


def test_requests_in_one_piece_are_answered_in_order_by_one_commit(serving: Serving) -> None:
    """A chunk of lines costs one wait for the disk, whatever is in it."""
    client = serving.client()
    client.send(*(add(100, id=number) for number in range(100)), b"\n  \n{\n", add(1, id="last"))
    answers = [client.receive() for _ in range(102)]
    assert [answer["id"] for answer in answers] == [*range(100), None, "last"]
    assert [answer["result"] for answer in answers[:100]] == [100 * (number + 1) for number in range(100)]
    assert serving.run(lambda: serving.engine.commits_asked) < 10


def test_a_request_may_come_in_pieces(serving: Serving) -> None:
    """Bytes make a line whenever they come."""
    client = serving.client()
    for byte in b'{"id":1,"method":"add","params":{"number":5}}\r\n':
        client.send(bytes([byte]))
    assert client.receive()["result"] == 5


def test_nothing_is_answered_before_the_commit(serving: Serving) -> None:
    """Neither a change nor what is read from it is told before it is durable."""
    serving.run(serving.engine.hold)
    client, reader = serving.client(), serving.client()
    client.send(add(3, id=1))
    wait_for(lambda: serving.engine.total == 3, "added")
    reader.send({"id": 2, "method": "total"})
    serving.everything_arrived()
    assert client.heard_nothing()
    assert reader.heard_nothing()
    serving.run(serving.engine.release)
    assert (client.receive()["result"], reader.receive()["result"]) == (3, 3)


def test_a_failed_commit_fails_all_that_waited_for_it(serving: Serving) -> None:
    """Every answer becomes the error, what was refused stays refused, and the next commit is another one."""
    serving.run(serving.engine.hold)
    clients = [serving.client() for _ in range(3)]
    for number, client in enumerate(clients):
        client.send(add(1, id=number), add(13, id="unlucky"), {"id": "total", "method": "total"}, add(1), b"{\n")
    wait_for(lambda: serving.engine.added == 6, "added")
    serving.run(lambda: serving.engine.release(StorageFull(path="/x")))
    for number, client in enumerate(clients):
        answers = [client.receive() for _ in range(4)]
        reasons = [(answer["id"], answer["error"]["data"]["reason"]) for answer in answers]
        full = "STORAGE_FULL"
        assert reasons == [(number, full), ("unlucky", "REFUSED"), ("total", full), (None, "BAD_JSON")]
        assert client.ask("add", number=0) == 6


def test_a_commit_that_breaks_is_a_bug_that_is_logged(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """A commit that ends with anything but an error of jobd is told as a bug."""
    serving.run(serving.engine.hold)
    client = serving.client()
    client.send(add(1, id=1))
    wait_for(lambda: serving.engine.added == 1, "added")
    serving.run(lambda: serving.engine.release(OSError("the disk is on fire")))
    error = client.receive()["error"]
    assert error["message"] == "a bug in jobd: OSError: the disk is on fire"
    assert [record.getMessage() for record in caplog.records] == ["commit: the disk is on fire"]


def test_a_change_without_an_id_is_made_and_not_answered(serving: Serving) -> None:
    """A notification has no answer, not even if it is refused, makes no sense or meets a bug."""
    client = serving.client()
    client.send(add(2), add(13), {"method": "add", "params": {"number": "x"}}, {"method": "$/unknown"}, add(1, id=1))
    assert client.receive() == {"jsonrpc": "2.0", "id": 1, "result": 3}
    assert client.ask("total") == 3


@pytest.mark.parametrize("method", ["total", "rest", "count"])
def test_only_changes_go_without_an_id(serving: Serving, method: str) -> None:
    """Who forgets the id where an answer is wanted is told so."""
    client = serving.client()
    client.send({"method": method})
    answer = client.receive()
    assert answer["id"] is None
    assert f"{method} needs an id" in answer["error"]["message"]


REFUSALS: dict[str, tuple[dict[str, Any] | bytes, int | str | None, str, str]] = {
    "unknown method": ({"id": 1, "method": "nope"}, 1, "UNKNOWN_METHOD", "no method nope"),
    "unknown method without an id": ({"method": "nope"}, None, "UNKNOWN_METHOD", "no method nope"),
    "unknown request of the protocol": ({"id": 1, "method": "$/nope"}, 1, "UNKNOWN_METHOD", "no method $/nope"),
    "unknown parameter": (
        {"id": 1, "method": "add", "params": {"numer": 1}},
        1,
        "BAD_PARAMETERS",
        "add: contains unknown field numer",
    ),
    "missing parameter": ({"id": "x", "method": "add"}, "x", "BAD_PARAMETERS", "add: missing required field number"),
    "wrong type": (add(1) | {"id": 1, "params": {"number": "1"}}, 1, "BAD_PARAMETERS", "number: expected int, got str"),
    "wrong version": (add(1, id=5, jsonrpc="1.0"), 5, "BAD_REQUEST", "jsonrpc: invalid enum value '1.0'"),
    "refused": (add(13, id=1), 1, "REFUSED", "refused: thirteen is unlucky"),
    "refused later": ({"id": 1, "method": "rest", "params": {"fail": True}}, 1, "REFUSED", "may not rest"),
    "bad cancel": ({"method": "$/cancel", "params": {"id": 3}}, None, "BAD_PARAMETERS", "$/cancel: "),
    "cancel with an id": (
        {"id": 1, "method": "$/cancel", "params": {"request": 3}},
        1,
        "BAD_REQUEST",
        "$/cancel is never answered",
    ),
    "a batch": (b'[{"id":1,"method":"total"}]\n', None, "BAD_REQUEST", "one object a line"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_says_why_and_the_connection_lives(serving: Serving, name: str) -> None:
    """The error has the id of the call wherever that can be read."""
    message, call_id, reason, said = REFUSALS[name]
    client = serving.client()
    client.send(message)
    answer = client.receive()
    assert (answer["id"], answer["error"]["data"]["reason"]) == (call_id, reason)
    assert said in answer["error"]["message"]
    assert client.ask("add", number=1) == 1


def test_a_bug_is_told_logged_and_survived(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """The client is told in a line where the details are, the log has them, and everybody else is served."""
    client = serving.client()
    client.send(add(-13, id=1), add(-13), add(2, id=2))
    error = client.receive()["error"]
    assert (error["code"], error["message"]) == (-32603, "a bug in jobd: ZeroDivisionError: a bug")
    assert "the log" in error["data"]["hint"]
    assert client.receive()["result"] == 2
    assert [(record.levelno, record.exc_info is not None) for record in caplog.records] == [(logging.ERROR, True)] * 2


def test_who_asks_is_known_from_the_kernel(serving: Serving) -> None:
    """The engine is told the uid and pid of the peer, and what its program is called."""
    assert serving.client().ask("total") == 0
    assert serving.engine.callers == [Actor(os.geteuid(), os.getpid(), peers.look(os.getpid()).command)]


def test_counts(serving: Serving) -> None:
    """The server knows how many are connected and how much was asked."""
    clients = [serving.client() for _ in range(3)]
    for client in clients:
        client.ask("total")
    assert serving.server.counts == (3, 3, 0)
    clients[0].close()
    wait_for(lambda: serving.server.counts.connections == 2, "one has left")
