"""Follow jobs to their end: what `tail -f`, `run` and `submit --follow` have in common.

The output is read from its files, by offsets, so neither a restart of the daemon nor its death loses or repeats a byte.
It is over when every job has ended and the last byte of its output has been shown.
"""

import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from jobd.commands.following.news import News
from jobd.commands.following.output import Prefixes, Source, Wanted, open_output
from jobd.commands.screens import looks
from jobd.core import views
from jobd.core.errors import OutputNotFound
from jobd.core.model import State
from jobd.core.views import JobView
from jobd.growth import Watch
from jobd.ui.live import LiveLine
from jobd.ui.sink import OutputClosed
from jobd.ui.terminal_text import field

if TYPE_CHECKING:
    from jobd.commands._shell import Shell

#: Seconds between two looks at a bottom line that counts seconds.
TICK = 1.0

Key = tuple[int, int, str]


class Following:
    """Jobs being followed: `told` gives them as they are, and again whenever one has changed.

    `note` says what an interrupt does.
    """

    def __init__(
        self, shell: "Shell", jobs: Sequence[JobView], told: Iterator[JobView], wanted: Wanted, note: str = ""
    ) -> None:
        self._shell = shell
        self._screen = shell.screen
        self._wanted = wanted
        self._note = note
        self._news = News(told)
        self._live = LiveLine(shell.screen)
        self._prefixes = Prefixes(jobs, wanted)
        self._sources: dict[Key, Source] = {}
        self._seen: set[Key] = set()
        self._told_at: dict[int, float] = {}
        self._reader = _pipe_of(shell.screen.descriptor) if wanted.output else []
        #: The jobs as they were told of last; all of them once all have been told of.
        self.jobs: dict[int, JobView] = {}
        #: Whether a part of the output was gone before it could be shown.
        self.lost = False
        self._expected = len(jobs)
        self._ran_before = {job.id for job in jobs if _shows_output(job)}
        #: The attempt that was the latest when the following began: only its output and that of later ones is shown.
        self._began_at = {job.id: job.attempt or 0 for job in jobs}

    def run(self) -> int:
        """Follow to the end and give the exit status that stands for the jobs: the worst of theirs."""
        with self._live, Watch() as watch:
            while not self._over():
                self._step(watch)
        return max((views.exit_status(job) for job in self.jobs.values()), default=0)

    def _over(self) -> bool:
        ended = len(self.jobs) == self._expected and all(job.done for job in self.jobs.values())
        return ended or self._news.over

    def _step(self, watch: Watch) -> None:
        followers = [source.follower for source in self._sources.values()]
        waiting = [self._news.fileno(), *self._reader]
        _, ready = watch.wait(followers, waiting, TICK if self._screen.live else None)
        if self._reader and self._reader[0] in ready:
            raise OutputClosed
        for source in self._sources.values():
            source.show()
        if self._news.fileno() in ready and (job := self._news.take()) is not None:
            self._tell(job)
        self._show_bottom_line()

    def _tell(self, job: JobView) -> None:
        before = self.jobs.get(job.id)
        self.jobs[job.id] = job
        self._told_at[job.id] = time.monotonic()
        if self._wanted.output and job.output is not None:
            lines = self._wanted.lines if before is None and job.id in self._ran_before else None
            for attempt in self._attempts(job):
                for file in filter(self._wanted.shows, job.output.files):
                    self._open(job, attempt, file, lines)
        if job.done:
            self._finish(job.id)
        if self._screen.as_json:
            self._screen.json_line(job_line(self._shell, job))
        elif self._wanted.remarks:
            self._remark(before, job)

    def _attempts(self, job: JobView) -> list[int]:
        """List the attempts whose output is to be shown: none is left out, however short it was."""
        began, latest = self._began_at.get(job.id, 0), job.attempt or 0
        numbers = [attempt.number for attempt in job.attempts if attempt.number > began]
        return ([latest] if latest == began and _shows_output(job) else []) + numbers

    def _open(self, job: JobView, attempt: int, file: str, lines: int | None) -> None:
        """Begin to show a file: of a job that ran already so many lines before its end, else all of it."""
        key = job.id, attempt, file
        if key in self._seen:
            return
        try:
            follower = open_output(self._shell.paths, job, file, lines, attempt)
        except OutputNotFound:
            if job.done and attempt == job.attempt:
                raise
            return
        self._finish(job.id, before=attempt)
        self._seen.add(key)
        label = self._prefixes.label(job, file)
        self._sources[key] = Source(self._screen, self._live, follower, label, self._wanted)

    def _finish(self, job_id: int, before: int | None = None) -> None:
        """Show all that is left of a job, or of its attempts before one."""
        for key in [key for key in self._sources if key[0] == job_id and (before is None or key[1] < before)]:
            source = self._sources.pop(key)
            source.finish()
            self.lost = self.lost or source.lost

    def _has_fallen_back(self, before: JobView | None, job: JobView) -> bool:
        """Whether an attempt has failed since the following began, and another one is to come."""
        if before is None:
            return job.not_before is not None and (job.attempt or 0) > self._began_at.get(job.id, 0)
        return job.not_before is not None and job.not_before != before.not_before

    def _remark(self, before: JobView | None, job: JobView) -> None:
        new = job.warned - before.warned if before else 0
        for warning in job.warnings[-new:] if new > 0 else ():
            self._say(f"! {looks.title(job)}: {field(warning.text)}", "yellow")
        if job.done and not (before and before.done):
            self._live.clear()
            self._say(looks.end_line(job, self._screen), looks.style(job))
        elif self._has_fallen_back(before, job):
            self._say(looks.failed_attempt(job), "yellow")
        elif self._expected > 1 and before is not None and before.state is not job.state:
            self._say(f"{looks.title(job)} {job.state}", looks.style(job))

    def _say(self, line: str, style: str) -> None:
        if self._screen.live:
            self._live.write(f"{self._screen.paint(line, style)}\n")
        else:
            self._screen.hint(line)

    def _show_bottom_line(self) -> None:
        active = [job for job in self.jobs.values() if not job.done]
        if not self._screen.live or not active:
            self._live.clear()
            return
        job = active[0]
        more = f"{len(active) - 1} more" if len(active) > 1 else ""
        since = time.monotonic() - self._told_at[job.id]
        line = looks.bottom_line(job, self._screen, since, more, self._note)
        self._live.show(line, job.progress.fraction, job.state)


def job_line(shell: "Shell", job: JobView) -> dict[str, object]:
    """Say in JSON how a job stands, with the fields that are wanted."""
    return {"type": "job", **msgspec.to_builtins(shell.document(job))}


def _shows_output(job: JobView) -> bool:
    """Whether the output of the latest attempt is worth showing: not while another one waits for a slot."""
    return job.state is not State.PENDING or job.not_before is not None


def _pipe_of(descriptor: int | None) -> list[int]:
    """List the descriptor if it is a pipe: then it can be seen that nobody reads any more."""
    return [descriptor] if descriptor is not None and stat.S_ISFIFO(os.fstat(descriptor).st_mode) else []
