"""jobd check: whether something ran as it should, for cron and monitors: a yes or no by exit status, and one line."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands.last import newest_ended, no_id
from jobd.commands.options.kept import json_option, quiet_option
from jobd.commands.options.values import duration
from jobd.commands.screens import looks
from jobd.core.model import FINAL, Seconds, State
from jobd.core.views import JobView
from jobd.ui import amounts
from jobd.ui.terminal_text import field
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd check backup                             # did the latest run end well?
jobd check backup --max-age 26h               # and within the last 26 hours?
jobd check backup --success --max-age 3d -q || echo "no good backup for three days"
"""


#: Seconds by which a clock may be set back without a word.
TOLERANCE = 60.0


class Problem(StrEnum):
    """What is not as it should be."""

    NEVER = "never"  #: no such run has ended yet
    FORGOTTEN = "forgotten"  #: such runs have ended, but retention has removed them all
    FAILED = "failed"  #: the latest run ended badly
    CANCELED = "canceled"  #: somebody ended the latest run
    OLD = "old"  #: it ended longer ago than was asked for
    FUTURE = "future"  #: it ended later than now: the clock is wrong, or was


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all is well, and the run by which that was judged; `age` are the seconds since its end.

    If retention has removed all runs, `day` (in UTC) is when the latest of them ended.
    """

    ok: bool
    problem: Problem | None
    job: JobView | None
    age: float | None
    day: str | None = None


class Check(Read[Verdict], frozen=True):
    """Judge the latest run of a name that has ended: it ended well, and not longer ago than `max_age` seconds.

    With `success` the latest run that ended well is judged, whatever came after it.
    """

    method: ClassVar = "check"

    name: Annotated[str, Meta(min_length=1, max_length=4096)]
    success: bool = False
    max_age: Seconds | None = None

    def answer(self, archive: Archive, caller: Actor) -> Verdict:
        """Ask the archive."""
        states = (State.COMPLETED,) if self.success else ()
        job = newest_ended(archive, self.name, states)
        if job is None or job.ended_at is None:
            day = archive.last_day(self.name, states or FINAL)
            return Verdict(ok=False, problem=Problem.FORGOTTEN if day else Problem.NEVER, job=None, age=None, day=day)
        age = (datetime.now(UTC) - job.ended_at).total_seconds()
        problem = _problem(job.state, age, self.max_age)
        return Verdict(ok=problem is None, problem=problem, job=archive.view(job), age=age)


def _problem(state: State, age: float, max_age: float | None) -> Problem | None:
    if state is not State.COMPLETED:
        return Problem(state.value)
    if age < -TOLERANCE:
        return Problem.FUTURE
    return Problem.OLD if max_age is not None and age > max_age else None


@click.command("check", epilog=EXAMPLES)
@click.argument("name")
@click.option("--success", is_flag=True, help="Judge the latest run that ended well, whatever came after it.")
@click.option("--max-age", type=duration(), metavar="DURATION", help="It must have ended within this time: 26h, 3d.")
@json_option(Verdict)
@quiet_option
@click.pass_obj
def command(shell: Shell, /, *, name: str, success: bool, max_age: float | None) -> int:
    """Tell whether the latest run of a name ended well.

    NAME may have * and ?; %NAME is surely a name. Runs that have not ended do not count. A run that ended more than a
    minute from now is not well: the clock is wrong, or was. It works without a daemon, too.

    Exit status: 0 if all is well, 1 if not.
    """
    no_id(name)
    verdict = shell.client.call(Check(name=name, success=success, max_age=max_age))
    if shell.screen.as_json:
        shell.screen.json(shell.document(verdict))
    elif not shell.asked.quiet:
        line = _line(verdict, name, max_age, "ended well" if success else "ended")
        shell.screen.data(shell.screen.paint(line, "green" if verdict.ok else "red"))
    return 0 if verdict.ok else 1


def _line(verdict: Verdict, name: str, max_age: float | None, wanted: str) -> str:
    job = verdict.job
    if job is None:
        kept = f"no run is kept any more; the latest {wanted} on {verdict.day}"
        return f"{field(name)}: {kept if verdict.day else f'no run has {wanted} yet'}"
    how = f"failed, {looks.outcome(job)}" if job.state is State.FAILED else looks.outcome(job)
    took = f", took {looks.took(job.elapsed)}" if verdict.ok and looks.took(job.elapsed) else ""
    if (verdict.age or 0.0) < -TOLERANCE:
        return (
            f"{looks.title(job)} {how}, {amounts.duration(-(verdict.age or 0.0))} from now: the clock is wrong, or was"
        )
    late = f", more than {amounts.duration(max_age)}" if verdict.problem is Problem.OLD else ""
    return f"{looks.title(job)} {how}, {amounts.duration(max(0.0, verdict.age or 0.0))} ago{late}{took}"
