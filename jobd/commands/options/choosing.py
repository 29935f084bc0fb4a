"""Options by which jobs are chosen, and what goes with them: how many, whether to ask first, what would be done.

They become arguments of the command.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

import click

from jobd.commands.options.values import STATES, TIME, Function
from jobd.core.history.searching import LARGEST_PAGE, PAGE
from jobd.core.history.selection import WHERE


def jobs_argument(*, required: bool = True) -> Callable[[Function], Function]:
    """Take `jobs`: ids, ranges, names, `last`, `all`; a filter becomes a word of them (see core/selection.py)."""

    def decorate(function: Function) -> Function:
        @wraps(function)
        def called(*, jobs: tuple[str, ...], filters: tuple[str, ...], **options: Any) -> Any:
            words = (*jobs, *(f"{WHERE}{text}" for text in filters))
            if required and not words:
                raise click.UsageError("Missing argument 'JOB...'.")
            return function(jobs=words, **options)

        metavar = "JOB..." if required else "[JOB]..."
        argument = click.argument("jobs", nargs=-1, metavar=metavar)(_where("filters")(called))
        return cast("Function", argument)

    return decorate


def _where(name: str, callback: Callable[..., Any] | None = None) -> Callable[[Function], Function]:
    text = "Only jobs that this filter means: 'state=failed duration>1h', @slow (man 7 jobd-filter)."
    return click.option(*("--where", name), multiple=True, callback=callback, metavar="FILTER", help=text)


def joined(*texts: str) -> str:
    """Join filters, some of which may be empty, all of which must mean a job."""
    said = [text for text in texts if text]
    return " AND ".join(f"({text})" for text in said) if len(said) > 1 else "".join(said)


def job_argument(*, required: bool = True) -> Callable[[Function], Function]:
    """Take one `job`: an id, a name or `last`; None if it may be left out and is."""
    return click.argument("job", required=required, metavar="JOB" if required else "[JOB]")


limit_option = click.option(
    *("--limit",),
    type=click.IntRange(min=1),
    metavar="N",
    help=f"At most so many (default: {PAGE} on a terminal, else all there are).",
)
page_option = click.option(
    *("--limit",),
    type=click.IntRange(min=1),
    metavar="N",
    callback=lambda _, __, value: value and min(value, LARGEST_PAGE),
    help=f"At most so many, {LARGEST_PAGE} at the most (default: {PAGE} on a terminal, else {LARGEST_PAGE}).",
)


def together(_: click.Context, __: click.Parameter, values: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    """Join what an option was given several times."""
    return tuple(one for several in values for one in several)


state_option = click.option(
    *("-s", "--state", "states"),
    type=STATES,
    multiple=True,
    metavar="STATE",
    callback=together,
    help="Only jobs in this state (several: a comma between, or repeat it).",
)
name_option = click.option(
    "--name", metavar="NAME", help="Only jobs of this name; * and ? match any, %NAME is surely a name."
)
group_option = click.option("-g", "--group", metavar="GROUP", help="Only jobs of this group.")
where_option = _where("where", lambda _, __, texts: joined(*texts))
since_option = click.option(
    *("-S", "--since", "--starttime", "since"),
    type=TIME,
    metavar="TIME",
    help="From this time on: 14:30, yesterday, -2h.",
)
until_option = click.option(
    *("-E", "--until", "--endtime", "until"),
    type=TIME,
    metavar="TIME",
    help="Before this time; a day: before it begins.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
