"""Where jobd's files live: the state directory with everything in it, and the configuration files.

Nothing here touches a file, and nothing heavy is imported: every client passes through.
"""

import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

Environment = Mapping[str, str]


def config_files(environ: Environment) -> list[str]:
    """Name the configuration files, whether they exist or not; a later one goes before an earlier one."""
    if sys.platform == "darwin":
        import platformdirs

        found = [platformdirs.site_config_dir("jobd"), platformdirs.user_config_dir("jobd")]
    else:
        shared = [path for path in environ.get("XDG_CONFIG_DIRS", "").split(":") if os.path.isabs(path)] or ["/etc/xdg"]
        folders = [*reversed(shared), _home(environ, "XDG_CONFIG_HOME", ".config")]
        found = [os.path.join(folder, "jobd") for folder in folders]
    return [os.path.join(path, "config.toml") for path in found]


def state_directory(environ: Environment) -> str:
    """Say where the state is: JOBD_DIR, or what platformdirs says, whose import is spared where two lines do."""
    if chosen := environ.get("JOBD_DIR"):
        return os.path.abspath(chosen)
    if sys.platform == "darwin":
        import platformdirs

        return platformdirs.user_state_dir("jobd")
    return os.path.join(_home(environ, "XDG_STATE_HOME", ".local/state"), "jobd")


def _home(environ: Environment, variable: str, below_home: str) -> str:
    chosen = environ.get(variable, "")
    return chosen if os.path.isabs(chosen) else os.path.join(environ.get("HOME") or os.path.expanduser("~"), below_home)


class Paths(NamedTuple):
    """The files of one state directory."""

    root: "str | os.PathLike[str]"

    @property
    def state(self) -> "Path":
        """The directory itself; the daemon's lock is a flock on it."""
        return self._path()

    @property
    def database(self) -> "Path":
        """The SQLite file."""
        return self._path("jobd.db")

    @property
    def socket(self) -> "Path":
        """Where the daemon listens."""
        return self._path("jobd.sock")

    @property
    def run(self) -> "Path":
        """The directories of attempts that may be running."""
        return self._path("run")

    @property
    def log(self) -> "Path":
        """The output of ended attempts, and the daemon's own logs."""
        return self._path("log")

    @property
    def daemon_json(self) -> "Path":
        """Who serves: socket, pid, boot, version; written by the holder of the lock."""
        return self._path("daemon.json")

    @property
    def start_lock(self) -> "Path":
        """Held by the client that is starting a daemon."""
        return self._path("start.lock")

    @property
    def startup_log(self) -> "Path":
        """What a daemon in the background says before its log is open, and if it dies."""
        return self._path("log", "startup.log")

    @property
    def daemon_log(self) -> "Path":
        """The log of a daemon in the background."""
        return self._path("log", "daemon.log")

    def _path(self, *below: str) -> "Path":
        return _joined(os.fspath(self.root), *below)


@lru_cache(maxsize=64)
def _joined(*parts: str) -> "Path":
    from pathlib import Path

    return Path(*parts)
