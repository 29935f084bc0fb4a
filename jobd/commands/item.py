"""jobd item: say how a part of a job's work stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd import hot
from jobd.commands.options.kept import json_option
from jobd.core import clocks, telling
from jobd.core.errors import BadValue, JobdError
from jobd.core.text import lossless, plain
from jobd.core.work import report
from jobd.core.work.items import ItemReport, Tally, quoted
from jobd.wire import Mutation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.core.model import Job
    from jobd.daemon.engine import Engine

#: Lines in one request: it stays below the longest that a daemon reads.
LINES_AT_ONCE = 200

EXAMPLES = """\
jobd item clip-17 processing
jobd item clip-17 40% second pass
jobd item clip-17 failed codec not found
jobd item "my clip.mp4" 3/10
printf '%s\\n' *.png | sed 's/["\\\\]/\\\\&/g; s/.*/"&" completed/' | jobd item --stdin    # thousands at once
jobd item --job 12 a.png completed
"""


class Counted(msgspec.Struct, frozen=True):
    """How the items of a job now stand."""

    job: int
    items: Tally


class Said(Mutation[Counted], frozen=True):
    """Say how items of a job stand, from outside of it: lines such as `clip-17 failed no codec`, or JSON objects.

    All are taken in or, if one of them makes no sense, none.
    """

    method: ClassVar = "item"

    job: Annotated[str, Meta(max_length=4096)]
    lines: Annotated[tuple[Annotated[str, Meta(max_length=report.LONGEST_LINE)], ...], Meta(min_length=1)]

    def answer(self, engine: Engine, caller: Actor) -> Counted:
        """Read the lines, and record. Raises BadProgress."""
        said = [_read(line) for line in self.lines]
        job = engine.job(int(self.job)) if self.job.isdecimal() else engine.archive.one(self.job)
        job = take(engine, job, said, caller)
        return Counted(job.id, job.progress.items or Tally())


def take(engine: Engine, job: Job, said: Sequence[ItemReport], caller: Actor) -> Job:
    """Record what is said of items, all of it. Raises BadProgress, JobFinished."""
    now = engine.clock.now()
    known = engine.items.known(job)
    events, refused = telling.items_changed(job, said, known, now, clocks.worked(job, now))
    for bad, problem in refused:
        raise report.refused(bad, problem)
    return engine.record(job, events, caller)


def _read(line: str) -> ItemReport:
    said = report.parse((line if line.lstrip().startswith("{") else f"item {line}").encode())
    if not isinstance(said, ItemReport):
        raise BadValue(field="item", problem=f"{line[:50]!r} is not about an item; write KEY STATE")
    return said


def written(line: str) -> bool:
    """Write a report into the report file of the job around this process, if there is one. Raises BadProgress."""
    said = line.encode("utf-8", "surrogateescape").replace(b"\n", b" ")
    report.parse(said)
    try:
        return hot.append(said + b"\n")
    except OSError:
        return False


@click.command("item", epilog=EXAMPLES)
@click.argument("words", nargs=-1, metavar="[KEY STATE [TEXT]...]")
@click.option("--job", "job", metavar="JOB", help="The job (default: the one this runs in).")
@click.option("--weight", type=click.FloatRange(min=0, min_open=True, max=1e9), help="Its share of the work.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read many from standard input, a line for each.")
@json_option(Counted)
@click.pass_obj
def command(
    shell: Shell, /, words: tuple[str, ...], *, job: str | None, weight: float | None, from_stdin: bool
) -> None:
    """Say how a part of a job's work stands.

    STATE is pending, processing, completed, failed (TEXT is then its error), skipped or canceled; 40% or 3/10 says how
    far it is. Inside a job it is written into the job's report file, which needs no daemon; for another job it goes to
    the daemon.

    KEY may hold blanks if it is one word for the shell: jobd item "my clip.mp4" 40%. In a line of --stdin, as in the
    report file, such a KEY stands in quotes, with a backslash before each quote and backslash in it, as in JSON.

    With --stdin, too, lines for another job go to the daemon, 200 at a time, of which all are taken in or none. If some
    are refused it ends there, and the error says how many lines before were taken in, and from which line of the input
    to go on. Inside a job all go into the report file, and those that make no sense become warnings of the job.
    """
    number = job or shell.environ.get("JOBD_JOB_ID")
    if number is None:
        raise click.UsageError("this is not inside a job; name one with --job")
    if from_stdin == bool(words) or (from_stdin and weight):
        raise click.UsageError("write KEY STATE, or --stdin alone")
    if from_stdin:
        counted = _say_all(shell, number, shell.read_input())
    else:
        line = _weighed(_line(words), weight) if weight else _line(words)
        if job is None and not shell.screen.as_json and written(f"item {line}" if not weight else line):
            return
        counted = shell.client.call(Said(job=number, lines=(line,)))
    if shell.screen.as_json and counted is not None:
        shell.emit(counted, lambda: None)


def _say_all(shell: Shell, job: str, text: str) -> Counted | None:
    """Say the lines of a text, so many in a request; an error tells how many were taken in, and where to go on."""
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    counted = None
    for start in range(0, len(lines), LINES_AT_ONCE):
        asked = lines[start : start + LINES_AT_ONCE]
        try:
            counted = shell.client.call(Said(job=job, lines=tuple(line for _, line in asked)))
        except JobdError as error:
            error.add_note(f"{start or 'no'} lines before that were taken in; go on from line {asked[0][0]}")
            raise
    return counted


def _line(words: tuple[str, ...]) -> str:
    """Make a line of the words: the first is the key, whatever is in it, unless the line is all in one word."""
    key, *said = (plain(lossless(word)) for word in words)
    return " ".join((quoted(key), *said)) if said else key


def _weighed(line: str, weight: float) -> str:
    """Say a line with a weight. Raises BadProgress."""
    return msgspec.json.encode(msgspec.structs.replace(_read(line), weight=weight)).decode()
