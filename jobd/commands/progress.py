"""jobd progress: say how far a job is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands.item import take, written
from jobd.commands.options.kept import json_option
from jobd.commands.options.values import duration
from jobd.core import telling
from jobd.core.work import progress
from jobd.core.work.items import ItemReport
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd progress 40%
jobd progress 3/10 resizing b.png
jobd progress --job 12 stage upload
jobd progress --rate-limited 30s the API is busy   # what comes next is 30 s away, or less
"""


class Taken(msgspec.Struct, frozen=True):
    """How far the job now says it is, and how many reports it has made; `status` shows the rest."""

    job: int
    fraction: float | None
    reports: int


class Progress(Mutation[Taken], frozen=True):
    """Report progress for a job from outside of it, as a line such as `3/10 resizing` or as fields.

    Inside a job nothing needs to be called: a line written to $JOBD_FD or appended to $JOBD_REPORT does the same.
    """

    method: ClassVar = "progress"

    job: Annotated[str, Meta(max_length=4096)]
    line: Annotated[str, Meta(max_length=progress.LONGEST_LINE)] | None = None
    report: progress.Report | None = None

    def answer(self, engine: Engine, caller: Actor) -> Taken:
        """Take the report in."""
        job = engine.job(int(self.job)) if self.job.isdecimal() else engine.archive.one(self.job)
        said = progress.parse(self.line.encode()) if self.line is not None else progress.Report()
        if isinstance(said, ItemReport):
            job = take(engine, job, [said], caller)
        else:
            report = progress.gather(self.report or progress.Report(), said)
            job = engine.record(job, telling.report(job, report, engine.clock.now()), caller)
        return Taken(job.id, job.progress.fraction, job.progress.reports)


@click.command("progress", epilog=EXAMPLES)
@click.argument("words", nargs=-1, metavar="REPORT...")
@click.option("--job", "job", metavar="JOB", help="The job (default: the one this runs in).")
@click.option(
    "--rate-limited",
    "limited",
    type=duration(bare_unit="s"),
    metavar="TIME",
    help="It waits for somebody's rate limit, so long or until it reports again; REPORT, if any, says why. 0: no more.",
)
@json_option(Taken)
@click.pass_obj
def command(shell: Shell, /, words: tuple[str, ...], *, job: str | None, limited: float | None) -> None:
    """Say how far a job is.

    REPORT is `40%`, `3/10 message`, `stage NAME`, `message TEXT`, `beat` or a JSON object. Inside a job it is written
    into the job's report file, which needs no daemon; for another job it goes to the daemon.

    A job that waits for a rate limit is not slow: its rate and when it will end are reckoned without that time, and
    it cannot become stale meanwhile.
    """
    if limited is not None:
        words = ("rate_limited", f"{limited:.15g}", *words)
    if not words:
        raise click.UsageError("there is no report; write 40%, 3/10 message or stage NAME")
    line = " ".join(words)
    if job is None and not shell.screen.as_json and written(line):
        return
    number = job or shell.environ.get("JOBD_JOB_ID")
    if number is None:
        raise click.UsageError("this is not inside a job; name one with --job")
    said = shell.client.call(Progress(job=number, line=line))
    if shell.screen.as_json:
        shell.emit(said, lambda: None)
