"""jobd db: find the database, look through it, copy it, put a copy back, make it smaller."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click
import msgspec

from jobd.commands.options.kept import json_option
from jobd.core.errors import BadValue, DaemonAlreadyRunning, DaemonNotRunning, NothingMatched, StateDirectoryUnusable
from jobd.core.text import Base64, lossless, plain
from jobd.ui import amounts
from jobd.ui.terminal_text import field
from jobd.wire import Action

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine

EXAMPLES = """\
sqlite3 "$(jobd db path)" 'SELECT * FROM v_jobs'  # see jobd-database(7)
jobd db check                  # is it whole?
jobd db backup                 # make a copy beside it
jobd db backup ~/jobd.copy     # or elsewhere
jobd db restore                # put the newest copy back (the daemon must be stopped)
"""


class Found(msgspec.Struct, frozen=True):
    """What a check has found: the problems (none = all is well) and the size of the file in bytes."""

    path: str
    problems: tuple[str, ...]
    bytes: int


class Made(msgspec.Struct, frozen=True):
    """A file that was made, or made smaller, and its size in bytes."""

    path: str
    bytes: int


class Check(Action[Found], frozen=True):
    """Look through the database for damage."""

    method: ClassVar = "db.check"
    waits: ClassVar = True

    async def answer(self, engine: Engine, caller: Actor) -> Found:
        """Do it beside the work."""
        import asyncio

        return await asyncio.to_thread(self.do, engine.store.path)

    def do(self, database: Path) -> Found:
        """Look at the file."""
        from jobd.daemon.storage import safekeeping

        return Found(str(database), tuple(safekeeping.check(database, thorough=True)), database.stat().st_size)


class Backup(Action[Made], frozen=True):
    """Copy the database to a file (an absolute path), or to one beside it; old copies there are thinned."""

    method: ClassVar = "db.backup"
    waits: ClassVar = True

    target: str | None = None

    async def answer(self, engine: Engine, caller: Actor) -> Made:
        """Do it beside the work."""
        import asyncio

        await engine.committed()
        return await asyncio.to_thread(self.do, engine.store.path, engine.config.storage.backup_keep)

    def do(self, database: Path, keep: int) -> Made:
        """Copy the file. Raises StorageFull, StorageBroken."""
        from jobd.daemon.storage import safekeeping

        if self.target is None:
            made = safekeeping.rotate(database, max(1, keep))
        else:
            made = Path(self.target)
            if not made.is_absolute() or made.exists():
                problem = "it exists already" if made.exists() else "it is not an absolute path"
                raise BadValue(field="file", problem=f"{self.target}: {problem}")
            safekeeping.backup(database, made)
        return Made(str(made), made.stat().st_size)


class Vacuum(Action[Made], frozen=True):
    """Give the room of what was deleted back to the disk."""

    method: ClassVar = "db.vacuum"
    waits: ClassVar = True

    async def answer(self, engine: Engine, caller: Actor) -> Made:
        """Do it beside the work; changes wait meanwhile. Raises StorageFull, OutcomeUnknown."""
        await engine.store.vacuum()
        return self.made(engine.store.path)

    def do(self, database: Path) -> Made:
        """Write the file anew that no daemon writes. Raises StorageFull, StorageBroken."""
        from jobd.daemon.storage import safekeeping

        safekeeping.vacuum(database)
        return self.made(database)

    def made(self, database: Path) -> Made:
        """Say how large it is now."""
        return Made(str(database), database.stat().st_size)


@click.group("db", epilog=EXAMPLES)
def command() -> None:
    """Find, check, copy, restore or shrink the database.

    It is one SQLite file in the state directory; every program that reads SQLite can open it. What its views hold is
    told in jobd-database(7).
    """


@command.command("path")
@click.pass_obj
def path(shell: Shell, /) -> None:
    """Print where the database is.

    Exit status: 66 if there is none yet.
    """
    shell.screen.data(f"{_database(shell)}\n")


@command.command("check")
@json_option(Found)
@click.pass_obj
def check(shell: Shell, /) -> int:
    """Look through the database for damage.

    Exit status: 1 if there is some.
    """
    try:
        found = shell.client.call(Check(), start=False)
    except DaemonNotRunning:
        found = Check().do(_database(shell))
    shell.emit(found, lambda: shell.screen.data(_verdict(found)))
    return 1 if found.problems else 0


@command.command("backup")
@click.argument("target", required=False, metavar="[FILE]")
@json_option(Made)
@click.pass_obj
def backup(shell: Shell, /, target: str | None) -> None:
    """Copy the database while it is in use.

    Without FILE the copy goes beside it; the newest few are kept, and one is made each day without being asked.
    """
    place = None if target is None else lossless(shell.absolute(target))
    if isinstance(place, Base64):
        raise BadValue(field="file", problem=f"{plain(place)} is not UTF-8, which SQLite asks of a path")
    request = Backup(target=place)
    try:
        made = shell.client.call(request, start=False)
    except DaemonNotRunning:
        made = request.do(_database(shell), shell.config.storage.backup_keep)
    shell.emit(made, lambda: shell.screen.data(f"{made.path} ({amounts.size(made.bytes)})\n"))


@command.command("restore")
@click.argument("source", required=False, metavar="[FILE]")
@click.pass_obj
def restore(shell: Shell, /, source: str | None) -> None:
    """Put a copy in the place of the database.

    Without FILE the newest copy beside it. The daemon must be stopped; what is replaced is kept, and jobs that run or
    ended meanwhile are taken in again by the next daemon.

    Exit status: 66 if there is no copy.
    """
    import fcntl
    import os

    from jobd.client.connection import told
    from jobd.daemon.storage import repair, safekeeping

    database = shell.paths.database
    copies = safekeeping.backups(database)
    if source is None and not copies:
        raise NothingMatched(what="a backup to restore; jobd db backup makes one")
    chosen = copies[0] if source is None else Path(shell.absolute(source))
    try:
        shell.paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(shell.paths.state, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StateDirectoryUnusable(path=str(shell.paths.state), problem=error.strerror) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        aside = safekeeping.restore(database, chosen)
        repair.leave_out_used_ids(database)
    except BlockingIOError:
        raise DaemonAlreadyRunning(state=str(shell.paths.state), pid=told(shell.paths).get("pid", "unknown")) from None
    finally:
        os.close(lock)
    shell.screen.data(f"restored {field(str(chosen))}\n")
    if aside is not None:
        shell.screen.hint(f"what was there before is kept in {aside}")


@command.command("vacuum")
@json_option(Made)
@click.pass_obj
def vacuum(shell: Shell, /) -> None:
    """Give the room of what was deleted back to the disk, and make the index of words anew."""
    try:
        made = shell.client.call(Vacuum(), start=False)
    except DaemonNotRunning:
        made = Vacuum().do(_database(shell))
    shell.emit(made, lambda: shell.screen.data(f"{made.path} ({amounts.size(made.bytes)})\n"))


def _database(shell: Shell) -> Path:
    """Find the file. Raises NothingMatched if there is none yet."""
    if not shell.paths.database.exists():
        raise NothingMatched(what=f"a database at {shell.paths.database}; the first job makes it")
    return shell.paths.database


def _verdict(found: Found) -> str:
    size = amounts.size(found.bytes)
    return "".join(f"{problem}\n" for problem in found.problems) or f"{found.path} ({size}) is whole\n"
