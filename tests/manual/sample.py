"""A small command line with everything the manual and the completions must cope with."""

from typing import ClassVar

import click


class Aliased(click.Group):
    """A group some of whose commands have other names."""

    aliases: ClassVar = {"ls": "list", "ps": "list"}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command by either name."""
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))


@click.group(cls=Aliased, epilog="jobd submit -- make # run make in the background")
@click.version_option("1")
def program() -> None:
    """Run, follow and remember jobs.

    One program is the daemon and every command. See `jobd help` (or `man jobd`), e.g. for .dots and 'quotes'.

    \b
    key    meaning
    -x     a "table" with \\ in it
    """  # noqa: D301 -- click wants the character itself


@program.command(
    "list",
    epilog="""
    jobd list --state failed # what went wrong
    .hidden --like-this
    jobd list -j=id,state | jq '.[0]'  # for scripts: a "quoted" one
    """,
)
@click.option("-s", "--state", type=click.Choice(["pending", "running", "failed"]), multiple=True, help="only these")
@click.option("-j", "--json", "fields", is_flag=False, flag_value="", metavar="FIELDS", help="Print JSON: `--json=?`.")
@click.option("--color/--no-color", default=None, help="Colors it's [on] a: terminal.")
@click.option("-v", "--verbose", count=True, help="Say more; repeat it.")
@click.option("-n", "--limit", type=click.IntRange(1, 100), default=50, help="No more than this. Really \\ not.")
@click.option("--secret", hidden=True, help="not shown")
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
def list_jobs(**_: object) -> None:
    """List jobs.

    Ends when all are shown. Exit is quick.

    Exit status: 1 if nothing matched.
    """


@program.command()
@click.option("-w", "--cwd", type=click.Path(file_okay=False), help="where it runs")
@click.option("--stdin", type=click.Path(), help="file to read from")
@click.option("-a", "--after", metavar="JOB", help="start after these")
@click.argument("command", nargs=-1, required=True, metavar="COMMAND...", type=click.UNPROCESSED)
def submit(**_: object) -> None:
    """Run a command in the background"""  # noqa: D400, D415 -- the generators must cope


@program.command()
@click.option("-s", "--signal", metavar="SIGNAL", help="sent first")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@click.argument("when", type=click.Choice(["now", "later"]), required=False)
def cancel(**_: object) -> None:
    """End jobs and all their processes."""


@program.group()
def daemon() -> None:
    """Start, stop and inspect the daemon."""


@daemon.command(epilog="jobd daemon start # begin")
@click.option("--foreground", is_flag=True, help="Stay in the terminal.")
def start(**_: object) -> None:
    """Start the daemon.

    It goes to the background.
    """


@daemon.command()
@click.argument("file", type=click.Path())
def save(**_: object) -> None:
    """Save a file."""


@program.command(hidden=True)
def secret() -> None:
    """Do what nobody should know."""
