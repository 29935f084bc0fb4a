"""Durable, acknowledged updates over the socket, against raw SQLite on the same disk."""

import json
import os
import select
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.measure import Figure, daemon, in_turn, row
from tests.living import Living

SECONDS = 3.0


def raw_rate(commit_every: int) -> float:
    """Insert event rows and update job rows as an expert would, so many to a transaction; rows a second."""
    with TemporaryDirectory(dir="/tmp") as folder:
        connection = sqlite3.connect(Path(folder, "raw.db"), isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, record TEXT)")
        connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, job INTEGER, body TEXT)")
        connection.executemany("INSERT INTO jobs VALUES (?, ?)", [(n, "x" * 300) for n in range(64)])
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < SECONDS / 2:
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(commit_every):
                count += 1
                connection.execute("INSERT INTO events VALUES (?, ?, ?)", (count, count % 64, "y" * 120))
                connection.execute("UPDATE jobs SET record = ? WHERE id = ?", ("z" * 300, count % 64))
            connection.execute("COMMIT")
        return count / (time.perf_counter() - begun)


def load(living: Living, connections: int, window: int) -> tuple[float, list[float]]:
    """Drive the daemon from another process; give acknowledged updates a second, and the waits in ms."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.updates", str(living.state), str(connections), str(window)],
        capture_output=True,
        check=True,
    )
    rate, waits = json.loads(done.stdout)
    return rate, waits


def drive(state: str, connections: int, window: int) -> None:
    """Keep `window` requests in flight on each connection; print the rate and a sample of the waits."""
    sockets, jobs = [], []
    for number in range(connections):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(f"{state}/jobd.sock")
        sock.sendall(b'{"id":0,"method":"begin","params":{"name":"load-%d"}}\n' % number)
        jobs.append(json.loads(sock.makefile("rb").readline())["result"]["id"])
        sock.setblocking(False)
        sockets.append(sock)
    lines = [
        b'{"id":1,"method":"progress","params":{"job":"%d","report":{"done":1,"total":2}}}\n' % job for job in jobs
    ]
    poll = select.epoll()
    for sock in sockets:
        poll.register(sock, select.EPOLLIN)
    by_fd = {sock.fileno(): (sock, line) for sock, line in zip(sockets, lines, strict=True)}
    sent = dict.fromkeys(by_fd, 0.0)
    begun = time.perf_counter()
    for descriptor, (sock, line) in by_fd.items():
        sock.setblocking(True)
        sock.sendall(line * window)
        sock.setblocking(False)
        sent[descriptor] = time.perf_counter()
    count, waits = 0, []
    while (now := time.perf_counter()) - begun < SECONDS:
        for descriptor, _ in poll.poll(1):
            sock, line = by_fd[descriptor]
            answers = sock.recv(1 << 18).count(b"\n")
            count += answers
            if window == 1:
                waits.append((now - sent[descriptor]) * 1e3)
            sock.setblocking(True)
            sock.sendall(line * answers)
            sock.setblocking(False)
            sent[descriptor] = now
    print(json.dumps((count / (time.perf_counter() - begun), sorted(waits)[:: max(1, len(waits) // 1000)])))


@row("P7", "64 connections, one request at a time, durable, against raw SQLite with a commit per 100")
def sixty_four() -> list[Figure]:
    """Updates from 64 clients, and a status query meanwhile."""
    rates, waits, queries = [], [], []
    with daemon() as living:
        for _ in range(3):
            with subprocess.Popen(
                [sys.executable, "-m", "tests.bench.updates", str(living.state), "64", "1"], stdout=subprocess.PIPE
            ) as loading:
                while loading.poll() is None:
                    begun = time.perf_counter()
                    living.call("status", jobs=["1"]) if living.call("list", all=True, limit=1) else None
                    queries.append((time.perf_counter() - begun) * 1e3 / 2)
                    time.sleep(0.02)
                rate, sample = json.loads(loading.stdout.read() if loading.stdout else b"")
            rates.append(rate)
            waits += sample
    raw = statistics.median(raw_rate(100) for _ in range(3))
    waits.sort()
    queries.sort()
    return [
        Figure(statistics.median(rates), raw, "updates/s", 0.5, more_is_better=True),
        Figure(waits[int(len(waits) * 0.99)], None, "ms", 20, note="p99 of an update"),
        Figure(queries[int(len(queries) * 0.99)], None, "ms", 5, note="p99 of a status query meanwhile"),
    ]


@row("P8", "64 connections, 64 requests in flight on each, against raw SQLite with a commit per 1,000")
def pipelined() -> Figure:
    """Updates as fast as they can be sent."""
    with daemon() as living:
        rates = [load(living, 64, 64)[0] for _ in range(3)]
    raw = statistics.median(raw_rate(1000) for _ in range(3))
    return Figure(statistics.median(rates), raw, "updates/s", 0.5, more_is_better=True)


@row("P9", "one durable update of an idle daemon, against one fdatasync")
def one() -> Figure:
    """Wait for each answer before the next request."""
    with daemon() as living, TemporaryDirectory(dir="/tmp") as folder:
        job = living.call("begin", name="one")["id"]
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(living.state / "jobd.sock"))
        answers = sock.makefile("rb")
        line = json.dumps({"id": 1, "method": "progress", "params": {"job": str(job), "line": "1/2"}}).encode() + b"\n"
        descriptor = os.open(Path(folder, "file"), os.O_WRONLY | os.O_CREAT)
        block = b"x" * 4096

        def update() -> float:
            begun = time.perf_counter()
            for _ in range(50):
                sock.sendall(line)
                answers.readline()
            return (time.perf_counter() - begun) * 20

        def sync() -> float:
            begun = time.perf_counter()
            for _ in range(50):
                os.write(descriptor, block)
                os.fdatasync(descriptor)
            return (time.perf_counter() - begun) * 20

        ours, theirs = in_turn(update, sync, 21)
        os.close(descriptor)
        answers.close()
        sock.close()
    return Figure(ours, theirs, "ms", 3)


@row("P10", "1,000 connections, each updating a job of its own, against 64 of them")
def thousand() -> list[Figure]:
    """Many clients at once."""
    with daemon() as living:
        few = statistics.median(load(living, 64, 1)[0] for _ in range(3))
        runs = [load(living, 1000, 1) for _ in range(3)]
    waits = sorted(wait for _, sample in runs for wait in sample)
    return [
        Figure(statistics.median(rate for rate, _ in runs), few, "updates/s", 0.8, more_is_better=True),
        Figure(waits[int(len(waits) * 0.95)], None, "ms", 100, note="p95 of an update"),
    ]


if __name__ == "__main__":
    drive(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
