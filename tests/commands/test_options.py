"""Options that several commands have: how their values are read, and what is said when they cannot be."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from jobd.cli import program
from jobd.commands._shell import Shell
from jobd.commands.options import choosing, kept, values
from jobd.core.history.searching import LARGEST_PAGE
from jobd.core.model import State
from jobd.core.views import JobView


def _never(*_: Any) -> None:
    raise AssertionError


def read(decorate: Callable[[Any], Any], *words: str) -> tuple[dict[str, Any], Shell]:
    """Give what a command with that option gets, and its shell."""
    got: dict[str, Any] = {}
    shell = Shell({}, ["/venv/bin/python"], offline=_never, make_server=_never)

    def keep(**arguments: Any) -> None:
        got.update(arguments)

    command = click.command("try")(decorate(keep))
    with command.make_context("try", list(words), obj=shell) as ctx:
        command.invoke(ctx)
    return got, shell


def value(decorate: Callable[[Any], Any], *words: str) -> Any:
    """Give the one value a command gets."""
    (only,) = read(decorate, *words)[0].values()
    return only


@pytest.mark.parametrize(
    ("words", "states"),
    [
        ("", ()),
        ("-s failed", ("failed",)),
        ("--state failed,running", ("failed", "running")),
        ("-s failed -s Running", ("failed", "running")),
        ("-s cancelled", ("canceled",)),
        ("-s done,waiting", ("completed", "pending")),
        ("-s cancelling", ("canceling",)),
    ],
)
def test_states(words: str, states: tuple[str, ...]) -> None:
    """Several by commas or by repeating, in both spellings."""
    assert value(choosing.state_option, *words.split()) == tuple(map(State, states))


@pytest.mark.parametrize(("number", "limit"), [("", None), ("7", 7), ("1001", LARGEST_PAGE)])
def test_limit(number: str, limit: int | None) -> None:
    """A page has a size, and what is too large is the largest; of what comes page by page all is given."""
    words = ["--limit", number] if number else []
    assert value(choosing.page_option, *words) == limit
    assert value(choosing.limit_option, *words) == (int(number) if number else None)


@pytest.mark.parametrize("name", ["-S", "--since", "--starttime"])
def test_times(name: str) -> None:
    """A time is read where one is, and becomes one in UTC."""
    expected = datetime.now(UTC) - timedelta(hours=2)
    found = value(choosing.since_option, name, "-2h")
    assert abs(found - expected) < timedelta(minutes=1)
    assert found.tzinfo is UTC
    assert value(choosing.until_option, "-E", "2026-11-20T10:00:00Z") == datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(("text", "number"), [("INT", 2), ("sigint", 2), ("SIGKILL", 9), ("15", 15)])
def test_signals(text: str, number: int) -> None:
    """By number, or by name with or without SIG."""
    assert values.SIGNAL.convert(text, None, None) == number


REFUSED: list[tuple[values.Reading, str, str]] = [
    (values.SIGNAL, "99", "'99' is no signal"),
    (values.SIGNAL, "SIGFOO", "is no signal"),
    (values.SIGNAL, "0", "is no signal"),
    (values.STATES, "runing", "did you mean 'running'?"),
    (values.STATES, "xyz", "There are: pending, "),
    (values.TIME, "someday", "is no time"),
    (values.SIZE, "4X", "is no size"),
    (values.duration(), "5", "write 90s"),
]


@pytest.mark.parametrize(("kind", "text", "said"), REFUSED, ids=[case[1] for case in REFUSED])
def test_what_cannot_be_read(kind: values.Reading, text: str, said: str) -> None:
    """The sentence says what is expected."""
    with pytest.raises(click.BadParameter, match=said.replace("?", r"\?")):
        kind.convert(text, None, None)


def test_durations() -> None:
    """With units; a bare number where its unit is plain; a default that is a number already."""
    assert values.duration().convert("1m30s", None, None) == 90
    assert values.duration(bare_unit="m").convert("5", None, None) == 300
    assert values.duration().convert(2.5, None, None) == 2.5


def test_jobs() -> None:
    """One, several, or none where none is needed."""
    assert value(choosing.jobs_argument(), "1", "@") == ("1", "@")
    assert value(choosing.jobs_argument(required=False)) == ()
    assert value(choosing.job_argument(required=False)) is None
    with pytest.raises(click.UsageError, match="Missing argument"):
        value(choosing.jobs_argument())


def test_how_to_print_is_kept_by_the_shell() -> None:
    """The command itself gets nothing of it."""
    got, shell = read(kept.output_options(JobView), "--json=id,progress.fraction", "-q", "--plain")
    assert got == {}
    assert (shell.asked.json, shell.asked.quiet, shell.asked.plain) == (True, True, True)
    assert shell.asked.fields == ("id", "progress.fraction")
    shell = read(kept.output_options(JobView), "--format", "{id}")[1]
    assert shell.asked.template is not None
    assert (shell.asked.json, shell.asked.fields) == (False, ())


def test_what_all_commands_take() -> None:
    """Where a flag stands does not matter; what is not said stays as it is."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__click_params__ = kept.everywhere()  # type: ignore[attr-defined]
        return function

    def plain(**_: object) -> None:
        return

    shell = Shell({}, ["/venv/bin/python"], offline=_never, make_server=_never)
    command = click.command("try")(decorate(plain))
    command.make_context("try", ["--no-start", "--ascii", "--color", "never", "--no-pager"], obj=shell)
    asked = shell.asked
    assert (asked.start, asked.ascii, asked.color, asked.pager) == (False, True, "never", False)
    shell.asked.start = True
    command.make_context("try", [], obj=shell)
    assert (asked.start, asked.color) == (True, "never")


@pytest.mark.parametrize(("word", "said"), [("statu", "; did you mean 'status'?"), ("zzz", "."), ("", ".")])
def test_what_was_meant(word: str, said: str) -> None:
    """A close word is offered, a far one is not."""
    assert values.meant(word, ["status", "list"]) == said


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            yield from _commands(command.get_command(ctx, name) or command)


SHOWN = [
    (command.name, option, example)
    for command in _commands(program())
    for option in command.params
    if isinstance(option, click.Option)
    for example in re.findall(r"\(=(\S+)\), with =\?|like this for each \w+: '(.*)'", option.help or "")
]


@pytest.mark.parametrize(
    ("option", "example"), [row[1:] for row in SHOWN], ids=[f"{row[0]}-{row[1].name}" for row in SHOWN]
)
def test_fields_that_the_help_shows(option: click.Option, example: tuple[str, str]) -> None:
    """Every command takes what its own help gives as an example of --json and --format."""
    shell = Shell({}, ["/venv/bin/python"], offline=_never, make_server=_never)
    with click.Context(click.Command("try"), obj=shell) as ctx:
        option.process_value(ctx, "".join(example))
    assert shell.asked.fields or shell.asked.template


def test_lists_that_are_not_of_jobs() -> None:
    """Each says what its lines are for."""
    shown = {name: example for name, option, (_, example) in SHOWN if option.name == "format"}
    assert shown["items"] == "{key} {state} {attempt}"
    assert shown["list"] == "{id} {state} {progress.fraction}"
    assert len(SHOWN) > len(shown) > 10
