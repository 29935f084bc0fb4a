"""Being the daemon, and being a service of systemd: what stands between the command line and jobd.daemon."""

import fcntl
import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from jobd.commands._shell import SERVE, Shell
from jobd.config import Paths
from jobd.core.errors import CommandFailed, StateDirectoryUnusable

RELOAD = ("systemctl", "--user", "daemon-reload")
ENABLE = ("systemctl", "--user", "enable", "--now", "jobd.socket")
UNITS = ("jobd.socket", "jobd.service")


class Ready:
    """Tells whoever started the daemon that it serves, or why it does not; once, and then lets go."""

    def __init__(self, descriptor: int | None) -> None:
        """Raises OSError if it is not open."""
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
        self._descriptor = descriptor

    def __call__(self, text: str) -> None:
        """Say it in one line."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.write(self._descriptor, f"{' '.join(text.split())}\n".encode())
            os.close(self._descriptor)
            self._descriptor = None


def run(shell: Shell, ready: Ready, *, memory: bool, background: bool) -> None:
    """Be the daemon until it is asked to stop.

    Raises ConfigInvalid, StateDirectoryUnusable, and what keeps a daemon from living.
    """
    _load_asyncio()
    from jobd.daemon.life import journal, lifetime

    os.umask(0o077)
    _make_state_directory(shell.paths)
    if background:
        os.chdir("/")
    config = shell.config
    journal.set_up(shell.paths, config.daemon.log_level, background=background, environ=shell.environ)
    lifetime.run(
        lifetime.Options(
            paths=shell.paths,
            config=config,
            make_server=shell.make_server,
            ready=ready,
            argv=_argv(shell.argv),
            memory=memory,
        )
    )


def _load_asyncio() -> None:
    """Load asyncio without TLS, which nobody speaks on a Unix socket: four of the daemon's megabytes."""
    hidden = "ssl" not in sys.modules
    if hidden:
        sys.modules["ssl"] = None  # type: ignore[assignment]
    try:
        import asyncio  # noqa: F401
    finally:
        if hidden:
            del sys.modules["ssl"]


def _argv(argv: Sequence[str]) -> list[str]:
    """Give the command line of the successor, who finds the door open and tells nobody."""
    words = list(argv)
    if "--ready-fd" in words:
        at = words.index("--ready-fd")
        del words[at : at + 2]
    return words


def _make_state_directory(paths: Paths) -> None:
    from jobd.client.connection import check_directory

    check_directory(os.fspath(paths.root))
    with suppress(FileExistsError):
        try:
            os.makedirs(os.path.dirname(paths.root), exist_ok=True)
            os.mkdir(paths.root, 0o700)
        except FileExistsError:
            raise
        except OSError as error:
            raise StateDirectoryUnusable(path=os.fspath(paths.root), problem=error.strerror) from error
    check_directory(os.fspath(paths.root))


def is_free(paths: Paths) -> bool:
    """Say whether no daemon holds the lock of the state directory."""
    try:
        directory = os.open(paths.root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return True
    try:
        fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(directory)
    return True


def unit_folder(shell: Shell) -> str:
    """Say where systemd looks for the units of this user."""
    chosen = shell.environ.get("XDG_CONFIG_HOME", "")
    home = shell.environ.get("HOME") or os.path.expanduser("~")
    return os.path.join(chosen if os.path.isabs(chosen) else os.path.join(home, ".config"), "systemd", "user")


def install(shell: Shell) -> Iterator[str]:
    """Write the units for this installation and state directory; give the paths. Raises CommandFailed."""
    from importlib import resources

    usual = os.path.join(shell.environ.get("HOME") or os.path.expanduser("~"), ".local/state/jobd")
    root = os.fspath(shell.paths.root)
    meanings = {
        "@socket@": "%h/.local/state/jobd/jobd.sock" if root == usual else f"{_escaped(root)}/jobd.sock",
        "@environment@\n": "" if root == usual else f"Environment={_quoted(f'JOBD_DIR={root}')}\n",
        "@command@": " ".join(_quoted(word).replace("$", "$$") for word in SERVE),
    }
    for name in UNITS:
        text = (resources.files("jobd.daemon.life") / name).read_text(encoding="utf-8")
        for mark, meaning in meanings.items():
            text = text.replace(mark, meaning)
        path = os.path.join(unit_folder(shell), name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandFailed(command="jobd daemon install", problem=f"{path}: {error.strerror}") from error
        yield path


def systemd(shell: Shell, command: Sequence[str]) -> None:
    """Let systemd do what RELOAD or ENABLE says. Raises CommandFailed."""
    import subprocess

    try:
        done = subprocess.run(command, env=dict(shell.environ), capture_output=True, text=True, check=False)
    except OSError as error:
        raise CommandFailed(command=" ".join(command), problem=error.strerror) from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()) or f"exit status {done.returncode}"
        raise CommandFailed(command=" ".join(command), problem=said)


def last_lines(path: Path, count: int) -> list[str]:
    """Read the latest lines of a log. Raises CommandFailed."""
    try:
        with path.open(encoding="utf-8", errors="backslashreplace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=count)]
    except OSError as error:
        raise CommandFailed(command="jobd daemon logs", problem=f"{path}: {error.strerror}") from error


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """Write a word of a unit file (systemd.syntax(7)), quoted if need be."""
    inner = _escaped(text).replace("\\", "\\\\").replace('"', '\\"')
    return inner if inner == text and " " not in text else f'"{inner}"'
