"""What no client can do to a server: stop it, fill it, or keep it from others."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from jobd import wire
from tests.living import short_directory
from tests.server.conftest import PATIENCE, Client, Serving, wait_for
from tests.server.test_requests import add
from tests.server.test_streams import cancel, count, items
from tests.source import ROOT
from tests.test_wire import SOUND, garble


def test_garbled_lines_change_nothing_for_anybody(serving: Serving) -> None:
    """After each of 1,500 garbled lines the same connection is served, unless the line was too long."""
    client, chance = serving.client(), Random(4)  # noqa: S311 -- not a secret
    for _ in range(150):
        lines = [garble(chance.choice(SOUND), chance).replace(b"\n", b" ") + b"\n" for _ in range(10)]
        client.send(*lines, {"id": "after", "method": "rest", "params": {"fail": True}})
        while (answer := client.receive()).get("id") != "after":
            assert "error" in answer, answer
    assert serving.engine.added == 0


def test_a_long_line_is_answered_once_and_hung_up_on(serving: Serving) -> None:
    """Lines before it are answered; nothing after it is read, whatever it looks like."""
    client = serving.client()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        client.send(add(1, id=1), count(2), b"x" * 4 * wire.LONGEST_LINE, b"\n", add(1, id=3))
    answers = [client.receive() for _ in range(13)]
    assert answers[0] == {"jsonrpc": "2.0", "id": 1, "result": 1}
    reasons = [(answer["id"], answer["error"]["data"]["reason"]) for answer in answers if "error" in answer]
    assert reasons[-1] == (None, "LINE_TOO_LONG")
    assert serving.engine.added == 1


def test_the_longest_line_is_taken(serving: Serving) -> None:
    """A line of exactly the limit is understood."""
    client = serving.client()
    head, tail = b'{"id":1,"method":"total","params":{"text":"', b'"}}'
    client.send(head + b"x" * (wire.LONGEST_LINE - len(head) - len(tail)) + tail + b"\n")
    assert client.receive()["result"] == 0


def test_half_a_line_is_not_waited_for_long(serve: Callable[..., Serving]) -> None:
    """A line must be complete in time; an idle connection, and one that sends line after line, may stay."""
    serving = serve(line_time=0.3)
    idle, slow = serving.client(), [serving.client() for _ in range(50)]
    for client in slow:
        client.send(add(1, id=1), b"{")
    for client in slow:
        assert client.receive()["result"]
        assert "complete 0.3 s after its first byte" in client.receive()["error"]["message"]
        assert client.receive() == {}
    assert idle.ask("total") == 50
    assert serving.server.counts.connections == 1


def test_a_line_begun_after_another_has_its_own_time(serve: Callable[..., Serving]) -> None:
    """Whoever always has half a line under way, but completes each in time, is served."""
    serving = serve(line_time=1.5)
    client = serving.client()
    line = b'{"id":1,"method":"add","params":{"number":1}}\n'
    client.send(line[:5])
    begun, now = serving.run(serving.loop.time), 0.0
    while now < begun + 2:
        client.send(line[5:] + line[:5])
        assert client.receive()["result"]
        now = serving.run(serving.loop.time)


def test_unanswered_requests_are_limited_by_not_reading(serving: Serving) -> None:
    """While 256 wait for the disk no more are done; when they are answered, the others follow."""
    serving.run(serving.engine.hold)
    client = serving.client()
    client.send(*(add(1, id=number) for number in range(300)))
    wait_for(lambda: serving.engine.added == wire.MOST_UNANSWERED, "256 are done")
    serving.everything_arrived()
    assert serving.engine.added == wire.MOST_UNANSWERED
    serving.run(serving.engine.release)
    assert [client.receive()["id"] for _ in range(300)] == list(range(300))


def test_notifications_are_limited_too(serving: Serving) -> None:
    """Changes without an id are not piled up without a limit before they are on disk."""
    serving.run(serving.engine.hold)
    client = serving.client()
    client.send(*(add(1) for _ in range(1000)))
    wait_for(lambda: serving.engine.added == wire.MOST_UNANSWERED, "256 are done")
    serving.everything_arrived()
    assert serving.engine.added == wire.MOST_UNANSWERED
    serving.run(serving.engine.release)
    wait_for(lambda: serving.engine.added == 1000, "all are done")


def test_running_streams_are_limited_by_refusing(serving: Serving) -> None:
    """Of 300 streams 256 run; the connection is still read, so that some of them can be ended."""
    client = serving.client()
    client.send(*(count(number, to=None, wide=0) for number in range(300)))
    refused = set()
    for _ in range(44 + 10 * wire.MOST_UNANSWERED):
        message = client.receive()
        if "error" in message:
            assert message["error"]["data"]["reason"] == "TOO_MANY_REQUESTS"
            refused.add(message["id"])
    assert refused == set(range(wire.MOST_UNANSWERED, 300))
    client.send(cancel(5), {"id": "a", "method": "rest", "params": {"fail": True}})
    assert {client.receive()["id"], client.receive()["id"]} == {5, "a"}


def test_others_have_their_turn(serving: Serving) -> None:
    """Whoever asks much at once does not keep others waiting until all of it is done."""
    busy, other = serving.client(), serving.client()
    other.ask("total")
    busy.send(*({"id": number, "method": "total", "params": {"seconds": 0.005}} for number in range(200)))
    assert other.ask("rest", fail=True) == "REFUSED"
    assert len(serving.engine.callers) < 200
    assert [busy.receive()["id"] for _ in range(200)] == list(range(200))


def test_a_slow_reader_is_not_written_for_without_a_limit(serve: Callable[..., Serving]) -> None:
    """A stream waits for its reader and is complete afterwards; others are served meanwhile."""
    serving = serve(drain_time=PATIENCE)
    slow = serving.client()
    slow.send(count(1, to=3000, wide=1000))
    wait_for(lambda: serving.engine.counted > 100, "it has begun")
    other = serving.client()
    seen = -1
    while seen != serving.engine.counted:
        seen = serving.engine.counted
        assert other.ask("total") == 0
    assert serving.engine.counted < 1000
    assert [number for _, number in items(slow, 3000)] == list(range(1, 3001))


def test_who_does_not_read_is_not_read_from(serve: Callable[..., Serving]) -> None:
    """Requests are left unread while their answers are."""
    serving = serve(drain_time=PATIENCE)
    client = serving.client()
    client.socket.settimeout(0.5)
    bad = b"[" + b" " * 1000 + b"]\n"
    with pytest.raises(TimeoutError):
        client.send(bad * 20_000)
    assert serving.server.counts.requests < 10_000
    client.close()
    wait_for(lambda: serving.server.counts.connections == 0, "it is gone")


def test_who_reads_nothing_for_long_is_hung_up_on(serve: Callable[..., Serving]) -> None:
    """The stream ends, and its generator is closed."""
    serving = serve(drain_time=0.3)
    stalled = serving.client()
    stalled.send(count(1, to=10_000, wide=1000))
    wait_for(lambda: serving.engine.streams_ended == 1, "the stream has ended")
    wait_for(lambda: serving.server.counts.connections == 0, "the connection is closed")
    assert serving.engine.counted < 1000


def test_who_reads_slowly_is_not_hung_up_on(serve: Callable[..., Serving]) -> None:
    """Reading something within the time is enough, however much there is to read and however long it takes."""
    serving = serve(drain_time=2.0)
    slow = serving.client()
    slow.send({"id": 1, "method": "count", "params": {"to": 1, "wide": 8_000_000}})
    begun, received = time.monotonic(), 0
    while time.monotonic() < begun + 4.5:
        received += len(slow.socket.recv(1 << 16))
        time.sleep(0.05)
    assert received < 8_000_000
    assert serving.server.counts.connections == 1
    while received < 8_000_000 and (some := slow.socket.recv(1 << 17)):
        received += len(some)
    assert received >= 8_000_000


def test_a_reader_that_never_comes_back_does_not_hold_the_end(serve: Callable[..., Serving]) -> None:
    """A connection that is to be closed, with an answer that nobody fetches, is closed in the end."""
    serving = serve(drain_time=0.3)
    client = serving.client()
    client.send(count(1, to=2, wide=4_000_000))
    client.socket.shutdown(socket.SHUT_WR)
    wait_for(lambda: serving.server.counts.connections == 0, "it is closed")


@contextmanager
def alone(limit: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a server in a process that may have so many files open; it says nothing on stderr."""
    with short_directory() as folder:
        path = str(folder / "s")
        command = [sys.executable, "-m", "tests.server.alone", path, str(limit)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield path, process
        finally:
            process.kill()
            said = process.communicate()[1]
        assert said == b""


def test_too_many_connections_are_refused_at_once() -> None:
    """As many as the limit allows may come at once; others are told so, and get in when some have left."""
    with alone(limit=192) as (path, process):
        process.send_signal(signal.SIGSTOP)
        clients = [Client(path) for _ in range(128)]
        process.send_signal(signal.SIGCONT)
        assert [client.ask("total") for client in clients] == [0] * 128
        refused = [Client(path) for _ in range(200)]
        for client in refused:
            error = client.receive()["error"]
            assert (error["message"], error["code"]) == ("the daemon has 128 connections, its limit", 503)
            assert client.receive() == {}
        assert clients[0].ask("add", number=1) == 1
        clients[1].close()
        wait_for(lambda: "error" not in _first_answer(path), "there is room again")
        for client in [*clients, *refused]:
            client.close()


def _first_answer(path: str) -> dict[str, object]:
    client = Client(path)
    try:
        client.send({"id": 1, "method": "total"})
        return client.receive()
    except (BrokenPipeError, ConnectionResetError):
        return {"error": "refused"}
    finally:
        client.close()


def test_running_out_of_descriptors_is_said_to_clients_and_not_to_the_log() -> None:
    """Without a descriptor left new clients are refused in words, old ones served, and it passes."""
    with alone(limit=128) as (path, process):
        client = Client(path)
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: client.ask("total") > 50, "all descriptors are taken")
        refused = [Client(path) for _ in range(100)]
        for other in refused:
            assert other.receive()["error"]["data"]["reason"] == "TOO_MANY_CONNECTIONS"
        assert client.ask("add", number=1)
        process.send_signal(signal.SIGUSR2)
        wait_for(lambda: _first_answer(path).get("result") == 0, "new clients are served")
        for other in [client, *refused]:
            other.close()


STRANGER = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
client = socket.socket(socket.AF_UNIX); client.connect(sys.argv[1])
print(client.makefile().read())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_refused(serving: Serving) -> None:
    """Even if the socket is open to everybody by accident, the kernel says who is there."""
    Path(serving.path).parent.chmod(0o755)
    Path(serving.path).chmod(0o777)
    run = [sys.executable, "-I", "-c", STRANGER, serving.path]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert '"NOT_PERMITTED"' in done.stdout
    assert "the daemon belongs to another user than 65534" in done.stdout
    assert serving.server.counts == (0, 0, 1)
