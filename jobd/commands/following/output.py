"""The output of jobs on its way to the screen: one file as it is, or several with a prefix on each line.

On a terminal it is made harmless; a pipe or a file gets the bytes themselves. Every byte is shown once and in order.
"""

import codecs
import os
from typing import TYPE_CHECKING, NamedTuple

from jobd.core.errors import OutputNotFound
from jobd.core.text import lossless
from jobd.growth import Follower
from jobd.ui.sink import output_errors
from jobd.ui.terminal_text import Stream, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from jobd.commands._shell import Shell
    from jobd.config import Paths
    from jobd.core.views import JobView
    from jobd.ui.live import LiveLine
    from jobd.ui.screen import Screen

CHUNK = 1 << 20
#: Bytes of a character of UTF-8 (RFC 3629).
LONGEST_CHARACTER = 4
BLOCK = 1 << 16
#: An unfinished line longer than this is shown with its prefix before its end has come.
LONGEST_HELD = 1 << 16
#: Of the end of a file so much is read for its last line.
LONGEST_LAST_LINE = 4096


class Wanted(NamedTuple):
    """What to show: the output or not, from how many lines before its end (None = from the start), which files, how."""

    output: bool = True
    lines: int | None = None
    #: Of split output only these; all if there are none.
    files: tuple[str, ...] = ()
    timestamps: bool = False
    raw: bool = False
    #: Whether remarks on states and warnings are made.
    remarks: bool = True
    #: Whether what a job keeps apart goes to standard output and standard error, each as it is.
    apart: bool = False

    def shows(self, file: str) -> bool:
        """Whether a file of the output is among those to be shown."""
        return not self.files or file in ("output", *self.files)


def wanted_files(*, stdout: bool, stderr: bool) -> tuple[str, ...]:
    """Say which files of split output two flags ask for; none is all."""
    return tuple(name for name, chosen in (("stdout", stdout), ("stderr", stderr)) if chosen)


def open_output(
    paths: "Paths", job: "JobView", file: str, lines: int | None = None, attempt: int | None = None
) -> Follower:
    """Open a file of the output of an attempt (the latest), so many lines before its end (None: at its start).

    It is found wherever it is by now: it is renamed when the attempt has ended, perhaps after the job was looked at.
    Raises OutputNotFound.
    """
    follower, problem = None, "no such file"
    for path in _places(paths, job, file, attempt or job.attempt or 1):
        try:
            follower = Follower(path)
            break
        except FileNotFoundError as error:
            problem = f"{path}: {error.strerror}"
        except OSError as error:
            raise OutputNotFound(job=job.id, name=job.name, problem=f"{path}: {error.strerror}") from None
    if follower is None:
        raise OutputNotFound(job=job.id, name=job.name, problem=problem)
    if lines is not None:
        follower.offset = start_of_last_lines(follower.fileno(), lines)
    return follower


def _places(paths: "Paths", job: "JobView", file: str, attempt: int) -> "Iterator[str | Path]":
    """Say where a file of the output of an attempt may be, the likeliest place first."""
    latest = attempt == (job.attempt or 1)
    if latest and job.output is not None:
        yield job.output.files[file]
    from jobd.daemon.attempts import output

    if not latest:
        yield output.attempt_directory(paths, job.id, attempt) / file
    yield output.kept(paths, job.id, attempt, file)


def start_of_last_lines(descriptor: int, lines: int) -> int:
    """Find the offset of the last lines of an open file; a line without its newline counts."""
    position = os.fstat(descriptor).st_size
    if lines <= 0 or position == 0:
        return position
    wanted = lines + (os.pread(descriptor, 1, position - 1) == b"\n")
    while position > 0:
        step = min(BLOCK, position)
        position -= step
        block = os.pread(descriptor, step, position)
        found = block.count(b"\n")
        if found < wanted:
            wanted -= found
            continue
        place = len(block)
        for _ in range(wanted):
            place = block.rfind(b"\n", 0, place)
        return position + place + 1
    return 0


def last_lines(paths: "Paths", job: "JobView", lines: int, longest: int = LONGEST_LAST_LINE) -> list[str]:
    """Read the last lines of a job's output, harmless, at most so many bytes of each file; none if it is not there."""
    shown: list[str] = []
    for file in job.output.files if job.output else ():
        try:
            with open_output(paths, job, file, lines) as follower:
                follower.offset = max(follower.offset, os.fstat(follower.fileno()).st_size - longest)
                shown += map(_harmless, follower.read(longest).splitlines()[-lines:])
        except OutputNotFound:
            continue
    return shown


def _harmless(line: bytes) -> str:
    return field(line.decode("utf-8", "backslashreplace").rstrip())


class Label(NamedTuple):
    """Whose output it is: the job, the file, and what stands before each line."""

    job: int
    file: str
    prefix: str = ""


