"""A connection that only reads: statements, asked within the time that one may take, and from one state of the file.

A search that takes too long is interrupted, since a long reader keeps the write-ahead log from being emptied.
"""

import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobd.core.errors import JobdError, TryAgain
from jobd.daemon.storage import database, functions, safekeeping
from jobd.daemon.storage.rows import Row

#: Seconds after which a search is interrupted.
LONGEST_SEARCH = 10.0
#: SQLite's instructions between two looks at the clock: some ten milliseconds.
_INSTRUCTIONS = 1_000_000


class Questions:
    """Asks a file. All raise StorageBroken if it cannot be read, TryAgain if it takes too long.

    Raises DatabaseTooNew, DatabaseTooOld for a file of which it would understand too little.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._deadline = math.inf
        self._stopped = False
        self._equipped = False
        #: What is being gone through while one question is answered.
        self._cursors: list[sqlite3.Cursor] | None = None
        try:
            self._connection = database.connect(path, read_only=True)
            safekeeping.refuse_other(self._connection, path)
        except sqlite3.Error as error:
            raise database.failed_open(error, path) from None
        self._connection.set_progress_handler(self._too_long, _INSTRUCTIONS)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def stop(self) -> None:
        """End what another thread reads: nobody wants to know it any more."""
        self._stopped = True

    def hold(self) -> None:
        """See the file as it is now, whatever is written meanwhile."""
        try:
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT 1 FROM meta LIMIT 1").fetchall()
        except sqlite3.Error as error:
            raise self._failure(error) from None

    def let_go(self) -> None:
        """See the file again as it comes to be, and read again."""
        self._stopped = False
        self._connection.rollback()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Answer all that is asked meanwhile from one state of the file, within the time that one search may take."""
        self._deadline = time.monotonic() + LONGEST_SEARCH
        cursors, held = list[sqlite3.Cursor](), self._connection.in_transaction
        self._cursors = cursors
        try:
            self._equipped = self._equipped or functions.register(self._connection)
            if not held:
                self._connection.execute("BEGIN")
            yield
        except sqlite3.Error as error:
            raise self._failure(error) from None
        finally:
            for cursor in cursors:
                cursor.close()
            if not held:
                self._connection.rollback()
            self._cursors = None
            self._deadline = math.inf

    def rows(self, text: str, *values: object) -> list[Row]:
        """Give all rows of a statement."""
        alone = self._cursors is None
        if alone:
            self._deadline = time.monotonic() + LONGEST_SEARCH
        try:
            return self._connection.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise self._failure(error) from None
        finally:
            if alone:
                self._deadline = math.inf

    def ask(self, text: str, *values: object) -> Any:
        """Give the first value of the first row of a statement; None if there is none."""
        found = self.rows(text, *values)
        return found[0][0] if found else None

    def column(self, text: str, *values: object) -> list[Any]:
        """Give the first value of every row of a statement."""
        return [row[0] for row in self.rows(text, *values)]

    def walk(self, text: str, values: Iterable[object] = ()) -> Iterator[Row]:
        """Go through the rows of a statement, as far as whoever asks (see `asking`) wants to go."""
        assert self._cursors is not None
        cursor = self._connection.execute(text, tuple(values))
        self._cursors.append(cursor)
        return cursor

    def hurry(self) -> None:
        """Refuse to go on with a question that has taken too long already. Raises TryAgain."""
        if self._too_long():
            raise self._overdue()

    def steps(self, text: str, values: Iterable[object]) -> list[str]:
        """Say how SQLite goes through a statement."""
        return [row[3] for row in self.rows(f"EXPLAIN QUERY PLAN {text}", *values)]

    @contextmanager
    def counting(self, count: Callable[[], bool]) -> Iterator[None]:
        """Call a function, which says True, for each row that a search looks at meanwhile, as `jobd_looked()`."""
        self._connection.create_function("jobd_looked", 0, count)
        try:
            yield
        finally:
            self._connection.create_function("jobd_looked", 0, None)

    def _failure(self, error: sqlite3.Error) -> JobdError:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return self._overdue()
        return database.failed_open(error, self.path)

    def _overdue(self) -> JobdError:
        return TryAgain(problem=f"the search took longer than {LONGEST_SEARCH:g} s; narrow it down")

    def _too_long(self) -> bool:
        return self._stopped or time.monotonic() > self._deadline
