"""The daemon's own log: for eyes on a terminal, with priorities for the journal, else lines of key=value."""

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from typing import TextIO

from jobd.config import Paths

#: A log file of that many bytes is put aside, and so many of those are kept.
LARGEST, KEPT = 1 << 20, 3
#: The priorities of sd-daemon(3), by the levels of logging.
PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


class Plain(logging.Formatter):
    """A time and a sentence, for somebody who looks on."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")


class ForJournal(logging.Formatter):
    """A priority and a sentence; each line of it has the priority, the journal adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the lines."""
        head = f"<{PRIORITIES.get(record.levelname, 6)}>"
        return "\n".join(head + line for line in super().format(record).splitlines())


class Pairs(logging.Formatter):
    """One line of key=value, whatever is in it: time, level, who says it, what, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        pairs = {"at": at, "level": record.levelname.lower(), "part": record.name.rpartition(".")[2]}
        pairs["message"] = json.dumps(record.getMessage(), ensure_ascii=False)
        if record.exc_info:
            pairs["traceback"] = json.dumps(self.formatException(record.exc_info), ensure_ascii=False)
        return " ".join(f"{name}={value}" for name, value in pairs.items())


def set_up(paths: Paths, level: str, *, background: bool, environ: Mapping[str, str]) -> None:
    """Send the log to its place: a file of its own in the background, standard error in the foreground."""
    handler = _to_file(paths) if background else _to_stream(sys.stderr, environ)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.raiseExceptions = False


def _to_file(paths: Paths) -> logging.Handler:
    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_NOFOLLOW, 0o600)

    class Private(RotatingFileHandler):
        def _open(self) -> TextIO:  # type: ignore[override]  # the base class names a wider type
            return open(self.baseFilename, "a", encoding="utf-8", errors="backslashreplace", opener=opener)

    paths.log.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = Private(paths.daemon_log, maxBytes=LARGEST, backupCount=KEPT)
    handler.setFormatter(Pairs())
    return handler


def _to_stream(stream: TextIO, environ: Mapping[str, str]) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    if _is_journal(stream, environ):
        handler.setFormatter(ForJournal())
    else:
        handler.setFormatter(Plain() if stream.isatty() else Pairs())
    return handler


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is the very one that systemd connected to the journal (JOURNAL_STREAM)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