class Prefixes:
    """What stands before the lines of each file, if more than one is shown: equally wide, and no two alike."""

    def __init__(self, jobs: "Iterable[JobView]", wanted: Wanted) -> None:
        shown = list(jobs)
        self._both = wanted.shows("stdout") and wanted.shows("stderr") and not wanted.apart
        names = [job.name for job in shown]
        self._names = {job.id: job.name if names.count(job.name) == 1 else f"{job.name} #{job.id}" for job in shown}
        self._width = max((len(field(name)) for name in self._names.values()), default=0)

    def label(self, job: "JobView", file: str) -> Label:
        """Say what stands before the lines of a file of one of the jobs."""
        name = [f"{field(self._names[job.id]):<{self._width}}"] if len(self._names) > 1 else []
        split = [file] if file != "output" and self._both else []
        return Label(job.id, file, " ".join((*name, *split, "| ")) if name or split else "")


class Source:
    """One file of one job, shown through `live`, or as JSON."""

    def __init__(self, screen: "Screen", live: "LiveLine", follower: Follower, label: Label, wanted: Wanted) -> None:
        self.follower = follower
        self._label = label
        self._timestamps = wanted.timestamps
        self._screen = screen
        self._live = live
        self._held = b""
        #: Whether what was shown last did not end a line.
        self._in_line = False
        self._errors = wanted.apart and label.file == "stderr"
        self._sink = screen.sink(errors=self._errors)
        self._harmless = None if wanted.raw or not self._sink.is_terminal else Stream(color=screen.color)
        #: Whether some of it was gone before it could be shown.
        self.lost = False
        self._as_it_is = not (screen.as_json or label.prefix or wanted.timestamps or self._harmless)

    def show(self) -> int:
        """Show what is new, at most a chunk of it, and say how many bytes that were. Raises OutputFailed."""
        if self._as_it_is and self._sink.descriptor is not None:
            with output_errors():
                moved = self.follower.send(self._sink.descriptor, CHUNK)
            self._tell_gap()
            return moved
        data = self.follower.read(CHUNK)
        self._tell_gap()
        self._write(data)
        return len(data)

    def finish(self) -> None:
        """Show everything that is left, also a line without its end. Raises OutputFailed."""
        while self.show():
            pass
        if self._held and self._screen.as_json:
            self._document(self._held)
        elif self._held:
            self._lines(b"\n")
        elif self._harmless:
            end = "\n" if self._in_line and self._screen.live else ""
            self._put(self._harmless.feed(b"", final=True) + end)
        self.follower.close()

    def _tell_gap(self) -> None:
        if self.follower.gap:
            self.lost = True
            self._screen.notice(f"{self.follower.gap} bytes are not there: the output was over its limit")

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._screen.as_json:
            data = self._held + data
            whole = len(data) - _unfinished(data)
            self._held = data[whole:]
            self._document(data[:whole])
        elif self._label.prefix or self._timestamps:
            self._lines(data)
        elif self._harmless:
            self._in_line = not data.endswith(b"\n")
            self._put(self._harmless.feed(data))
        else:
            self._sink.write_bytes(data)

    def _document(self, data: bytes) -> None:
        label = self._label
        if data:
            self._screen.json_line({"type": "output", "job": label.job, "file": label.file, "data": lossless(data)})

    def _put(self, text: str) -> None:
        if self._errors:
            self._sink.write(text)
        else:
            self._live.write(text)

    def _lines(self, data: bytes) -> None:
        data = self._held + data
        whole = data.rfind(b"\n") + 1
        self._held = data[whole:]
        if len(self._held) > LONGEST_HELD:
            whole, self._held = len(data), b""
        if not whole:
            return
        lines = data[:whole].split(b"\n")
        if not lines[-1]:
            lines.pop()
        head = self._head()
        if self._harmless:
            harmless = self._harmless
            self._live.write("".join(head + harmless.feed(line + b"\n") for line in lines))
        else:
            before = head.encode()
            self._screen.write_bytes(b"".join(before + line + b"\n" for line in lines))

    def _head(self) -> str:
        if not self._timestamps:
            return self._label.prefix
        import time

        return f"{time.strftime('%H:%M:%S')} {self._label.prefix}"


def _unfinished(data: bytes) -> int:
    """Say how many bytes at the end begin a character of UTF-8 that needs more of them."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data[-LONGEST_CHARACTER:])
    return len(decoder.getstate()[0])


def show_all(shell: "Shell", jobs: "Iterable[JobView]", wanted: Wanted, *, prefixed: bool = False) -> None:
    """Show the output of jobs as far as there is one, a file after the other. Raises OutputNotFound, OutputFailed."""
    from jobd.ui.live import LiveLine

    shown = [(job, file) for job in jobs if job.output for file in job.output.files if wanted.shows(file)]
    prefixes = Prefixes({job.id: job for job, _ in shown}.values(), wanted)
    with LiveLine(shell.screen) as live:
        for job, file in shown:
            follower = open_output(shell.paths, job, file, wanted.lines)
            label = prefixes.label(job, file) if prefixed else Label(job.id, file)
            Source(shell.screen, live, follower, label, wanted).finish()
