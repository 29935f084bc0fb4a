"""What SQL cannot say by itself, as functions of a connection that searches; loaded with its first search."""

import sqlite3

#: Whether a folded word is in the text of a job: by its record, which is always there, and by its text in the index.
IN_RECORD = "jobd_search(record, ?)"
IN_TEXT = "instr((SELECT text FROM words WHERE job = id), ?) > 0"


def register(connection: sqlite3.Connection) -> bool:
    """Give a connection the functions that conditions call, and say that it has them. Raises sqlite3.Error."""
    from jobd.core.filters import FUNCTIONS

    for function in FUNCTIONS:
        connection.create_function(function.name, function.arguments, function.call, deterministic=True)
    return True
