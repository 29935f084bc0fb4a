"""Attempts on their way: prepared, asked for, and in doubt until a shim has answered or the daemon has fenced them off.

The rule: in any doubt the daemon fences. After that nobody has run and nobody will, or a shim owns the attempt. What
is short for the moment (room on the disk, processes, memory) proves nothing about the job: the same attempt is tried
again.
"""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from jobd.daemon.attempts import directory
from jobd.daemon.attempts.directory import Claim, SpecFile
from jobd.daemon.attempts.zygote_link import Zygote
from jobd.daemon.system.crash import crash_point

logger = logging.getLogger(__name__)

#: Seconds a shim has for its claim before the daemon fences.
START_TIME = 10.0
#: Seconds until something is tried again that could not be had.
AGAIN = 1.0
#: What may be there again in a moment.
SHORT = {getattr(errno, name) for name in "ENOSPC EDQUOT EMFILE ENFILE ENOMEM EAGAIN".split()}

#: A job and the number of its attempt.
Key = tuple[int, int]


class Start(NamedTuple):
    """An attempt that is to be started."""

    key: Key
    path: Path
    spec: SpecFile


class Told(Protocol):
    """Who hears what became of a start."""

    def claimed(self, start: Start, claim: Claim) -> None:
        """Its shim owns the attempt, the command runs."""

    def never_ran(self, key: Key, why: str) -> None:
        """It did not run and never will."""


class Starting:
    """Bring attempts to life through the zygote."""

    def __init__(self, told: Told, boot: str, log: Path) -> None:
        self._told = told
        self._boot = boot
        self._zygote = Zygote(self._answered, self._zygote_died, log)
        self._asked: dict[Path, Start] = {}
        self._timers: dict[Path, asyncio.TimerHandle] = {}
        #: Those that a shim may have been forked for.
        self._sent: set[Path] = set()
        #: What starts have to wait for at present.
        self.short: str | None = None

    def __contains__(self, path: Path) -> bool:
        return path in self._asked

    def __len__(self) -> int:
        return len(self._asked)

    def begin(self, start: Start) -> None:
        """Start an attempt; the answer comes as `claimed` or `never_ran`."""
        crash_point("after_intent")
        self._asked[start.path] = start
        self._ask(start)

    def withdraw(self, path: Path, why: str) -> None:
        """Have an answer now: fence the attempt off, unless its shim was quicker."""
        if path in self._asked:
            self._doubt(path, why)

    def doubt_main(self, pid: int) -> None:
        """Look at the attempt whose main process has come to the daemon before its shim answered: the shim is dead."""
        for path in list(self._asked):
            claim = directory.look(path).claim
            if claim is not None and claim.pid == pid:
                self._doubt(path, "its shim was killed")

    def close(self) -> None:
        """Ask for nothing more; what was asked goes on without this daemon."""
        self._zygote.close()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._asked.clear()
        self._sent.clear()

    def _ask(self, start: Start) -> None:
        path = start.path
        if (path / "claim").exists():
            self._doubt(path, "somebody else has claimed it")
            return
        try:
            directory.prepare(path, start.spec)
            (path / "noexec").unlink(missing_ok=True)
            crash_point("after_spec")
            self._sent.add(path)
            self._zygote.request(path)
        except OSError as error:
            self._failed(path, error.errno, f"{error.strerror}: {error.filename or 'zygote'}")
            return
        if path in self._asked:
            self._later(START_TIME, path, lambda: self._doubt(path, "no answer from its shim"))
        crash_point("after_request")

    def _failed(self, path: Path, number: int | None, why: str) -> None:
        if number not in SHORT and path in self._sent:
            self._doubt(path, why)
            return
        if number not in SHORT:
            self._told.never_ran(self._over(path).key, why)
            return
        if self.short is None:
            logger.warning("attempt %d.%d is started later: %s", *self._asked[path].key, why)
        self.short = os.strerror(number or 0)
        self._later(AGAIN, path, lambda: self._ask(self._asked[path]))

    def _later(self, seconds: float, path: Path, act: Callable[[], None]) -> None:
        self._forget_timer(path)
        self._timers[path] = asyncio.get_running_loop().call_later(seconds, act)

    def _forget_timer(self, path: Path) -> None:
        timer = self._timers.pop(path, None)
        if timer is not None:
            timer.cancel()

    def _answered(self, kind: str, path: Path, rest: bytes) -> None:
        if path not in self._asked:
            return
        crash_point("answered")
        claim = directory.parse_claim(rest) if kind == "claimed" else None
        text = rest.decode("utf-8", "replace")
        number = text.partition(" ")[0]
        if claim is not None:
            self._told.claimed(self._over(path), claim)
        elif kind == "failed" and number.isdecimal():
            self._failed(path, int(number), text)
        else:
            self._doubt(path, text or "its shim was too late")

    def _zygote_died(self) -> None:
        for path in list(self._asked):
            self._doubt(path, "the zygote died")

    def _doubt(self, path: Path, why: str) -> None:
        try:
            fenced = directory.fence(path, self._boot)
        except OSError as error:
            if self.short is None:
                logger.warning("attempt %d.%d cannot be examined now: %s", *self._asked[path].key, error)
            self.short = error.strerror
            self._later(AGAIN, path, lambda: self._doubt(path, why))
            return
        found = directory.look(path)
        if fenced:
            self._told.never_ran(self._over(path).key, why)
        elif found.never_ran and not found.locked:
            self._told.never_ran(self._over(path).key, "its shim was killed before the start")
        elif found.claim is not None:
            self._told.claimed(self._over(path), found.claim)
        else:
            self._later(AGAIN, path, lambda: self._doubt(path, why))

    def _over(self, path: Path) -> Start:
        self._forget_timer(path)
        self._sent.discard(path)
        self.short = None
        return self._asked.pop(path)
