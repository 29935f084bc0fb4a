"""Values of options: how they are read, and what is said of those that cannot be."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jobd.core import quantities
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
    from jobd.config import zones

    return quantities.parse_time(text, datetime.now(UTC).astimezone(), zones.here)


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


def flag(*names: str, act: Callable[[click.Context], object], text: str) -> click.Option:
    """Make a flag that does something instead of the command."""

    def asked(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
        if value:
            act(ctx)
            ctx.exit()

    return click.Option(names, is_flag=True, is_eager=True, expose_value=False, callback=asked, help=text)
