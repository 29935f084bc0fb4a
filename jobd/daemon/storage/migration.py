"""The versions of the schema: numbered files of SQL, applied in order; what they come to makes a new database at once.

The rule: a migration and the mark of its version are one transaction. `executescript` would commit before it begins, so
the statements are executed one by one.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from jobd.daemon.storage import database


@cache
def scripts() -> tuple[str, ...]:
    """Read the migrations in order; the first makes version 1."""
    files = sorted(Path(__file__).with_name("migrations").glob("*.sql"))
    return tuple(file.read_text(encoding="utf-8") for file in files)


@cache
def schema() -> str:
    """Read what a database of the newest version is made of."""
    return Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")


def version(connection: sqlite3.Connection) -> int:
    """Read the version of the schema; 0 = nothing is there."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the newest version of what is there, of an empty file in one transaction. Raises sqlite3.Error."""
    if version(connection):
        migrate(connection, scripts())
    else:
        _apply(connection, schema(), len(scripts()))


def migrate(connection: sqlite3.Connection, known: Sequence[str]) -> None:
    """Apply what is missing, each step whole or not at all. Raises sqlite3.Error."""
    for number in range(version(connection) + 1, len(known) + 1):
        _apply(connection, known[number - 1], number)


def statements(script: str) -> Iterator[str]:
    """Cut a script into its statements."""
    text = ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""


def _apply(connection: sqlite3.Connection, script: str, number: int) -> None:
    with database.transaction(connection):
        for statement in statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {number}")
