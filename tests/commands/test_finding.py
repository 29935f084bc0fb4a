"""Commands and methods are found by their files, one at a time."""

import subprocess
import sys
from collections import Counter
from typing import Any

import click
import pytest

from jobd import commands
from jobd.core.errors import JobdError
from jobd.wire import Action, Mutation, Read, Request, Stream
from tests.source import PACKAGE, ROOT

FILES = sorted(path.stem for path in (PACKAGE / "commands").glob("[!_]*.py"))


def test_every_file_is_a_command() -> None:
    """Names come from the files, in the order of the alphabet; what begins with an underscore is none."""
    assert [name.replace("-", "_") for name in commands.names()] == FILES
    assert "submit" in FILES


@pytest.mark.parametrize("name", commands.names())
def test_a_command_is_called_like_its_file(name: str) -> None:
    """The shell's word, the file and the first word of each method are the same."""
    command = commands.find_command(name)
    assert isinstance(command, click.Command)
    assert command.name == name
    verbs = {commands.ELSEWHERE.get(kind.method, kind.method.partition(".")[0]) for kind in _kinds(name)}
    assert verbs <= {name}


def test_no_method_is_there_twice() -> None:
    """A method leads to one type."""
    counted = Counter(kind.method for kind in commands.every())
    assert [method for method, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("kind", commands.every(), ids=lambda kind: kind.method)
def test_a_method_is_found_and_documented(kind: type[Request[Any]]) -> None:
    """Each request is one of the four kinds, is found by its method, and says in a sentence what it does."""
    assert commands.find(kind.method) is kind
    assert sum(issubclass(kind, one) for one in (Read, Mutation, Action, Stream)) == 1
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")


@pytest.mark.parametrize("name", ["nope", "", "_shell", "__init__", ".", "submit.nope", "os", "Submit", "../submit"])
def test_what_is_not_there_is_not_found(name: str) -> None:
    """Neither other modules nor anything outside is reached by a name."""
    assert commands.find(name) is None
    assert commands.find_command(name) is None


def test_only_the_file_asked_for_is_loaded() -> None:
    """Looking for one method loads its file, and what that builds upon."""
    code = (
        "import sys; from jobd import commands\n"
        "assert commands.find('cancel').method == 'cancel'\n"
        "print([name for name in commands.names() if f'jobd.commands.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "'cancel'" in done.stdout
    assert "'submit'" not in done.stdout


def _kinds(name: str) -> list[type[Request[Any]]]:
    return commands.requests(commands.load(name))


def test_codes_of_errors_differ() -> None:
    """A client in another language can go by the number."""
    from jobd.core.errors import every

    codes = Counter(error.code for error in every() if error is not JobdError)
    assert [code for code, times in codes.items() if times > 1] == []
