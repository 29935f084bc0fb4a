"""What SQL cannot say by itself, as functions of a connection that searches."""

import sqlite3

from jobd.core.wording import search_text
from jobd.daemon.storage import rows

#: Whether a folded word is in the text of a job: by its record, which is always there, and by its text in the index.
IN_RECORD = "jobd_search(record, ?)"
IN_TEXT = "instr((SELECT text FROM words WHERE job = id), ?) > 0"


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that conditions call. Raises sqlite3.Error."""
    connection.create_function("jobd_search", 2, _search, deterministic=True)


def _search(record: str | None, folded: str) -> bool | None:
    try:
        return None if record is None else folded in search_text(rows.read_job(record))
    except ValueError:
        return None
