"""jobd progress: say how far a job is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core import lifecycle, progress
from jobd.core.events import Actor
from jobd.core.views import ProgressView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine


class Progress(Mutation[ProgressView], frozen=True):
    """Report progress for a job from outside of it, as a line such as `3/10 resizing` or as fields.

    Inside a job nothing needs to be called: a line written to $JOBD_FD or appended to $JOBD_REPORT does the same.
    """

    method: ClassVar = "progress"

    job: Annotated[str, Meta(max_length=4096)]
    line: Annotated[str, Meta(max_length=progress.LONGEST_LINE)] | None = None
    report: progress.Report | None = None

    def answer(self, engine: Engine, caller: Actor) -> ProgressView:
        """Take the report in."""
        report = self.report or progress.Report()
        if self.line is not None:
            report = progress.gather(report, progress.parse(self.line.encode()))
        job = engine.job(int(self.job)) if self.job.isdecimal() else engine.archive.select((self.job,))[0]
        job = engine.record(job, lifecycle.report(job, report, engine.clock.now()), caller)
        return engine.archive.progress(job)
