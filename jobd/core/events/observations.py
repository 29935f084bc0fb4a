"""Events that tell more about a job and leave its state alone: reports, measurements, warnings, another witness."""

from datetime import datetime

from msgspec.structs import replace

from jobd.core import accounting
from jobd.core.events.happening import Event, Severity, change_attempt, warn
from jobd.core.model import Job, Measure, Usage
from jobd.core.series import extend
from jobd.core.work import progress
from jobd.core.work.children import Children
from jobd.core.work.items import ItemChange, ItemState


class Adopted(Event, frozen=True, kw_only=True):
    """A daemon that came later took over a running job."""

    shim_lost: bool = False  #: whether its first witness is gone

    def apply(self, job: Job, at: datetime) -> Job:
        """Note whether its first witness is gone."""
        return change_attempt(job, shim_lost=self.shim_lost)


class Progressed(Event, frozen=True, kw_only=True):
    """The job said how far it is: one report, or several gathered into the latest of each field.

    Or its output let it be `guessed`; what the job says itself goes before that.
    """

    frequent = True
    report: progress.Report  #: what was said
    count: int = 1  #: how many reports these are
    elapsed: float | None = None  #: seconds into the attempt, pauses left out
    offset: int | None = None  #: where in the report file the next report begins, if it came through the file
    guessed: bool = False  #: whether it was read from the output

    def apply(self, job: Job, at: datetime) -> Job:
        """Take the report into the progress, and the offset into the attempt."""
        report, was_guessed = self.report, job.progress.guessed
        has_numbers = report.fraction is not None or report.done is not None
        if was_guessed and has_numbers and not self.guessed:
            report = replace(report, restart=True)
        advanced = progress.advance(job.progress, report, self.count, self.elapsed, at)
        if self.guessed or was_guessed:
            advanced = replace(advanced, guessed=self.guessed or not has_numbers)
        if advanced.overdone and not job.progress.overdone:
            job = warn(job, at, f"{advanced.done:g} done of {advanced.total:g}: more than there is to do")
        if self.offset is None:
            return replace(job, progress=advanced)
        attempt = replace(job.attempts[-1], report_offset=self.offset)
        return replace(job, progress=advanced, attempts=(*job.attempts[:-1], attempt))


class ItemsChanged(Event, frozen=True, kw_only=True):
    """Items of the job changed: each as it is from now on. What was said of them is counted as reports."""

    frequent = True
    changes: tuple[ItemChange, ...]  #: the items as they now are, and what had been counted of them
    count: int = 1  #: how many reports these are
    elapsed: float | None = None  #: seconds into the attempt, pauses left out
    offset: int | None = None  #: where in the report file the next report begins, if it came through the file

    def apply(self, job: Job, at: datetime) -> Job:
        """Count the items anew, and keep a warning of those that failed."""
        told = progress.tally(job.progress, self.changes, self.count, self.elapsed, at)
        job = replace(job, progress=told)
        failed = [change.item for change in self.changes if change.item.state is ItemState.FAILED]
        if failed:
            job = warn(job, at, f"item {failed[-1].key} failed: {failed[-1].error or 'no word why'}", len(failed))
        return job if self.offset is None else change_attempt(job, report_offset=self.offset)


class ReportRejected(Event, frozen=True, kw_only=True):
    """A line of the report file made no sense; it is kept as a warning."""

    severity = Severity.MEDIUM
    text: str  #: the first line that was refused
    problem: str  #: why it was refused
    count: int = 1  #: how many such lines there were in this reading
    offset: int | None = None  #: where in the report file the next report begins, if it came through the file

    def apply(self, job: Job, at: datetime) -> Job:
        """Keep the warning."""
        job = warn(job, at, f"{self.problem}: {self.text}", self.count)
        return job if self.offset is None else change_attempt(job, report_offset=self.offset)


class ChildrenCounted(Event, frozen=True, kw_only=True):
    """Children of the job have changed: so many are in each state now."""

    frequent = True
    children: Children  #: all of them, by state
    elapsed: float | None = None  #: seconds into the attempt, without pauses and rate limits

    def apply(self, job: Job, at: datetime) -> Job:
        """Keep the count, and see how far the job is by it."""
        return replace(job, progress=progress.roll_up(job.progress, self.children, self.elapsed))


class Measured(Event, frozen=True, kw_only=True):
    """What the job uses was measured; saved now and then, the rest is only shown."""

    frequent = True
    usage: Usage  #: what the tree of the job uses
    measure: Measure  #: the point that is added to the series

    def apply(self, job: Job, at: datetime) -> Job:
        """Take the figures, and the point into the series; what counts up never falls."""
        return replace(job, usage=accounting.join(self.usage, job.usage), series=extend(job.series, self.measure))


class OutputTrimmed(Event, frozen=True, kw_only=True):
    """The output grew over its limit; its middle was given back to the disk."""

    severity = Severity.MEDIUM
    file: str  #: which of the output files
    removed_bytes: int  #: how much of its middle is gone
    limit: int  #: what it may have, in bytes

    def apply(self, job: Job, at: datetime) -> Job:
        """Keep a warning."""
        text = f"{self.file} is over its limit of {self.limit} bytes: {self.removed_bytes} bytes of its middle are gone"
        return warn(job, at, text)


class CancelStalled(Event, frozen=True, kw_only=True):
    """Processes of the job do not end, whatever is done to them."""

    severity = Severity.HIGH
    processes: tuple[str, ...]  #: pid, name and state of each

    def apply(self, job: Job, at: datetime) -> Job:
        """Keep a warning that names them."""
        return warn(job, at, "still alive: " + ", ".join(self.processes))
