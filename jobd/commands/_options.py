"""Options that several commands have, said once: what they are called, how they are read and what they mean.

Those that say how to print are kept by the shell, which prints so; the others become arguments of the command.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints

import click
import msgspec

from jobd.commands._shell import Shell
from jobd.core import quantities
from jobd.core.history.selection import WHERE
from jobd.core.model import STATE_SPELLINGS, State
from jobd.ui.fields import Template, split_names
from jobd.ui.screen import COLOR_CHOICES

Function = TypeVar("Function", bound=Callable[..., Any])

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType

#: The value of an option that needs none; one is given with an equals sign only (`--json=id,state`).
BARE = "all"
FIRST_PAGE, LARGEST_PAGE = 50, 1000


class Reading(ParamType):
    """A type of value that a function reads; ValueError says what is wrong. `words`: all it is made of, if so few."""

    def __init__(self, name: str, read: Callable[[str], Any], words: tuple[str, ...] = ()) -> None:
        self.name = name
        self.words = words
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text; a default has been read already."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def duration(*, bare_unit: str | None = None) -> Reading:
    """Read a duration in seconds; a bare number only if its unit is given."""
    return Reading("duration", lambda text: quantities.parse_duration(text, bare_unit=bare_unit))


def _time(text: str) -> datetime:
    return quantities.parse_time(text, datetime.now(UTC).astimezone(), datetime.astimezone)


def words(what: str, known: Iterable[str], spellings: Mapping[str, str] | None = None) -> Reading:
    """Read some of the words that are known, with commas between, as they are or as others spell them."""
    by_name = {str(word): word for word in known}

    def read(text: str) -> tuple[str, ...]:
        found = []
        for word in filter(None, text.replace(",", " ").split()):
            name = (spellings or {}).get(word.lower(), word.lower())
            if name not in by_name:
                raise ValueError(f"{word!r} is no {what}{meant(name, by_name)} There are: {', '.join(by_name)}")
            found.append(by_name[name])
        return tuple(found)

    return Reading(f"{what}s", read, tuple(by_name))


def members(kind: type[StrEnum], spellings: Mapping[str, str]) -> Reading:
    """Read states of a kind: its members."""
    return words("state", kind, spellings)


def _signal(text: str) -> int:
    from signal import Signals, valid_signals

    name = text.upper().removeprefix("SIG")
    number = int(name) if name.isdecimal() else next((s.value for s in Signals if s.name == f"SIG{name}"), 0)
    if number not in valid_signals():
        raise ValueError(f"{text!r} is no signal; write a name such as INT, or a number")
    return number


TIME = Reading("time", _time)
SIZE = Reading("size", quantities.parse_size)
SIGNAL = Reading("signal", _signal)
STATES = members(State, STATE_SPELLINGS)


def meant(word: str, known: Iterable[str]) -> str:
    """End a complaint: with the word that was probably meant, if there is one."""
    import difflib

    close = difflib.get_close_matches(word, [str(each) for each in known], 1)
    return f"; did you mean {close[0]!r}?" if close else "."


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
        argument = click.argument("jobs", nargs=-1, metavar=metavar)(_where("filters", multiple=True)(called))
        return cast("Function", argument)

    return decorate


def _where(name: str, *, multiple: bool) -> Callable[[Function], Function]:
    text = "Only jobs that this filter means: 'state=failed duration>1h', @slow (man 7 jobd-filter)."
    default = None if multiple else ""
    return click.option(*("--where", name), multiple=multiple, default=default, metavar="FILTER", help=text)


def job_argument(*, required: bool = True) -> Callable[[Function], Function]:
    """Take one `job`: an id, a name or `last`; None if it may be left out and is."""
    return click.argument("job", required=required, metavar="JOB" if required else "[JOB]")


def json_option(kind: type[msgspec.Struct]) -> Callable[[Function], Function]:
    """Take -j, --json, --json=FIELDS and --json=?; `kind` is what the command prints, or a list of it."""
    fields = tuple(get_type_hints(kind))

    def asked(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        if value == "?":
            _shell(ctx).screen.data("\n".join(fields))
            ctx.exit()
        _shell(ctx).asked.json = True
        if value != BARE:
            _shell(ctx).asked.fields = _checked(lambda: split_names(value), fields)

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
    kind: type[msgspec.Struct], each: str = "job", like: str = "{id} {state} {progress.fraction}"
) -> Callable[[Function], Function]:
    """Take --format with a template, such as `like` for `each` line; `kind` is what is printed, or a list of it."""
    fields = tuple(get_type_hints(kind))

    def asked(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            _checked(lambda: Template(value).names, fields)
            _shell(ctx).asked.template = Template(value)

    text = f"Print a line like this for each {each}: '{like}'."
    return click.option("--format", metavar="TEMPLATE", expose_value=False, callback=asked, help=text)


def _checked(read: Callable[[], Iterable[str]], known: tuple[str, ...]) -> tuple[str, ...]:
    """Read names of fields and complain of unknown ones; what is below a field is seen when it is filled in."""
    try:
        names = tuple(read())
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    for name in names:
        if (top := name.partition(".")[0]) not in known:
            raise click.BadParameter(f"no field {top!r}{meant(top, known)} All fields: --json=?")
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
limit_option = click.option(
    *("--limit",),
    type=click.IntRange(min=0),
    default=FIRST_PAGE,
    show_default=True,
    callback=lambda _, __, value: min(value, LARGEST_PAGE),
    help=f"At most so many, {LARGEST_PAGE} at the most.",
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
name_option = click.option("--name", metavar="NAME", help="Only jobs of this name; * and ? match any.")
group_option = click.option("-g", "--group", metavar="GROUP", help="Only jobs of this group.")
where_option = _where("where", multiple=False)
since_option = click.option(
    *("-S", "--since", "--starttime", "since"),
    type=TIME,
    metavar="TIME",
    help="From this time on: 14:30, yesterday, -2h.",
)
until_option = click.option(
    *("-E", "--until", "--endtime", "until"), type=TIME, metavar="TIME", help="Up to this time."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


def output_options(kind: type[msgspec.Struct], **shown: str) -> Callable[[Function], Function]:
    """Take all options that say how to print: --json, --format (which `shown` is about), --plain, --quiet."""

    def decorate(function: Function) -> Function:
        with_format = format_option(kind, **shown)(plain_option(quiet_option(function)))
        return json_option(kind)(with_format)

    return decorate


def flag(*names: str, act: Callable[[click.Context], object], text: str) -> click.Option:
    """Make a flag that does something instead of the command."""

    def asked(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
        if value:
            act(ctx)
            ctx.exit()

    return click.Option(names, is_flag=True, is_eager=True, expose_value=False, callback=asked, help=text)


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
            help="Do not show long output in a pager.",
        ),
    ]
