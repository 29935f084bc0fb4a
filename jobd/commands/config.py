"""jobd config: the settings in force, where each was said, and whether the files can be read."""

import os

import click
import msgspec

from jobd.commands._shell import Shell
from jobd.commands.options.kept import json_option
from jobd.config import config_files

EXAMPLES = """\
jobd config show --origin   # all settings, and where each was said
jobd config show jobs.slots # one of them
jobd config template > ~/.config/jobd/config.toml  # begin a file
jobd config check           # whether everything can be read
"""


class Value(msgspec.Struct, frozen=True):
    """A setting in force: its name, its value as it stands in the file, and where that was said."""

    name: str
    value: object
    origin: str


@click.group("config", epilog=EXAMPLES)
def command() -> None:
    """Show and check the settings."""


@command.command("show", epilog="jobd config show --origin  # where each setting was said")
@click.argument("name", required=False, metavar="[SETTING]")
@click.option("--origin", is_flag=True, help="Say of each where it was said.")
@json_option(Value)
@click.pass_obj
def show(shell: Shell, name: str | None, *, origin: bool) -> None:
    """Show the settings in force, or one of them."""
    from jobd.config import known, load
    from jobd.core.settings import guess

    loaded = load(shell.environ)
    settings = known()
    if name is not None and name not in settings:
        raise click.BadParameter(f"no setting {name}{guess(name, settings)}", param_hint="SETTING")
    values = [
        Value(key, getattr(getattr(loaded.config, setting.section), setting.key), loaded.origins[key])
        for key, setting in settings.items()
        if name in (None, key)
    ]
    if name is not None and not origin:
        shell.emit(values[0], lambda: shell.screen.data(settings[name].write(values[0].value)))
        return
    lines = [f"{value.name} = {settings[value.name].write(value.value)}" for value in values]
    width = max(map(len, lines))
    told = [f"{line:<{width}}  # {value.origin}" for line, value in zip(lines, values, strict=True)]
    shell.emit_all(values, lambda: shell.screen.data("\n".join(told if origin else lines)))


@command.command("check", epilog="jobd config check && jobd daemon restart  # take it into use")
@click.pass_obj
def check(shell: Shell) -> None:
    """Read everything and say whether it is right: silent but for the files that were read."""
    from jobd.config import load

    load(shell.environ)
    found = [path for path in config_files(shell.environ) if os.path.exists(path)]
    shell.screen.data("\n".join(f"{path}: ok" for path in found) or "no configuration file; the defaults hold")


@command.command("path", epilog="$EDITOR $(jobd config path)  # write it")
@click.pass_obj
def path(shell: Shell) -> None:
    """Print where your configuration file is, or would be."""
    shell.screen.data(config_files(shell.environ)[-1])


@command.command("template", epilog="jobd config template > $(jobd config path)  # begin a file")
@click.pass_obj
def template(shell: Shell) -> None:
    """Print a configuration file with every setting, explained and commented out."""
    from jobd.config import template as text

    shell.screen.data(text())
