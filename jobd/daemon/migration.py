"""The versions of the schema: numbered files of SQL, applied in order.

The rule: a migration and the mark of its version are one transaction. `executescript` would commit before it begins, so the statements
are executed one by one.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

from jobd.core.errors import DatabaseTooNew
from jobd.daemon import database


@cache
def migrations() -> tuple[str, ...]:
    """Read the migrations in order; the first makes version 1."""
    folder = resources.files("jobd.daemon") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(file.read_text(encoding="utf-8") for file in files)


def version(connection: sqlite3.Connection) -> int:
    """Read the version of the schema; 0 = nothing is there."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Apply what is missing. Raises DatabaseTooNew, sqlite3.Error."""
    known, found = len(migrations()), version(connection)
    if found > known:
        raise DatabaseTooNew(found=found, known=known, backup="BACKUP")
    for number in range(found + 1, known + 1):
        apply(connection, migrations()[number - 1], number)


def apply(connection: sqlite3.Connection, script: str, number: int) -> None:
    """Apply one migration together with its version, or nothing of it. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def statements(script: str) -> Iterator[str]:
    """Cut a script into its statements."""
    text = ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""
