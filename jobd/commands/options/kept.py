"""Options that the shell keeps, and does by itself: how to print, whether to start a daemon."""

from collections.abc import Callable, Iterable
from typing import Any

import click
import msgspec

from jobd.commands._shell import Shell
from jobd.commands.options.values import Function, meant
from jobd.ui.fields import Template, missing, split_names
from jobd.ui.screen import COLOR_CHOICES

#: The value of an option that needs none; one is given with an equals sign only (`--json=id,state`).
BARE = "all"


def json_option(kind: type[msgspec.Struct]) -> Callable[[Function], Function]:
    """Take -j, --json, --json=FIELDS and --json=?; `kind` is what the command prints, or a list of it."""
    fields = kind.__struct_encode_fields__

    def asked(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        if value == "?":
            _shell(ctx).screen.data("\n".join(fields))
            ctx.exit()
        _shell(ctx).asked.json = True
        if value != BARE:
            _shell(ctx).asked.fields = _checked(lambda: split_names(value), kind)

    some = "id,state" if {"id", "state"}.issubset(fields) else ",".join(fields[:2])
    text = f"Print JSON; with =FIELDS only those (={some}), with =? the names of all fields."
    return click.option(
        *("-j", "--json"),
        is_flag=False,
        flag_value=BARE,
        metavar="FIELDS",
        expose_value=False,
        callback=asked,
        help=text,
    )


def format_option(
    kind: type[msgspec.Struct], each: str = "job", like: str = "{id} {state} {progress.fraction}", *,
    forms: tuple[str, ...] = (),
) -> Callable[[Function], Function]:  # fmt: skip
    """Take --format with a template, such as `like` for `each` line; `kind` is what is printed, or a list of it.

    A word of `forms` is kept as it is: the command knows what it means.
    """

    def asked(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value in forms:
            _shell(ctx).asked.form = value
        elif value is not None:
            _checked(lambda: Template(value).names, kind)
            _shell(ctx).asked.template = Template(value)

    others = f" Or a form: {', '.join(forms)}." if forms else ""
    text = f"Print a line like this for each {each}: '{like}'.{others}"
    return click.option("--format", metavar="TEMPLATE", expose_value=False, callback=asked, help=text)


def _checked(read: Callable[[], Iterable[str]], kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Read names of fields and complain of those that no record of the kind has."""
    try:
        names = tuple(read())
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    for name in names:
        if (unknown := missing(kind, name)) is not None:
            step, there = unknown
            below = bool(there) and not name.startswith(step)
            said = f"There are: {', '.join(there)}" if below else "All fields: --json=?"
            raise click.BadParameter(f"no field {name!r}{meant(step, there)} {said}")
    return names


def _kept(name: str, value: Any = None) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Keep what a flag says in the field `name` of Asked."""

    def asked(ctx: click.Context, _: click.Parameter, said: Any) -> None:
        if said not in (None, False):
            setattr(_shell(ctx).asked, name, said if value is None else value())

    return asked


def _shell(ctx: click.Context) -> Shell:
    shell = ctx.find_object(Shell)
    if shell is None:
        raise TypeError("a command is called without a Shell")
    return shell


quiet_option = click.option(
    "-q", "--quiet", is_flag=True, expose_value=False, callback=_kept("quiet"), help="Print ids only, and no remarks."
)
plain_option = click.option(
    *("--plain",), is_flag=True, expose_value=False, callback=_kept("plain"), help="Print columns separated by tabs."
)


def output_options(kind: type[msgspec.Struct], **shown: Any) -> Callable[[Function], Function]:
    """Take all options that say how to print: --json, --format (which `shown` is about), --plain, --quiet."""

    def decorate(function: Function) -> Function:
        with_format = format_option(kind, **shown)(plain_option(quiet_option(function)))
        return json_option(kind)(with_format)

    return decorate


def everywhere() -> list[click.Option]:
    """Make the options that may stand before the command as well as after it."""
    return [
        click.Option(
            ["--no-start"],
            is_flag=True,
            expose_value=False,
            callback=_kept("start", lambda: False),
            help="Do not start the daemon if it does not run.",
        ),
        click.Option(
            ["--ascii"], is_flag=True, expose_value=False, callback=_kept("ascii"), help="Draw with ASCII only."
        ),
        click.Option(
            ["--color"],
            type=click.Choice(COLOR_CHOICES),
            expose_value=False,
            callback=_kept("color"),
            help="When to use color.",
        ),
        click.Option(
            ["--no-pager"],
            is_flag=True,
            expose_value=False,
            callback=_kept("pager", lambda: False),
            help="Do not show a manual page in a pager.",
        ),
    ]
