"""Options that several commands have, said once: what they are called, how they are read and what they mean.

They become arguments of the command; those that say how to print are in `_asked`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from jobd.core import quantities
from jobd.core.history.searching import LARGEST_PAGE, PAGE
from jobd.core.history.selection import WHERE
from jobd.core.model import STATE_SPELLINGS, State

Function = TypeVar("Function", bound=Callable[..., Any])

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType


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
    callback=lambda _, __, value: value and min(value, LARGEST_PAGE),
    help=f"At most so many, {LARGEST_PAGE} at the most (default: {PAGE} on a terminal, else all there are).",
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
    *("-E", "--until", "--endtime", "until"), type=TIME, metavar="TIME", help="Up to this time."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


def flag(*names: str, act: Callable[[click.Context], object], text: str) -> click.Option:
    """Make a flag that does something instead of the command."""

    def asked(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
        if value:
            act(ctx)
            ctx.exit()

    return click.Option(names, is_flag=True, is_eager=True, expose_value=False, callback=asked, help=text)
