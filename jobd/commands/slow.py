"""jobd slow: jobs that take or took longer than their own history says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jobd.commands.history import History, show
from jobd.commands.options.choosing import (
    group_option,
    joined,
    limit_option,
    name_option,
    since_option,
    until_option,
    where_option,
)
from jobd.commands.options.kept import output_options
from jobd.core.views import JobView

if TYPE_CHECKING:
    from jobd.commands._shell import Shell

EXAMPLES = """\
jobd slow                             # what takes or took longer than usual
jobd slow --since -7d --name 'backup*'
jobd slow --factor 2                  # at least twice as long as 95 % of the earlier runs
jobd slow --where state=running --json=id,name,elapsed
"""


@click.command("slow", epilog=EXAMPLES)
@click.option(
    "--factor", type=click.FloatRange(min=0, max=1e6), metavar="NUMBER",
    help="More than so many times what 95 % of the earlier runs took at most.  [default: 1]",
)  # fmt: skip
@where_option
@name_option
@group_option
@since_option
@until_option
@limit_option
@click.option("--page", "page_token", default="", metavar="TOKEN", help="The next page, by what the one before said.")
@output_options(JobView)
@click.pass_obj
def command(
    shell: Shell, /, *, factor: float | None, where: str, limit: int | None, page_token: str, **options: Any
) -> None:
    """List the jobs that take or took longer than their own history says, newest first.

    A job is slow that takes longer than 95 % of the latest 50 completed runs of its name before it was submitted (its
    usual p95), if there were at least five: the same jobs as `jobd history @slow`. TIMES says how many times as long.
    It works without a daemon, too.
    """
    only_page = page_token and factor is None and not where and not any(options.values())
    meant = "" if only_page else joined(_filter(factor), where)
    show(shell, History(where=meant, page_token=page_token, **options), limit, "slow")


def _filter(factor: float | None) -> str:
    from jobd.core.filters.presets import slower

    return "@slow" if factor is None else slower(f"{factor:.9f}")
