"""The settings of a running daemon: read again when their files change, without losing a job.

While there are jobs the files are watched, and a change is taken at once; an idle daemon does not wake up for them and
looks at its leisure, or when the next job comes. Settings that cannot be read change nothing, and the log says what is
wrong with them.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from jobd.config import config_files, load
from jobd.core.errors import ConfigInvalid

if TYPE_CHECKING:
    from jobd.config import Config

logger = logging.getLogger(__name__)

#: Milliseconds between looks of the watcher, and in which several changes count as one.
STEP = 500
#: What a file that is not there looks like.
_ABSENT = (0, 0, 0)


class Settings:
    """Keep the configuration in force up to date; `changed` gets each new one."""

    def __init__(self, environ: Mapping[str, str], changed: Callable[["Config"], None]) -> None:
        self._environ = environ
        self._changed = changed
        self._files = config_files(environ)
        self._seen = self._look()
        self._watcher: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """Read the files again if they are not as they were."""
        now = self._look()
        if now == self._seen:
            return
        self._seen = now
        try:
            loaded = load(self._environ)
        except ConfigInvalid as error:
            logger.error("the settings stay as they were: %s", error)  # noqa: TRY400 -- the line says it all
            return
        logger.info("settings read again")
        self._changed(loaded.config)

    def watch(self, *, busy: bool) -> None:
        """Watch the files while there is something to do, and only then; each call looks at them once."""
        self.refresh()
        if busy and (self._watcher is None or self._watcher.done()):
            folders = sorted({os.path.dirname(path) for path in self._files})
            present = [folder for folder in folders if os.path.isdir(folder)]
            if present:
                self._watcher = asyncio.get_running_loop().create_task(self._follow(present))
        elif not busy:
            self.close()

    def close(self) -> None:
        """Watch no longer."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    async def _follow(self, folders: list[str]) -> None:
        watchfiles = await asyncio.to_thread(import_module, "watchfiles")
        logging.getLogger("watchfiles").setLevel(logging.WARNING)
        try:
            async for _ in watchfiles.awatch(*folders, step=STEP, debounce=STEP, recursive=False):
                self.refresh()
        except (OSError, RuntimeError) as error:
            logger.warning("the settings cannot be watched, they are looked at now and then: %s", error)

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(_identity(path) for path in self._files)


def _identity(path: str) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return _ABSENT
    return status.st_mtime_ns, status.st_ino, status.st_size
