"""Answers without a daemon: whatever only reads, from the files that the last one left.

Loaded only when nobody serves, since it needs what a daemon needs to read.
"""

import os
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobd.commands._shell import Shell
from jobd.core.events.catalogue import Actor

if TYPE_CHECKING:
    from jobd.daemon.remembered.archive import Archive
    from jobd.daemon.storage.reader import Reader
    from jobd.wire import Read


def answer(shell: Shell, request: "Read[Any]") -> Any:
    """Answer a request from the saved state. Raises what the request refuses with, BadParameters, and StorageBroken."""
    from jobd import wire

    wire.encode_call(request, 1)
    return request.answer(_archive(shell), Actor(os.getuid(), os.getpid()))


@cache
def _archive(shell: Shell) -> "Archive":
    """Open the saved state, and say that no daemon runs and how old the answers are: once in a process."""
    from jobd.daemon.remembered.archive import Archive
    from jobd.daemon.storage.reader import Reader
    from jobd.daemon.system.clock import Clock

    path = shell.paths.database
    saved = path.exists()
    archive = Archive(Reader(path) if saved else _nothing(), Clock(), shell.paths)
    since = _last_change(archive)
    state = f"saved state of {since} shown" if since else "nothing is saved yet"
    shell.screen.notice(f"daemon not running: {state} (start it: jobd daemon start)")
    return archive


def _nothing() -> "Reader":
    """Read a database without a job; its file is gone as soon as it is open."""
    from jobd.daemon.storage.opening import open_database
    from jobd.daemon.storage.reader import Reader

    with tempfile.TemporaryDirectory(prefix="jobd-") as folder:
        connection, _ = open_database(Path(folder, "jobd.db"), "off")
        reader = Reader(Path(folder, "jobd.db"))
        connection.close()
    return reader


def _last_change(archive: "Archive") -> str:
    last = archive.last_seq()
    entries = archive.entries(last - 1, 1) if last else []
    if not entries:
        return ""
    at, now = entries[0].at.astimezone(), datetime.now(UTC).astimezone()
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"
