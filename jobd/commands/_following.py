"""Follow jobs to their end: what `tail -f`, `run` and `submit --follow` have in common.

The output is read from its files, by offsets, so neither a restart of the daemon nor its death loses or repeats a byte.
How the jobs stand is told by the daemon, in a thread of its own that connects again as often as it must. It is over
when every job has ended and the last byte of its output has been shown.
"""

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from jobd.commands import _looks
from jobd.commands._output import Source, Style, prefix_of, start_of_last_lines
from jobd.core import views
from jobd.core.errors import ConnectionLost, DaemonNotRunning, JobdError, ShuttingDown
from jobd.core.views import JobView
from jobd.growth import Watch
from jobd.ui.live import LiveLine
from jobd.ui.terminal_text import field

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.wire import Stream

#: Seconds to wait for a daemon that is away and may not be started.
AWAY = 30.0
AGAIN = 0.1


class Wanted(NamedTuple):
    """What to show: the output or not, from how many lines before its end (None = from the start), which files, how."""

    output: bool = True
    lines: int | None = None
    files: tuple[str, ...] = ()
    timestamps: bool = False
    raw: bool = False
    #: Whether remarks on states and warnings are told on standard error.
    remarks: bool = True


class News:
    """What the daemon tells of the jobs, gathered by a thread; its descriptor is readable when there is some."""

    def __init__(self, shell: "Shell", request: "Stream[JobView]") -> None:
        self._client = shell.client
        self._request = request
        self._queue: SimpleQueue[JobView | JobdError] = SimpleQueue()
        self._reading, self._writing = os.pipe()
        threading.Thread(target=self._run, name="news", daemon=True).start()

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._reading

    def take(self) -> list[JobView]:
        """Give what was told since. Raises what the daemon, or its absence, raised."""
        os.read(self._reading, 4096)
        told: list[JobView] = []
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return told
            if isinstance(item, JobdError):
                raise item
            told.append(item)

    def _run(self) -> None:
        given_up = None
        while True:
            try:
                for view in self._client.stream(self._request, start=True):
                    given_up = None
                    self._put(view)
            except (ConnectionLost, ShuttingDown, DaemonNotRunning) as error:
                given_up = given_up or time.monotonic() + AWAY
                if time.monotonic() > given_up:
                    self._put(error)
                    return
                time.sleep(AGAIN)
            except JobdError as error:
                self._put(error)
                return
            else:
                return

    def _put(self, item: JobView | JobdError) -> None:
        self._queue.put(item)
        os.write(self._writing, b"\n")


class Following:
    """Jobs being followed: so many, told of by the stream `request`.

    `run` may be called again after an interrupt and goes on where it was.
    """

    def __init__(self, shell: "Shell", request: "Stream[JobView]", wanted: Wanted, *, jobs: int = 1) -> None:
        self._screen = shell.screen
        self._wanted = wanted
        self._several = jobs > 1
        self._news = News(shell, request)
        self._live = LiveLine(shell.screen)
        self._sources: dict[tuple[int, int, str], Source] = {}
        self.jobs: dict[int, JobView] = {}
        self._expected = jobs

    def run(self) -> int:
        """Follow to the end and give the exit status that stands for the jobs: the worst of theirs."""
        with ExitStack() as stack:
            stack.enter_context(self._live)
            watch = stack.enter_context(Watch())
            while not self._over():
                followers = [source.follower for source in self._sources.values()]
                _, ready = watch.wait(followers, [self._news.fileno()])
                for source in self._sources.values():
                    source.show()
                for view in self._news.take() if ready else ():
                    self._tell(view)
                self._show_bottom_line()
        return max((views.exit_status(job) for job in self.jobs.values()), default=0)

    def _over(self) -> bool:
        return len(self.jobs) == self._expected and all(job.done for job in self.jobs.values())

    def _tell(self, job: JobView) -> None:
        before = self.jobs.get(job.id)
        self.jobs[job.id] = job
        if self._wanted.output and job.output is not None:
            for name, path in job.output.files.items():
                self._open(job, name, Path(path), first=before is None)
        if job.done:
            self._finish(job)
        if self._screen.as_json:
            self._screen.json_line({"type": "job", **msgspec.to_builtins(job)})
        elif self._wanted.remarks:
            self._remark(before, job)

    def _open(self, job: JobView, name: str, path: Path, *, first: bool) -> None:
        key = job.id, job.attempt or 0, name
        if key in self._sources or (self._wanted.files and name not in self._wanted.files):
            return
        lines = self._wanted.lines
        offset = start_of_last_lines(path, lines) if first and lines is not None else 0
        several = self._several or (len(job.output.files) > 1 if job.output else False)
        prefix = prefix_of(job.name if self._several else name, name, len(job.name) + 4) if several else ""
        style = Style(job.id, name, prefix, self._wanted.timestamps, self._wanted.raw)
        self._sources[key] = Source(self._screen, self._live, path, offset, style)

    def _finish(self, job: JobView) -> None:
        for key in [key for key in self._sources if key[0] == job.id]:
            self._sources.pop(key).finish()

    def _remark(self, before: JobView | None, job: JobView) -> None:
        new = job.warned - (before.warned if before else job.warned)
        for warning in job.warnings[len(job.warnings) - new :] if new > 0 else ():
            self._say(f"! {field(job.name)} #{job.id}: {field(warning.text)}")
        if job.done and not (before and before.done):
            self._live.clear()
            self._say(_looks.end_line(job, self._screen))
        elif self._several and before is not None and before.state is not job.state:
            self._say(f"{field(job.name)} #{job.id} {job.state}")

    def _say(self, line: str) -> None:
        if self._screen.live:
            self._live.write(f"{line}\n")
        else:
            self._screen.hint(line)

    def _show_bottom_line(self) -> None:
        active = [job for job in self.jobs.values() if not job.done]
        if not self._screen.live or not active:
            self._live.clear()
            return
        job = active[0]
        more = f" (+{len(active) - 1} more)" if len(active) > 1 else ""
        self._live.show(_looks.bottom_line(job, self._screen) + more, job.progress.fraction, job.state)
