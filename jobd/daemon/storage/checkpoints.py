"""What the write-ahead log holds, brought into the database beside the thread that writes, so that no commit waits.

By itself SQLite does it within the commit that finds the log long. After a deletion that means hundreds of pages all
over the file, synced to the disk: some tenths of a second, in which nobody's change becomes durable. A passive
checkpoint in a connection of its own holds up no commit (https://www.sqlite.org/wal.html#ckpt). What is committed
meanwhile stays behind, so a short one follows, and the last bit is left to the writer: only when all of the log is in
the database does the next commit begin it anew.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from jobd.daemon.storage import database

#: Tasks of the writer from one checkpoint to the next; most are a commit, of five to twenty pages.
EVERY = 100
#: Passive checkpoints one after the other: the second finds what was committed during the first.
ROUNDS = 2


class Checkpoints:
    """A thread that makes checkpoints of a file; `finish` is called in it when only the writer can do the rest."""

    def __init__(self, path: Path, durability: str, finish: Callable[[], object]) -> None:
        self._path = path
        self._durability = durability
        self._finish = finish
        self._tasks = 0
        self._due = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="store-checkpoints", daemon=True)

    def start(self) -> None:
        """Begin to wait for what the writer does."""
        self._thread.start()

    def close(self) -> None:
        """End after the checkpoint that is being made."""
        self._closing = True
        self._due.set()
        self._thread.join()

    def count(self) -> None:
        """Count a task that the thread that writes, which calls this, has done."""
        self._tasks += 1
        if self._tasks >= EVERY:
            self._tasks = 0
            self._due.set()

    def _work(self) -> None:
        while self._due.wait() and not self._closing:
            self._due.clear()
            # What is wrong with the file shows when it is written, and a log that grows too long is brought in then.
            with contextlib.suppress(sqlite3.Error), contextlib.closing(self._connect()) as connection:
                for _ in range(ROUNDS):
                    passive(connection)
            self._finish()

    def _connect(self) -> sqlite3.Connection:
        return database.connect(self._path, durability=self._durability)


def passive(connection: sqlite3.Connection) -> None:
    """Bring into the database what can be, without keeping anybody waiting. Raises sqlite3.Error."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
