"""jobd stats: how often, how well and how long jobs ran, by name, group, day or label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
from msgspec import Meta

from jobd.commands.options.choosing import (
    group_option,
    name_option,
    page_option,
    since_option,
    until_option,
    where_option,
)
from jobd.commands.options.kept import json_option, plain_option
from jobd.commands.screens import numbers
from jobd.core.history.searching import PAGE, page_size
from jobd.core.history.selection import Time, Where, Who, Zone
from jobd.core.history.stats import By, Scope, StatisticsReport
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd stats --since -30d
jobd stats 'backup*' --by day            # a line for each day
jobd stats --by label --label env        # a line for each value of the label env
jobd stats --where 'cpu > 0s' --limit 5
jobd stats backup --json | jq .total.p95
"""

Text = Annotated[str, Meta(max_length=4096)]


#: What a person is told.
HELP = """\
Show how often, how well and how long jobs ran.

NAME may have * and ?; %NAME is surely a name. Of runs that ended in the time given: OK is the share that ended
well, those that were canceled left out; p50 to p99 are the times that so many percent of the completed runs took at
most, WAIT is the mean time before the start, CPU·h the hours of CPU time, PEAK the most memory that one used, and
TREND by how much the median grows each week, once there are three. LAST shows the latest runs, the newest last: the
height is the time, x is a run that failed, c one that was canceled. The busiest hour, of the clock here, is the one
in which the most runs began.

A run is a job as its latest attempt left it: what an earlier attempt took is in jobd status and the log, and a job
that is run again counts on the day on which it ends then.

What retention removed counts, too, but not with --where and not by label: only sums are kept of it, of each day,
which counts if it begins in the time given, so percentiles are within some percent then, and the busiest hour is
that of the runs that are still there. Days are those of UTC. It works without a daemon, too.

Exit status: 1 if no run is found.
"""


class Stats(Read[StatisticsReport], frozen=True):
    """Give the statistics of runs that have ended, by name, group, day or the value of a label.

    They are of names (with * and ?), a group and a filter, and ended in a time. Runs that retention removed count as
    long as there is no filter and no label, those of a day if it begins in that time. Days are those of UTC. No more
    than `limit` keys are told of, those with the most runs, or the newest days; the total is of all.
    """

    method: ClassVar = "stats"
    long: ClassVar = True

    by: By = By.NAME
    label: Text = ""
    name: Text | None = None
    group: Text | None = None
    since: Time | None = None
    until: Time | None = None
    where: Where = ""
    zone: Zone = ""
    limit: Annotated[int, Meta(ge=0)] = PAGE

    def answer(self, archive: Archive, caller: Actor) -> StatisticsReport:
        """Ask the archive. Raises BadValue, FilterInvalid, TryAgain."""
        scope = Scope(**{field: getattr(self, field) for field in Scope.__struct_fields__})
        return archive.report(scope, page_size(self.limit), Who(caller.uid, self.zone))


@click.command("stats", help=HELP, epilog=EXAMPLES)
@click.argument("only", required=False, metavar="[NAME]")
@name_option
@group_option
@click.option("--by", type=click.Choice([by.value for by in By]), help="A line for each of these.  [default: name]")
@click.option("--label", default="", metavar="NAME", help="By the values of this label (as --tag sets them).")
@since_option
@until_option
@where_option
@page_option
@plain_option
@json_option(StatisticsReport)
@click.pass_obj
def command(
    shell: Shell,
    /,
    *,
    only: str | None,
    name: str | None,
    by: str | None,
    label: str,
    limit: int | None,
    **options: Any,
) -> int:
    """Show statistics."""
    if only is not None and name is not None:
        raise click.UsageError("Give either NAME or --name, not both.")
    kind = By(by or ("label" if label else "name"))
    if label and kind is not By.LABEL:
        raise click.UsageError(f"--label goes with --by label, not with --by {kind}.")
    if kind is By.LABEL and not label:
        raise click.UsageError("--by label needs --label NAME.")
    size = shell.how_many(limit)
    asked = Stats(by=kind, label=label, name=name if only is None else only, limit=size, **options)
    report = shell.client.call(asked)
    shell.emit(report, lambda: numbers.show(report, kind, size, shell.screen))
    if not report.total.runs:
        shell.screen.notice("no run found that has ended; what there is: jobd history")
    return 0 if report.total.runs else 1
