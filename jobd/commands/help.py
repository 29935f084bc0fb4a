"""jobd help: the manual of jobd, of a command or of a topic."""

import os
import shutil
import tempfile

import click

from jobd.commands._shell import Shell
from jobd.commands.options.values import meant
from jobd.commands.screens.help import library, show_help

#: Columns below which groff 1.22 never ends: the head of a page in section 7 does not fit.
NARROWEST = 60

EXAMPLES = """\
jobd help            # all commands
jobd help submit     # the manual of one
jobd help protocol   # how to talk to the daemon without this program
"""


@click.command("help", epilog=EXAMPLES)
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show what jobd, or one of its commands, can do.

    On a terminal that is the manual page, if man is installed; elsewhere the short help. Topics that are no command:
    events, filter, protocol, states, tutorial, and jobd.toml, the configuration file.
    """
    shell = ctx.ensure_object(Shell)
    root = ctx.find_root()
    target = _context(root, words)
    wants_page = bool(words) and (target is None or shell.screen.is_terminal)
    if wants_page and _show_page(shell, root, words):
        return
    if target is None:
        _show_source(shell, root, words)
    else:
        show_help(target)


def _context(root: click.Context, words: tuple[str, ...]) -> click.Context | None:
    """Make the context of the command that the words name; None if they name none."""
    found = root
    for word in words:
        group = found.command
        below = group.get_command(found, word) if isinstance(group, click.Group) else None
        if below is None:
            return None
        found = click.Context(below, info_name=below.name, parent=found, obj=root.obj)
    return found


def _show_page(shell: Shell, root: click.Context, words: tuple[str, ...]) -> bool:
    """Let man show the page; say whether there is one, and man to show it."""
    import subprocess

    man = shutil.which("man", path=shell.environ.get("PATH"))
    page = _page(root, words) if man else None
    if man is None or page is None:
        return False
    name, text = page
    with tempfile.TemporaryDirectory(prefix="jobd-") as folder:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        environ = {**shell.environ, "MANWIDTH": str(max(shell.screen.columns, NARROWEST))}
        if not shell.asked.pager:
            environ["MANPAGER"] = "cat"
        return subprocess.run([man, path], env=environ, check=False).returncode == 0


def _page(root: click.Context, words: tuple[str, ...]) -> tuple[str, str] | None:
    """Find the page of a command, a noun or a topic, by its file name."""
    pages = library(root)
    aliases = getattr(root.command, "aliases", {})
    first = aliases.get(words[0], words[0])
    names = (f"{stem}.{section}" for stem in (f"jobd-{first}", first) for section in range(1, 9))
    return next(((name, pages[f"man/{name}"]) for name in names if f"man/{name}" in pages), None)


def _show_source(shell: Shell, root: click.Context, words: tuple[str, ...]) -> None:
    """Print a page as it is written, where there is no man. Raises click.UsageError if there is no such page."""
    page = _page(root, words)
    if page is None:
        names = root.command.list_commands(root) if isinstance(root.command, click.Group) else []
        raise click.UsageError(f"no command or topic {' '.join(words)!r}{meant(words[0], names)}", root)
    shell.screen.data(page[1])
