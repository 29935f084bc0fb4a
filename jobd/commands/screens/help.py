"""Help on the screen: usage, what a command does, examples first, then its options.

An epilog holds examples, one a line: `jobd … # what it does`.
"""

import inspect
import re
from typing import TYPE_CHECKING

import click

from jobd.commands._shell import Shell

if TYPE_CHECKING:
    from jobd.manual.library import Library

#: Commands under the headings of the overview; one that is not named here stands under the last.
SECTIONS = {
    "Jobs": "run submit list status items tail log wait cancel pause resume retry rm",
    "From inside a job": "progress item shell-init",
    "What jobd does not start": "begin end attach",
    "History": "history stats slow last check events watchers preset",
    "Daemon and program": "",
}
#: Help is no easier to read on a wider screen.
WIDEST = 100


def show_help(ctx: click.Context) -> None:
    """Print the help of a command."""
    screen = ctx.ensure_object(Shell).screen
    screen.data(help_text(ctx, screen.columns))


def help_text(ctx: click.Context, columns: int) -> str:
    """Write the help of a command for a screen of that width."""
    formatter = click.HelpFormatter(width=max(min(columns, WIDEST) - 1, 20))
    command = ctx.command
    command.format_usage(ctx, formatter)
    command.format_help_text(ctx, formatter)
    _examples(command, formatter)
    if isinstance(command, click.Group):
        _commands(command, ctx, formatter)
    click.Command.format_options(command, ctx, formatter)
    return formatter.getvalue()


def library(ctx: click.Context) -> "Library":
    """Give the manual pages and completion scripts of the program."""
    from jobd.commands import every
    from jobd.manual.library import Library

    root = ctx.find_root().command
    if not isinstance(root, click.Group):
        raise TypeError(f"{root.name} has no commands")
    return Library(root, every)


def _examples(command: click.Command, formatter: click.HelpFormatter) -> None:
    lines = [line.strip() for line in inspect.cleandoc(command.epilog or "").replace("\b", "").splitlines()]
    examples = [re.split(r"\s+#\s+", line, maxsplit=1) for line in lines if line]
    if examples:
        with formatter.section("Examples"):
            for words, *explained in examples:
                if explained:
                    formatter.write_text(f"# {explained[0]}")
                formatter.write(f"{' ' * formatter.current_indent}{words}\n")


def _commands(group: click.Group, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    found = {name: group.get_command(ctx, name) for name in group.list_commands(ctx)}
    rows = {
        name: command.get_short_help_str(formatter.width)
        for name, command in found.items()
        if command and not command.hidden
    }
    sections = {title: names.split() for title, names in SECTIONS.items()} if ctx.parent is None else {"Commands": []}
    *named, last = sections
    sections[last] = [name for name in rows if not any(name in sections[title] for title in named)]
    for title, names in sections.items():
        if lines := [(name, rows[name]) for name in names if name in rows]:
            with formatter.section(title):
                formatter.write_dl(lines)
