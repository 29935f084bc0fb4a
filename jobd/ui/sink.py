"""One output stream of a process: everything is written now, or an error says why not.

Nothing is kept in a buffer of Python, so no error is left for the interpreter's exit, where it would be lost.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class OutputFailed(OSError):
    """Standard output cannot take what was written, for instance because the disk is full."""


class OutputClosed(OutputFailed, BrokenPipeError):
    """Whoever read standard output has gone."""


@contextmanager
def output_errors() -> Iterator[None]:
    """Say that it was the output that failed, and not another file: raise OutputFailed in place of any OSError."""
    try:
        yield
    except OSError as error:
        kind = OutputClosed if error.errno == errno.EPIPE else OutputFailed
        raise kind(error.errno or errno.EIO, error.strerror or str(error)) from error


class Sink:
    """A stream of the process, written through its descriptor; one without a descriptor is written as it is.

    `stream` is None where the process was started with that descriptor closed.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self.descriptor = _descriptor(stream)
        self.is_terminal = stream is not None and stream.isatty()

    @property
    def is_unicode(self) -> bool:
        """Tell whether the stream can carry every character."""
        return self._encoding.lower().replace("_", "-") in {"utf-8", "utf8"}

    def columns(self) -> int:
        """Ask the terminal how wide it is now; 0 if it is none or does not say."""
        try:
            return os.get_terminal_size(self.descriptor).columns if self.descriptor is not None else 0
        except OSError:
            return 0

    def write(self, text: str) -> None:
        """Write all of the text; characters that the encoding lacks become escapes. Raises OutputFailed."""
        self.write_bytes(text.encode(self._encoding, "backslashreplace"))

    def write_bytes(self, data: bytes | memoryview) -> None:
        """Write all of the bytes. Raises OutputFailed."""
        with output_errors():
            if self._stream is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._stream.flush()
            if self.descriptor is not None:
                write_all(self.descriptor, data)
            elif (binary := getattr(self._stream, "buffer", None)) is not None:
                binary.write(data)
                binary.flush()
            else:
                self._stream.write(str(data, self._encoding, "replace"))


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of the bytes, waiting where another program has made the descriptor non-blocking. Raises OSError."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            import select

            room = select.poll()
            room.register(descriptor, select.POLLOUT)
            room.poll()


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if stream is not None else None
    except (OSError, ValueError):
        return None
